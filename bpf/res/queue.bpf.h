/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * queue.bpf.h - the bytes of packets in the queues of a socket, a piece a frame.
 *
 * Most of them are in pages, which are read through the kernel's direct mapping. Where that and the
 * array of struct page lie is random, and known to no symbol that every kernel shows: it is learned from
 * a page of the loader, whose number and content it knows.
 */
#ifndef BPF_CKPT_QUEUE_BPF_H
#define BPF_CKPT_QUEUE_BPF_H

#include "inet.bpf.h"

#define PIECE 2048u
#define QUEUE_STEPS (1u << 22)
#define PAGE_SHIFT 12
#define DIRECT_ALIGN (1ull << 30) /* arch/x86/mm/kaslr.c: PUD_SIZE */
#define DIRECT_TRIES (1u << 16)

volatile __u64 page_array;  /* address of the struct page of page number 0 */
volatile __u64 page_direct; /* address of its bytes; 0: not known */
volatile __u64 page_number, page_magic[2]; /* of a page of the loader, and how it begins */

struct direct_walk {
	__u64 top, found;
};

static long try_direct(__u64 i, void *arg)
{
	struct direct_walk *w = arg;
	__u64 base = w->top - i * DIRECT_ALIGN, have[2] = {};

	if (bpf_probe_read_kernel(have, sizeof(have), (void *)(base + (page_number << PAGE_SHIFT))))
		return 0;
	if (have[0] != page_magic[0] || have[1] != page_magic[1])
		return 0;
	w->found = base;
	return 1;
}

/* file: a pipe whose first page is the one with page_number. Tasks lie in the direct mapping. */
static __always_inline void learn_pages(struct task_struct *t, struct file *file)
{
	struct pipe_inode_info *pipe = BPF_CORE_READ(file, f_inode, i_pipe);
	struct direct_walk w = { .top = (__u64)BPF_CORE_READ(t, group_leader) };

	if (!pipe)
		return;
	w.top &= ~(DIRECT_ALIGN - 1);
	page_array = (__u64)BPF_CORE_READ(pipe, bufs, page) - page_number * bpf_core_type_size(struct page);
	bpf_loop(DIRECT_TRIES, try_direct, &w, 0);
	page_direct = w.found;
}

static __always_inline __u64 page_bytes(__u64 page)
{
	/* the low bit says that it is no page but memory of a device: netmem, since 6.7 */
	if (!page_direct || page & 1)
		return 0;
	return page_direct + ((page - page_array) / bpf_core_type_size(struct page) << PAGE_SHIFT);
}

/* skb_frag_t: struct bio_vec until 6.8, then skb_frag with a netmem_ref; the same 16 bytes */
struct fragment {
	__u64 page;
	__u32 len, offset;
};

enum queue_phase { PHASE_READER, PHASE_RECEIVE, PHASE_TREE, PHASE_WRITE, PHASE_DONE };
enum { TREE_START, TREE_DOWN, TREE_UP };

/*
 * Lies in a map: values on the stack that the verifier can follow would make every step of the loop
 * another one to it.
 */
struct queue_walk {
	struct sock *sk;
	struct sk_buff *skb;  /* in the queue */
	struct sk_buff *part; /* itself, or one of its frag_list */
	struct rb_node *node;
	__u64 bytes;          /* of the segment: linear part or fragment */
	__u32 left;           /* of the segment */
	__u32 segment;        /* 0: linear, then fragments */
	__u32 at;             /* bytes of the packet that were passed */
	__u32 phase, tree;
	__u32 packets;        /* of this queue that were passed */
	__u32 pieces, skip;   /* sent; to be left out, as they were sent before */
	__u16 failed, stream;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct queue_walk);
} queue_state SEC(".maps");

static __always_inline struct skb_shared_info *shared_info(struct sk_buff *skb)
{
	/* sk_buff_data_t is an offset on 64 bit */
	return (void *)BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end);
}

