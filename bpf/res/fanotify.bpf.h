/* SPDX-License-Identifier: GPL-2.0-only */
/* fanotify.bpf.h - struct fsnotify_group of fanotify, a mark, and who waits for an answer. */
#ifndef BPF_CKPT_FANOTIFY_BPF_H
#define BPF_CKPT_FANOTIFY_BPF_H

#include "res/mark.bpf.h"

/* include/linux/fsnotify_backend.h */
#define FSNOTIFY_MARK_FLAG_IGNORED_SURV_MODIFY 0x0100
#define FSNOTIFY_MARK_FLAG_NO_IREF 0x0200
#define FSNOTIFY_MARK_FLAG_HAS_IGNORE_FLAGS 0x0400
#define FSNOTIFY_OBJ_TYPE_INODE 0
#define FSNOTIFY_OBJ_TYPE_VFSMOUNT 1
#define FSNOTIFY_OBJ_TYPE_SB 2
/* include/uapi/linux/fanotify.h */
#define FAN_PERM_EVENTS 0x170000 /* FAN_OPEN_PERM, ACCESS_PERM, OPEN_EXEC_PERM, PRE_ACCESS */
#define FAN_CLASS_BITS 0xc
#define FAN_EVENT_ON_CHILD 0x08000000
#define FAN_MARK_IGNORED_SURV_MODIFY 0x40
#define FAN_MARK_EVICTABLE 0x200
#define FAN_MARK_IGNORE 0x400
#define FAN_EVENTS_MAX (1u << 20)

/* s_fsnotify_marks: until 6.10, when s_fsnotify_info came */
struct super_block___610 {
	struct fsnotify_mark_connector *s_fsnotify_marks;
} __attribute__((preserve_access_index));

static __always_inline bool is_fanotify(struct file *file)
{
	char name[8] = {};

	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != ANON_INODE_FS_MAGIC)
		return false;
	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	return name[0] == '[' && name[1] == 'f' && name[2] == 'a' && name[3] == 'n' && name[4] == 'o';
}

static __always_inline struct vfsmount *mark_mount(struct fsnotify_mark *mark)
{
	return mark_object(mark, bpf_core_field_offset(struct mount, mnt_fsnotify_marks) -
				 bpf_core_field_offset(struct mount, mnt));
}

static __always_inline struct super_block *mark_sb(struct fsnotify_mark *mark)
{
	struct super_block___610 *old = NULL;

	return mark_object(mark, bpf_core_field_exists(old->s_fsnotify_marks) ?
				 bpf_core_field_offset(struct super_block___610, s_fsnotify_marks) : 0);
}

/* The inode that is marked, or the top of what is. */
static __always_inline struct inode *fan_inode(struct rec_fan_seen *r, struct fsnotify_mark *mark)
{
	struct vfsmount *mnt;

	switch (BPF_CORE_READ(mark, connector, type)) {
	case FSNOTIFY_OBJ_TYPE_INODE:
		r->type = FAN_ON_INODE;
		return mark_inode(mark);
	case FSNOTIFY_OBJ_TYPE_VFSMOUNT:
		mnt = mark_mount(mark);
		r->type = FAN_ON_MOUNT;
		r->mount = BPF_CORE_READ((struct mount *)((void *)mnt - bpf_core_field_offset(struct mount, mnt)),
					 mnt_id);
		return BPF_CORE_READ(mnt, mnt_root, d_inode);
	case FSNOTIFY_OBJ_TYPE_SB:
		r->type = FAN_ON_FS;
		return BPF_CORE_READ(mark_sb(mark), s_root, d_inode);
	default:
		r->type = FAN_ON_OTHER;
		return NULL;
	}
}

static __always_inline __u32 fan_flags(struct fsnotify_mark *mark)
{
	__u32 flags = BPF_CORE_READ(mark, flags);

	return (flags & FSNOTIFY_MARK_FLAG_IGNORED_SURV_MODIFY ? FAN_MARK_IGNORED_SURV_MODIFY : 0) |
	       (flags & FSNOTIFY_MARK_FLAG_NO_IREF ? FAN_MARK_EVICTABLE : 0) |
	       (flags & FSNOTIFY_MARK_FLAG_HAS_IGNORE_FLAGS ? FAN_MARK_IGNORE : 0);
}

static __always_inline void add_fan_mark(struct mark_walk *w, struct fsnotify_mark *mark)
{
	struct rec_fan_seen *r = frame_add(w->f, REC_FAN_SEEN, sizeof(*r));
	struct inode *inode;

	if (!r)
		return;
	r->file = (__u64)w->file;
	r->index = w->out.seen;
	r->flags = fan_flags(mark);
	r->mask = BPF_CORE_READ(mark, mask);
	r->ignored = BPF_CORE_READ(mark, ignore_mask);
	inode = fan_inode(r, mark);
	if (!inode)
		return;
	r->inode = (__u64)inode;
	fill_inode(&r->id, inode);
	/* what has no entries: the kernel sets it by itself where the group is told of directories */
	if (r->type != FAN_ON_INODE || (r->id.mode & S_IFMT) != S_IFDIR)
		r->mask &= ~FAN_EVENT_ON_CHILD;
	if (r->type != FAN_ON_INODE)
		return;
	r->writers = BPF_CORE_READ(inode, i_writecount.counter) > 0;
	fill_names(&r->names, inode);
}

struct fan_queue {
	struct list_head *head, *node;
	__u32 waiting, pad;
};

static long fan_event_step(__u64 i, void *arg)
{
	struct fan_queue *q = arg;
	struct list_head *node = q->node;
	struct fanotify_event *event = (void *)node; /* its list comes first in struct fsnotify_event */

	if (!node || node == q->head)
		return 1;
	if (BPF_CORE_READ(event, mask) & FAN_PERM_EVENTS)
		q->waiting++;
	q->node = BPF_CORE_READ(node, next);
	return 0;
}

static __always_inline __u32 fan_waiting(struct list_head *head)
{
	struct fan_queue q = { .head = head, .node = BPF_CORE_READ(head, next), .waiting = unknown_zero };

	bpf_loop(FAN_EVENTS_MAX, fan_event_step, &q, 0);
	return q.waiting;
}

/* In a frame of its own, so that the verifier need not look at all that follows once more. 1: the ring is full. */
static __always_inline int emit_fanotify(struct frame *f, struct file *file)
{
	struct fsnotify_group *group = BPF_CORE_READ(file, private_data);
	struct rec_fanotify *r = frame_add(f, REC_FANOTIFY, sizeof(*r));
	int full;

	if (!r)
		return 0;
	r->file = (__u64)file;
	r->addr = (__u64)group;
	r->flags = BPF_CORE_READ(group, fanotify_data.flags);
	r->event_flags = BPF_CORE_READ(group, fanotify_data.f_flags);
	r->queued = BPF_CORE_READ(group, q_len);
	r->marks = list_cut_at;
	r->max_queued = BPF_CORE_READ(group, max_events);
	r->uid = BPF_CORE_READ(group, fanotify_data.ucounts, uid.val);
	r->userns_level = BPF_CORE_READ(group, fanotify_data.ucounts, ns, level);
	/* asked for by those that were not read, and by those that were */
	if (r->flags & FAN_CLASS_BITS)
		r->waiting = fan_waiting((void *)group + bpf_core_field_offset(struct fsnotify_group, notification_list)) +
			     fan_waiting((void *)group +
					 bpf_core_field_offset(struct fsnotify_group, fanotify_data.access_list));
	full = frame_send(f);
	f->used = 0;
	return full;
}

#endif
