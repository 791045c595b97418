/* SPDX-License-Identifier: GPL-2.0-only */
/* restore_job.h - a restored tree as a job of the shell that restore is run from. */
#ifndef BPF_CKPT_RESTORE_JOB_H
#define BPF_CKPT_RESTORE_JOB_H

#include <stdbool.h>
#include <sys/types.h>

#include "rec_tty.h"

struct restore;

/* What waiting for a tree on the user's terminal needs to know. */
struct job {
	int tty;      /* that terminal; -1: the tree has no part of it */
	pid_t group;  /* that is to be in the foreground; 0: ours, which it is in */
	bool resized; /* it is another size than the tree knows */
	struct rec_termios modes, shell; /* the tree's; the shell's, which get it back */
};

/* The tree is complete and stands still: it gets the terminal, if that is ours to give. */
void job_prepare(struct job *j, struct restore *r);

/*
 * Let it have the terminal, stop when it stops, and end as its root task ends: the same status, or the
 * same signal. Returns the exit status.
 */
int job_wait(struct job *j, const struct restore *r);

#endif
