// SPDX-License-Identifier: GPL-2.0-only
/* picture.c - what a picture of tasks and pid namespaces shows, and what lies in what. */
#include "picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

struct draft {
	struct picture *p;
	void **ns; /* all rec_pidns, sorted by key: box i is of ns[i] */
	size_t nr_ns;
	struct picture_task **by_proc; /* as tree->procs */
};

static struct picture_box *box_of(const struct draft *d, __u64 ns)
{
	size_t lo = 0, hi = d->nr_ns;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (rec_key(d->ns[mid]) < ns)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < d->nr_ns && rec_key(d->ns[lo]) == ns ? &d->p->all[lo] : NULL;
}

/* The box around it; levels fall on the way out, so that nonsense cannot turn in circles. */
static struct picture_box *around(const struct draft *d, const struct picture_box *b)
{
	struct picture_box *out = box_of(d, b->ns->parent);

	return out && out->ns->level < b->ns->level ? out : NULL;
}

static void describe(struct picture_task *t)
{
	const struct proc *p = t->proc;

	t->columns = clean_text(p->leader->comm, sizeof(p->leader->comm), t->name, sizeof(t->name));
	t->init = pid_own_nr(p->pid) == 1;
	if (p->zombie)
		strcpy(t->note, "zombie");
	else if (p->nr_threads > 1)
		snprintf(t->note, sizeof(t->note), "\u00d7%u", p->nr_threads);
}

static bool is_foreign(const struct tree *t, const struct proc *p)
{
	if (pid_own_nr(p->pid) == 1 || p == t->root)
		return false;
	/* a tree from one root has all parents but those of entrants; a forest has them all */
	return p->parent ? p->parent->pid->ns != p->pid->ns : t->root != NULL;
}

static struct picture_task *add_task(struct draft *d, const struct proc *p)
{
	struct picture_task *t = &d->p->tasks[d->p->nr_tasks++];

	t->proc = p;
	t->foreign = is_foreign(d->p->tree, p);
	t->box = box_of(d, p->pid->ns);
	d->by_proc[p - d->p->tree->procs] = t;
	describe(t);
	return t;
}

/* Who is shown; then the parents of those from elsewhere, in front of them all. */
static void choose(struct draft *d, bool (*shown)(const struct proc *, const void *), const void *arg)
{
	const struct tree *t = d->p->tree;
	bool *want = (bool *)(d->by_proc + t->nr), *is_guest = want + t->nr;

	for (size_t i = 0; i < t->nr; i++) {
		const struct proc *p = &t->procs[i];

		if (!p->leader || !box_of(d, p->pid->ns) || !shown(p, arg))
			continue;
		want[i] = true;
		box_of(d, p->pid->ns)->used = true;
		if (is_foreign(t, p) && p->parent && p->parent->leader)
			is_guest[p->parent - t->procs] = true;
	}
	for (size_t i = 0; i < t->nr; i++) {
		struct picture_task *task;

		if (!want[i] && !is_guest[i])
			continue;
		task = add_task(d, &t->procs[i]);
		if (!want[i] && (!task->box || !task->box->used)) {
			task->box = d->p->outside = &d->p->all[d->nr_ns];
			continue;
		}
		task->box->tasks++;
		task->box->zombies += t->procs[i].zombie;
	}
}

/* The innermost namespace around all that are used, and use everything on the way to it. */
static void use_between(struct draft *d)
{
	struct picture_box *top = NULL;

	for (size_t i = 0; i < d->nr_ns; i++) {
		struct picture_box *b = &d->p->all[i], *in = b;

		if (!b->used)
			continue;
		top = top ? top : b;
		while (top && in && top != in) {
			if (top->ns->level > in->ns->level)
				top = around(d, top);
			else
				in = around(d, in);
		}
	}
	for (size_t i = 0; i < d->nr_ns; i++) {
		struct picture_box *b = &d->p->all[i];

		for (; b->used && b != top; b = b->parent) {
			b->parent = around(d, b);
			if (!b->parent || b->parent->used)
				break;
			b->parent->used = true;
		}
	}
}

