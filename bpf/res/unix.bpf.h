/* SPDX-License-Identifier: GPL-2.0-only */
/* unix.bpf.h - struct unix_sock. */
#ifndef BPF_CKPT_UNIX_BPF_H
#define BPF_CKPT_UNIX_BPF_H

#include "sock.bpf.h"

static __always_inline void emit_unix(struct frame *f, struct sock *sk)
{
	struct unix_sock *u = (struct unix_sock *)sk;
	struct rec_unix *r = frame_add(f, REC_UNIX, sizeof(*r));

	if (!r)
		return;
	r->sock = (__u64)sk;
	r->peer = (__u64)BPF_CORE_READ(u, peer);
	r->name = (__u64)BPF_CORE_READ(u, addr);
}

#endif
