// SPDX-License-Identifier: GPL-2.0-only
/* tree.c - processes, parents and namespaces as a tree, seen through the records of one snap. */
#include "tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *pid_chain(const struct rec_pid *pid, unsigned int from, char *buf, size_t len)
{
	size_t used = 0;

	buf[0] = 0;
	for (unsigned int l = from; l <= pid->level && used < len; l++)
		used += snprintf(buf + used, len - used, "%s%d", l > from ? "." : "", pid->numbers[l]);
	return buf;
}

bool pidns_within(const struct snap *s, __u64 ns, __u64 top)
{
	for (int i = 0; ns && i <= PIDNS_LEVEL_MAX; i++) {
		const struct rec_pidns *r;

		if (ns == top)
			return true;
		r = snap_find(s, REC_PIDNS, ns);
		ns = r ? r->parent : 0;
	}
	return false;
}

static int by_u64(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

size_t tree_own_pidns(const struct tree *t, __u64 ns)
{
	const __u64 *at = t->nr_own_ns ? bsearch(&ns, t->own_ns, t->nr_own_ns, sizeof(ns), by_u64) : NULL;

	return at ? (size_t)(at - t->own_ns) : t->nr_own_ns;
}

bool tree_has_pidns(const struct tree *t, __u64 ns)
{
	for (int i = 0; ns && t->nr_own_ns && i <= PIDNS_LEVEL_MAX; i++) {
		const struct rec_pidns *r = snap_find(t->snap, REC_PIDNS, ns);

		if (tree_own_pidns(t, ns) < t->nr_own_ns)
			return true;
		ns = r ? r->parent : 0;
	}
	return false;
}

struct proc *tree_ns_init(const struct tree *t, __u64 ns)
{
	for (size_t i = 0; i < t->nr; i++)
		if (t->procs[i].pid->ns == ns && pid_own_nr(t->procs[i].pid) == 1 &&
		    !t->procs[i].zombie)
			return &t->procs[i];
	return NULL;
}

const struct rec_task *pidns_member(const struct snap *s, __u64 ns)
{
	snap_for_each(s, REC_TASK, const struct rec_task, t) {
		const struct rec_pid *pid = snap_find(s, REC_PID, t->pid);

		if (pid && pid->ns == ns && !t->exit_state)
			return t;
	}
	return NULL;
}

size_t tree_count_pids(const struct snap *s, __u64 ns)
{
	size_t nr = 0;

	snap_for_each(s, REC_PID, const struct rec_pid, pid)
		nr += pidns_within(s, pid->ns, ns);
	return nr;
}

struct proc *tree_find(const struct tree *t, __u64 pid)
{
	size_t lo = 0, hi = t->by_pid ? t->nr : 0;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (t->by_pid[mid]->pid->addr < pid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return t->by_pid && lo < t->nr && t->by_pid[lo]->pid->addr == pid ? t->by_pid[lo] : NULL;
}

void tree_free(struct tree *t)
{
	free(t->procs);
	free(t->by_pid);
	free(t->own_ns);
	free(t->thread_memory);
	memset(t, 0, sizeof(*t));
}

/* ---- building: all processes of the snap first, then the chosen ones in order ---- */

struct draft {
	const struct snap *snap;
	struct proc *procs;
	struct proc **by_pid;
	const struct rec_task **threads;
	size_t nr, nr_threads;
};

static struct proc *draft_find(const struct draft *d, __u64 pid)
{
	const struct tree t = { .by_pid = d->by_pid, .nr = d->nr };

	return tree_find(&t, pid);
}

static int fill_proc(const struct draft *d, struct proc *p, const struct rec_proc *sig)
{
	p->sig = sig;
	p->pid = snap_find(d->snap, REC_PID, sig->tgid);
	p->pgid = snap_find(d->snap, REC_PID, sig->pgid);
	p->sid = snap_find(d->snap, REC_PID, sig->sid);
	if (!p->pid || p->pid->level > PIDNS_LEVEL_MAX)
		return -ESTALE;
	p->ns = snap_find(d->snap, REC_PIDNS, p->pid->ns);
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	__u64 x = (*(struct proc *const *)a)->pid->addr, y = (*(struct proc *const *)b)->pid->addr;

	return x < y ? -1 : x > y;
}

/* Leaders first, then by number, so that equal trees are listed equally. */
static int by_thread(const void *a, const void *b)
{
	const struct rec_task *x = *(const struct rec_task *const *)a;
	const struct rec_task *y = *(const struct rec_task *const *)b;

	if (x->tgid != y->tgid)
		return x->tgid < y->tgid ? -1 : 1;
	if ((x->pid == x->tgid) != (y->pid == y->tgid))
		return x->pid == x->tgid ? -1 : 1;
	if (x->start_boottime != y->start_boottime)
		return x->start_boottime < y->start_boottime ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static int attach_threads(struct draft *d)
{
	void **task = snap_all(d->snap, REC_TASK, &d->nr_threads);
	struct proc *p = NULL;

	d->threads = calloc(d->nr_threads + 1, sizeof(*d->threads));
	if (!d->threads)
		return -ENOMEM;
	for (size_t i = 0; i < d->nr_threads; i++)
		d->threads[i] = task[i];
	qsort(d->threads, d->nr_threads, sizeof(*d->threads), by_thread);
	for (size_t i = 0; i < d->nr_threads; i++) {
		const struct rec_task *t = d->threads[i];

		if (!p || p->pid->addr != t->tgid) {
			p = draft_find(d, t->tgid);
			if (!p)
				continue; /* its process came or went during the walk */
			p->threads = &d->threads[i];
		}
		if (t->pid == t->tgid)
			p->leader = t;
		p->nr_threads++;
	}
	return 0;
}

static void link_parents(struct draft *d)
{
	for (size_t i = 0; i < d->nr; i++) {
		struct proc *p = &d->procs[i];

		p->parent = p->leader ? draft_find(d, p->leader->parent) : NULL;
		if (p->parent == p)
			p->parent = NULL;
		p->zombie = p->leader && p->leader->exit_state && p->nr_threads == 1;
	}
}

static void draft_free(struct draft *d)
{
	free(d->procs);
	free(d->by_pid);
	free(d->threads);
}

static int draft_build(struct draft *d, const struct snap *s)
{
	void **sig = snap_all(s, REC_PROC, &d->nr);
	size_t out = 0;

	d->snap = s;
	d->procs = calloc(d->nr + 1, sizeof(*d->procs));
	d->by_pid = calloc(d->nr + 1, sizeof(*d->by_pid));
	if (!d->procs || !d->by_pid)
		return -ENOMEM;
	for (size_t i = 0; i < d->nr; i++)
		if (!fill_proc(d, &d->procs[out], sig[i]))
			out++;
	d->nr = out;
	for (size_t i = 0; i < d->nr; i++)
		d->by_pid[i] = &d->procs[i];
	qsort(d->by_pid, d->nr, sizeof(*d->by_pid), by_pid);
	if (attach_threads(d))
		return -ENOMEM;
	link_parents(d);
	return 0;
}

static bool under(const struct proc *p, const struct proc *root, size_t bound)
{
	for (size_t i = 0; p && i <= bound; i++, p = p->parent)
		if (p == root)
			return true;
	return false;
}

static int by_birth(const void *a, const void *b)
{
	const struct proc *x = *(struct proc *const *)a, *y = *(struct proc *const *)b;

	if (x->leader->start_boottime != y->leader->start_boottime)
		return x->leader->start_boottime < y->leader->start_boottime ? -1 : 1;
	return x->pid->numbers[x->pid->level] - y->pid->numbers[y->pid->level];
}

/* Copy p and everything below it to t, parents first; children in order of birth. */
static int take(struct tree *t, struct proc *p, size_t cap)
{
	struct proc **stack = malloc((cap + 1) * sizeof(*stack));
	size_t depth = 0;

	if (!stack)
		return -ENOMEM;
	stack[depth++] = p;
	while (depth) {
		struct proc *from = stack[--depth];
		size_t first = depth;

		if (t->nr == cap) {
			free(stack);
			return -ESTALE; /* a process reached twice: parents form a loop */
		}
		t->procs[t->nr++] = *from;
		for (struct proc *c = from->child; c; c = c->sibling)
			if (depth < cap)
				stack[depth++] = c;
		/* the stack turns the order round */
		for (size_t i = first, j = depth; i + 1 < j; i++) {
			struct proc *swap = stack[i];

			stack[i] = stack[--j];
			stack[j] = swap;
		}
	}
	free(stack);
	return 0;
}

/* Hang the wanted processes on their parents, oldest first. */
static int link_children(struct draft *d, bool (*want)(const struct proc *, void *), void *arg,
			 struct proc ***out, size_t *nr)
{
	struct proc **v = calloc(d->nr + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < d->nr; i++)
		if (d->procs[i].leader && want(&d->procs[i], arg))
			v[n++] = &d->procs[i];
	qsort(v, n, sizeof(*v), by_birth);
	for (size_t i = n; i-- > 0;) {
		struct proc *up = v[i]->parent;

		if (!up || !up->leader || !want(up, arg)) {
			v[i]->parent = NULL;
			continue;
		}
		v[i]->sibling = up->child;
		up->child = v[i];
	}
	*out = v;
	*nr = n;
	return 0;
}

/* The draft's pointers become the tree's own. */
static int relink(struct tree *t)
{
	t->by_pid = calloc(t->nr + 1, sizeof(*t->by_pid));
	t->own_ns = calloc(t->nr + 1, sizeof(*t->own_ns));
	if (!t->by_pid || !t->own_ns)
		return -ENOMEM;
	for (size_t i = 0; i < t->nr; i++)
		t->by_pid[i] = &t->procs[i];
	qsort(t->by_pid, t->nr, sizeof(*t->by_pid), by_pid);
	for (size_t i = 0; i < t->nr; i++)
		if (pid_own_nr(t->procs[i].pid) == 1)
			t->own_ns[t->nr_own_ns++] = t->procs[i].pid->ns;
	qsort(t->own_ns, t->nr_own_ns, sizeof(*t->own_ns), by_u64);
	for (size_t i = 0; i < t->nr; i++) {
		struct proc *p = &t->procs[i];

		p->parent = p->parent ? tree_find(t, p->parent->pid->addr) : NULL;
		p->child = p->child ? tree_find(t, p->child->pid->addr) : NULL;
		p->sibling = p->sibling ? tree_find(t, p->sibling->pid->addr) : NULL;
		p->depth = p->pid->level > t->root_level ? p->pid->level - t->root_level : 0;
	}
	return 0;
}

struct choice {
	const struct draft *draft;
	const struct proc *root;
	bool container, own_only;
};

/* Its init, or that of one above it, is the root or descends from it. */
static bool in_own_pidns(const struct choice *c, __u64 ns)
{
	for (int i = 0; ns && i <= PIDNS_LEVEL_MAX; i++) {
		const struct rec_pidns *r = snap_find(c->draft->snap, REC_PIDNS, ns);
		const struct proc *init = r ? draft_find(c->draft, r->reaper) : NULL;

		/* a dying namespace points to whoever has its init's memory now */
		if (init && init->pid->ns == ns && under(init, c->root, c->draft->nr))
			return true;
		ns = r ? r->parent : 0;
	}
	return false;
}

static bool is_chosen(const struct proc *p, void *arg)
{
	const struct choice *c = arg;

	if (under(p, c->root, c->draft->nr))
		return true;
	if (c->own_only)
		return false;
	return c->container ? pidns_within(c->draft->snap, p->pid->ns, c->root->pid->ns) :
			      p->pid->level > c->root->pid->level && in_own_pidns(c, p->pid->ns);
}

static bool is_any(const struct proc *p, void *arg)
{
	return true;
}

/* Copy the chosen: from the root, then whoever has no chosen parent (entrants of a container). */
static int finish(struct tree *t, struct draft *d, struct proc *root,
		  bool (*want)(const struct proc *, void *), void *arg)
{
	struct proc **chosen = NULL;
	size_t nr = 0;
	int err = link_children(d, want, arg, &chosen, &nr);

	if (err)
		return err;
	t->procs = calloc(nr + 1, sizeof(*t->procs));
	if (!t->procs)
		err = -ENOMEM;
	if (!err && root) {
		root->parent = NULL;
		root->sibling = NULL;
		err = take(t, root, nr);
	}
	for (size_t i = 0; i < nr && !err; i++)
		if (!chosen[i]->parent && chosen[i] != root)
			err = take(t, chosen[i], nr);
	if (!err && t->nr != nr)
		err = -ESTALE;
	free(chosen);
	if (!err)
		err = relink(t);
	t->thread_memory = d->threads;
	d->threads = NULL;
	return err;
}

static int build(struct tree *t, const struct snap *s, __u64 root_pid, bool own_only)
{
	struct draft d = {};
	struct choice c = { .draft = &d, .own_only = own_only };
	struct proc *root;
	int err = draft_build(&d, s);

	*t = (struct tree){ .snap = s };
	if (!err) {
		root = draft_find(&d, root_pid);
		if (!root || !root->leader || !root->ns) {
			err = -ESTALE;
		} else {
			c.root = root;
			c.container = t->container = pid_own_nr(root->pid) == 1;
			t->root_ns = root->ns;
			t->root_level = root->pid->level;
			err = finish(t, &d, root, is_chosen, &c);
			t->root = t->procs;
		}
	}
	draft_free(&d);
	if (err)
		tree_free(t);
	return err;
}

int tree_build(struct tree *t, const struct snap *s, __u64 root_pid)
{
	return build(t, s, root_pid, false);
}

int tree_build_own(struct tree *t, const struct snap *s, __u64 root_pid)
{
	return build(t, s, root_pid, true);
}

int tree_build_all(struct tree *t, const struct snap *s)
{
	struct draft d = {};
	int err = draft_build(&d, s);

	*t = (struct tree){ .snap = s };
	if (!err)
		err = finish(t, &d, NULL, is_any, NULL);
	draft_free(&d);
	if (err)
		tree_free(t);
	return err;
}
