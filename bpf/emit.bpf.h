/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * emit.bpf.h - the only way a record leaves the kernel.
 *
 * One iterator object (a task, an area, a descriptor) makes one frame of records, built in per-CPU
 * scratch memory and sent as one ring-buffer sample: all of it or nothing. When the ring is full the
 * program returns 1; read() on the iterator then says EAGAIN, the loader drains the ring and reads
 * on, and the kernel shows the same object again (kernel/bpf/bpf_iter.c: bpf_seq_read). So nothing is
 * ever lost, and a program must not do anything that cannot be done twice before frame_send().
 */
#ifndef BPF_CKPT_EMIT_BPF_H
#define BPF_CKPT_EMIT_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "record.h"

#define FRAME_BYTES 8192 /* REC_FRAME_MAX, and room for the verifier to see that no write can pass it */

struct frame {
	__u32 used;
	__u32 pad;
	char data[FRAME_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct frame);
} scratch __weak SEC(".maps");

/* level-0 tgids of the tasks whose details are wanted */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u8);
} members __weak SEC(".maps");

static __always_inline bool is_member(struct task_struct *task)
{
	__u32 tgid = task->tgid;

	return bpf_map_lookup_elem(&members, &tgid);
}

static __always_inline struct frame *frame_get(void)
{
	__u32 zero = 0;
	struct frame *f = bpf_map_lookup_elem(&scratch, &zero);

	if (f)
		f->used = 0;
	return f;
}

/*
 * Says in a way that no compiler drops what a comparison has just said, mask being one less than a
 * power of two: verifiers before 6.12 forget the bounds of a value that was spilled before it was
 * compared.
 */
static __always_inline __u32 bounded(__u32 value, __u32 mask)
{
	barrier_var(value);
	return value & mask;
}

/*
 * Zero, which no verifier can tell. Before 6.7 the callback of bpf_loop() is verified once, for the first
 * turn, and whatever that one would not do is cut off: what its context begins with must not be known.
 */
static volatile __u32 unknown_zero;

/* Room for a record of size bytes (a constant); its header is filled in. NULL when the frame is full. */
static __always_inline void *frame_add(struct frame *f, __u32 tag, __u32 size)
{
	__u32 off = f->used;
	struct rec_hdr *h;

	if (off > REC_FRAME_MAX - size || size > REC_FRAME_MAX)
		return NULL;
	off = bounded(off, FRAME_BYTES / 2 - 1);
	h = (void *)(f->data + off);
	bpf_probe_read_kernel(h, size, NULL); /* zero-fills; memset() of this size does not compile */
	h->tag = tag;
	h->len = size;
	f->used = off + size;
	return h;
}

/* The record of that length was just added: let tail bytes follow it, rounded up to REC_ALIGN. */
static __always_inline void frame_grow(struct frame *f, struct rec_hdr *h, __u32 tail)
{
	tail = (tail + REC_ALIGN - 1) & ~(REC_ALIGN - 1);
	h->len += tail;
	f->used += tail;
}

/*
 * Append the path of p as the tail of the record h that was added last. Returns its bytes, NUL
 * included; 0 when the kernel cannot tell or it does not fit: the loader then asks /proc.
 */
static __always_inline __u32 frame_path(struct frame *f, struct rec_hdr *h, struct path *p)
{
	__u32 off = f->used;
	long n;

	if (off > REC_FRAME_MAX - REC_PATH_MAX)
		return 0;
	off = bounded(off, FRAME_BYTES / 2 - 1);
	n = bpf_d_path(p, f->data + off, REC_PATH_MAX);
	if (n <= 0 || n > REC_PATH_MAX)
		return 0;
	/* the bytes that round it up are the next record's or nobody's: keep them zero in the image */
	bpf_probe_read_kernel(f->data + ((off + n) & (FRAME_BYTES / 2 - 1)), REC_ALIGN, NULL);
	frame_grow(f, h, n);
	return n;
}

/* Send the frame. The value is the iterator program's return value: 1 asks to be shown it again. */
static __always_inline int frame_send(struct frame *f)
{
	__u32 used = f->used;

	if (!used)
		return 0;
	if (used > FRAME_BYTES / 2)
		used = FRAME_BYTES / 2;
	return bpf_ringbuf_output(&ring, f->data, used, 0) ? 1 : 0;
}

#endif