static int by_level(const void *a, const void *b)
{
	const struct picture_box *x = *(struct picture_box *const *)a;
	const struct picture_box *y = *(struct picture_box *const *)b;

	if (x->ns->level != y->ns->level)
		return x->ns->level < y->ns->level ? -1 : 1;
	return x->ns->inum < y->ns->inum ? -1 : x->ns->inum > y->ns->inum;
}

static void hang_task(struct picture_task *t)
{
	struct picture_task **list = &t->box->first;

	if (t->parent && t->parent->box == t->box)
		list = &t->parent->child;
	t->sibling = *list;
	*list = t;
}

static void hang_boxes(struct picture *p)
{
	for (size_t i = p->nr_boxes; i--;) {
		struct picture_box *b = p->boxes[i], **list;

		if (!b->parent)
			continue;
		list = b->holder ? &b->holder->boxes : &b->parent->boxes;
		b->sibling = *list;
		*list = b;
	}
}

/* From the last one to the first, each in front of its siblings: they keep their order. */
static void hang(struct draft *d)
{
	struct picture *p = d->p;

	for (size_t i = 0; i < p->nr_tasks; i++) {
		struct picture_task *t = &p->tasks[i];

		t->leaf = true;
		if (t->box == p->outside)
			continue;
		if (t->proc->parent)
			t->parent = d->by_proc[t->proc->parent - p->tree->procs];
		if (t->init)
			t->box->init = t;
		if (t->init && t->parent && t->box->parent == t->parent->box)
			t->box->holder = t->parent;
		if (t->parent && (t->parent->box == t->box || t->box->holder == t->parent))
			t->parent->leaf = false;
	}
	for (int init = 0; init <= 1; init++)
		for (size_t i = p->nr_tasks; i--;)
			if (p->tasks[i].init == init)
				hang_task(&p->tasks[i]);
	hang_boxes(p);
}

/* Down from the roots and up by the parents: a chain of tasks may be too long for recursion. */
struct picture_task *picture_next(struct picture_task *t)
{
	if (t->child)
		return t->child;
	while (!t->sibling) {
		if (!t->parent || t->parent->box != t->box)
			return NULL;
		t = t->parent;
	}
	return t->sibling;
}

static int build(struct draft *d, bool (*shown)(const struct proc *, const void *), const void *arg)
{
	struct picture *p = d->p;
	size_t nr = p->tree->nr;

	d->ns = snap_all(p->tree->snap, REC_PIDNS, &d->nr_ns);
	d->by_proc = calloc(nr + 1, sizeof(*d->by_proc) + 2 * sizeof(bool));
	p->tasks = calloc(nr + 1, sizeof(*p->tasks));
	p->all = calloc(d->nr_ns + 1, sizeof(*p->all));
	p->boxes = calloc(d->nr_ns + 1, sizeof(struct picture_box *));
	if (!d->by_proc || !p->tasks || !p->all || !p->boxes)
		return -ENOMEM;
	for (size_t i = 0; i < d->nr_ns; i++)
		p->all[i].ns = d->ns[i];
	choose(d, shown, arg);
	use_between(d);
	for (size_t i = 0; i < d->nr_ns; i++)
		if (p->all[i].used)
			p->boxes[p->nr_boxes++] = &p->all[i];
	qsort(p->boxes, p->nr_boxes, sizeof(struct picture_box *), by_level);
	hang(d);
	return 0;
}

int picture_build(struct picture *p, const struct tree *t, unsigned int from,
		  bool (*shown)(const struct proc *, const void *), const void *arg)
{
	struct draft d = { .p = p };
	int err;

	*p = (struct picture){ .tree = t, .from = from };
	err = build(&d, shown, arg);
	free(d.by_proc);
	if (err)
		picture_free(p);
	return err;
}

void picture_free(struct picture *p)
{
	free(p->tasks);
	free(p->all);
	free(p->boxes);
	*p = (struct picture){};
}
