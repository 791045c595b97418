// SPDX-License-Identifier: GPL-2.0-only
/* restore_tids.c - learn the numbers that tasks have here, by the chains that they were made with. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "rec_state.h"
#include "restore.h"

/* A chain as the tree itself sees it: from the root namespace inwards. */
struct chain {
	const __s32 *nr;
	unsigned int len;
	pid_t tid;          /* of a live one */
	struct unit *unit;  /* of one of the image */
};

static int by_chain(const void *a, const void *b)
{
	const struct chain *x = a, *y = b;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(x->nr, y->nr, x->len * sizeof(*x->nr));
}

static size_t list_live(const struct snap *s, const struct tree *t, struct chain *v)
{
	size_t n = 0;

	for (size_t i = 0; i < t->nr; i++) {
		for (unsigned int j = 0; j < t->procs[i].nr_threads; j++) {
			const struct rec_pid *p = snap_find(s, REC_PID, t->procs[i].threads[j]->pid);

			if (p && p->level >= t->root_level)
				v[n++] = (struct chain){ p->numbers + t->root_level,
							 p->level - t->root_level + 1, p->numbers[0] };
		}
	}
	return n;
}

static int match(struct restore *r, const struct snap *s, const struct tree *t)
{
	size_t tasks, n;
	struct chain *v _free_ = NULL;

	snap_all(s, REC_TASK, &tasks);
	v = calloc(tasks + 1, sizeof(*v));
	if (!v)
		return fail(-ENOMEM, "restore");
	n = list_live(s, t, v);
	qsort(v, n, sizeof(*v), by_chain);
	for (unsigned int i = 0; i < r->nr_units; i++) {
		struct unit *u = &r->units[i];
		const struct rec_pid *p = u->task ? snap_find(&r->image.snap, REC_PID, u->task->pid) : NULL;
		struct chain key, *hit;

		if (!p)
			continue;
		key = (struct chain){ p->numbers + r->info->root_level,
				      p->level - r->info->root_level + 1 };
		hit = bsearch(&key, v, n, sizeof(*v), by_chain);
		u->tid = hit ? hit->tid : 0;
	}
	return 0;
}

/* A tree without a pid namespace of its own has the numbers here that were asked for. */
static void take_numbers(struct restore *r)
{
	for (unsigned int i = 0; i < r->nr_units; i++) {
		struct unit *u = &r->units[i];
		const struct rec_pid *p = u->task ? snap_find(&r->image.snap, REC_PID, u->task->pid) : NULL;

		if (p)
			u->tid = pid_nr(p, r->info->root_level);
	}
}

/* The root task, by its number here, or by the one in the namespace that our init leads. */
static const struct rec_pid *find_root(struct restore *r, const struct snap *s)
{
	const struct rec_pid *want = r->tree.root->pid;

	snap_for_each(s, REC_PID, const struct rec_pid, p) {
		const struct rec_pidns *ns = snap_find(s, REC_PIDNS, p->ns);
		const struct rec_pid *init = ns ? snap_find(s, REC_PID, ns->reaper) : NULL;

		if (r->init_pid ? init && init->numbers[0] == r->init_pid && pid_own_nr(p) == pid_own_nr(want) :
				  p->numbers[0] == r->root_pid)
			return p;
	}
	return NULL;
}

static int find_by_walk(struct restore *r)
{
	struct snap s = {};
	struct tree t = {};
	const struct rec_pid *root;
	int err = restore_walk(r);

	if (err)
		return err;
	err = walk_run(r->walk, WALK_TASKS, &s);
	snap_unique(&s, REC_PIDNS);
	snap_unique(&s, REC_PID);
	snap_unique(&s, REC_TASK);
	snap_unique(&s, REC_PROC);
	root = find_root(r, &s);
	if (root)
		r->root_pid = root->numbers[0];
	if (!err)
		err = root ? tree_build(&t, &s, root->addr) : -ESRCH;
	if (err)
		fail(err, "find the tasks that were made");
	else
		err = match(r, &s, &t);
	tree_free(&t);
	snap_free(&s);
	return err;
}

int restore_find_tids(struct restore *r)
{
	if (restore_in_own_pidns(r))
		return find_by_walk(r);
	take_numbers(r);
	return 0;
}
