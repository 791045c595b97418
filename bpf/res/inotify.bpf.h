/* SPDX-License-Identifier: GPL-2.0-only */
/* inotify.bpf.h - struct fsnotify_group of an inotify instance, and a watch. */
#ifndef BPF_CKPT_INOTIFY_BPF_H
#define BPF_CKPT_INOTIFY_BPF_H

#include "compat.bpf.h"
#include "res/mark.bpf.h"

/* include/linux/fsnotify_backend.h */
#define FSNOTIFY_MARK_FLAG_EXCL_UNLINK 0x0010
#define FSNOTIFY_MARK_FLAG_IN_ONESHOT 0x0020
/* include/uapi/linux/inotify.h */
#define IN_ALL_EVENTS 0xfff
#define IN_EXCL_UNLINK 0x04000000
#define IN_ONESHOT 0x80000000

static __always_inline bool is_inotify(struct file *file)
{
	char name[8] = {};

	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != ANON_INODE_FS_MAGIC)
		return false;
	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	return name[0] == 'i' && name[1] == 'n' && name[2] == 'o' && name[3] == 't' && name[4] == 'i';
}

static __always_inline void add_watch(struct mark_walk *w, struct fsnotify_mark *mark)
{
	struct inotify_inode_mark *im = (void *)mark - bpf_core_field_offset(struct inotify_inode_mark, fsn_mark);
	struct inode *inode = mark_inode(mark);
	__u32 flags = BPF_CORE_READ(mark, flags);
	struct rec_mark *r = frame_add(w->f, REC_MARK, sizeof(*r));

	if (!r || !inode)
		return;
	r->file = (__u64)w->file;
	r->inode = (__u64)inode;
	r->wd = BPF_CORE_READ(im, wd);
	r->mask = BPF_CORE_READ(mark, mask) & IN_ALL_EVENTS;
	if (flags & FSNOTIFY_MARK_FLAG_EXCL_UNLINK)
		r->mask |= IN_EXCL_UNLINK;
	if (flags & FSNOTIFY_MARK_FLAG_IN_ONESHOT)
		r->mask |= IN_ONESHOT;
	fill_inode(&r->id, inode);
	fill_names(&r->names, inode);
}

static __always_inline void emit_inotify(struct frame *f, struct file *file)
{
	struct fsnotify_group *group = BPF_CORE_READ(file, private_data);
	struct rec_inotify *r = frame_add(f, REC_INOTIFY, sizeof(*r));

	if (!r)
		return;
	r->file = (__u64)file;
	r->addr = (__u64)group;
	r->next_wd = BPF_CORE_READ(group, inotify_data.idr.idr_next);
	r->queued = BPF_CORE_READ(group, q_len);
	r->marks = list_cut_at;
}

#endif
