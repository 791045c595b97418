/* SPDX-License-Identifier: GPL-2.0-only */
/* planner.h - what the parts of the planner share while they work. */
#ifndef BPF_CKPT_PLANNER_H
#define BPF_CKPT_PLANNER_H

#include "plan.h"

struct planner {
	struct plan *plan;
	const struct tree *tree;
	const struct plan_opts *opts;
	plan_refuse_fn refuse;
	void *arg;
	/* by process index */
	const struct rec_pid **born;  /* session at birth */
	const struct rec_pid **birth; /* group at birth */
	const struct rec_pid **wish;  /* the group it should be born in, for its own sake or its children's */
	bool *placed;   /* in its group */
	bool *followed; /* others are in the group that bears its number */
	/* by task index */
	const struct rec_pid **group; /* group while it makes its late children */
	bool refused;
};

#define REFUSE(pl, proc, ...)                                                                     \
	do {                                                                                      \
		(pl)->refused = true;                                                             \
		(pl)->refuse((pl)->arg, (proc), __VA_ARGS__);                                     \
	} while (0)

static inline unsigned int index_of(const struct planner *pl, const struct proc *p)
{
	return p - pl->tree->procs;
}

static inline struct plan_task *task_of(const struct planner *pl, const struct proc *p)
{
	return &pl->plan->task[index_of(pl, p)];
}

static inline bool leads(const struct proc *p)
{
	return p->sid == p->pid;
}

static inline bool same_ns(const struct rec_pid *a, const struct rec_pid *b)
{
	return a->ns == b->ns;
}

/* Led by a living task that is not of the tree. */
bool planner_is_outside(const struct planner *pl, const struct rec_pid *leader);

/* A ghost or helper that `creator` makes; NULL when there is no memory. Moves plan->task. */
struct plan_task *planner_add(struct planner *pl, enum plan_kind kind, unsigned int creator);

/* The ghost that leads session or group s, or -1: it is made once. */
int planner_find_ghost(const struct planner *pl, const struct rec_pid *s);

/* An init or a subreaper. */
bool planner_can_adopt(const struct proc *reaper);

/* Who makes each process, so that it is born in its session; plan_session.c. */
void planner_sessions(struct planner *pl);

/* How each gets into its process group, after the sessions; plan_group.c. 0 or -ENOMEM. */
int planner_groups(struct planner *pl);

/* What processes share, once all creators are known; plan_share.c. 0 or -ENOMEM. */
int planner_sharing(struct planner *pl);

/* In which user namespace each is made, and whether that can be; plan_userns.c. 0 or -ENOMEM. */
int planner_userns(struct planner *pl);

#endif
