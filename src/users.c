// SPDX-License-Identifier: GPL-2.0-only
/* users.c - who uses a shared object. */
#include "users.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b)
{
	const struct shared_by *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	/* outside holds the order of discovery until the duplicates are folded */
	return x->outside - y->outside;
}

static void add(struct users *u, __u64 id, const struct rec_task *t)
{
	if (id)
		u->v[u->nr] = (struct shared_by){ .id = id, .task = t, .outside = u->nr }, u->nr++;
}

/* One entry an id: the first thread that has it. */
static void fold(struct users *u)
{
	size_t out = 0;

	qsort(u->v, u->nr, sizeof(*u->v), by_id);
	for (size_t i = 0; i < u->nr; i++) {
		if (out && u->v[out - 1].id == u->v[i].id)
			continue;
		u->v[out] = u->v[i];
		u->v[out++].outside = 0;
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

void users_note_outside(struct users *u, const struct tree *t)
{
	snap_for_each(t->snap, REC_TASK, const struct rec_task, k) {
		const __u64 ids[] = { k->mm, k->files, k->fs, k->sighand };
		const struct rec_pid *pid = snap_find(t->snap, REC_PID, k->pid);

		if (!pid || tree_find(t, k->tgid))
			continue;
		for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
			struct shared_by *e = (struct shared_by *)users_find(u, ids[i]);

			if (!e || e->outside)
				continue;
			e->outside = pid->numbers[0];
			memcpy(e->outside_comm, k->comm, sizeof(e->outside_comm));
		}
	}
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
