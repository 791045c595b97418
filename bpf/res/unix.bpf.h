/* SPDX-License-Identifier: GPL-2.0-only */
/* unix.bpf.h - struct unix_sock, and what waits in its receive queue. */
#ifndef BPF_CKPT_UNIX_BPF_H
#define BPF_CKPT_UNIX_BPF_H

#include "list.bpf.h"
#include "pid.bpf.h"
#include "sock.bpf.h"

#define TCP_LISTEN 10
#define UNIX_HASH_MOD 255 /* net/unix/af_unix.c */
#define UNIX_STEPS (1u << 20)

/* The level-0 number of a pid object, which a socket keeps beyond the end of the task. */
static __always_inline __u32 pid_number(struct pid *pid)
{
	return pid ? BPF_CORE_READ(pid_upid(pid, 0), nr) : 0;
}

static __always_inline void fill_peercred(struct rec_unix *r, struct sock *sk)
{
	const struct cred *c = BPF_CORE_READ(sk, sk_peer_cred);
	struct pid *pid = BPF_CORE_READ(sk, sk_peer_pid);
	struct group_info *g;
	__u32 n;

	if (!c || !pid)
		return;
	r->cred_pid = (__u64)pid;
	r->cred_nr = pid_number(pid);
	r->cred_uid = BPF_CORE_READ(c, euid.val);
	r->cred_gid = BPF_CORE_READ(c, egid.val);
	g = BPF_CORE_READ(c, group_info);
	n = BPF_CORE_READ(g, ngroups);
	r->cred_ngroups = n;
	if (n > UNIX_GROUPS_MAX)
		n = UNIX_GROUPS_MAX;
	if (n)
		bpf_probe_read_kernel(r->cred_groups, n * sizeof(__u32),
				      (char *)g + bpf_core_field_offset(struct group_info, gid));
}

static __always_inline struct sk_buff *oob_of(struct unix_sock *u)
{
	return bpf_core_field_exists(u->oob_skb) ? BPF_CORE_READ(u, oob_skb) : NULL;
}

/*
 * net/unix/af_unix.c: who is bound to a file is in a table by its inode, until it is closed; abstract
 * names have the upper half of another one.
 */
static __always_inline bool unix_bound(struct sock *sk, bool path)
{
	if (path)
		return BPF_CORE_READ(sk, __sk_common.skc_bind_node.pprev) != NULL;
	return BPF_CORE_READ(sk, __sk_common.skc_hash) > UNIX_HASH_MOD;
}

/* Hard links of the file that it is bound to: a name that is there is one, one that was unlinked is none. */
static __always_inline bool has_other_names(struct unix_sock *u)
{
	struct dentry *d = BPF_CORE_READ(u, path.dentry);

	return d && BPF_CORE_READ(d, d_inode, i_nlink) > (BPF_CORE_READ(d, d_hash.pprev) != NULL);
}

static __always_inline void emit_unix(struct frame *f, struct sock *sk)
{
	struct unix_sock *u = (struct unix_sock *)sk;
	struct rec_unix *r;
	struct unix_address *a;
	__u32 len;

	emit_sock(f, sk);
	r = frame_add(f, REC_UNIX, sizeof(*r));
	if (!r)
		return;
	r->sock = (__u64)sk;
	r->peer = (__u64)BPF_CORE_READ(u, peer);
	r->oob = oob_of(u) != NULL;
	fill_peercred(r, sk);
	a = BPF_CORE_READ(u, addr);
	if (!a)
		return;
	r->address = (__u64)a;
	len = BPF_CORE_READ(a, len) - sizeof(__u16);
	r->name_len = len;
	if (len <= UNIX_NAME_MAX)
		bpf_probe_read_kernel(r->name, len,
				      (char *)a + bpf_core_field_offset(struct unix_address, name) +
				      sizeof(__u16));
	r->bound = unix_bound(sk, r->name[0]);
	r->other_names = r->bound && has_other_names(u);
}