/* The segment that comes next in the packet; false: there is none. */
static __always_inline bool next_segment(struct queue_walk *w)
{
	struct sk_buff *part = w->part;
	struct skb_shared_info *info = shared_info(part);
	struct fragment frag = {};

	if (w->segment <= BPF_CORE_READ(info, nr_frags) && w->segment) {
		bpf_probe_read_kernel(&frag, sizeof(frag), (void *)info +
				      bpf_core_field_offset(struct skb_shared_info, frags) +
				      (w->segment - 1) * sizeof(frag));
		w->segment++;
		w->left = frag.len;
		w->bytes = page_bytes(frag.page);
		w->bytes += w->bytes ? frag.offset : 0;
		return true;
	}
	if (!w->segment) {
		w->segment = 1;
		w->left = BPF_CORE_READ(part, len) - BPF_CORE_READ(part, data_len);
		w->bytes = (__u64)BPF_CORE_READ(part, data);
		/* the length of the first one counts what is in its frag_list, and data_len as well */
		return true;
	}
	part = part == w->skb ? BPF_CORE_READ(info, frag_list) : BPF_CORE_READ(part, next);
	if (!part)
		return false;
	w->part = part;
	w->segment = 0;
	w->left = 0;
	return true;
}

static __always_inline void begin_packet(struct queue_walk *w, struct sk_buff *skb)
{
	w->skb = w->part = skb;
	w->segment = w->left = w->at = 0;
	w->bytes = 0;
}

static __always_inline void *queue_head(struct queue_walk *w)
{
	if (w->phase == PHASE_READER)
		return (void *)w->sk + bpf_core_field_offset(struct udp_sock, reader_queue);
	if (w->phase == PHASE_RECEIVE)
		return (void *)w->sk + bpf_core_field_offset(struct sock, sk_receive_queue);
	return (void *)w->sk + bpf_core_field_offset(struct sock, sk_write_queue);
}

static __always_inline void next_phase(struct queue_walk *w)
{
	w->skb = NULL;
	w->tree = TREE_START;
	if (w->phase != PHASE_READER)
		w->packets = 0;
	w->phase++;
	if (!w->stream && w->phase > PHASE_RECEIVE)
		w->phase = PHASE_DONE;
}

/* One pointer further in the tree of what is sent and not acknowledged, in order. */
static __always_inline void tree_step(struct queue_walk *w)
{
	struct rb_node *node = w->node, *next;
	struct sock *sk = w->sk;

	if (w->tree == TREE_START) {
		w->node = BPF_CORE_READ(sk, tcp_rtx_queue.rb_node);
		w->tree = TREE_DOWN;
	} else if (w->tree == TREE_DOWN) {
		next = BPF_CORE_READ(node, rb_left);
		if (next) {
			w->node = next;
			return;
		}
		begin_packet(w, (void *)node - bpf_core_field_offset(struct sk_buff, rbnode));
		w->tree = TREE_UP;
	} else {
		/* this one is done: to the right of it, or up to whom it is left of */
		next = BPF_CORE_READ(node, rb_right);
		if (next && w->skb) {
			w->node = next;
			w->skb = NULL;
			w->tree = TREE_DOWN;
			return;
		}
		w->skb = NULL;
		next = (void *)(BPF_CORE_READ(node, __rb_parent_color) & ~3ul);
		if (next && BPF_CORE_READ(next, rb_left) == node)
			begin_packet(w, (void *)next - bpf_core_field_offset(struct sk_buff, rbnode));
		w->node = next;
	}
	if (!w->node)
		next_phase(w);
}

static __always_inline void next_packet(struct queue_walk *w)
{
	struct sk_buff *skb = w->skb, *next;
	struct sk_buff_head *head = queue_head(w);

	if (w->phase == PHASE_TREE) {
		if (w->skb)
			w->packets++;
		tree_step(w);
		return;
	}
	if (w->skb)
		w->packets++;
	next = skb ? BPF_CORE_READ(skb, next) : BPF_CORE_READ(head, next);
	if (!next || (void *)next == (void *)head)
		next_phase(w);
	else
		begin_packet(w, next);
}

/* What lies in sk_buff.cb: struct inet6_skb_parm or in_pktinfo, and struct sock_skb_cb at its end */
struct datagram_cb {
	__u32 ifindex;
	__u32 reserved[10];
	__u32 dropped;
};

/* Of a datagram: who sent it whereto, from the headers before its data. */
static __always_inline void fill_head4(struct rec_skb *r, void *ip)
{
	__u8 head[20] = {};

	bpf_probe_read_kernel(head, sizeof(head), ip);
	r->tos = head[1];
	r->hops = head[8];
	if ((head[0] & 15) > 5)
		r->lost |= DATAGRAM_OPTIONS;
	bpf_probe_read_kernel(r->from, 4, ip + 12);
	bpf_probe_read_kernel(r->to, 4, ip + 16);
}

