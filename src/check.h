/* SPDX-License-Identifier: GPL-2.0-only */
/* check.h - what stands in the way of a checkpoint: all of it at once, each by name. */
#ifndef BPF_CKPT_CHECK_H
#define BPF_CKPT_CHECK_H

#include <stdbool.h>
#include <stdio.h>

#include "ids.h"
#include "plan.h"
#include "res/tcp.h"
#include "snap.h"
#include "tree.h"
#include "users.h"

struct refusal {
	const struct rec_task *task; /* whom it concerns first; NULL: the whole tree */
	const char *kind;            /* name of the kind of resource */
	char *text;                  /* what, why, and what the user can do */
	unsigned int more;           /* further tasks with the same text */
	bool warning;                /* it does not stand in the way */
};

/* Tasks of a tree's pid namespaces whose parents are outside of it. */
enum entrants { ENTRANTS_FAIL, ENTRANTS_INCLUDE, ENTRANTS_IGNORE };

struct check {
	const struct snap *snap;
	const struct tree *tree;
	const struct users *users;
	const struct rec_task *own; /* our own task: what namespaces are compared with */
	bool shell_job;
	bool leaks_warn;     /* what is shared with the outside is only told of */
	enum entrants entrants;
	enum tcp_how tcp;    /* what becomes of connections */
	bool runs_on;        /* the tree is not killed */
	bool live; /* nothing is stopped: what is in flux is not held against the tree */
	struct refusal *v;
	size_t nr, refused;
	struct ids texts;    /* by their hashes */
};

/*
 * Run every kind's check() over the snap and the planner over the tree. 0 when nothing stands in
 * the way, -ERR_BLOCKED when something does, -errno when the check itself failed. Says nothing.
 */
int check_run(struct check *c);
void check_free(struct check *c);

/*
 * Something that the tree shares with the outside, which a restore cannot: a refusal, or a warning with
 * --leaks=warn.
 */
void check_leak(struct check *c, const char *kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Something that a restore will do in another way, to be told. */
void check_warn(struct check *c, const char *kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same, naming the first user of what it is about. */
void check_warn_user(struct check *c, __u64 user, const char *kind, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* One line a refusal or warning on out: "bpf-ckpt: task 123 (bash) [123.4.1]: socket: fd 5: ...". */
void check_report(const struct check *c, FILE *out);
/* The same as one JSON object on out. */
void check_report_json(const struct check *c, FILE *out);

/* Refuse a table or memory that a task outside of the tree has too. */
void check_outside(struct check *c, __u64 id, const char *kind, const char *what);

/*
 * Note a refusal. user is the identity of what it is about or of a holder of it (task, mm, files,
 * fs, sighand or signal); its first user is named.
 */
void check_refuse(struct check *c, __u64 user, const char *kind, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
