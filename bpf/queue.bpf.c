// SPDX-License-Identifier: GPL-2.0-only
/*
 * queue.bpf.c - iter/task_file once more: connections of TCP with what is in their queues, datagrams
 * that wait to be read. Nothing of it disturbs a socket: TCP_REPAIR would stay on a socket whose dumper
 * is killed, MSG_PEEK takes errors away and moves SO_PEEK_OFF.
 */
#include "res/tcp.bpf.h"
#include "res/sock.bpf.h"
#include "res/file.bpf.h"

/* The socket that is on its way out, and how many pieces of it are out: where the ring was full. */
volatile __u64 queue_resume;
volatile __u32 queue_resume_from;

/* A pipe of the loader with a page that it knows, in the process of that tgid. */
volatile __u32 page_tgid, page_fd;

/* All queues of a socket, piece by piece. 1: the ring is full. */
static __always_inline int walk_queue(struct sock *sk, enum queue_phase phase, bool stream)
{
	__u32 zero = 0;
	struct queue_walk *w = bpf_map_lookup_elem(&queue_state, &zero);

	if (!w)
		return 0;
	bpf_probe_read_kernel(w, sizeof(*w), NULL); /* zero-fills */
	w->sk = sk;
	w->phase = phase;
	w->stream = stream;
	if (queue_resume == (__u64)sk)
		w->skip = queue_resume_from;
	bpf_loop(QUEUE_STEPS, queue_step, NULL, 0);
	queue_resume = (__u64)sk;
	queue_resume_from = w->pieces > w->skip ? w->pieces : w->skip;
	return w->failed;
}

static __always_inline int walk_tcp(struct frame *f, struct sock *sk)
{
	struct tcp_sock *t = (struct tcp_sock *)sk;
	/* what comes later is behind it; what is acknowledged later is before snd_una */
	__u32 rcv_nxt = BPF_CORE_READ(t, rcv_nxt), state = BPF_CORE_READ(sk, __sk_common.skc_state);

	if (walk_queue(sk, PHASE_RECEIVE, true))
		return 1;
	f->used = 0;
	emit_tcp(f, sk, rcv_nxt, state);
	if (frame_send(f))
		return 1;
	queue_resume = 0;
	return 0;
}

static __always_inline int walk_datagrams(struct sock *sk, __u32 protocol)
{
	bool udp = protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;

	/* reader_queue holds the older ones: net/ipv4/udp.c */
	if (walk_queue(sk, udp ? PHASE_READER : PHASE_RECEIVE, false))
		return 1;
	queue_resume = 0;
	return 0;
}

SEC("iter/task_file")
int walk_queues(struct bpf_iter__task_file *ctx)
{
	struct task_struct *t = ctx->task;
	struct file *file = ctx->file;
	__u32 family, protocol, type, state;
	struct socket *socket;
	struct sock *sk;
	struct frame *f;

	if (!t || !file)
		return 0;
	if (page_tgid) {
		if (t->tgid == page_tgid && ctx->fd == page_fd)
			learn_pages(t, file);
		return 0;
	}
	if (!is_member(t) || BPF_CORE_READ(file, f_inode, i_sb, s_magic) != SOCKFS_MAGIC)
		return 0;
	f = frame_get();
	socket = BPF_CORE_READ(file, private_data);
	sk = socket ? BPF_CORE_READ(socket, sk) : NULL;
	if (!f || !sk)
		return 0;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6)
		return 0;
	protocol = BPF_CORE_READ(sk, sk_protocol);
	type = BPF_CORE_READ(sk, sk_type);
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (type == SOCK_STREAM && protocol == IPPROTO_TCP)
		return state == TCP_LISTEN || state == TCP_CLOSE ? 0 : walk_tcp(f, sk);
	if (type == SOCK_DGRAM)
		return walk_datagrams(sk, protocol);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
