// SPDX-License-Identifier: GPL-2.0-only
/*
 * thread_maker.c - which thread of a process makes another one that has tables of its own.
 *
 * Threads share descriptors and directories until one of them calls unshare(2) (CLONE_FILES, CLONE_FS), or
 * is made without. Each is made by one that comes before it and has what both have.
 */
#include "thread_maker.h"

#include <stddef.h>

/* The first of its process with that table, or with that directory. */
static const struct rec_task *first_with(const struct proc *p, const struct rec_task *t, bool files, bool fs)
{
	const struct rec_task *body = proc_body(p);

	if ((!files || body->files == t->files) && (!fs || body->fs == t->fs))
		return p->leader;
	for (unsigned int i = 1; i < p->nr_threads && p->threads[i] != t; i++) {
		const struct rec_task *o = p->threads[i];

		if (!o->exit_state && (!files || o->files == t->files) && (!fs || o->fs == t->fs))
			return o;
	}
	return NULL;
}

const struct rec_task *thread_maker(const struct proc *p, const struct rec_task *t)
{
	const struct rec_task *both = first_with(p, t, true, true), *files, *fs;

	if (both)
		return both;
	files = first_with(p, t, true, false);
	fs = first_with(p, t, false, true);
	if (files && fs) /* one from here and one from there: nobody can hand on both */
		return NULL;
	return files ?: fs ?: p->leader;
}
