/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inject.h - packets to sockets of this host as if they came from their peers, by raw sockets: what no
 * system call makes of a socket. Those of TCP carry TCP_LOCK_MARK.
 */
#ifndef BPF_CKPT_INJECT_H
#define BPF_CKPT_INJECT_H

#include <stdbool.h>
#include <linux/types.h>

#include "tcp_lock.h"

/* What a packet says beside its addresses. */
struct packet_look {
	__u32 scope;    /* interface of link-local addresses */
	__u32 flow;     /* flow label of IPv6 */
	__u8 hops, tos; /* TTL or hop limit, TOS or traffic class */
	__u32 mark, priority;
};

/* From saddr to daddr, an empty segment with a window of 0 and the mark. scope: of link-local addresses. 0 or -errno. */
int inject_tcp(const struct tcp_tuple *t, __u32 scope, __u32 seq, __u32 ack, bool fin);

/* A datagram of UDP or UDP-Lite. */
int inject_udp(const struct tcp_tuple *t, const struct packet_look *look, int protocol, const void *data, __u32 len);

#endif
