/* SPDX-License-Identifier: GPL-2.0-only */
/* mark.bpf.h - marks of fsnotify: what inotify, fanotify and dnotify have in common. */
#ifndef BPF_CKPT_MARK_BPF_H
#define BPF_CKPT_MARK_BPF_H

#include "compat.bpf.h"
#include "list.bpf.h"
#include "rec_watch.h"
#include "res/file.bpf.h"
#include "res/ref.bpf.h"

struct mark_walk {
	struct frame *f;
	struct list_out out;
	struct file *file;
	struct list_head *head, *node;
	__u32 fanotify, pad;
};

/* A name of the inode, and those of the directories that it lies in. */
static __always_inline void fill_names(struct rec_names *r, struct inode *inode)
{
	struct hlist_node *alias = BPF_CORE_READ(inode, i_dentry.first);
	struct dentry *d, *up;
	int i;

	if (!alias)
		return;
	d = (void *)alias - bpf_core_field_offset(struct dentry, d_u.d_alias);
	for (i = 0; i < MARK_DEPTH; i++) {
		up = BPF_CORE_READ(d, d_parent);
		if (up == d)
			return;
		if (BPF_CORE_READ(d, d_name.len) >= MARK_NAME)
			r->cut = 1;
		bpf_probe_read_kernel_str(r->name[i], MARK_NAME, BPF_CORE_READ(d, d_name.name));
		r->depth = i + 1;
		d = up;
	}
	r->cut = 1;
}

/*
 * What is marked. obj is the object since 6.10, before that the address of the pointer in it that leads
 * here: off bytes into it.
 */
static __always_inline void *mark_object(struct fsnotify_mark *mark, __u32 off)
{
	struct fsnotify_mark_connector *c = BPF_CORE_READ(mark, connector);
	void *obj = BPF_CORE_READ(c, obj);
	__u64 back = 0;

	bpf_probe_read_kernel(&back, sizeof(back), obj);
	return back == (__u64)c ? obj - off : obj;
}

static __always_inline struct inode *mark_inode(struct fsnotify_mark *mark)
{
	return mark_object(mark, bpf_core_field_offset(struct inode, i_fsnotify_marks));
}

#endif
