// SPDX-License-Identifier: GPL-2.0-only
/*
 * mqueue.bpf.c - iter/task_file, members only: POSIX message queues with the messages in them, without
 * receiving any. ipc/mqueue.c: a search tree of priorities, a list of messages in each.
 */
#include "compat.bpf.h"
#include "list.bpf.h"
#include "rec_ipc.h"

#define MQUEUE_MAGIC 0x19800202
#define MQUEUE_STEPS (1u << 22) /* tree nodes, messages and parts of them */

/* Queues that are told already: several descriptors lead to one. Emptied by the loader. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u8);
} told_queues SEC(".maps");

enum mqueue_step { MQ_DOWN, MQ_HERE, MQ_MESSAGE, MQ_PART, MQ_UP };

/* In a map, so that the verifier need not follow every value that its members may have. */
struct mqueue_walk {
	__u64 inode;
	struct rb_node *node;
	void *head, *at;    /* list of messages of one priority, and the message in it */
	void *segment;      /* what the rest of it begins with: struct msg_msgseg */
	__u64 data;         /* next byte */
	__u64 total, done;  /* bytes of the message */
	__u32 left;         /* in this segment */
	__u32 step;
	__u32 index, priority;
	struct list_out out;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mqueue_walk);
} mqueue_walks SEC(".maps");

static __always_inline struct mqueue_walk *mqueue_state(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&mqueue_walks, &zero);
}

/* len is at most REC_MQ_PART; what was sent before is only counted. */
static __always_inline bool add_part(struct frame *f, struct mqueue_walk *w, __u32 len)
{
	struct rec_mq_part *r;
	__u32 off;

	if (!list_room(&w->out, f, sizeof(*r) + REC_MQ_PART))
		return false;
	if (!list_next(&w->out))
		return true;
	r = frame_add(f, REC_MQ_PART_TAG, sizeof(*r));
	if (!r)
		return false;
	r->inode = w->inode;
	r->total = w->total;
	r->done = w->done;
	r->index = w->index;
	r->priority = w->priority;
	r->bytes = len;
	if (!len)
		return true;
	off = f->used & (FRAME_BYTES / 2 - 1);
	if (len > REC_MQ_PART)
		return false;
	bpf_probe_read_kernel(f->data + off, len, (void *)w->data);
	/* the bytes that round it up are the next record's or nobody's */
	bpf_probe_read_kernel(f->data + ((off + len) & (FRAME_BYTES / 2 - 1)), REC_ALIGN, NULL);
	frame_grow(f, &r->h, len);
	return true;
}

static __always_inline void begin_message(struct mqueue_walk *w)
{
	struct msg_msg *m = w->at - bpf_core_field_offset(struct msg_msg, m_list);
	__u32 room = 4096 - bpf_core_type_size(struct msg_msg); /* ipc/msgutil.c: DATALEN_MSG */

	w->segment = BPF_CORE_READ(m, next);
	w->total = BPF_CORE_READ(m, m_ts);
	w->done = 0;
	w->data = (__u64)m + bpf_core_type_size(struct msg_msg);
	w->left = w->total < room ? w->total : room;
	w->step = MQ_PART;
}

static __always_inline bool next_part(struct frame *f, struct mqueue_walk *w)
{
	__u32 len = w->left < REC_MQ_PART ? w->left : REC_MQ_PART;
	struct msg_msgseg *segment;
	__u64 rest;

	if (!add_part(f, w, len))
		return false;
	w->done += len;
	w->data += len;
	w->left -= len;
	rest = w->total - w->done;
	if (!rest || (!w->left && !w->segment)) {
		w->index++;
		w->step = MQ_MESSAGE;
	} else if (!w->left) {
		segment = w->segment;
		w->data = (__u64)segment + bpf_core_type_size(struct msg_msgseg);
		w->left = rest < 4096 - bpf_core_type_size(struct msg_msgseg) ? rest :
				4096 - bpf_core_type_size(struct msg_msgseg);
		w->segment = BPF_CORE_READ(segment, next);
	}
	return true;
}

static __always_inline void next_message(struct mqueue_walk *w)
{
	struct list_head *at = w->at;
	struct rb_node *node = w->node, *next;

	w->at = BPF_CORE_READ(at, next);
	if (w->at != w->head && w->at) {
		begin_message(w);
		return;
	}
	next = BPF_CORE_READ(node, rb_left);
	w->step = next ? MQ_DOWN : MQ_UP;
	if (next)
		w->node = next;
}

