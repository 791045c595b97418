/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * board.h - how grow.c and the tasks of its trees talk: a file that all have mapped, a slot each. A
 * task sleeps and looks, so that it holds nothing but what it was told to have.
 */
#ifndef BPF_CKPT_TREE_BOARD_H
#define BPF_CKPT_TREE_BOARD_H

#include <sys/types.h>

#define BOARD_SLOTS 256

enum board_op {
	OP_NONE,
	OP_CLONE,     /* arg: slot of the child, flags of clone3(), exit signal, whose pid namespace or 0 */
	OP_SETSID,
	OP_SETPGID,   /* arg: pid, pgid, as the task numbers them */
	OP_SUBREAPER,
	OP_EXIT,      /* arg: status */
	OP_REAP,      /* arg: pid; result: status as wait() gives it */
	OP_REPORT,    /* fills ids */
	OP_THREAD,    /* makes a thread that sleeps; arg: CLONE_FILES, CLONE_FS that it shares */
	OP_USERS,     /* enters a new user namespace as its user 0; arg: who makes it, as the old one says */
	OP_SIGNAL,    /* arg: pid, signal */
	OP_MEMORY,    /* arg: seed; makes memory that OP_REPORT checks */
};

struct board_slot {
	int op; /* set last by grow, cleared last by the task */
	int arg[4];
	int result; /* or -errno */
	struct {
		pid_t pid, ppid, sid, pgid;
		int damaged;
	} ids;
};

struct board {
	unsigned int beat; /* counts up while grow lives */
	struct board_slot slot[BOARD_SLOTS];
};

/* What a task does for its life. */
void member_serve(struct board *b, int slot) __attribute__((noreturn));

#endif
