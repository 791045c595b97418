// SPDX-License-Identifier: GPL-2.0-only
/*
 * plan_share.c - processes that share memory, descriptors, directories or signal actions.
 *
 * Sharing is inherited: whoever lies between two sharers on the way that tasks make each other has to
 * share too while the tree is made. A table of descriptors and directories can be left again with
 * unshare(2); memory and signal actions cannot, unless the task ends before the tree is complete.
 */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>

#include "planner.h"

struct sharing {
	__u64 flag;
	const char *what;
	__u64 (*id)(const struct rec_task *t);
};

static __u64 mm_of(const struct rec_task *t)
{
	return t->mm;
}

static __u64 files_of(const struct rec_task *t)
{
	return t->files;
}

static __u64 fs_of(const struct rec_task *t)
{
	return t->fs;
}

static __u64 sighand_of(const struct rec_task *t)
{
	return t->sighand;
}

static const struct sharing kinds[] = {
	{ CLONE_VM, "memory (CLONE_VM)", mm_of },
	{ CLONE_FILES, "descriptor table (CLONE_FILES)", files_of },
	{ CLONE_FS, "working directory (CLONE_FS)", fs_of },
	{ CLONE_SIGHAND, "signal actions (CLONE_SIGHAND)", sighand_of },
};

struct user {
	__u64 id;
	unsigned int task;
};

/* One kind's work: users sorted by object, and for each task how many of the set it leads to. */
struct sharer {
	struct planner *pl;
	const struct sharing *kind;
	struct user *v;
	unsigned int *below;
	unsigned int *set; /* which set passes here, 0: none */
};

static int by_id(const void *a, const void *b)
{
	const struct user *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->task < y->task ? -1 : x->task > y->task;
}

static __u64 id_of(const struct sharer *s, const struct proc *p)
{
	const struct rec_task *body = proc_body(p);

	return s->kind->id(body ? body : p->leader);
}

static bool is_member(const struct sharer *s, unsigned int task, __u64 id)
{
	const struct proc *p = s->pl->plan->task[task].proc;

	return p && id_of(s, p) == id;
}

/* A set passes through task: nobody else's may, and who does not belong must be able to leave. */
static void pass(struct sharer *s, unsigned int task, __u64 id, unsigned int set)
{
	struct plan_task *t = &s->pl->plan->task[task];

	if (s->set[task] && s->set[task] != set)
		REFUSE(s->pl, t->proc, "stands between two sets of processes that share their %s",
		       s->kind->what);
	s->set[task] = set;
	if (is_member(s, task, id) || t->kind != PLAN_LIVE)
		return;
	if (s->kind->flag & (CLONE_FILES | CLONE_FS))
		t->unshare |= s->kind->flag;
	else
		REFUSE(s->pl, t->proc, "stands between processes that share their %s, and does not share "
		       "it itself", s->kind->what);
}

/* The children of `by` that lead to the set could all be made by somebody else in its place. */
static bool are_movable(const struct sharer *s, unsigned int by)
{
	const struct plan_task *first = NULL;

	for (unsigned int i = 1; i < s->pl->plan->nr; i++) {
		const struct plan_task *t = &s->pl->plan->task[i];

		if (t->creator != by || !s->below[i])
			continue;
		first = first ? first : t;
		if (t->method != PLAN_FORK || t->parent != by || t->enter || t->put_in ||
		    t->before_setsid != first->before_setsid || t->exit_signal != first->exit_signal)
			return false;
	}
	return first;
}

/*
 * Those that share are siblings whose parent never shared with them: orphans of somebody who did.
 * Made by a helper in that place they do not get in the way of what the parent shares with others.
 */
static bool add_helper(struct sharer *s, unsigned int by, unsigned int nr)
{
	struct plan *plan = s->pl->plan;
	unsigned int old = plan->nr;
	struct plan_task *h;

	if (!planner_can_adopt(plan->task[by].proc))
		return false;
	h = planner_add(s->pl, PLAN_HELPER, by);
	for (unsigned int i = 1; h && i < old; i++) {
		struct plan_task *t = &plan->task[i];

		if (t->creator != by || !s->below[i])
			continue;
		if (t->exit_signal != SIGCHLD) /* an orphan's */
			REFUSE(s->pl, t->proc, "shares its %s and has exit signal %d", s->kind->what,
			       t->exit_signal);
		h->before_setsid = t->before_setsid;
		h->share |= t->share; /* other kinds, that it has to hand on now */
		t->creator = h - plan->task;
		t->before_setsid = false;
	}
	if (h)
		s->below[h - plan->task] = nr;
	return h;
}

