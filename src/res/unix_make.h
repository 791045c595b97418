/* SPDX-License-Identifier: GPL-2.0-only */
/* unix_make.h - unix sockets of an image, made once all tasks are there, as some must be made by them. */
#ifndef BPF_CKPT_UNIX_MAKE_H
#define BPF_CKPT_UNIX_MAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "ids.h"
#include "unix.h"

struct batch;
struct restore;
struct sockaddr_un;
struct unit;

/* A file that a socket is bound to: below a directory of ours beside its place until all is complete. */
struct unix_place {
	const struct rec_unix_path *rec;
	bool exists;    /* it gets its place; else it is unlinked again */
	char name[24];  /* of our directory in dir */
	int dir, tmp;   /* its directory, and ours in that */
	bool published, swapped;
};

struct unix_end {
	const struct rec_unix *u;
	const struct rec_sock *k;
	enum unix_role role;
	struct unix_end *mate;
	struct unix_place *place;
	int fd;           /* here */
	bool kept;        /* restore_keep() has it */
	bool raised;      /* has a larger buffer for a while */
	int sndbuf, lock; /* then: what it had */
};

/* What this process is, and tasks are too until they get their own credentials. */
struct unix_self {
	__u32 uid, gid, nr;
	__u32 groups[65536]; /* NGROUPS_MAX */
};

struct unix_work {
	struct unix_self own;
	struct unix_end *end; /* in order of their sockets */
	size_t nr;
	struct unix_place *place; /* one for each end with a path, as they come */
	size_t nr_places;
	struct ids listened;       /* addresses that a socket listens at */
	struct unix_end anonymous; /* what messages from nobody come from */
	dev_t swept_dev;   /* the directory that was looked through last */
	ino_t swept_ino;
	int spare;         /* a number for descriptors that tasks have for a call */
	int *pidfd;        /* of processes, by unit; 0: not opened yet */
};

/* All of them, behind restore_create(), before anything of a task is as in the image. 0 or a reported error. */
int unix_make_all(struct restore *r);
/* What is in their queues, and all that is in the way of putting it there. */
int unix_fill_all(struct restore *r);
/* Everything is complete: bound files take their places. */
int unix_publish(struct restore *r);
/* The end of it; when done is false what was published goes again. */
void unix_make_end(struct restore *r, bool done);
/* Are their names free, and the limits as they were? Before anything is made. */
int unix_preflight(const struct restore *r);

struct unix_end *unix_end(const struct restore *r, __u64 sock);

/* unix_bind.c: give a socket its name; where others reach it by until it has its place. */
int unix_bind(struct restore *r, struct unix_end *e, int fd);
void unix_address(const struct unix_end *e, struct sockaddr_un *a, unsigned int *len);
void unix_place_drop(struct unix_place *p, bool done);

/* unix_holder.c: "pid 123 (name)" of who has a socket of that name, into buf. */
const char *unix_holder(const char *name, char *buf, size_t len);

/* unix_put.c: what waits in its queue; then the buffer of a sender is as it was. */
int unix_put_queue(struct restore *r, struct unix_end *e);
int unix_settle(struct unix_end *e);

/* unix_cred.c: be whom SO_PEERCRED shall tell, in a task or here. */
struct unit *unix_creator(struct restore *r, const struct rec_unix *u);
void unix_become(struct restore *r, struct batch *b, const struct rec_unix *u);
void unix_become_self(struct restore *r, struct batch *b, const struct rec_unix *u);
pid_t unix_pid_here(const struct restore *r, __u64 pid);

#endif
