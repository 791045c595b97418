/* SPDX-License-Identifier: GPL-2.0-only */
/* dnotify.bpf.h - struct dnotify_struct: who is told by signals what happens in a directory. */
#ifndef BPF_CKPT_DNOTIFY_BPF_H
#define BPF_CKPT_DNOTIFY_BPF_H

#include "compat.bpf.h"
#include "list.bpf.h"
#include "rec_watch.h"
#include "res/file.bpf.h"

#define S_IFDIR 0040000
#define DNOTIFY_STEPS (1u << 20)

/* include/uapi/linux/fcntl.h: DN_* and what they are for fsnotify, fs/notify/dnotify: convert_arg() */
#define DN_NONE 0x08000000 /* FS_EVENT_ON_CHILD: always set */
#define DN_ALL(X)                                                                                  \
	X(0x00000001, 0x00000001) /* DN_ACCESS: FS_ACCESS */                                       \
	X(0x00000002, 0x00000002) /* DN_MODIFY: FS_MODIFY */                                       \
	X(0x00000004, 0x00000180) /* DN_CREATE: FS_CREATE, FS_MOVED_TO */                          \
	X(0x00000008, 0x00000240) /* DN_DELETE: FS_DELETE, FS_MOVED_FROM */                        \
	X(0x00000010, 0x10000000) /* DN_RENAME: FS_RENAME */                                       \
	X(0x00000020, 0x00000004) /* DN_ATTRIB: FS_ATTRIB */                                       \
	X(0x80000000, 0x20000000) /* DN_MULTISHOT: FS_DN_MULTISHOT */

struct dnotify_walk {
	struct frame *f;
	struct list_out out;
	struct file *file;
	struct inode *inode;
	struct hlist_node *mark;   /* the next one */
	struct dnotify_struct *dn; /* the next one of the last mark */
};

static __always_inline __u32 dnotify_mask(__u32 mask)
{
	__u32 dn = 0, known = DN_NONE;

#define TAKE(bit, bits)                                                                            \
	if ((mask & (bits)) == (bits)) {                                                           \
		dn |= (bit);                                                                       \
		known |= (bits);                                                                   \
	}
	DN_ALL(TAKE)
#undef TAKE
	return mask == known ? dn : ~0u;
}

static __always_inline void add_dnotify(struct dnotify_walk *w, struct dnotify_struct *dn)
{
	struct rec_dnotify *r = frame_add(w->f, REC_DNOTIFY, sizeof(*r));

	if (!r)
		return;
	r->files = (__u64)BPF_CORE_READ(dn, dn_owner);
	r->file = (__u64)w->file;
	r->fd = BPF_CORE_READ(dn, dn_fd);
	r->mask = dnotify_mask(BPF_CORE_READ(dn, dn_mask));
}

/*
 * Marks on an inode are of several kinds, told apart by what lies behind them: that of dnotify leads
 * to a list of open files of this very inode.
 */
static long dnotify_step(__u64 i, void *arg)
{
	struct dnotify_walk *w = arg;
	struct dnotify_struct *dn = w->dn;
	struct hlist_node *node = w->mark;
	struct fsnotify_mark *mark;
	struct file *filp;

	if (dn) {
		filp = BPF_CORE_READ(dn, dn_filp);
		if (BPF_CORE_READ(filp, f_inode) != w->inode) {
			w->dn = NULL;
			return 0;
		}
		if (filp == w->file) {
			if (!list_room(&w->out, w->f, sizeof(struct rec_dnotify)))
				return 1;
			if (list_next(&w->out))
				add_dnotify(w, dn);
		}
		w->dn = BPF_CORE_READ(dn, dn_next);
		return 0;
	}
	if (!node)
		return 1;
	mark = (void *)node - bpf_core_field_offset(struct fsnotify_mark, obj_list);
	w->dn = BPF_CORE_READ((struct dnotify_mark *)((void *)mark - bpf_core_field_offset(struct dnotify_mark, fsn_mark)),
			      dn);
	w->mark = BPF_CORE_READ(node, next);
	return 0;
}

/* In frames of their own. 1: the ring is full, show the file again. */
static __always_inline int emit_dnotify(struct frame *f, struct file *file)
{
	struct inode *inode = file->f_inode;
	struct dnotify_walk w = { .f = f, .file = file, .inode = inode, .dn = (void *)(__u64)unknown_zero };

	w.mark = BPF_CORE_READ(inode, i_fsnotify_marks, list.first);
	if (!w.mark)
		return 0;
	list_begin(&w.out, (__u64)file);
	bpf_loop(DNOTIFY_STEPS, dnotify_step, &w, 0);
	return list_end(&w.out, f, (__u64)file);
}

#endif
