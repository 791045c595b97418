/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sim.h - what the kernel does with processes, sessions, groups, pid and user namespaces, as far as a
 * plan needs it: written from setsid(2), setpgid(2), clone(2), user_namespaces(7) and kernel/exit.c, not
 * from src/plan.c.
 */
#ifndef BPF_CKPT_SIM_H
#define BPF_CKPT_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "snap.h"

#define SIM_TASKS 256
#define SIM_NS	  16
#define SIM_LEVELS 6
#define SIM_USERS  16

enum sim_state { SIM_FREE, SIM_LIVE, SIM_ZOMBIE, SIM_REAPED };

/* A number chain; index 0 of sim.pid stands for all that is outside. */
struct sim_pid {
	int ns, nr[SIM_LEVELS];
};

struct sim_task {
	enum sim_state state;
	int pid, sid, pgid; /* indexes of sim.pid */
	int parent;	    /* of sim.task; -1: outside */
	int exit_signal, born;
	bool subreaper;
	int user; /* namespace; in it, and below, the task has all rights */
};

struct sim_ns {
	int parent, level, init; /* init: task */
	int last;		 /* number */
	int owner;		 /* user namespace */
};

struct sim {
	struct sim_task task[SIM_TASKS];
	struct sim_pid pid[SIM_TASKS + 1];
	struct sim_ns ns[SIM_NS];
	int user_above[SIM_USERS]; /* [0] is the initial one */
	int nr_tasks, nr_pids, nr_ns, nr_users;
	bool users; /* random steps make some */
	uint64_t seed;
};

enum { SIM_NEWPID = 1, SIM_PARENT = 2 };

/* A root task: pid 1 of a namespace of its own, or a subreaper outside of any. */
void sim_start(struct sim *s, bool container);

/* The calls. Those of tasks that the kernel refuses return false or -1 and change nothing. */
int sim_clone(struct sim *s, int task, int flags, int exit_signal, int pid);
/* The same after setns() to namespace ns, at or below the task's own, which has an init. */
int sim_clone_in(struct sim *s, int task, int ns, int flags, int exit_signal, int pid);
/* A namespace that the task can enter, or -1. */
int sim_enterable(struct sim *s, int task, int other);
bool sim_setsid(struct sim *s, int task);
bool sim_setpgid(struct sim *s, int task, int target, int group);
/* A new user namespace, which the task is in; one that exists, below its own. */
bool sim_unshare_user(struct sim *s, int task);
bool sim_enter_user(struct sim *s, int task, int user);
/* Has a task in that user namespace rights over what the other one owns? */
bool sim_has_rights(const struct sim *s, int user, int over);
void sim_exit(struct sim *s, int task);
bool sim_reap(struct sim *s, int task, int child);

/* A new chain of numbers in a namespace: as a fork gets it. */
int sim_new_pid(struct sim *s, int ns);

/* Something random, legal or not; the root and the inits of namespaces live on. */
void sim_step(struct sim *s);
unsigned int sim_random(struct sim *s, unsigned int below);

/* All tasks as a walk would tell them. Keys: index + 1 with the kind in the upper bits. */
void sim_records(const struct sim *s, struct snap *snap);
uint64_t sim_pid_key(int pid);

#endif