/* Whom it is connected with: closed since, of the tree or not, that is for the loader to tell. */
static __always_inline void emit_unix_peer(struct frame *f, struct sock *sk)
{
	struct sock *peer = BPF_CORE_READ((struct unix_sock *)sk, peer);

	if (peer && peer != sk)
		emit_unix(f, peer);
}

/*
 * A queue goes out as a list of parts of its sk_buffs: each itself, its files, and its bytes when it is
 * of a connection that nobody has accepted.
 */
struct unix_walk {
	struct frame *f;
	struct list_out out;
	struct sock *sk;
	struct sk_buff *skb, *head;
	struct sk_buff *outer; /* behind the connection whose queue is walked, in that of the listener */
	struct sock *listener;
	__u32 index, outer_index;
	__u32 part; /* of skb */
	__u32 listens;
};

static __always_inline struct sk_buff *queue_of(struct sock *sk)
{
	return (void *)sk + bpf_core_field_offset(struct sock, sk_receive_queue);
}

static __always_inline struct sk_buff *queue_first(struct sk_buff *head)
{
	return BPF_CORE_READ(head, next);
}

/* Is this part one to be emitted? Makes room for it. */
static __always_inline bool unix_part(struct unix_walk *w)
{
	return list_room(&w->out, w->f, 1536) && list_next(&w->out);
}

static __always_inline struct unix_skb_parms *skb_parms(struct sk_buff *skb)
{
	return (void *)skb + bpf_core_field_offset(struct sk_buff, cb);
}

static __always_inline void add_skb(struct unix_walk *w, struct sk_buff *skb)
{
	struct rec_unix_skb *r = frame_add(w->f, REC_UNIX_SKB, sizeof(*r));
	struct unix_skb_parms *cb = skb_parms(skb);
	struct scm_fp_list *fp = BPF_CORE_READ(cb, fp);
	struct sock *sender = BPF_CORE_READ(skb, sk);
	struct pid *pid = BPF_CORE_READ(cb, pid);

	if (!r)
		return;
	r->sock = (__u64)w->sk;
	r->sender = (__u64)sender;
	r->pid = (__u64)pid;
	r->pid_nr = pid_number(pid);
	r->uid = BPF_CORE_READ(cb, uid.val);
	r->gid = BPF_CORE_READ(cb, gid.val);
	r->index = w->index;
	r->bytes = BPF_CORE_READ(skb, len) - BPF_CORE_READ(cb, consumed);
	if (fp)
		r->files = BPF_CORE_READ(fp, count);
	if (BPF_CORE_READ(skb, data_len))
		r->flags |= SKB_F_PAGED;
	if (oob_of((struct unix_sock *)w->sk) == skb)
		r->flags |= SKB_F_OOB;
	if (BPF_CORE_READ(skb, tstamp))
		r->flags |= SKB_F_STAMPED;
	if (!sender || !BPF_CORE_READ((struct unix_sock *)sender, addr))
		return;
	r->flags |= SKB_F_NAMED;
	emit_unix(w->f, sender);
}

static __always_inline void add_rights(struct unix_walk *w, struct sk_buff *skb, __u32 first, __u32 total)
{
	struct rec_unix_rights *r = frame_add(w->f, REC_UNIX_RIGHTS, sizeof(*r));
	struct scm_fp_list *fp = BPF_CORE_READ(skb_parms(skb), fp);
	__u32 nr = total - first;

	if (!r)
		return;
	if (nr > UNIX_RIGHTS_MAX)
		nr = UNIX_RIGHTS_MAX;
	r->sock = (__u64)w->sk;
	r->index = w->index;
	r->first = first;
	r->nr = nr;
	bpf_probe_read_kernel(r->file, nr * sizeof(__u64),
			      (char *)fp + bpf_core_field_offset(struct scm_fp_list, fp) +
			      first * sizeof(__u64));
}