/* Or one of them made the others with CLONE_PARENT, before it did anything else. */
static void make_siblings(struct sharer *s, unsigned int by, unsigned int nr)
{
	struct plan_task *task = s->pl->plan->task, *first = NULL;

	for (unsigned int i = 1; i < s->pl->plan->nr && !first; i++)
		if (task[i].creator == by && s->below[i] && !task[i].new_pidns && !task[i].share)
			first = &task[i];
	for (unsigned int i = 1; i < s->pl->plan->nr && first; i++) {
		if (task[i].creator != by || !s->below[i] || &task[i] == first)
			continue;
		if (task[i].share) /* with who has been its maker so far */
			return;
		task[i].method = PLAN_SIBLING;
		task[i].creator = first - task;
		task[i].before_setsid = true;
	}
	if (first)
		s->below[first - task] = nr;
}

/* The users v[0..nr) have one object: the smallest part of the plan that connects them shares. */
static void share(struct sharer *s, const struct user *v, unsigned int nr)
{
	struct plan_task *task = s->pl->plan->task;
	unsigned int set = v[0].task + 1, top = v[0].task;

	for (unsigned int i = 0; i < nr; i++)
		for (unsigned int t = v[i].task;; t = task[t].creator) {
			s->below[t]++;
			if (!t)
				break;
		}
	while (s->below[top] < nr)
		top = task[top].creator;
	if (!is_member(s, top, v[0].id) && task[top].kind == PLAN_LIVE && are_movable(s, top) &&
	    !add_helper(s, top, nr))
		make_siblings(s, top, nr);
	task = s->pl->plan->task;
	for (unsigned int i = 0; i < nr; i++) {
		unsigned int t = v[i].task;

		for (; s->below[t] && s->below[t] < nr; t = task[t].creator) {
			task[t].share |= s->kind->flag;
			if (task[t].method == PLAN_FOREIGN)
				REFUSE(s->pl, task[t].proc, "shares its %s, and its parent is outside of the "
				       "tree", s->kind->what);
			pass(s, t, v[0].id, set);
		}
		if (s->below[t] == nr)
			pass(s, t, v[0].id, set);
	}
	for (unsigned int i = 0; i < nr; i++)
		for (unsigned int t = v[i].task; s->below[t]; t = task[t].creator)
			s->below[t] = 0;
}

static unsigned int list_users(struct sharer *s)
{
	unsigned int nr = 0;

	for (size_t i = 0; i < s->pl->tree->nr; i++) {
		__u64 id = id_of(s, &s->pl->tree->procs[i]);

		if (id)
			s->v[nr++] = (struct user){ id, i };
	}
	qsort(s->v, nr, sizeof(*s->v), by_id);
	return nr;
}

static void plan_kind(struct sharer *s)
{
	unsigned int nr = list_users(s), j;

	for (unsigned int i = 0; i < nr; i = j) {
		bool dead = false;

		for (j = i; j < nr && s->v[j].id == s->v[i].id; j++)
			dead |= s->pl->tree->procs[s->v[j].task].zombie;
		if (j == i + 1)
			continue;
		if (dead)
			REFUSE(s->pl, &s->pl->tree->procs[s->v[i].task],
			       "shares its %s with a zombie, which is not supported", s->kind->what);
		else
			share(s, s->v + i, j - i);
	}
}

int planner_sharing(struct planner *pl)
{
	int err = 0;

	for (unsigned int k = 0; k < sizeof(kinds) / sizeof(kinds[0]) && !err; k++) {
		struct sharer s = { .pl = pl, .kind = &kinds[k] };

		s.v = calloc(pl->tree->nr + 1, sizeof(*s.v));
		/* a helper a set at most */
		s.below = calloc(pl->plan->nr + pl->tree->nr + 1, sizeof(*s.below));
		s.set = calloc(pl->plan->nr + pl->tree->nr + 1, sizeof(*s.set));
		if (s.v && s.below && s.set)
			plan_kind(&s);
		else
			err = -ENOMEM;
		free(s.v);
		free(s.below);
		free(s.set);
	}
	return err;
}
