/* SPDX-License-Identifier: GPL-2.0-only */
/* thread_maker.h - which thread of a process makes another one that has tables of its own. */
#ifndef BPF_CKPT_THREAD_MAKER_H
#define BPF_CKPT_THREAD_MAKER_H

#include "tree.h"

/*
 * Who makes t, a living thread that is not the first: that thread's table of descriptors and directory
 * are handed on or copied, so that they come out as they were. NULL: nobody can.
 */
const struct rec_task *thread_maker(const struct proc *p, const struct rec_task *t);

#endif
