/* SPDX-License-Identifier: GPL-2.0-only */
/* link.bpf.h - struct netlink_sock and struct packet_sock. */
#ifndef BPF_CKPT_LINK_BPF_H
#define BPF_CKPT_LINK_BPF_H

#include "compat.bpf.h"
#include "rec_link.h"

#define AF_NETLINK 16
#define AF_PACKET 17
#define PACKET_MEMBERS 16

static __always_inline void emit_netlink(struct frame *f, struct sock *sk)
{
	struct netlink_sock *nlk = (struct netlink_sock *)sk;
	struct rec_netlink *r = frame_add(f, REC_NETLINK, sizeof(*r));

	if (!r)
		return;
	r->sock = (__u64)sk;
	r->portid = BPF_CORE_READ(nlk, portid);
	r->dst_portid = BPF_CORE_READ(nlk, dst_portid);
	r->dst_group = BPF_CORE_READ(nlk, dst_group);
	r->dumping = BPF_CORE_READ(nlk, cb_running);
}

struct member_walk {
	struct frame *f;
	struct sock *sk;
	struct packet_mclist *next;
};

static long member_step(__u64 i, void *arg)
{
	struct member_walk *w = arg;
	struct packet_mclist *m = w->next;
	struct rec_packet_member *r;

	if (!m)
		return 1;
	r = frame_add(w->f, REC_PACKET_MEMBER, sizeof(*r));
	if (!r)
		return 1;
	r->sock = (__u64)w->sk;
	r->index = i;
	r->ifindex = BPF_CORE_READ(m, ifindex);
	r->type = BPF_CORE_READ(m, type);
	r->len = BPF_CORE_READ(m, alen);
	r->count = BPF_CORE_READ(m, count);
	bpf_probe_read_kernel(r->addr, sizeof(r->addr),
			      (void *)m + bpf_core_field_offset(struct packet_mclist, addr));
	w->next = BPF_CORE_READ(m, next);
	return 0;
}

static __always_inline void emit_packet(struct frame *f, struct sock *sk)
{
	struct packet_sock *po = (struct packet_sock *)sk;
	struct rec_packet *r = frame_add(f, REC_PACKET, sizeof(*r));
	struct member_walk w = { .f = f, .sk = sk, .next = BPF_CORE_READ(po, mclist) };

	if (!r)
		return;
	r->sock = (__u64)sk;
	r->protocol = __builtin_bswap16(BPF_CORE_READ(po, num));
	r->ifindex = BPF_CORE_READ(po, ifindex);
	r->copy_thresh = BPF_CORE_READ(po, copy_thresh);
	if (BPF_CORE_READ(po, rx_ring.pg_vec) || BPF_CORE_READ(po, tx_ring.pg_vec))
		r->flags |= PACKET_HAS_RING;
	if (BPF_CORE_READ(po, fanout))
		r->flags |= PACKET_HAS_FANOUT;
	if (w.next)
		bpf_loop(PACKET_MEMBERS, member_step, &w, 0);
	if (w.next)
		r->flags |= PACKET_MORE_MEMBERS;
}

#endif
