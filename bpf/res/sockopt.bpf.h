/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sockopt.bpf.h - what options of a socket are kept in, mixed into two words. Sockets of one sort with the
 * same word answer getsockopt(2) alike, so dump asks only the first of them (src/res/sockopt_ask.c).
 *
 * Which option is where: net/core/sock.c, net/ipv4/ip_sockglue.c, net/ipv4/tcp.c, net/ipv6/ipv6_sockglue.c.
 * A word is 0, not known, on a kernel that keeps one of them somewhere else; the fields of IP are where
 * they are since 6.8.
 */
#ifndef BPF_CKPT_SOCKOPT_BPF_H
#define BPF_CKPT_SOCKOPT_BPF_H

#include "compat.bpf.h"
#include "rec_sockopt.h"

#define AF_INET 2
#define AF_INET6 10
#define SOCK_STREAM 1
#define IPPROTO_TCP 6

static __always_inline __u64 mix(__u64 word, __u64 value)
{
	word = (word ^ value) * 0x9e3779b97f4a7c15ull; /* 2^64 over the golden ratio */
	return word ^ word >> 29;
}

#define SOCK_FIELDS(X) \
	X(__sk_common.skc_state) X(__sk_common.skc_bound_dev_if) X(sk_filter) X(sk_rcvlowat)       \
	X(sk_rcvtimeo) X(sk_sndtimeo) X(sk_tsflags) X(sk_bind_phc) X(sk_max_pacing_rate)           \
	X(sk_priority) X(sk_mark) X(sk_lingertime) X(sk_ll_usec) X(sk_prefer_busy_poll)            \
	X(sk_busy_poll_budget) X(sk_reserved_mem)
#define INET_FIELDS(X) \
	X(inet_flags) X(uc_ttl) X(inet_opt) X(tos) X(min_ttl) X(mc_ttl) X(pmtudisc) X(rcv_tos)     \
	X(convert_csum) X(uc_index) X(local_port_range)
#define INET6_FIELDS(X) \
	X(opt) X(hop_limit) X(pmtudisc) X(tclass) X(mcast_hops) X(frag_size) X(ucast_oif)          \
	X(mcast_oif) X(srcprefs) X(min_hopcount)
#define TCP_FIELDS(X) \
	X(notsent_lowat) X(keepalive_probes) X(keepalive_time) X(keepalive_intvl) X(linger2)       \
	X(tcp_tx_delay) X(inet_conn.icsk_syn_retries) X(inet_conn.icsk_user_timeout)               \
	X(inet_conn.icsk_rto_min) X(inet_conn.icsk_delack_max) X(inet_conn.icsk_ca_ops)            \
	X(inet_conn.icsk_accept_queue.rskq_defer_accept)
#define TCP_BITS(X) X(nonagle) X(save_syn) X(thin_lto) X(recvmsg_inq)

#define EXISTS(field) && bpf_core_field_exists(p->field)
#define MIX(field) word = mix(word, (__u64)BPF_CORE_READ(p, field));
#define MIX_BITS(field) word = mix(word, BPF_CORE_READ_BITFIELD_PROBED(p, field));

static __always_inline __u64 mix_sock(__u64 word, struct sock *p)
{
	if (!(true SOCK_FIELDS(EXISTS)))
		return 0;
	SOCK_FIELDS(MIX)
	return word;
}

static __always_inline __u64 mix_inet(__u64 word, struct inet_sock *p)
{
	if (!(true INET_FIELDS(EXISTS)))
		return 0;
	INET_FIELDS(MIX)
	return word;
}

static __always_inline __u64 mix_inet6(__u64 word, struct ipv6_pinfo *p)
{
	if (!(true INET6_FIELDS(EXISTS)))
		return 0;
	INET6_FIELDS(MIX)
	return word;
}

static __always_inline __u64 mix_tcp(__u64 word, struct tcp_sock *p)
{
	if (!(true TCP_FIELDS(EXISTS) TCP_BITS(EXISTS)))
		return 0;
	TCP_FIELDS(MIX)
	TCP_BITS(MIX_BITS)
	if (bpf_core_field_exists(p->inet_conn.icsk_rto_max)) /* since 6.15, and with it the option */
		word = mix(word, BPF_CORE_READ(p, inet_conn.icsk_rto_max));
	return word;
}

/* Those bits of sk_flags that an option sets. */
#define FLAG_OPTIONS(X)                                                                            \
	X(SOCK_DBG) X(SOCK_LOCALROUTE) X(SOCK_BROADCAST) X(SOCK_URGINLINE) X(SOCK_RCVTSTAMP)       \
	X(SOCK_RCVTSTAMPNS) X(SOCK_RXQ_OVFL) X(SOCK_WIFI_STATUS) X(SOCK_NOFCS) X(SOCK_KEEPOPEN)    \
	X(SOCK_FILTER_LOCKED) X(SOCK_SELECT_ERR_QUEUE) X(SOCK_ZEROCOPY) X(SOCK_RCVMARK)            \
	X(SOCK_LINGER) X(SOCK_TSTAMP_NEW)
#define FLAG_EXISTS(name) && bpf_core_enum_value_exists(enum sock_flags, name)
#define FLAG_BIT(name) | 1ull << bpf_core_enum_value(enum sock_flags, name)

/*
 * Functions of their own, which take numbers: a verifier goes through these once, not for each way to a call.
 */
__weak __u64 sockopt_flags(__u64 addr)
{
	struct sock *sk = (struct sock *)addr;
	struct ipv6_pinfo *np = NULL;
	__u64 flags = BPF_CORE_READ(sk, __sk_common.skc_flags), word;

	if (!(true FLAG_OPTIONS(FLAG_EXISTS)) || !bpf_core_field_exists(np->rxopt.all))
		return 0;
	word = mix(1, flags & (0 FLAG_OPTIONS(FLAG_BIT)));
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6)
		np = BPF_CORE_READ((struct inet_sock *)sk, pinet6);
	return np ? mix(word, BPF_CORE_READ(np, rxopt.all)) : word;
}

__weak __u64 sockopt_fields(__u64 addr, __u64 word)
{
	struct sock *sk = (struct sock *)addr;
	__u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	word = mix_sock(word, sk);
	if (!word || (family != AF_INET && family != AF_INET6))
		return word;
	word = mix_inet(word, (struct inet_sock *)sk);
	if (word && family == AF_INET6)
		word = mix_inet6(word, BPF_CORE_READ((struct inet_sock *)sk, pinet6));
	if (word && BPF_CORE_READ(sk, sk_type) == SOCK_STREAM && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP)
		word = mix_tcp(word, (struct tcp_sock *)sk);
	return word;
}

static __always_inline void emit_sockopts(struct frame *f, struct sock *sk)
{
	struct rec_sockopt_words *r = frame_add(f, REC_SOCKOPT_WORDS, sizeof(*r));

	if (!r)
		return;
	r->sock = (__u64)sk;
	r->flags = sockopt_flags((__u64)sk);
	r->fields = r->flags ? sockopt_fields((__u64)sk, r->flags) : 0;
}

#endif
