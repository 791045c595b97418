/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * list.bpf.h - a list of an object that may be longer than a frame: the items of an epoll instance, the
 * messages of a queue.
 *
 * It goes out in frames of its own before the object's. Where the ring was full, the next try goes on
 * from there, so that the smallest ring gets through. Members are counted in the order in which the
 * list is walked; what is told twice is dropped by the loader.
 */
#ifndef BPF_CKPT_LIST_BPF_H
#define BPF_CKPT_LIST_BPF_H

#include "emit.bpf.h"

struct list_out {
	__u32 seen, sent; /* members met; members that are out */
	__u32 failed, pad;
};

/* The object whose list was cut off, and its members that are out already. */
static volatile __u64 list_cut;
static volatile __u32 list_cut_at;

/* What it begins with is nothing that a verifier knows: see unknown_zero. */
static __always_inline void list_begin(struct list_out *l, __u64 object)
{
	l->seen = l->sent = l->failed = unknown_zero;
	if (list_cut == object)
		l->sent = list_cut_at;
}

static __always_inline bool list_send(struct list_out *l, struct frame *f)
{
	if (frame_send(f)) {
		l->failed = 1;
		return false;
	}
	f->used = 0;
	l->sent = l->seen;
	return true;
}

/* Room for a record of that size in the frame; false: the ring is full, and the walk is over. */
static __always_inline bool list_room(struct list_out *l, struct frame *f, __u32 size)
{
	return f->used <= REC_FRAME_MAX - size || list_send(l, f);
}

/* The next member, for which there is room: is it to be told? It may be out already. */
static __always_inline bool list_next(struct list_out *l)
{
	return l->seen++ >= l->sent;
}

/* Sends what is left. 1: the ring is full, show the object again. */
static __always_inline int list_end(struct list_out *l, struct frame *f, __u64 object)
{
	if (!l->failed && f->used)
		list_send(l, f);
	f->used = 0;
	list_cut = object;
	list_cut_at = l->sent;
	return l->failed;
}

/* The object itself is out: another one may get its address. */
static __always_inline void list_done(void)
{
	list_cut = 0;
}

#endif
