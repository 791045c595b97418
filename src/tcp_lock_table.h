/* SPDX-License-Identifier: GPL-2.0-only */
/* tcp_lock_table.h - the table of nf_tables that a lock is, and messages about it. Errors are -errno, unreported. */
#ifndef BPF_CKPT_TCP_LOCK_TABLE_H
#define BPF_CKPT_TCP_LOCK_TABLE_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "tcp_lock.h"

#define LOCK_NAME     "bpf-ckpt-" /* and 16 digits: the token */
#define LOCK_CHAIN    "in" /* the first one; made last */
#define LOCK_FAMILIES 2

struct tcp_lock {
	struct mnl_socket *nl;
	char *buf;
	size_t used;
	__u32 seq;
	char table[40];
	bool lasts; /* it does not end with the socket */
};

/* What differs between the two versions of IP: the set, and where a packet has what. */
extern const struct lock_family {
	const char *set;
	__u8 nfproto;
	__u32 key_type, key_len, addr_len, saddr, daddr;
} lock_families[LOCK_FAMILIES];

/* Not made in the kernel yet. NULL: no memory, or no nf_tables; errno tells. */
struct tcp_lock *lock_new(__u64 token, bool lasts);
void lock_free(struct tcp_lock *l);

/* Made, with v; or a reported error. */
int lock_make(struct tcp_lock **out, __u64 token, bool lasts, const struct tcp_tuple *v, size_t nr);

/* Both directions of each of v, each once, sorted by lock_by_tuple(). The caller frees. */
struct tcp_tuple *lock_directions(const struct tcp_tuple *v, size_t nr, size_t *out);
int lock_by_tuple(const void *a, const void *b);

/* NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM with those of v that are of that family, some at a time. */
int lock_change(struct tcp_lock *l, __u16 type, const struct lock_family *f, const struct tcp_tuple *v, size_t nr);

/* The addresses and ports that a key of the set has, each padded to words. */
void lock_key_tuple(const struct lock_family *f, const __u8 *key, struct tcp_tuple *t);

/* For a single message, that is sent as it is. */
void lock_restart(struct tcp_lock *l);

/* A batch: begun, filled by messages that are begun and ended, sent. The last message asks for an answer. */
void lock_batch_begin(struct tcp_lock *l);
struct nlmsghdr *lock_begin(struct tcp_lock *l, __u16 type, __u16 flags, __u8 family, __u16 res);
struct nlmsghdr *lock_table_msg(struct tcp_lock *l, __u16 type, __u16 flags, int name_attr);
void lock_end(struct tcp_lock *l, const struct nlmsghdr *h);
int lock_batch_send(struct tcp_lock *l);

#endif
