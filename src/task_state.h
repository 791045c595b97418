/* SPDX-License-Identifier: GPL-2.0-only */
/* task_state.h - a task's state as the letter that ps(1) shows. */
#ifndef BPF_CKPT_TASK_STATE_H
#define BPF_CKPT_TASK_STATE_H

#include "rec_task.h"

/* R S D T t X Z P I, as fs/proc/array.c has them. */
static inline char task_state_letter(const struct rec_task *t)
{
	__u32 s = (t->state | t->exit_state) & 0x7f;

	if ((t->state & 0x402) == 0x402) /* TASK_IDLE */
		return 'I';
	return !s ? 'R' : "SDTtXZP"[__builtin_ctz(s)];
}

#endif
