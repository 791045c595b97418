/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tcp_lock.h - connections of TCP that nothing may come through for, by nf_tables: between a dump and a
 * restore nobody has the sockets, and the kernel would answer the peers with a reset.
 */
#ifndef BPF_CKPT_TCP_LOCK_H
#define BPF_CKPT_TCP_LOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

struct tcp_lock;

/* Packets with this mark (SO_MARK) come through: those that a restore sends itself. */
#define TCP_LOCK_MARK 0x62706663

/* One direction of each is enough. IPv4 addresses are mapped ones. Ports in host order. */
struct tcp_tuple {
	__u8 saddr[16], daddr[16];
	__u16 sport, dport;
};

/* A lock that ends with tcp_lock_close(), or with this process. 0 or a reported error. */
int tcp_lock_open(struct tcp_lock **out, const struct tcp_tuple *v, size_t nr);
void tcp_lock_close(struct tcp_lock *l);

/* One that stays until tcp_lock_remove() or until an hour has passed; token names it. */
int tcp_lock_leave(__u64 token, const struct tcp_tuple *v, size_t nr);
/* 0 also when there is none. */
int tcp_lock_remove(__u64 token);
/*
 * Somebody has these connections now: locks that other dumps have left let them go on, and end when nothing is
 * left in them. 0 or a reported error.
 */
int tcp_lock_forget(const struct tcp_tuple *v, size_t nr);

bool tcp_lock_available(void);

#endif
