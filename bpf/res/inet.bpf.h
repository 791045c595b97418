/* SPDX-License-Identifier: GPL-2.0-only */
/* inet.bpf.h - struct inet_sock and what TCP, UDP and IPv6 add to it; multicast memberships. */
#ifndef BPF_CKPT_INET_BPF_H
#define BPF_CKPT_INET_BPF_H

#include "compat.bpf.h"
#include "res/sock.bpf.h"
#include "rec_inet.h"

#define IPPROTO_UDP 17
#define IPPROTO_UDPLITE 136
#define SOCK_DGRAM 2
#define TCP_CLOSE 7
#define TCP_LISTEN 10
#define MCAST_MAX 32 /* memberships that are followed; net.ipv4.igmp_max_memberships is 20 */
#define FILE_ROOM 1600 /* of rec_file with its path, and locks */

/* udp_sock.pending, and reader_queue beside the sk's own: net/ipv4/udp.c */
static __always_inline void fill_udp(struct rec_inet *r, struct sock *sk)
{
	struct udp_sock *u = (struct udp_sock *)sk;

	if (BPF_CORE_READ(u, pending))
		r->flags |= INET_CORKED;
	r->received += BPF_CORE_READ(u, reader_queue.qlen);
}

/* tcp_sock.md5sig_info; tcp_sock.ao_info since 6.7 */
struct tcp_sock___ao {
	void *ao_info;
} __attribute__((preserve_access_index));

/* tcp_sock.is_mptcp: with CONFIG_MPTCP */
static __always_inline void fill_tcp_flags(struct rec_inet *r, struct sock *sk)
{
	struct tcp_sock *t = (struct tcp_sock *)sk;
	struct tcp_sock___ao *ao = (void *)t;

	if (BPF_CORE_READ(t, inet_conn.icsk_ulp_ops))
		r->flags |= INET_ULP;
	if (bpf_core_field_exists(t->is_mptcp) && BPF_CORE_READ(t, is_mptcp))
		r->flags |= INET_MPTCP;
	if (bpf_core_field_exists(t->md5sig_info) && BPF_CORE_READ(t, md5sig_info))
		r->flags |= INET_MD5;
	if (bpf_core_field_exists(ao->ao_info) && BPF_CORE_READ(ao, ao_info))
		r->flags |= INET_AO;
	if (BPF_CORE_READ(t, fastopen_req) || BPF_CORE_READ(t, fastopen_rsk))
		r->flags |= INET_FASTOPEN;
	if (BPF_CORE_READ_BITFIELD_PROBED(t, repair))
		r->flags |= INET_REPAIR;
	r->user_mss = BPF_CORE_READ(t, rx_opt.user_mss);
	if (BPF_CORE_READ(t, urg_data))
		r->flags |= INET_URGENT;
}

/* ipv6_fl_list: in struct inet_sock since 6.17, in struct ipv6_pinfo before */
struct ipv6_pinfo___fl {
	void *ipv6_fl_list;
} __attribute__((preserve_access_index));

static __always_inline void fill_ipv6(struct rec_inet *r, struct inet_sock *inet)
{
	struct ipv6_pinfo *np = BPF_CORE_READ(inet, pinet6);
	struct ipv6_pinfo___fl *old = (void *)np;
	__u64 sticky[2] = {};

	if (!np)
		return;
	if (BPF_CORE_READ(np, ipv6_ac_list))
		r->flags |= INET_ANYCAST;
	if (bpf_core_field_exists(inet->ipv6_fl_list) && BPF_CORE_READ(inet, ipv6_fl_list))
		r->flags |= INET_FLOWLABEL;
	if (bpf_core_field_exists(old->ipv6_fl_list) && BPF_CORE_READ(old, ipv6_fl_list))
		r->flags |= INET_FLOWLABEL;
	BPF_CORE_READ_INTO(&sticky, np, sticky_pktinfo.ipi6_addr);
	if (sticky[0] || sticky[1] || BPF_CORE_READ(np, sticky_pktinfo.ipi6_ifindex))
		r->flags |= INET_PKTINFO;
}

static __always_inline void fill_filters(struct rec_inet *r, struct sock *sk)
{
	struct sk_filter *filter = BPF_CORE_READ(sk, sk_filter);
	struct sock_reuseport *reuse = BPF_CORE_READ(sk, sk_reuseport_cb);
	__u64 flags = BPF_CORE_READ(sk, __sk_common.skc_flags);

	if (filter && !BPF_CORE_READ(filter, prog, orig_prog))
		r->flags |= INET_FILTER_EBPF;
	if (reuse && BPF_CORE_READ(reuse, prog))
		r->flags |= INET_REUSE_PROG;
	if (flags >> bpf_core_enum_value(enum sock_flags, SOCK_TXTIME) & 1)
		r->flags |= INET_TXTIME;
}

