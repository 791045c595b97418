/* SPDX-License-Identifier: GPL-2.0-only */
/* pipe.bpf.h - struct pipe_inode_info, of pipes and named fifos. */
#ifndef BPF_CKPT_PIPE_BPF_H
#define BPF_CKPT_PIPE_BPF_H

#include "compat.bpf.h"
#include "rec_file.h"

#define PIPE_BUF_FLAG_PACKET 0x08 /* include/linux/pipe_fs_i.h */
#define PIPE_SLOTS_MAX 256        /* 1 MiB, the default pipe-max-size; larger ones are counted by bytes */

static __always_inline void fill_slots(struct rec_pipe *r, struct pipe_inode_info *pipe, __u32 tail)
{
	struct pipe_buffer *bufs = BPF_CORE_READ(pipe, bufs), *b;
	__u32 i, mask = r->ring_size - 1;

	for (i = 0; i < PIPE_SLOTS_MAX; i++) {
		if (i >= r->used)
			break;
		b = (void *)bufs + ((tail + i) & mask) * bpf_core_type_size(struct pipe_buffer);
		r->bytes += BPF_CORE_READ(b, len);
		if (BPF_CORE_READ(b, flags) & PIPE_BUF_FLAG_PACKET)
			r->packets++;
	}
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