static __always_inline void fill_head6(struct rec_skb *r, void *ip, void *udp)
{
	__u32 first = 0;
	__u8 hops = 0;

	bpf_probe_read_kernel(&first, sizeof(first), ip);
	bpf_probe_read_kernel(&hops, sizeof(hops), ip + 7);
	first = __builtin_bswap32(first);
	r->hops = hops;
	r->tos = first >> 20 & 0xff;
	r->flow = first & 0xfffff;
	if (udp != ip + 40)
		r->lost |= DATAGRAM_OPTIONS;
	bpf_probe_read_kernel(r->from, 16, ip + 8);
	bpf_probe_read_kernel(r->to, 16, ip + 24);
}

static __always_inline void fill_sender(struct rec_skb *r, struct sk_buff *skb)
{
	void *head = BPF_CORE_READ(skb, head);
	void *ip = head + BPF_CORE_READ(skb, network_header);
	void *udp = head + BPF_CORE_READ(skb, transport_header);
	struct datagram_cb cb = {};
	__u16 ports[2] = {};
	__u8 version = 0;

	bpf_probe_read_kernel(&version, 1, ip);
	bpf_probe_read_kernel(ports, sizeof(ports), udp);
	BPF_CORE_READ_INTO(&cb, skb, cb);
	r->port = __builtin_bswap16(ports[0]);
	r->port_to = __builtin_bswap16(ports[1]);
	r->version = version >> 4;
	r->ifindex = cb.ifindex;
	r->lost = cb.dropped ? DATAGRAM_DROPS : 0;
	r->mark = BPF_CORE_READ(skb, mark);
	r->priority = BPF_CORE_READ(skb, priority);
	r->segment = BPF_CORE_READ(shared_info(skb), gso_size);
	if (r->version == 4)
		fill_head4(r, ip);
	else
		fill_head6(r, ip, udp);
}

static __always_inline __u32 skb_seq(struct sk_buff *skb)
{
	struct tcp_skb_cb *cb = (void *)skb + bpf_core_field_offset(struct sk_buff, cb);

	return BPF_CORE_READ(cb, seq);
}

/* Up to PIECE bytes of the segment in a frame of their own. False: the ring is full. */
static __always_inline bool send_piece(struct queue_walk *w, struct frame *f, __u32 n)
{
	struct sk_buff *skb = w->skb;
	struct rec_skb *r;

	r = frame_add(f, REC_SKB, sizeof(*r));
	if (!r)
		return true;
	r->sock = (__u64)w->sk;
	r->queue = w->phase <= PHASE_RECEIVE ? QUEUE_RECEIVE : QUEUE_SEND;
	r->index = w->packets;
	r->seq = w->stream ? skb_seq(skb) + w->at : w->at;
	r->total = BPF_CORE_READ(skb, len);
	if (!w->stream)
		fill_sender(r, skb);
	if (n > PIECE)
		n = PIECE;
	r->bytes = n;
	if (n && bpf_probe_read_kernel(f->data + sizeof(*r), n, (void *)w->bytes))
		r->bytes = 0; /* somebody will miss them */
	frame_grow(f, &r->h, n);
	return !frame_send(f);
}

static long queue_step(__u64 i, void *arg)
{
	__u32 zero = 0, n;
	struct queue_walk *w = bpf_map_lookup_elem(&queue_state, &zero);
	struct frame *f = frame_get();
	struct sk_buff *skb;

	if (!w || !f)
		return 1;
	skb = w->skb;
	if (w->phase >= PHASE_DONE)
		return 1;
	if (!w->skb || w->phase == PHASE_DONE) {
		next_packet(w);
		return 0;
	}
	if (!w->left && w->segment) {
		if (!next_segment(w))
			next_packet(w);
		return 0;
	}
	if (!w->segment) {
		next_segment(w);
		/* a datagram without a byte is one, too */
		if (w->left || w->stream || BPF_CORE_READ(skb, len))
			return 0;
	}
	n = w->left < PIECE ? w->left : PIECE;
	if (w->pieces >= w->skip && !send_piece(w, f, n)) {
		w->failed = 1;
		return 1;
	}
	w->pieces++;
	w->at += n;
	w->bytes += n;
	w->left -= n;
	return 0;
}

#endif