static __always_inline void fill_addresses(struct rec_inet *r, struct sock *sk)
{
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6) {
		BPF_CORE_READ_INTO(&r->saddr, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&r->daddr, sk, __sk_common.skc_v6_daddr);
	} else {
		BPF_CORE_READ_INTO((__u32 *)r->saddr, sk, __sk_common.skc_rcv_saddr);
		BPF_CORE_READ_INTO((__u32 *)r->daddr, sk, __sk_common.skc_daddr);
	}
	r->sport = BPF_CORE_READ(sk, __sk_common.skc_num);
	r->dport = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	r->bound_if = BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if);
}

/* ---- multicast ---- */

static __always_inline struct rec_mcast *add_mcast(struct frame *f, struct sock *sk, __u32 index)
{
	struct rec_mcast *m;

	/* what is said of the file itself comes behind */
	if (f->used > REC_FRAME_MAX - FILE_ROOM)
		return NULL;
	m = frame_add(f, REC_MCAST, sizeof(*m));
	if (m) {
		m->sock = (__u64)sk;
		m->index = index;
	}
	return m;
}

static __always_inline __u32 count_sources4(struct ip_sf_socklist *list)
{
	return list ? BPF_CORE_READ(list, sl_count) : 0;
}

static __always_inline __u32 count_sources6(struct ip6_sf_socklist *list)
{
	return list ? BPF_CORE_READ(list, sl_count) : 0;
}

struct mcast_walk {
	struct frame *f;
	struct sock *sk;
	void *next;
	__u32 index, more;
};

static long mcast_step4(__u64 i, void *arg)
{
	struct mcast_walk *w = arg;
	struct ip_mc_socklist *l = w->next;
	struct rec_mcast *m;

	if (!l)
		return 1;
	m = add_mcast(w->f, w->sk, i);
	if (!m) {
		w->more = 1;
		return 1;
	}
	m->family = AF_INET;
	m->ifindex = BPF_CORE_READ(l, multi.imr_ifindex);
	m->mode = BPF_CORE_READ(l, sfmode);
	BPF_CORE_READ_INTO((__u32 *)m->group, l, multi.imr_multiaddr);
	m->sources = count_sources4(BPF_CORE_READ(l, sflist));
	w->next = BPF_CORE_READ(l, next_rcu);
	return 0;
}

static long mcast_step6(__u64 i, void *arg)
{
	struct mcast_walk *w = arg;
	struct ipv6_mc_socklist *l = w->next;
	struct rec_mcast *m;

	if (!l)
		return 1;
	m = add_mcast(w->f, w->sk, MCAST_MAX + i);
	if (!m) {
		w->more = 1;
		return 1;
	}
	m->family = AF_INET6;
	m->ifindex = BPF_CORE_READ(l, ifindex);
	m->mode = BPF_CORE_READ(l, sfmode);
	BPF_CORE_READ_INTO(&m->group, l, addr);
	m->sources = count_sources6(BPF_CORE_READ(l, sflist));
	w->next = BPF_CORE_READ(l, next);
	return 0;
}

static __always_inline void emit_mcast(struct frame *f, struct rec_inet *r, struct inet_sock *inet)
{
	struct ipv6_pinfo *np = BPF_CORE_READ(inet, pinet6);
	struct mcast_walk w = { .f = f, .sk = (struct sock *)inet, .next = BPF_CORE_READ(inet, mc_list) };

	if (w.next)
		bpf_loop(MCAST_MAX, mcast_step4, &w, 0);
	w.more |= !!w.next;
	w.next = np ? BPF_CORE_READ(np, ipv6_mc_list) : NULL;
	if (w.next)
		bpf_loop(MCAST_MAX, mcast_step6, &w, 0);
	if (w.more || w.next)
		r->flags |= INET_MCAST_MORE;
}

static __always_inline void emit_inet(struct frame *f, struct sock *sk)
{
	struct inet_sock *inet = (struct inet_sock *)sk;
	struct rec_inet *r = frame_add(f, REC_INET, sizeof(*r));
	__u32 protocol = BPF_CORE_READ(sk, sk_protocol), type = BPF_CORE_READ(sk, sk_type);

	if (!r)
		return;
	r->sock = (__u64)sk;
	fill_addresses(r, sk);
	/* a bit field until 6.2 */
	r->locks = BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & (INET_BIND_ADDR | INET_BIND_PORT);
	r->received = BPF_CORE_READ(sk, sk_receive_queue.qlen);
	r->errors = BPF_CORE_READ(sk, sk_error_queue.qlen);
	r->mcast_if = BPF_CORE_READ(inet, mc_index);
	r->mcast_addr = BPF_CORE_READ(inet, mc_addr);
	fill_filters(r, sk);
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6)
		fill_ipv6(r, inet);
	if (type == SOCK_STREAM && protocol == IPPROTO_TCP)
		fill_tcp_flags(r, sk);
	else if (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE)
		fill_udp(r, sk);
	emit_mcast(f, r, inet);
}

#endif
