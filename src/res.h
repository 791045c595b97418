/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * res.h - the one interface of every kind of kernel resource. A kind is one file in src/res with one
 * struct res_type, one line in src/res/all.c, one struct in include/, one emitter in bpf/res when
 * BPF reads it, and one fixture in tests/res.
 */
#ifndef BPF_CKPT_RES_H
#define BPF_CKPT_RES_H

#include <stdbool.h>

#include "field.h"
#include "snap.h"

struct check;
struct dump;
struct image;
struct restore;
struct rec_task;

/* When join() and finish() are called, and in whose batch their operations go. */
enum res_phase {
	PHASE_NONE,    /* no operations in a task */
	PHASE_PROCESS, /* in the thread group leader, while it is the only thread */
	PHASE_THREAD,  /* in every thread, once all exist */
	PHASE_LAST,    /* in the leader, once every thread of it is complete and traced */
};

struct res_type {
	const char *name;  /* "pipe": in images, reports and tests */
	__u32 tag;         /* on disk; never reused */
	__u32 size;        /* of the fixed part of the record */
	const struct field *fields;
	unsigned int nr_fields;
	bool owned;        /* the key is an owner's identity, and fields with IS_KEY tell siblings apart */
	enum field_rule tail; /* of the bytes behind the fixed part: MUST_MATCH, MAY_DIFFER, NEVER_SAVED */
	enum field_form tail_form;
	enum res_phase phase;

	/* Refuse by name what cannot be saved; live or frozen. Reports through check_refuse(). */
	int (*check)(struct check *c, const void *rec);
	/* Frozen: fetch what BPF could not; adds records to the snap or completes this one. */
	int (*collect)(struct dump *d, void *rec);
	/* The same for a kind that every living thread has one or more of. */
	int (*collect_task)(struct dump *d, const struct rec_task *task);
	/* Payload that is no record (pages, contents of files): name it to dump_add_pages(). */
	int (*write)(struct dump *d, const void *rec);
	/* Validate a record of an untrusted image; every reference, length and range in it. */
	int (*read)(const struct image *img, const void *rec);
	/* Make it, once, in the coordinator, before the first task exists. */
	int (*restore)(struct restore *r, const void *rec);
	/* The same for what can only be made once all tasks and threads exist; not of REC_FD's phases. */
	int (*late)(struct restore *r, const void *rec);
	/* Append the operations that bring it into the task that has it. */
	int (*join)(struct restore *r, const void *rec);
	/* The same, after join() of all kinds of the phase. */
	int (*finish)(struct restore *r, const void *rec);
};

/* All kinds; references point backwards, and join() runs in this order. */
extern const struct res_type *const res_types[];
extern const unsigned int nr_res_types;

/* The kind of a tag, or NULL. */
const struct res_type *res_type(__u32 tag);

#endif
