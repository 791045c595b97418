// SPDX-License-Identifier: GPL-2.0-only
/*
 * queue.c - the queues of TCP and UDP sockets, at a dump: the pieces that the walk tells become streams
 * and datagrams.
 *
 * The tree is stopped, but its sockets are not: acknowledgments and data may come while they are read.
 * What comes in one piece by the numbers of the connection is good; else the walk is done again. When
 * the tree is to be killed, the peers must not come through any more from the first look on.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "cleanup.h"
#include "datagram.h"
#include "dump.h"
#include "inet.h"
#include "log.h"
#include "rec_inet.h"
#include "res.h"
#include "sock.h"
#include "tcp.h"
#include "tcp_lock.h"

#define TRIES 20
#define RECORD_BYTES (256u << 10)

/* ---- who is connected with whom ---- */

struct end {
	struct tcp_tuple t;
	const struct rec_tcp *tcp;
};

static void map_address(const struct rec_sock *k, const __u8 in[16], __u8 out[16])
{
	memset(out, 0, 16);
	if (k->family == AF_INET6) {
		memcpy(out, in, 16);
		return;
	}
	out[10] = out[11] = 0xff;
	memcpy(out + 12, in, 4);
}

void inet_tuple(const struct rec_sock *k, const struct rec_inet *i, struct tcp_tuple *t)
{
	map_address(k, i->saddr, t->saddr);
	map_address(k, i->daddr, t->daddr);
	t->sport = i->sport;
	t->dport = i->dport;
}

static int by_tuple(const void *a, const void *b)
{
	const struct end *x = a, *y = b;

	return memcmp(&x->t, &y->t, sizeof(x->t));
}

/*
 * Both ends in the tree: what one was told to be received, the other must have. It is not so when a
 * packet came in between the two looks.
 */
static bool ends_agree(const struct end *v, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct end key = {};
		const struct end *peer;

		memcpy(key.t.saddr, v[i].t.daddr, 16);
		memcpy(key.t.daddr, v[i].t.saddr, 16);
		key.t.sport = v[i].t.dport;
		key.t.dport = v[i].t.sport;
		peer = bsearch(&key, v, nr, sizeof(key), by_tuple);
		if (peer && (__s32)(v[i].tcp->snd_una - peer->tcp->rcv_nxt) > 0)
			return false;
	}
	return true;
}

static struct end *list_ends(struct dump *d, const struct snap *s, size_t *nr)
{
	void **all = snap_all(&d->snap, REC_INET, nr);
	struct end *v = calloc(*nr + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; v && i < *nr; i++) {
		const struct rec_inet *inet = all[i];
		const struct rec_sock *k = snap_find(&d->snap, REC_SOCK, inet->sock);

		if (!inet_is_connection(k))
			continue;
		v[n].tcp = s ? snap_find(s, REC_TCP, inet->sock) : NULL;
		if (s && !v[n].tcp)
			continue;
		inet_tuple(k, inet, &v[n++].t);
	}
	*nr = n;
	if (v)
		qsort(v, n, sizeof(*v), by_tuple);
	return v;
}

/* ---- streams ---- */

bool tcp_got_fin(const struct rec_tcp *t)
{
	return t->state == TCP_CLOSE_WAIT || t->state == TCP_LAST_ACK || t->state == TCP_CLOSING;
}

bool tcp_owes_fin(const struct rec_tcp *t)
{
	return t->state == TCP_FIN_WAIT1 || t->state == TCP_LAST_ACK || t->state == TCP_CLOSING;
}

bool tcp_state_kept(unsigned int state)
{
	return state == TCP_ESTABLISHED || state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 ||
	       state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING;
}

/* How much is unread and not acknowledged. The end of the stream takes a number of its own. */
static void count_bytes(struct rec_tcp *t)
{
	t->unread = t->rcv_nxt - t->copied_seq;
	if (tcp_got_fin(t) && t->unread)
		t->unread--;
	t->copied_seq = t->rcv_nxt - tcp_got_fin(t) - t->unread;
	t->unacked = t->write_seq - t->snd_una - tcp_owes_fin(t);
}

static int save_stream(struct snap *to, const struct rec_tcp *t, __u32 queue, const char *bytes, __u32 len)
{
	for (__u32 at = 0; at < len; at += RECORD_BYTES) {
		__u32 n = len - at < RECORD_BYTES ? len - at : RECORD_BYTES;
		struct rec_stream *r = snap_new(to, REC_STREAM, sizeof(*r) + n);

		if (!r)
			return fail(-ENOMEM, "tcp");
		r->sock = t->sock;
		r->queue = queue;
		r->offset = at;
		r->bytes = n;
		memcpy(r->data, bytes + at, n);
	}
	return 0;
}

