/* SPDX-License-Identifier: GPL-2.0-only */
/* grow.h - a tree that is being grown, and how its tasks are told what to do. */
#ifndef BPF_CKPT_TREE_GROW_H
#define BPF_CKPT_TREE_GROW_H

#include "../unit/sim.h"
#include "board.h"

#define PATIENCE_MS 20000

struct grow {
	struct sim sim;
	struct board *board;
	char dir[128], board_path[160], image[160], log[160];
	const char *tool;
	int code[SIM_TASKS]; /* exit status of the dead */
	bool stopped[SIM_TASKS];
	bool threaded[SIM_TASKS]; /* has more than one thread */
	pid_t root;
	char problem[256];
};

/* Notes the first thing that went wrong; false. */
bool grow_problem(struct grow *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One operation of a task: its result, or -ETIMEDOUT when it does not answer. */
int grow_tell_all(struct grow *g, int task, int op, const int arg[4]);
int grow_tell(struct grow *g, int task, int op, int a, int b);

/* The number of a chain as a task sees it, 0 when it cannot. */
int grow_number(const struct grow *g, int task, int pid);

/* Learn the real numbers of a new task from /proc, which shows the whole chain. */
bool grow_learn(struct grow *g, int task, pid_t here);

/* The letter of /proc/PID/stat, 0 when there is none. */
char grow_state(pid_t here);

/* Something random, by a task and by the simulation; false when they do not agree. */
bool grow_step(struct grow *g);

/* A dead task is waited for by its parent. */
bool grow_reap(struct grow *g, int child);

#endif
