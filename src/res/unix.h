/* SPDX-License-Identifier: GPL-2.0-only */
/* unix.h - what the kinds of unix sockets share. */
#ifndef BPF_CKPT_UNIX_H
#define BPF_CKPT_UNIX_H

#include <stdbool.h>
#include <stddef.h>

#include "rec_sock.h"

struct check;
struct dump;
struct snap;

/* How a socket comes to be what it is, by the one order of calls that leads there. */
enum unix_role {
	UNIX_SINGLE,   /* socket(2); with a name, listening, or connected as datagram sockets are */
	UNIX_PAIR,     /* socketpair(2) */
	UNIX_CLIENT,   /* socket(2), connect(2) */
	UNIX_ACCEPTED, /* accept(2) */
	UNIX_PENDING,  /* the other end of a client that nobody has accepted yet */
};

enum unix_role unix_role(const struct snap *s, const struct rec_unix *u);

/* Its other end: whom it is connected with; of a closed one whoever still refers to it. NULL: nobody. */
const struct rec_unix *unix_mate(const struct snap *s, const struct rec_unix *u);

/* The backlog that a connection waits in, or NULL. */
const struct rec_unix_pending *unix_pending(const struct snap *s, __u64 sock);

static inline bool unix_has_path(const struct rec_unix *u)
{
	return u->name_len && u->name[0];
}

/* "/run/x" or "@x", into buf. */
const char *unix_name(const struct rec_unix *u, char *buf, size_t len);

/* Frozen: messages in the queue of a socket, through its descriptor fd; -1 for one that has none. */
int unix_collect_queue(struct dump *d, const struct rec_sock *k, int fd);
/* The file that a socket is bound to. */
int unix_collect_path(struct dump *d, const struct rec_unix *u, int fd);
/* Whatever is in a queue that cannot be saved. */
void unix_check_queue(struct check *c, const struct rec_sock *k, const struct rec_unix *u);

/* What a queue holds, read through fd without taking it. */
struct peek {
	char *data; /* all of it, back to back */
	size_t len, room;
	int *fd;    /* descriptors that came with it, in order; NULL: not wanted */
	size_t nr_fds, max_fds;
};

/* 0 or a reported error. messages: how many there are. Frees nothing: peek_free(). */
int unix_peek(struct peek *p, int fd, const struct rec_sock *k, size_t messages, bool in_steps);
/* The same of what one look shows, which changes nothing for a program that reads meanwhile. 0 or -errno. */
int unix_peek_first(struct peek *p, int fd);
void peek_free(struct peek *p);

#endif
