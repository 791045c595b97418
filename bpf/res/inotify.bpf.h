/* SPDX-License-Identifier: GPL-2.0-only */
/* inotify.bpf.h - struct fsnotify_group of an inotify instance and its marks. */
#ifndef BPF_CKPT_INOTIFY_BPF_H
#define BPF_CKPT_INOTIFY_BPF_H

#include "compat.bpf.h"
#include "list.bpf.h"
#include "rec_watch.h"
#include "res/file.bpf.h"
#include "res/ref.bpf.h"

#define MARKS_MAX (1u << 20)
/* include/linux/fsnotify_backend.h */
#define FSNOTIFY_MARK_FLAG_EXCL_UNLINK 0x0010
#define FSNOTIFY_MARK_FLAG_IN_ONESHOT 0x0020
/* include/uapi/linux/inotify.h */
#define IN_ALL_EVENTS 0xfff
#define IN_EXCL_UNLINK 0x04000000
#define IN_ONESHOT 0x80000000

struct mark_walk {
	struct frame *f;
	struct list_out out;
	struct file *file;
	struct list_head *head, *node;
};

static __always_inline bool is_inotify(struct file *file)
{
	char name[8] = {};

	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != ANON_INODE_FS_MAGIC)
		return false;
	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	return name[0] == 'i' && name[1] == 'n' && name[2] == 'o' && name[3] == 't' && name[4] == 'i';
}

/* A name of the inode, and those of the directories that it lies in. */
static __always_inline void fill_names(struct rec_mark *r, struct inode *inode)
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

/* obj is the inode since 6.10, before that the address of the pointer in it that leads here */
static __always_inline struct inode *mark_inode(struct fsnotify_mark *mark)
{
	struct fsnotify_mark_connector *c = BPF_CORE_READ(mark, connector);
	void *obj = BPF_CORE_READ(c, obj);
	__u64 back = 0;

	bpf_probe_read_kernel(&back, sizeof(back), obj);
	return back == (__u64)c ? obj - bpf_core_field_offset(struct inode, i_fsnotify_marks) : obj;
}

static __always_inline void add_mark(struct mark_walk *w, struct fsnotify_mark *mark)
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
	fill_names(r, inode);
}

static long mark_step(__u64 i, void *arg)
{
	struct mark_walk *w = arg;
	struct fsnotify_mark *mark;

	if (!w->node || w->node == w->head)
		return 1;
	if (!list_room(&w->out, w->f, sizeof(struct rec_mark)))
		return 1;
	mark = (void *)w->node - bpf_core_field_offset(struct fsnotify_mark, g_list);
	if (list_next(&w->out))
		add_mark(w, mark);
	w->node = BPF_CORE_READ(mark, g_list.next);
	return 0;
}

/* All marks of an instance, in frames of their own. 1: the ring is full, show the file again. */
static __always_inline int emit_marks(struct frame *f, struct file *file)
{
	struct fsnotify_group *group = BPF_CORE_READ(file, private_data);
	struct mark_walk w = { .f = f, .file = file };

	w.head = (void *)group + bpf_core_field_offset(struct fsnotify_group, marks_list);
	w.node = BPF_CORE_READ(group, marks_list.next);
	list_begin(&w.out, (__u64)file);
	bpf_loop(MARKS_MAX, mark_step, &w, 0);
	return list_end(&w.out, f, (__u64)file);
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
