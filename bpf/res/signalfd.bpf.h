/* SPDX-License-Identifier: GPL-2.0-only */
/* signalfd.bpf.h - struct signalfd_ctx. */
#ifndef BPF_CKPT_SIGNALFD_BPF_H
#define BPF_CKPT_SIGNALFD_BPF_H

#include "compat.bpf.h"
#include "rec_file.h"

static __always_inline void emit_signalfd(struct frame *f, struct file *file)
{
	struct signalfd_ctx *ctx = BPF_CORE_READ(file, private_data);
	struct rec_signalfd *r = frame_add(f, REC_SIGNALFD, sizeof(*r));

	if (!r)
		return;
	r->file = (__u64)file;
	r->addr = (__u64)ctx;
	r->mask = ~BPF_CORE_READ(ctx, sigmask.sig[0]); /* the kernel keeps what is not wanted */
}

#endif
