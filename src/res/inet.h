/* SPDX-License-Identifier: GPL-2.0-only */
/* inet.h - sockets of IPv4 and IPv6, for the kinds that are one. */
#ifndef BPF_CKPT_INET_H
#define BPF_CKPT_INET_H

#include <netinet/in.h>
#include <stdbool.h>

#include "rec_inet.h"
#include "rec_sock.h"

struct restore;
struct tcp_tuple;
struct snap;

union inet_addr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

#define INET_TEXT (INET6_ADDRSTRLEN + 24)

/* An address of a socket as bind(2) and connect(2) want it; returns its length. */
socklen_t inet_address(const struct rec_sock *k, const __u8 addr[16], __u16 port, __u32 scope,
		       union inet_addr *out);

/* "127.0.0.1:80", "[fe80::1%2]:80", into buf of INET_TEXT bytes. */
const char *inet_text(const struct rec_sock *k, const __u8 addr[16], __u16 port, __u32 scope, char *buf);

/* Both ends, as tcp_lock.h has them. */
void inet_tuple(const struct rec_sock *k, const struct rec_inet *i, struct tcp_tuple *t);

/* A TCP socket with a peer, or one that had it and has not been told of its end. */
bool inet_is_connection(const struct rec_sock *k);

/* UDP or UDP-Lite. */
bool inet_is_udp(const struct rec_sock *k);

/*
 * A socket with the options that it needs to get its address, and bound to it. Returns it, or a reported
 * error: -ERR_TAKEN names who has the address. by_route: connect(2) may choose the address, where binding to
 * it would turn IPV6_V6ONLY on.
 */
int inet_make(struct restore *r, const struct rec_sock *k, const struct rec_inet *i, bool by_route);

/* Bind it to its address, also once more when disconnecting has taken that. 0 or a reported error, as above. */
int inet_bind(struct restore *r, const struct rec_sock *k, const struct rec_inet *i, bool by_route, int fd);

/* Are all addresses free that the sockets of the image are bound to? 0 or a reported error. Makes nothing. */
int inet_preflight(struct restore *r);

#endif
