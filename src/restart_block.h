/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * restart_block.h - system calls with a relative timeout that were stopped half-way: how long they
 * have still to go, and how to make a task that waits for just that long.
 */
#ifndef BPF_CKPT_RESTART_BLOCK_H
#define BPF_CKPT_RESTART_BLOCK_H

#include <stdbool.h>

#include "machine.h"
#include "rec_state.h"
#include "rec_task.h"

/* The kernel's functions that restart such a call, by their addresses. Zeroed: nothing is known yet. */
struct restart_names {
	bool learnt;
	unsigned int nr;
	struct restart_name { __u64 fn; unsigned int variant; } v[16]; /* RESTART_* */
};

/* Read /proc/kallsyms, which takes 50 ms, unless that was done; so not while anybody is stopped. */
void restart_names_learn(struct restart_names *n);

/*
 * Fill regs->restart and regs->remaining from the kernel's restart_block; call only when the system
 * call returns ERESTART_RESTARTBLOCK. An unknown one is left RESTART_NONE: it will end with EINTR.
 */
void restart_block_read(struct restart_names *n, const struct rec_restart *block, struct rec_regs *regs);

/*
 * Append the original system call with the remaining time: a stub that is stopped in it has the
 * restart_block that the kernel then continues. kernel/time/hrtimer.c, fs/select.c, kernel/futex.
 */
int restart_block_join(struct machine *m, struct batch *b, const struct rec_regs *regs);

#endif
