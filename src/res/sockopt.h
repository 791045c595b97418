/* SPDX-License-Identifier: GPL-2.0-only */
/* sockopt.h - socket options, for the kinds that have a socket. */
#ifndef BPF_CKPT_SOCKOPT_H
#define BPF_CKPT_SOCKOPT_H

#include <stdbool.h>
#include <linux/types.h>

struct dump;
struct rec_sock;
struct restore;
struct snap;
struct sockopt_sort;

/* Save every option of the socket fd that is not as a fresh one has it. 0 or a reported error. */
int sockopt_collect(struct dump *d, const struct rec_sock *k, int fd);

/*
 * Set those that must be there before the socket gets an address and data. Kind "sockopt" sets what is
 * left in the end: of sockets of other families than IP everything.
 */
int sockopt_restore(struct restore *r, __u64 sock, int fd);

/* Set all of them at once, where none is in the way of anything. */
int sockopt_restore_all(struct restore *r, __u64 sock, int fd);

/* Is that option saved for the socket, and which value has it? For options of one int. */
bool sockopt_saved(const struct snap *s, __u64 sock, int level, int name, int *value);

void sockopt_free(struct sockopt_sort *sorts);

#endif
