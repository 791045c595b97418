/* SPDX-License-Identifier: GPL-2.0-only */
/* restore_stop.h - tasks that were stopped by a signal are stopped again, and nobody hears of it. */
#ifndef BPF_CKPT_RESTORE_STOP_H
#define BPF_CKPT_RESTORE_STOP_H

struct restore;

/*
 * Complete the processes that are stopped jobs, children before their parents, and stop them; their
 * parents, still with SA_NOCLDSTOP, get no SIGCHLD, and collect the notice when they had done so.
 */
int restore_stop_jobs(struct restore *r);

#endif
