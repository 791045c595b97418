/* SPDX-License-Identifier: GPL-2.0-only */
/* unix_sweep.h - directories of ours in which sockets are bound, before they take their places. */
#ifndef BPF_CKPT_UNIX_SWEEP_H
#define BPF_CKPT_UNIX_SWEEP_H

#define UNIX_TEMPORARY ".bpf-ckpt." /* what their names begin with; locked (flock(2)) by who uses one */
#define UNIX_NODE "s"               /* the socket in it */

/* Remove those in dir that nobody uses any more: their makers were killed. */
void unix_sweep(int dir);

#endif