static __always_inline void add_bytes(struct unix_walk *w, struct sk_buff *skb, __u32 off, __u32 left)
{
	struct rec_unix_bytes *r = frame_add(w->f, REC_UNIX_BYTES, sizeof(*r));
	__u32 skip = BPF_CORE_READ(skb_parms(skb), consumed) + off;

	if (!r)
		return;
	if (left > UNIX_BYTES_MAX)
		left = UNIX_BYTES_MAX;
	r->sock = (__u64)w->sk;
	r->index = w->index;
	r->offset = off;
	r->bytes = left;
	bpf_probe_read_kernel(r->data, left, BPF_CORE_READ(skb, data) + skip);
}

/* One part of the sk_buff; then, or when it has no more, the next one is on. */
static __always_inline void unix_skb_step(struct unix_walk *w, struct sk_buff *skb)
{
	struct scm_fp_list *fp = BPF_CORE_READ(skb_parms(skb), fp);
	__u32 files = fp ? (__u32)BPF_CORE_READ(fp, count) & 0xff : 0; /* SCM_MAX_FD is 253 */
	__u32 bytes = BPF_CORE_READ(skb, len) - BPF_CORE_READ(skb_parms(skb), consumed);
	__u32 groups = (files + UNIX_RIGHTS_MAX - 1) / UNIX_RIGHTS_MAX;
	__u32 part = w->part, chunk = part - 1 - groups;

	if (!part) {
		if (unix_part(w))
			add_skb(w, skb);
	} else if (part <= groups) {
		if (unix_part(w))
			add_rights(w, skb, (part - 1) * UNIX_RIGHTS_MAX, files);
	} else if (w->listener && !BPF_CORE_READ(skb, data_len) && chunk < bytes / UNIX_BYTES_MAX + 1 &&
		   chunk * UNIX_BYTES_MAX < bytes) {
		if (unix_part(w))
			add_bytes(w, skb, chunk * UNIX_BYTES_MAX, bytes - chunk * UNIX_BYTES_MAX);
	} else {
		w->part = 0;
		w->index++;
		w->skb = BPF_CORE_READ(skb, next);
		return;
	}
	w->part++;
}

/* A connection in a backlog: itself and its client, then its queue. */
static __always_inline void unix_pending_step(struct unix_walk *w, struct sk_buff *skb)
{
	struct sock *child = BPF_CORE_READ(skb, sk);
	struct rec_unix_pending *r;

	if (unix_part(w)) {
		r = frame_add(w->f, REC_UNIX_PENDING, sizeof(*r));
		if (r) {
			r->listener = (__u64)w->sk;
			r->sock = (__u64)child;
			r->index = w->index;
		}
		emit_unix(w->f, child);
		emit_unix_peer(w->f, child);
	}
	w->outer = BPF_CORE_READ(skb, next);
	w->outer_index = w->index + 1;
	w->listener = w->sk;
	w->sk = child;
	w->head = queue_of(child);
	w->skb = queue_first(w->head);
	w->index = 0;
}

static long unix_step(__u64 i, void *arg)
{
	struct unix_walk *w = arg;
	struct sk_buff *skb = w->skb;

	if (w->out.failed || !skb)
		return 1;
	if (skb == w->head) {
		if (!w->listener)
			return 1;
		w->sk = w->listener;
		w->head = queue_of(w->sk);
		w->skb = w->outer;
		w->index = w->outer_index;
		w->listener = NULL;
		return 0;
	}
	if (!w->listener && w->listens)
		unix_pending_step(w, skb);
	else
		unix_skb_step(w, skb);
	return 0;
}

/* All that waits in the socket behind file, in frames of its own. 1: the ring is full, show it again. */
static __always_inline int emit_unix_queue(struct frame *f, struct file *file, struct sock *sk)
{
	__u64 zero = unknown_zero;
	struct unix_walk w = { .f = f, .sk = sk, .outer = (void *)zero, .listener = (void *)zero, .index = zero,
			       .outer_index = zero, .part = zero };

	w.listens = BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN;
	w.head = queue_of(sk);
	w.skb = queue_first(w.head);
	if (w.skb == w.head)
		return 0;
	list_begin(&w.out, (__u64)file);
	bpf_loop(UNIX_STEPS, unix_step, &w, 0);
	return list_end(&w.out, f, (__u64)file);
}

#endif