/* All len bytes from that number on. -EAGAIN: there is a hole. Pieces come in order of their numbers. */
static int take_stream(struct snap *from, struct snap *to, const struct rec_tcp *t, __u32 queue, __u32 base,
		       __u32 len)
{
	size_t nr;
	void **piece = snap_range(from, REC_SKB, t->sock, &nr);
	char *bytes _free_ = len ? malloc(len) : NULL;
	__u32 have = 0;

	if (!len)
		return 0;
	if (!bytes)
		return fail(-ENOMEM, "tcp");
	for (size_t i = 0; i < nr && have < len; i++) {
		const struct rec_skb *p = piece[i];
		__s32 start = p->seq - base, end = start + p->bytes;

		if (p->queue != queue || end <= (__s32)have)
			continue;
		if (start > (__s32)have)
			return -EAGAIN;
		if (end > (__s32)len)
			end = len;
		memcpy(bytes + have, p->data + ((__s32)have - start), end - have);
		have = end;
	}
	return have == len ? save_stream(to, t, queue, bytes, len) : -EAGAIN;
}

static int take_connection(struct dump *d, struct snap *from, struct snap *to, const struct rec_tcp *t)
{
	struct rec_tcp *r;
	int err;

	if (t->moved || !tcp_state_kept(t->state))
		return -EAGAIN;
	r = snap_new(to, REC_TCP, sizeof(*r));
	if (!r)
		return fail(-ENOMEM, "tcp");
	memcpy(r, t, sizeof(*r));
	count_bytes(r);
	r->lock = d->tcp_token;
	err = take_stream(from, to, r, QUEUE_RECEIVE, r->copied_seq, r->unread);
	return err ? err : take_stream(from, to, r, QUEUE_SEND, r->snd_una, r->unacked);
}

/* ---- all of it ---- */

static int take_all(struct dump *d, struct snap *from, struct snap *to)
{
	struct end *v _free_ = NULL;
	size_t nr;
	int err = 0;

	snap_unique(from, REC_TCP);
	snap_for_each(from, REC_TCP, const struct rec_tcp, t)
		if (!err)
			err = take_connection(d, from, to, t);
	if (err)
		return err;
	v = list_ends(d, from, &nr);
	if (!v)
		return fail(-ENOMEM, "tcp");
	if (!ends_agree(v, nr))
		return -EAGAIN;
	return datagram_take_all(d, from, to);
}

static int look(struct dump *d)
{
	struct snap from = {}, to = {};
	int err = walk_run(d->walk, WALK_QUEUES, &from);

	if (!err)
		err = take_all(d, &from, &to);
	for (unsigned int i = 0; i < to.nr_lists && !err; i++) {
		size_t nr;
		void **rec = snap_all(&to, to.list[i].tag, &nr);

		for (size_t j = 0; j < nr && !err; j++)
			err = snap_add(&d->snap, rec[j]);
	}
	snap_free(&from);
	snap_free(&to);
	return err;
}

/* Its state may have changed since the first walk. */
static void update_socks(struct dump *d)
{
	snap_for_each(&d->snap, REC_TCP, const struct rec_tcp, t) {
		struct rec_sock *k = snap_find(&d->snap, REC_SOCK, t->sock);

		k->state = t->state;
		k->shutdown = t->shutdown;
		k->error = t->error;
	}
}

static bool has_queues(const struct dump *d)
{
	snap_for_each(&d->snap, REC_INET, const struct rec_inet, i) {
		const struct rec_sock *k = snap_find(&d->snap, REC_SOCK, i->sock);

		if (inet_is_connection(k) ? d->opts->tcp != TCP_ENDED : i->received && inet_is_udp(k))
			return true;
	}
	return false;
}

/* From now on the peers of a tree that is to be killed do not come through. */
static int keep_quiet(struct dump *d)
{
	struct end *v _free_ = NULL;
	struct tcp_tuple *t _free_ = NULL;
	size_t nr;

	if (d->opts->after != DUMP_KILL || d->opts->tcp != TCP_KEPT)
		return 0;
	v = list_ends(d, NULL, &nr);
	t = calloc(nr + 1, sizeof(*t));
	if (!v || !t)
		return fail(-ENOMEM, "tcp");
	for (size_t i = 0; i < nr; i++)
		t[i] = v[i].t;
	if (!nr)
		return 0;
	if (getrandom(&d->tcp_token, sizeof(d->tcp_token), 0) != sizeof(d->tcp_token))
		return fail(-EIO, "getrandom");
	d->tcp_tuples = take_ptr(t);
	d->nr_tcp = nr;
	return tcp_lock_open(&d->tcp_lock, d->tcp_tuples, nr);
}

int queue_collect(struct dump *d)
{
	int err;

	if (!has_queues(d))
		return 0;
	err = keep_quiet(d);
	if (err)
		return err;
	for (int i = 0; i < TRIES; i++) {
		err = look(d);
		if (err != -EAGAIN)
			break;
		nanosleep(&(struct timespec){ 0, 200000 }, NULL);
	}
	if (err == -EAGAIN)
		return fail(err, "connections of the tree keep changing, or cannot be read");
	if (!err)
		update_socks(d);
	return err;
}
