/* SPDX-License-Identifier: GPL-2.0-only */
/* epoll.bpf.h - struct eventpoll and its items, a red-black tree. */
#ifndef BPF_CKPT_EPOLL_BPF_H
#define BPF_CKPT_EPOLL_BPF_H

#include "compat.bpf.h"
#include "list.bpf.h"
#include "rec_file.h"
#include "rec_place.h"

#define ITEM_STEPS (1u << 22) /* pointers followed: some three an item */

enum item_step { STEP_DOWN, STEP_HERE, STEP_UP };

struct item_walk {
	struct frame *f;
	struct list_out out;
	struct file *file;
	struct rb_node *node;
	__u32 step;
};

static __always_inline void add_item(struct item_walk *w, struct rb_node *node)
{
	struct epitem *item = (void *)node - bpf_core_field_offset(struct epitem, rbn);
	struct rec_epoll_item *r = frame_add(w->f, REC_EPOLL_ITEM, sizeof(*r));

	if (!r)
		return;
	r->epoll = (__u64)w->file;
	r->file = (__u64)BPF_CORE_READ(item, ffd.file);
	r->fd = BPF_CORE_READ(item, ffd.fd);
	r->events = BPF_CORE_READ(item, event.events);
	r->data = BPF_CORE_READ(item, event.data);
}

/* One pointer further through the tree, in order. */
static long item_step(__u64 i, void *arg)
{
	struct item_walk *w = arg;
	struct rb_node *node = w->node, *next;

	if (!node)
		return 1;
	if (w->step == STEP_DOWN) {
		next = BPF_CORE_READ(node, rb_left);
		if (next)
			w->node = next;
		else
			w->step = STEP_HERE;
		return 0;
	}
	if (w->step == STEP_HERE) {
		if (!list_room(&w->out, w->f, sizeof(struct rec_epoll_item)))
			return 1;
		if (list_next(&w->out))
			add_item(w, node);
		next = BPF_CORE_READ(node, rb_right);
		w->step = next ? STEP_DOWN : STEP_UP;
		if (next)
			w->node = next;
		return 0;
	}
	next = (void *)(BPF_CORE_READ(node, __rb_parent_color) & ~3ul);
	if (next && BPF_CORE_READ(next, rb_left) == node)
		w->step = STEP_HERE;
	w->node = next;
	return 0;
}

/* All items of an instance, in frames of their own. 1: the ring is full, show the file again. */
static __always_inline int emit_epoll_items(struct frame *f, struct file *file)
{
	struct eventpoll *ep = BPF_CORE_READ(file, private_data);
	struct item_walk w = { .f = f, .file = file, .step = STEP_DOWN + unknown_zero };

	w.node = BPF_CORE_READ(ep, rbr.rb_root.rb_node);
	list_begin(&w.out, (__u64)file);
	bpf_loop(ITEM_STEPS, item_step, &w, 0);
	return list_end(&w.out, f, (__u64)file);
}

/* Since 6.9; on kernels without busy polling there are none. */
static __always_inline void emit_epoll_params(struct frame *f, struct file *file)
{
	struct eventpoll *ep = BPF_CORE_READ(file, private_data);
	struct rec_epoll_params *r;

	if (!bpf_core_field_exists(ep->busy_poll_usecs) ||
	    !(BPF_CORE_READ(ep, busy_poll_usecs) | BPF_CORE_READ(ep, busy_poll_budget) |
	      BPF_CORE_READ(ep, prefer_busy_poll)))
		return;
	r = frame_add(f, REC_EPOLL_PARAMS, sizeof(*r));
	if (!r)
		return;
	r->file = (__u64)file;
	r->usecs = BPF_CORE_READ(ep, busy_poll_usecs);
	r->budget = BPF_CORE_READ(ep, busy_poll_budget);
	r->prefer = BPF_CORE_READ(ep, prefer_busy_poll);
}

static __always_inline void emit_epoll(struct frame *f, struct file *file)
{
	struct rec_epoll *r = frame_add(f, REC_EPOLL, sizeof(*r));

	if (!r)
		return;
	r->file = (__u64)file;
	r->addr = (__u64)BPF_CORE_READ(file, private_data);
	emit_epoll_params(f, file);
}

#endif
