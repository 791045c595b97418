/* SPDX-License-Identifier: GPL-2.0-only */
/* sock.bpf.h - struct socket and struct sock of any family. */
#ifndef BPF_CKPT_SOCK_BPF_H
#define BPF_CKPT_SOCK_BPF_H

#include "compat.bpf.h"
#include "rec_sock.h"
#include "res/sockopt.bpf.h"

#define SOCKFS_MAGIC 0x534f434b
#define AF_UNIX 1
#define SOCK_RAW 3

/* file->private_data -> struct socket -> struct sock; NULL for what is no socket */
static __always_inline struct sock *file_sock(struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);

	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != SOCKFS_MAGIC || !socket)
		return NULL;
	return BPF_CORE_READ(socket, sk);
}

static __always_inline struct sock *emit_socket(struct frame *f, struct file *file)
{
	struct sock *sk = file_sock(file);
	struct rec_socket *r = sk ? frame_add(f, REC_SOCKET, sizeof(*r)) : NULL;

	if (!r)
		return NULL;
	r->file = (__u64)file;
	r->sock = (__u64)sk;
	r->uid = BPF_CORE_READ(file, f_inode, i_uid.val);
	r->gid = BPF_CORE_READ(file, f_inode, i_gid.val);
	return (struct sock *)r->sock;
}

/* include/net/sock.h: SOCK_DEAD is the first of enum sock_flags */
static __always_inline bool sock_dead(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_flags) & 1;
}

struct sock___xfrm {
	void *sk_policy[2];
} __attribute__((preserve_access_index));

static __always_inline bool sock_has_policies(struct sock *sk)
{
	struct sock___xfrm *x = (void *)sk;

	return bpf_core_field_exists(x->sk_policy) &&
	       (BPF_CORE_READ(x, sk_policy[0]) || BPF_CORE_READ(x, sk_policy[1]));
}

#define ALERTS_MAX 1024 /* raw sockets of a namespace that want router alerts: a daemon or two */

struct alert_walk {
	struct ip_ra_chain *at;
	struct sock *sk;
	__u32 found;
};

static long alert_step(__u64 i, void *arg)
{
	struct alert_walk *w = arg;
	struct ip_ra_chain *ra = w->at;

	if (!ra)
		return 1;
	if (BPF_CORE_READ(ra, sk) == w->sk)
		w->found = 1;
	w->at = BPF_CORE_READ(ra, next);
	return 0;
}

/* No field of the socket tells: net/ipv4/ip_sockglue.c, ip_ra_control() */
static __always_inline bool sock_is_alerted(struct sock *sk)
{
	struct alert_walk w = { .sk = sk, .found = unknown_zero };

	if (BPF_CORE_READ(sk, __sk_common.skc_family) != AF_INET || BPF_CORE_READ(sk, sk_type) != SOCK_RAW)
		return false;
	w.at = BPF_CORE_READ(sk, __sk_common.skc_net.net, ipv4.ra_chain);
	bpf_loop(ALERTS_MAX, alert_step, &w, 0);
	return w.found || w.at; /* a list that was cut may have it behind */
}

static __always_inline void emit_sock(struct frame *f, struct sock *sk)
{
	struct rec_sock *r = frame_add(f, REC_SOCK, sizeof(*r));

	if (!r)
		return;
	r->addr = (__u64)sk;
	r->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	r->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	r->type = BPF_CORE_READ(sk, sk_type);
	r->protocol = BPF_CORE_READ(sk, sk_protocol);
	r->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	r->shutdown = BPF_CORE_READ(sk, sk_shutdown);
	r->error = BPF_CORE_READ(sk, sk_err);
	r->error_soft = BPF_CORE_READ(sk, sk_err_soft);
	r->peek_off = BPF_CORE_READ(sk, sk_peek_off);
	r->backlog = BPF_CORE_READ(sk, sk_max_ack_backlog);
	r->waiting = BPF_CORE_READ(sk, sk_ack_backlog);
	r->queued = BPF_CORE_READ(sk, sk_receive_queue.qlen);
	r->flags = (sock_dead(sk) ? SOCK_F_DEAD : 0) | (sock_has_policies(sk) ? SOCK_F_POLICIES : 0) |
		   (sock_is_alerted(sk) ? SOCK_F_ALERT : 0);
	if (BPF_CORE_READ(sk, sk_socket))
		r->file = (__u64)BPF_CORE_READ(sk, sk_socket, file);
	emit_sockopts(f, sk);
}

#endif
