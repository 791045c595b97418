/* SPDX-License-Identifier: GPL-2.0-only */
/* eventfd.bpf.h - struct eventfd_ctx. */
#ifndef BPF_CKPT_EVENTFD_BPF_H
#define BPF_CKPT_EVENTFD_BPF_H

#include "compat.bpf.h"
#include "rec_file.h"

static __always_inline void emit_eventfd(struct frame *f, struct file *file)
{
	struct eventfd_ctx *ctx = BPF_CORE_READ(file, private_data);
	struct rec_eventfd *r = frame_add(f, REC_EVENTFD, sizeof(*r));

	if (!r)
		return;
	r->file = (__u64)file;
	r->addr = (__u64)ctx;
	r->count = BPF_CORE_READ(ctx, count);
	r->flags = BPF_CORE_READ(ctx, flags) & 1; /* EFD_SEMAPHORE; the rest is file flags */
}

#endif
