/* SPDX-License-Identifier: GPL-2.0-only */
/* run.h - a command in nested new pid namespaces, with chosen numbers. */
#ifndef BPF_CKPT_RUN_H
#define BPF_CKPT_RUN_H

#include <stdbool.h>

#include "rec_task.h"

struct run_opts {
	unsigned int levels;         /* new namespaces, one in the other; 1..32 */
	int pid[PIDNS_LEVEL_MAX + 1]; /* numbers of the command, outermost first; the last is its own */
	unsigned int nr_pids;        /* of the innermost namespaces; 0: any numbers */
	bool setsid;                 /* the outermost init leads a new session */
	bool no_proc;                /* leave /proc as it is */
	char **argv;                 /* the command, NULL-terminated */
};

/*
 * Runs it and waits. Every namespace has an init that reaps, unless the command is its pid 1. Returns
 * the command's wait status in *status; 0 or a reported error.
 */
int run_command(const struct run_opts *opts, int *status);

#endif
