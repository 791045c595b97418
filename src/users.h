/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * users.h - who uses a shared object: from the identity of a task, mm, files, fs, sighand or signal
 * to the first thread that has it.
 */
#ifndef BPF_CKPT_USERS_H
#define BPF_CKPT_USERS_H

#include "rec_task.h"
#include "tree.h"

struct shared_by {
	__u64 id;
	const struct rec_task *task; /* the first, in tree order; leaders before their threads */
	int outside;                 /* pid here of somebody outside of the tree who has it too, or 0 */
	char outside_comm[16];
};

struct users {
	struct shared_by *v; /* sorted by id */
	size_t nr;
};

/* Index all threads of the tree. 0 or -ENOMEM. */
int users_build(struct users *u, const struct tree *t);
void users_free(struct users *u);

/* Note who of all tasks in the snap has an object of the tree without being of it. */
void users_note_outside(struct users *u, const struct tree *t);

/* NULL when nobody in the tree has it. */
const struct shared_by *users_find(const struct users *u, __u64 id);

#endif
