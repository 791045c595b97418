/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plan.h - how to make every process of a tree so that parent, session, group, namespace and numbers
 * come out exactly; or, by name, why that cannot be.
 *
 * Pure: it looks at records and makes no system call. The dump runs it to refuse in time, the
 * restore to act.
 */
#ifndef BPF_CKPT_PLAN_H
#define BPF_CKPT_PLAN_H

#include <stdio.h>

#include "tree.h"

enum plan_kind {
	PLAN_LIVE,
	PLAN_ZOMBIE, /* made alive; exits when nobody needs it any more */
	PLAN_GHOST,  /* a dead leader: its number is still a session or group; exits, is reaped */
	PLAN_HELPER, /* lends its session to an orphan; exits, is reaped */
};

enum plan_method {
	PLAN_ROOT,    /* by the coordinator */
	PLAN_FORK,    /* child of its creator */
	PLAN_FOREIGN, /* by the coordinator, which enters its pid namespace for that */
	PLAN_SIBLING, /* CLONE_PARENT: child of its creator's parent, in its creator's session */
};

enum plan_group {
	GROUP_INHERIT,  /* its creator's, as it is at that moment */
	GROUP_LEAD,     /* setpgid(0, 0) before it makes children; also what setsid() does */
	GROUP_JOIN,     /* setpgid(0, number) once all exist */
	GROUP_BY_PARENT, /* the leader is in an outer namespace: only the parent can name both */
};

struct plan_task {
	const struct proc *proc;     /* NULL for ghosts and helpers */
	const struct rec_pid *pid;   /* whose numbers it gets; a helper's are chosen to be nobody's */
	enum plan_kind kind;
	enum plan_method method;
	unsigned int creator;        /* index; unused for the root */
	unsigned int parent;         /* index of the parent it ends up with */
	bool new_pidns;              /* init of its namespace */
	__u64 ns;                    /* active pid namespace */
	const struct proc *enter;    /* its creator is not in its pid namespace: enters that of this init */
	unsigned int round;          /* tasks are made in rounds: who is entered must be there before */
	unsigned int settle_round;   /* its setsid() and late children wait for that one's entrants; or 0 */
	bool setsid;
	bool before_setsid;          /* its creator makes it before its own setsid() or setpgid() */
	enum plan_group group;
	const struct rec_pid *pgid;  /* for GROUP_JOIN and GROUP_BY_PARENT */
	const struct rec_pid *put_in; /* the group that its parent puts it in before it does anything; or NULL */
	bool lead_first;             /* others are in a group of its, which it left: leads it before it joins */
	unsigned int turn;           /* joining is done in turns: who led first leaves when its group has members */
	int exit_signal;
	__u64 share;                 /* CLONE_VM, CLONE_FILES, CLONE_FS, CLONE_SIGHAND with its creator */
	__u64 unshare;               /* CLONE_FILES, CLONE_FS: to leave, once it has made all its children */
	bool subreaper;              /* from the start: orphans of helpers go to it */
	__u64 userns;                /* it is made in that user namespace; 0: with the restorer's rights */
	const struct rec_task *like; /* whose ids it is born with there; NULL: the restorer's */
	bool early;                  /* it enters its own before it makes children, as some share its directories */
	bool enters_late;            /* early, but behind its setsid(): children come before the one, and after the other */
	bool before_userns;          /* its early creator makes it before it enters */
	__u64 stands;                /* the one that it makes children in, */
	const struct rec_task *stands_like; /* and whose ids these are born with */
	unsigned int blind;          /* so many outer numbers its maker cannot choose: by ns_last_pid */
	unsigned int blind_threads;  /* the same for its threads, which are made from its own user namespace */
	bool ushered;                /* its maker is not in that user namespace: it sends somebody there */
	unsigned int blind_usher;    /* the same for that one, */
	const struct rec_pid *usher; /* and the numbers it has meanwhile */
};

/* Does nothing before its maker has seen to it. */
static inline bool plan_waits(const struct plan_task *t)
{
	return t->blind || t->put_in;
}

/* Made one by one between the rounds, and not by its creator's own program. */
static inline bool plan_is_slow(const struct plan_task *t)
{
	return t->enter || t->ushered || t->blind || t->put_in;
}

struct plan {
	struct plan_task *task; /* [i] is tree->procs[i] for i < tree->nr, then ghosts and helpers */
	unsigned int nr, cap;
	unsigned int turns, rounds;
	struct rec_pid **chosen; /* numbers of helpers */
	unsigned int nr_chosen;
	const struct tree *tree;
};

struct plan_opts {
	bool shell_job; /* sessions and groups led from outside become the restorer's */
	bool entrants;  /* tasks of its namespaces whose parent is outside become the restorer's children */
	bool host_pids; /* the numbers at the level above its own are wanted, too */
};

typedef void (*plan_refuse_fn)(void *arg, const struct proc *p, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Plan the whole tree; every process that cannot be made is reported through refuse(). 0,
 * -ERR_BLOCKED when something was refused, -ENOMEM. plan_free() in any case.
 */
int plan_build(struct plan *p, const struct tree *t, const struct plan_opts *opts,
	       plan_refuse_fn refuse, void *arg);
void plan_free(struct plan *p);

/* A line a task, for restore -v. */
void plan_describe(const struct plan *p, FILE *out);

#endif
