// SPDX-License-Identifier: GPL-2.0-only
/* users.c - who uses a shared object. */
#include "users.h"

#include <errno.h>
#include <stdlib.h>

static int by_id(const void *a, const void *b)
{
	const struct shared_by *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	/* processes holds the order of discovery until the duplicates are folded */
	return x->processes < y->processes ? -1 : x->processes > y->processes;
}

static void add(struct users *u, __u64 id, const struct rec_task *t)
{
	if (id)
		u->v[u->nr] = (struct shared_by){ id, t, (unsigned int)u->nr }, u->nr++;
}

/* One entry an id: the first thread that has it, and how many processes do. */
static void fold(struct users *u)
{
	size_t out = 0;

	qsort(u->v, u->nr, sizeof(*u->v), by_id);
	for (size_t i = 0, j; i < u->nr; i = j) {
		struct shared_by first = u->v[i];
		__u64 last = 0;

		first.processes = 0;
		for (j = i; j < u->nr && u->v[j].id == first.id; j++) {
			first.processes += u->v[j].task->tgid != last;
			last = u->v[j].task->tgid;
		}
		u->v[out++] = first;
	}
	u->nr = out;
}

int users_build(struct users *u, const struct tree *t)
{
	size_t threads = 0;

	for (size_t i = 0; i < t->nr; i++)
		threads += t->procs[i].nr_threads;
	u->nr = 0;
	u->v = malloc((threads * 6 + 1) * sizeof(*u->v));
	if (!u->v)
		return -ENOMEM;
	for (size_t i = 0; i < t->nr; i++) {
		for (unsigned int j = 0; j < t->procs[i].nr_threads; j++) {
			const struct rec_task *k = t->procs[i].threads[j];
			const __u64 ids[] = { k->addr, k->mm, k->files, k->fs, k->sighand, k->signal };

			for (size_t m = 0; m < sizeof(ids) / sizeof(ids[0]); m++)
				add(u, ids[m], k);
		}
	}
	fold(u);
	return 0;
}

void users_free(struct users *u)
{
	free(u->v);
	u->v = NULL;
	u->nr = 0;
}

const struct shared_by *users_find(const struct users *u, __u64 id)
{
	size_t lo = 0, hi = u->nr;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (u->v[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < u->nr && u->v[lo].id == id ? &u->v[lo] : NULL;
}
