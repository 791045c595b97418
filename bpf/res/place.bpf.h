/* SPDX-License-Identifier: GPL-2.0-only */
/* place.bpf.h - through which mount somebody reached a file, and whether a directory notifies him. */
#ifndef BPF_CKPT_PLACE_BPF_H
#define BPF_CKPT_PLACE_BPF_H

#include "compat.bpf.h"
#include "rec_place.h"

#define MAX_ERRNO 4095
#define MARKS_OF_DIR 16
#define S_IFDIR 0040000

/* Mounts of the kernel's own (pipes, sockets, memory) are of no namespace: MNT_NS_INTERNAL. */
static __always_inline void emit_place(struct frame *f, struct task_struct *t, __u64 user, struct vfsmount *mnt)
{
	struct mount *m = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
	__u64 ns = (__u64)BPF_CORE_READ(m, mnt_ns);
	struct rec_place *r;

	if (!mnt || ns == (__u64)BPF_CORE_READ(t, nsproxy, mnt_ns) || ns >= (__u64)-MAX_ERRNO)
		return;
	r = frame_add(f, REC_PLACE, sizeof(*r));
	if (!r)
		return;
	r->user = user;
	r->mntns = ns;
}

/*
 * Marks on the inode are of several kinds, told apart by what lies behind them: that of dnotify leads
 * to a list in which the file is.
 */
static __always_inline void emit_dnotify(struct frame *f, struct file *file)
{
	struct hlist_node *node = BPF_CORE_READ(file, f_inode, i_fsnotify_marks, list.first);
	int i;

	for (i = 0; i < MARKS_OF_DIR && node; i++) {
		struct fsnotify_mark *mark = (void *)node - bpf_core_field_offset(struct fsnotify_mark, obj_list);
		struct dnotify_mark *d = (void *)mark - bpf_core_field_offset(struct dnotify_mark, fsn_mark);
		struct dnotify_struct *dn = BPF_CORE_READ(d, dn);
		struct rec_dnotify *r;

		node = BPF_CORE_READ(node, next);
		if ((__u64)BPF_CORE_READ(dn, dn_filp) != (__u64)file &&
		    (__u64)BPF_CORE_READ(dn, dn_next, dn_filp) != (__u64)file)
			continue;
		r = frame_add(f, REC_DNOTIFY, sizeof(*r));
		if (!r)
			return;
		r->file = (__u64)file;
		r->mask = BPF_CORE_READ(dn, dn_mask);
		return;
	}
}

#endif