/* Highest priority first: from right to left. */
static long mqueue_step(__u64 i, void *arg)
{
	struct mqueue_walk *w = mqueue_state();
	struct posix_msg_tree_node *leaf;
	struct rb_node *node, *next;
	__u32 zero = 0;
	struct frame *f = bpf_map_lookup_elem(&scratch, &zero);

	if (!w || !f || !w->node)
		return 1;
	node = w->node;
	switch (w->step) {
	case MQ_DOWN:
		next = BPF_CORE_READ(node, rb_right);
		if (next)
			w->node = next;
		else
			w->step = MQ_HERE;
		return 0;
	case MQ_HERE:
		leaf = (void *)node - bpf_core_field_offset(struct posix_msg_tree_node, rb_node);
		w->priority = BPF_CORE_READ(leaf, priority);
		w->head = w->at = (void *)leaf + bpf_core_field_offset(struct posix_msg_tree_node, msg_list);
		w->step = MQ_MESSAGE;
		return 0;
	case MQ_MESSAGE:
		next_message(w);
		return 0;
	case MQ_PART:
		return next_part(f, w) ? 0 : 1;
	}
	next = (void *)(BPF_CORE_READ(node, __rb_parent_color) & ~3ul);
	if (next && BPF_CORE_READ(next, rb_right) == node)
		w->step = MQ_HERE;
	w->node = next;
	return 0;
}

static __always_inline int emit_messages(struct frame *f, struct mqueue_inode_info *info, __u64 inode)
{
	struct mqueue_walk *w = mqueue_state();

	if (!w)
		return 0;
	bpf_probe_read_kernel(w, sizeof(*w), NULL);
	w->inode = inode;
	w->step = MQ_DOWN;
	w->node = BPF_CORE_READ(info, msg_tree.rb_node);
	list_begin(&w->out, inode);
	bpf_loop(MQUEUE_STEPS, mqueue_step, NULL, 0);
	return list_end(&w->out, f, inode);
}

static __always_inline void emit_mqueue(struct frame *f, struct mqueue_inode_info *info, struct file *file)
{
	struct rec_mqueue *r = frame_add(f, REC_MQUEUE, sizeof(*r));
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);

	if (!r)
		return;
	r->inode = (__u64)file->f_inode;
	r->maxmsg = BPF_CORE_READ(info, attr.mq_maxmsg);
	r->msgsize = BPF_CORE_READ(info, attr.mq_msgsize);
	r->curmsgs = BPF_CORE_READ(info, attr.mq_curmsgs);
	r->uid = BPF_CORE_READ(file, f_inode, i_uid.val);
	r->gid = BPF_CORE_READ(file, f_inode, i_gid.val);
	r->mode = BPF_CORE_READ(file, f_inode, i_mode) & 07777;
	r->linked = BPF_CORE_READ(file, f_inode, i_nlink);
	r->opens = BPF_CORE_READ(dentry, d_lockref.count);
	r->owner = (__u64)BPF_CORE_READ(info, notify_owner);
	if (!r->owner)
		return;
	r->notify = BPF_CORE_READ(info, notify.sigev_notify);
	r->signo = BPF_CORE_READ(info, notify.sigev_signo);
	r->value = (__u64)BPF_CORE_READ(info, notify.sigev_value.sival_ptr);
}

SEC("iter/task_file")
int walk_mqueues(struct bpf_iter__task_file *ctx)
{
	struct task_struct *t = ctx->task;
	struct file *file = ctx->file;
	struct mqueue_inode_info *info;
	struct frame *f;
	__u8 one = 1;
	__u64 inode;

	if (!t || !file || !is_member(t))
		return 0;
	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != MQUEUE_MAGIC ||
	    (BPF_CORE_READ(file, f_inode, i_mode) & 0170000) != 0100000)
		return 0;
	inode = (__u64)file->f_inode;
	if (bpf_map_lookup_elem(&told_queues, &inode))
		return 0;
	f = frame_get();
	if (!f)
		return 0;
	info = (void *)inode - bpf_core_field_offset(struct mqueue_inode_info, vfs_inode);
	if (emit_messages(f, info, inode))
		return 1;
	emit_mqueue(f, info, file);
	if (frame_send(f))
		return 1;
	bpf_map_update_elem(&told_queues, &inode, &one, 0);
	list_done();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
