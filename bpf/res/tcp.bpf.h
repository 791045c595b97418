/* SPDX-License-Identifier: GPL-2.0-only */
/* tcp.bpf.h - struct tcp_sock of a connection: its numbers and what was agreed upon. */
#ifndef BPF_CKPT_TCP_BPF_H
#define BPF_CKPT_TCP_BPF_H

#include "queue.bpf.h"

/* tcp_sock.tcp_usec_ts: since 6.7 */
static __always_inline bool tcp_has_usec(struct tcp_sock *t)
{
	return bpf_core_field_exists(t->tcp_usec_ts) && BPF_CORE_READ_BITFIELD_PROBED(t, tcp_usec_ts);
}

static __always_inline void fill_options(struct rec_tcp *r, struct tcp_sock *t)
{
	struct tcp_options_received *o = (void *)t + bpf_core_field_offset(struct tcp_sock, rx_opt);

	if (BPF_CORE_READ_BITFIELD_PROBED(o, tstamp_ok))
		r->options |= TCP_HAS_TSTAMP;
	if (BPF_CORE_READ_BITFIELD_PROBED(o, sack_ok))
		r->options |= TCP_HAS_SACK;
	if (BPF_CORE_READ_BITFIELD_PROBED(o, wscale_ok))
		r->options |= TCP_HAS_WSCALE;
	if (tcp_has_usec(t))
		r->options |= TCP_HAS_USEC;
	r->snd_wscale = BPF_CORE_READ_BITFIELD_PROBED(o, snd_wscale);
	r->rcv_wscale = BPF_CORE_READ_BITFIELD_PROBED(o, rcv_wscale);
	r->mss_clamp = BPF_CORE_READ(o, mss_clamp);
}

static __always_inline void emit_tcp(struct frame *f, struct sock *sk, __u32 rcv_nxt, __u32 state)
{
	struct tcp_sock *t = (struct tcp_sock *)sk;
	struct rec_tcp *r = frame_add(f, REC_TCP, sizeof(*r));

	if (!r)
		return;
	r->sock = (__u64)sk;
	r->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	r->moved = r->state != state;
	r->shutdown = BPF_CORE_READ(sk, sk_shutdown);
	r->error = BPF_CORE_READ(sk, sk_err);
	r->copied_seq = BPF_CORE_READ(t, copied_seq);
	r->rcv_nxt = rcv_nxt;
	r->snd_una = BPF_CORE_READ(t, snd_una);
	r->snd_nxt = BPF_CORE_READ(t, snd_nxt);
	r->write_seq = BPF_CORE_READ(t, write_seq);
	r->snd_wl1 = BPF_CORE_READ(t, snd_wl1);
	r->snd_wnd = BPF_CORE_READ(t, snd_wnd);
	r->max_window = BPF_CORE_READ(t, max_window);
	r->rcv_wnd = BPF_CORE_READ(t, rcv_wnd);
	r->rcv_wup = BPF_CORE_READ(t, rcv_wup);
	r->sndbuf = BPF_CORE_READ(sk, sk_sndbuf);
	r->rcvbuf = BPF_CORE_READ(sk, sk_rcvbuf);
	fill_options(r, t);
}

#endif
