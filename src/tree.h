/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tree.h - processes, parents and namespaces as a tree, seen through the records of one snap.
 *
 * The same code reads a live walk (keys are kernel addresses) and an image (keys are ids).
 */
#ifndef BPF_CKPT_TREE_H
#define BPF_CKPT_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "rec_task.h"
#include "snap.h"

struct proc {
	const struct rec_pid *pid;      /* of the thread group leader */
	const struct rec_pidns *ns;     /* active namespace */
	const struct rec_task *leader;
	const struct rec_proc *sig;
	const struct rec_task **threads; /* leader first */
	unsigned int nr_threads;
	const struct rec_pid *pgid, *sid;
	struct proc *parent;            /* NULL when it is not in the tree */
	struct proc *child, *sibling;   /* first child, next child of the same parent */
	unsigned int depth;             /* levels below the root namespace */
	bool zombie;                    /* the whole process is dead */
};

struct tree {
	const struct snap *snap;
	struct proc *procs;             /* parents before children: depth first from the root */
	size_t nr;
	struct proc *root;              /* procs[0]; NULL for a forest */
	const struct rec_pidns *root_ns;
	unsigned int root_level;
	bool container;                 /* the root is pid 1 of its namespace */
	const struct rec_task **thread_memory;
	struct proc **by_pid;           /* sorted by pid->addr */
	__u64 *own_ns;                  /* namespaces whose init is in the tree, sorted */
	size_t nr_own_ns;
};

/*
 * The tree of a process, named by the key of its rec_pid: its descendants, and every member of the
 * namespaces whose init is among these. Points into the snap, which must live
 * longer. 0; -ENOMEM; -ESTALE when records do not fit together (a live walk raced, or an image is
 * nonsense): nothing is reported.
 */
int tree_build(struct tree *t, const struct snap *s, __u64 root_pid);

/* The same without those that came into its namespaces from outside (setns) and their descendants. */
int tree_build_own(struct tree *t, const struct snap *s, __u64 root_pid);

/* All processes of the snap as a forest; those without a visible parent are roots. */
int tree_build_all(struct tree *t, const struct snap *s);

void tree_free(struct tree *t);

/* The process of a tgid's rec_pid key, or NULL. */
struct proc *tree_find(const struct tree *t, __u64 pid);

/* The init of that namespace, or of one above it, is in the tree: all of it belongs to the tree. */
bool tree_has_pidns(const struct tree *t, __u64 ns);

/* Where in own_ns that namespace is; nr_own_ns when its init is not in the tree. */
size_t tree_own_pidns(const struct tree *t, __u64 ns);

/* The living init of a namespace, or NULL when the tree has none. */
struct proc *tree_ns_init(const struct tree *t, __u64 ns);

/* Is ns equal to top or below it? Bounded: a loop of parents in an image ends. */
bool pidns_within(const struct snap *s, __u64 ns, __u64 top);

/* A living task whose own namespace that is, or NULL. */
const struct rec_task *pidns_member(const struct snap *s, __u64 ns);

/* Distinct struct pid that have a number in ns: what pid_namespace.pid_allocated counts. */
size_t tree_count_pids(const struct snap *s, __u64 ns);

/* The number at a level, 0 when the chain does not reach it. */
static inline int pid_nr(const struct rec_pid *pid, unsigned int level)
{
	return pid && level <= pid->level ? pid->numbers[level] : 0;
}

/*
 * The thread that still has what a process's threads share: its leader, or when that has exited
 * before them, the next one. NULL for a zombie.
 */
static inline const struct rec_task *proc_body(const struct proc *p)
{
	for (unsigned int i = 0; i < p->nr_threads; i++)
		if (!p->threads[i]->exit_state)
			return p->threads[i];
	return NULL;
}

/* The innermost number: what the task calls itself. */
static inline int pid_own_nr(const struct rec_pid *pid)
{
	return pid->numbers[pid->level];
}

/* "1042.7.1": numbers from a level inwards, outermost first. Returns buf. */
char *pid_chain(const struct rec_pid *pid, unsigned int from, char *buf, size_t len);

#endif
