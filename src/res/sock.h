/* SPDX-License-Identifier: GPL-2.0-only */
/* sock.h - what the families of sockets share, and what each of them is asked. */
#ifndef BPF_CKPT_SOCK_H
#define BPF_CKPT_SOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "rec_sock.h"

struct check;
struct dump;
struct restore;
struct snap;

/* A family is one file: its kinds (res_type) make its sockets, and this tells what it can have of them. */
struct sock_family {
	__u16 family; /* AF_* */
	/* Why that socket cannot be saved, or NULL; NULL: its kinds refuse by themselves. buf is for texts that need one. */
	const char *(*refusal)(const struct snap *s, const struct rec_sock *k, char *buf, size_t len);
};

extern const struct sock_family sock_unix, sock_inet, sock_inet6, sock_netlink,
	sock_packet;

/* "unix stream socket", into buf. */
const char *sock_describe(const struct rec_sock *k, char *buf, size_t len);

/* The record of the open file of a socket; 0: nobody has one. */
__u64 sock_file(const struct snap *s, __u64 sock);

/* A duplicate of a descriptor of that socket, or a reported error; -ENOENT, unreported: nobody has one. */
int sock_getfd(struct dump *d, const struct rec_sock *k);

/* SO_MEMINFO of it: SK_MEMINFO_VARS numbers of include/uapi/linux/sock_diag.h. 0 or a reported error. */
int sock_meminfo(int fd, __u32 *info);

/*
 * Of the tree: a task has it, or a message; or nobody any more, or not yet. False: whom it is connected
 * with outside.
 */
bool sock_is_ours(const struct snap *s, const struct rec_sock *k);

/* The same for what the tree shares with the outside: told of only, with --leaks=warn. */
void sock_leak(struct check *c, const struct rec_sock *k, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Something of it that a restored tree will not have, to be told. */
void sock_warn(struct check *c, const struct rec_sock *k, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Refuse a socket: names the first task and descriptor that has it. */
void sock_refuse(struct check *c, const struct rec_sock *k, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * A socket was made: gives it owner, mode and file flags, and keeps it for the tasks by the id of its
 * file. Takes fd over in any case. 0 or a reported error.
 */
int sock_keep(struct restore *r, const struct rec_sock *k, int fd);

#endif
