/* SPDX-License-Identifier: GPL-2.0-only */
/* pipe.bpf.h - struct pipe_inode_info, of pipes and named fifos. */
#ifndef BPF_CKPT_PIPE_BPF_H
#define BPF_CKPT_PIPE_BPF_H

#include "compat.bpf.h"
#include "rec_file.h"

#define PIPE_BUF_FLAG_PACKET 0x08 /* include/linux/pipe_fs_i.h */

struct slot_walk {
	struct pipe_buffer *bufs;
	__u32 tail, mask, packets, pad;
	__u64 bytes;
};

static long add_slot(__u64 i, void *arg)
{
	struct slot_walk *w = arg;
	struct pipe_buffer *b = (void *)w->bufs + ((w->tail + i) & w->mask) *
						 bpf_core_type_size(struct pipe_buffer);

	w->bytes += BPF_CORE_READ(b, len);
	if (BPF_CORE_READ(b, flags) & PIPE_BUF_FLAG_PACKET)
		w->packets++;
	return 0;
}

static __always_inline void fill_slots(struct rec_pipe *r, struct pipe_inode_info *pipe, __u32 tail)
{
	struct slot_walk w = { .bufs = BPF_CORE_READ(pipe, bufs), .tail = tail,
			       .mask = r->ring_size - 1 };

	bpf_loop(r->used, add_slot, &w, 0);
	r->bytes = w.bytes;
	r->packets = w.packets;
}

static __always_inline void emit_pipe(struct frame *f, struct file *file)
{
	struct pipe_inode_info *pipe = BPF_CORE_READ(file, f_inode, i_pipe);
	struct rec_pipe *r;
	__u32 tail;

	if (!pipe)
		return;
	r = frame_add(f, REC_PIPE, sizeof(*r));
	if (!r)
		return;
	tail = BPF_CORE_READ(pipe, tail);
	r->addr = (__u64)pipe;
	r->inode = BPF_CORE_READ(file, f_inode, i_ino);
	r->ring_size = BPF_CORE_READ(pipe, ring_size);
	r->max_usage = BPF_CORE_READ(pipe, max_usage);
	r->used = (__u16)(BPF_CORE_READ(pipe, head) - tail);
	r->readers = BPF_CORE_READ(pipe, readers);
	r->writers = BPF_CORE_READ(pipe, writers);
	r->files = BPF_CORE_READ(pipe, files);
	r->named = BPF_CORE_READ(file, f_inode, i_sb, s_magic) != 0x50495045; /* PIPEFS_MAGIC */
	fill_slots(r, pipe, tail);
}

#endif
