/* SPDX-License-Identifier: GPL-2.0-only */
/* lock.bpf.h - locks and leases taken through an open file. */
#ifndef BPF_CKPT_LOCK_BPF_H
#define BPF_CKPT_LOCK_BPF_H

#include "compat.bpf.h"
#include "rec_file.h"

#define LOCKS_MAX 4096 /* of one kind on one inode; a longer list is told by rec_lock.kind LOCK_MORE */

#define FL_POSIX 1
#define FL_FLOCK 2
#define FL_LEASE 32
#define FL_BREAKING (256 | 512) /* FL_DOWNGRADE_PENDING, FL_UNLOCK_PENDING */
#define FL_OFDLCK 1024

struct lock_view {
	struct list_head *next;
	struct file *file;
	void *owner;
	__u32 flags;
	__u32 type;
	__u64 start, end;
};

static __always_inline void read_lock(struct lock_view *v, struct list_head *node)
{
	struct file_lock___flat *flat = NULL;
	struct file_lock *l;

	v->next = BPF_CORE_READ(node, next);
	if (bpf_core_field_exists(flat->fl_list)) {
		flat = (void *)node - bpf_core_field_offset(struct file_lock___flat, fl_list);
		v->file = BPF_CORE_READ(flat, fl_file);
		v->owner = BPF_CORE_READ(flat, fl_owner);
		v->flags = BPF_CORE_READ(flat, fl_flags);
		v->type = BPF_CORE_READ(flat, fl_type);
		v->start = BPF_CORE_READ(flat, fl_start);
		v->end = BPF_CORE_READ(flat, fl_end);
		return;
	}
	l = (void *)node - bpf_core_field_offset(struct file_lock_core, flc_list);
	v->file = BPF_CORE_READ(l, c.flc_file);
	v->owner = BPF_CORE_READ(l, c.flc_owner);
	v->flags = BPF_CORE_READ(l, c.flc_flags);
	v->type = BPF_CORE_READ(l, c.flc_type);
	v->start = BPF_CORE_READ(l, fl_start);
	v->end = BPF_CORE_READ(l, fl_end);
}

struct lock_walk {
	struct frame *f;
	struct file *file;
	void *files;
	struct list_head *head, *node;
};

static __always_inline void emit_lock(struct lock_walk *w, const struct lock_view *v)
{
	struct rec_lock *r = frame_add(w->f, REC_LOCK, sizeof(*r));
	struct file *file = w->file; /* a name of its own: w is no struct of the kernel's */

	if (!r)
		return;
	r->file = (__u64)file;
	r->owner = (__u64)v->owner;
	if (!(v->flags & FL_LEASE)) { /* a lease is a struct file_lease since 6.9, and always of all the file */
		r->start = v->start;
		r->end = v->end;
	}
	r->type = v->type;
	r->kind = v->flags & FL_OFDLCK	? LOCK_OFD
		  : v->flags & FL_POSIX ? LOCK_POSIX
		  : v->flags & FL_FLOCK ? LOCK_FLOCK
		  : v->flags & FL_BREAKING ? LOCK_BREAKING
					: LOCK_LEASE;
	r->inode = (__u64)BPF_CORE_READ(file, f_inode);
}

/* A POSIX lock belongs to the descriptor table of whoever set it, the others to the open file. */
static long lock_step(__u64 i, void *arg)
{
	struct lock_walk *w = arg;
	struct lock_view v = {};

	if (!w->node || w->node == w->head || w->f->used > REC_FRAME_MAX - sizeof(struct rec_file) -
								   REC_PATH_MAX - sizeof(struct rec_lock))
		return 1;
	read_lock(&v, w->node);
	w->node = v.next;
	if (v.file == w->file &&
	    (!(v.flags & FL_POSIX) || v.flags & FL_OFDLCK || v.owner == w->files))
		emit_lock(w, &v);
	return 0;
}

static __always_inline void emit_lock_list(struct frame *f, struct file *file, void *files,
					   struct list_head *head)
{
	struct lock_walk w = { f, file, files, head, BPF_CORE_READ(head, next) };
	struct rec_lock *r;

	bpf_loop(LOCKS_MAX, lock_step, &w, 0);
	if (!w.node || w.node == head)
		return;
	r = frame_add(f, REC_LOCK, sizeof(*r));
	if (!r)
		return;
	r->file = (__u64)file;
	r->kind = LOCK_MORE;
}

static __always_inline void emit_locks(struct frame *f, struct file *file, void *files)
{
	struct file_lock_context *ctx = BPF_CORE_READ(file, f_inode, i_flctx);

	if (!ctx)
		return;
	emit_lock_list(f, file, files, &ctx->flc_flock);
	emit_lock_list(f, file, files, &ctx->flc_posix);
	emit_lock_list(f, file, files, &ctx->flc_lease);
}

#endif
