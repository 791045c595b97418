// SPDX-License-Identifier: GPL-2.0-only
/*
 * tcp.c - kinds "tcp" and "stream": a connection of TCP with all that is in its queues, by TCP_REPAIR.
 *
 * In repair mode connect(2) asks nobody, the numbers of both streams are set before it, and what is
 * written to a queue goes nowhere. What was not sent yet is written while the peer's window is 0. An end
 * of the stream is made by shutdown(2), the peer's end by a segment like the one that it has sent.
 * What came out of order is left out: it was not acknowledged (a SACK is none: RFC 2018, section 8), and comes again.
 * Nothing comes through from outside meanwhile (tcp_lock.h); the sockets leave repair mode when the
 * whole tree is complete.
 */
#include "tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "dump.h"
#include "inet.h"
#include "inject.h"
#include "log.h"
#include "reach.h"
#include "rec_file.h"
#include "res.h"
#include "restore.h"
#include "sock.h"
#include "sockopt.h"
#include "sockopt_table.h"
#include "tcp_lock.h"

#define R struct rec_tcp
#define BUF_LOCK 72 /* SO_BUF_LOCK */
#define BUFFER_MAX (1u << 28)

enum { RECV_QUEUE = 1, SEND_QUEUE = 2 }; /* TCP_REPAIR_QUEUE */

static const struct field fields[] = {
	FIELD_OWNER(R, sock, REC_SOCK),
	FIELD(R, state, MUST_MATCH, AS_DEC),
	FIELD(R, shutdown, MUST_MATCH, AS_DEC),
	FIELD(R, error, MUST_MATCH, AS_DEC),
	FIELD(R, copied_seq, MUST_MATCH, AS_DEC),
	FIELD(R, rcv_nxt, MUST_MATCH, AS_DEC),
	FIELD(R, snd_una, MUST_MATCH, AS_DEC),
	FIELD(R, snd_nxt, MAY_DIFFER, AS_DEC), /* the timer may have sent a byte more */
	FIELD(R, write_seq, MUST_MATCH, AS_DEC),
	FIELD(R, snd_wl1, MAY_DIFFER, AS_DEC),
	FIELD(R, snd_wnd, MUST_MATCH, AS_DEC),
	FIELD(R, max_window, MAY_DIFFER, AS_DEC),
	FIELD(R, rcv_wnd, MAY_DIFFER, AS_DEC), /* what fits is offered anew */
	FIELD(R, rcv_wup, MAY_DIFFER, AS_DEC),
	FIELD(R, mss_clamp, MUST_MATCH, AS_DEC),
	FIELD(R, snd_wscale, MUST_MATCH, AS_DEC),
	FIELD(R, rcv_wscale, MUST_MATCH, AS_DEC),
	FIELD(R, options, MUST_MATCH, AS_HEX),
	FIELD(R, timestamp, MAY_DIFFER, AS_DEC), /* a clock */
	FIELD(R, unread, MUST_MATCH, AS_DEC),
	FIELD(R, unacked, MUST_MATCH, AS_DEC),
	FIELD(R, sndbuf, MAY_DIFFER, AS_DEC),
	FIELD(R, rcvbuf, MAY_DIFFER, AS_DEC),
	FIELD(R, moved, NEVER_SAVED, AS_DEC),
	FIELD(R, lock, MAY_DIFFER, AS_HEX),
};

static const struct field stream_fields[] = {
	FIELD_OWNER(struct rec_stream, sock, REC_SOCK),
	FIELD(struct rec_stream, queue, IS_KEY, AS_DEC),
	FIELD(struct rec_stream, offset, IS_KEY, AS_DEC),
	FIELD(struct rec_stream, bytes, MUST_MATCH, AS_DEC),
};

/* ---- dump ---- */

/* Room for a descriptor of each connection. */
static int hold(struct dump *d, int fd)
{
	struct rlimit lim;

	if (!d->tcp_fds) {
		if (!getrlimit(RLIMIT_NOFILE, &lim)) {
			lim.rlim_cur = lim.rlim_max;
			setrlimit(RLIMIT_NOFILE, &lim);
		}
		d->tcp_fds = calloc(d->nr_tcp, sizeof(*d->tcp_fds));
	}
	if (!d->tcp_fds || d->nr_tcp_fds == d->nr_tcp) {
		close(fd);
		return fail(-ENOMEM, "tcp");
	}
	d->tcp_fds[d->nr_tcp_fds++] = fd;
	return 0;
}

static int collect(struct dump *d, void *rec)
{
	R *t = rec;
	const struct rec_sock *k = snap_find(&d->snap, REC_SOCK, t->sock);
	int fd _close_ = sock_getfd(d, k);
	socklen_t len = sizeof(t->timestamp);

	if (fd < 0)
		return fd == -ENOENT ? fail(fd, "reach the socket of a connection") : fd;
	if (getsockopt(fd, SOL_TCP, TCP_TIMESTAMP, &t->timestamp, &len))
		return fail(-errno, "read the clock of a connection");
	return d->tcp_lock ? hold(d, take_fd(&fd)) : 0;
}

/*
 * Without TCP_REPAIR the end of the tasks would be the end of the connections, too. Only now, as the
 * image is complete and the tasks are gone in any case, may the sockets be touched.
 */
void tcp_leave_quietly(struct dump *d)
{
	int on = 1;

	if (!d->tcp_lock)
		return;
	for (size_t i = 0; i < d->nr_tcp_fds; i++)
		if (setsockopt(d->tcp_fds[i], SOL_TCP, TCP_REPAIR, &on, sizeof(on)) && errno != EPERM)
			fail(-errno, "end a connection without a word to its peer");
	if (tcp_lock_leave(d->tcp_token, d->tcp_tuples, d->nr_tcp))
		warn("the peers of the tree's connections will be told that these have ended");
}

void tcp_end_record(struct rec_sock *k, struct rec_inet *i)
{
	k->state = TCP_CLOSE;
	k->shutdown = 3;
	i->received = 0;
	memset(i->saddr, 0, sizeof(i->saddr));
	memset(i->daddr, 0, sizeof(i->daddr));
	i->sport = i->dport = 0;
}

/* ---- image ---- */

static int read_tcp(const struct image *img, const void *rec)
{
	const R *t = rec;
	const struct rec_sock *k = snap_find(&img->snap, REC_SOCK, t->sock);
	size_t nr, bytes[2] = {};
	void **stream = snap_range(&img->snap, REC_STREAM, t->sock, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_stream *s = stream[i];

		if (s->queue > QUEUE_SEND || s->offset != bytes[s->queue] || s->bytes > s->h.len - sizeof(*s))
			return fail(-ERR_IMAGE, "image: data of connection %llu are out of order", t->sock);
		bytes[s->queue] += s->bytes;
	}
	if (!snap_find(&img->snap, REC_INET, t->sock) || !inet_is_connection(k) || !tcp_state_kept(t->state) ||
	    t->state != k->state || t->unread != bytes[QUEUE_RECEIVE] || t->unacked != bytes[QUEUE_SEND] ||
	    t->sndbuf > BUFFER_MAX || t->rcvbuf > BUFFER_MAX || t->unread > BUFFER_MAX || t->unacked > BUFFER_MAX ||
	    t->snd_wscale > 14 || t->rcv_wscale > 14 ||
	    t->copied_seq + t->unread + tcp_got_fin(t) != t->rcv_nxt ||
	    t->snd_una + t->unacked + tcp_owes_fin(t) != t->write_seq ||
	    t->snd_nxt - t->snd_una > t->unacked + tcp_owes_fin(t))
		return fail(-ERR_IMAGE, "image: connection %llu is impossible", t->sock);
	return 0;
}

static int read_stream(const struct image *img, const void *rec)
{
	const struct rec_stream *s = rec;

	if (!snap_find(&img->snap, REC_TCP, s->sock))
		return fail(-ERR_IMAGE, "image: data of socket %llu, which is no connection", s->sock);
	return 0;
}

static bool keep_none(const void *rec, void *arg)
{
	return false;
}

int tcp_prepare(struct restore *r)
{
	size_t nr;

	snap_all(&r->image.snap, REC_TCP, &nr);
	if (!nr)
		return 0;
	if (r->opts->tcp == TCP_REFUSED)
		return fail(-ERR_USAGE, "the image has %zu TCP connections: give --tcp-established to go on with "
			    "them, or --tcp-close to have them closed", nr);
	snap_for_each(&r->image.snap, REC_TCP, const R, t)
		r->tcp_left = t->lock; /* one for all connections of an image */
	if (r->opts->tcp == TCP_KEPT)
		return 0;
	snap_for_each(&r->image.snap, REC_TCP, const R, t)
		tcp_end_record(snap_find(&r->image.snap, REC_SOCK, t->sock),
			       snap_find(&r->image.snap, REC_INET, t->sock));
	snap_filter(&r->image.snap, REC_TCP, keep_none, NULL);
	snap_filter(&r->image.snap, REC_STREAM, keep_none, NULL);
	return 0;
}

/* ---- restore ---- */

static int set(int fd, int name, const void *value, socklen_t len, const char *what)
{
	return setsockopt(fd, SOL_TCP, name, value, len) ? fail(-errno, "set %s of a connection", what) : 0;
}

static int set_int(int fd, int name, int value, const char *what)
{
	return set(fd, name, &value, sizeof(value), what);
}

static int set_seq(int fd, int queue, __u32 seq)
{
	return set_int(fd, TCP_REPAIR_QUEUE, queue, "the queue") ?: set_int(fd, TCP_QUEUE_SEQ, seq, "a number");
}

static int set_buffers(int fd, int sndbuf, int rcvbuf)
{
	sndbuf /= 2; /* the kernel doubles it */
	rcvbuf /= 2;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &sndbuf, sizeof(sndbuf)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof(rcvbuf)))
		return fail(-errno, "set the buffers of a connection");
	return 0;
}

static int report_connect(const struct rec_sock *k, const struct rec_inet *i, int err)
{
	char from[INET_TEXT], to[INET_TEXT];

	inet_text(k, i->saddr, i->sport, i->bound_if, from);
	inet_text(k, i->daddr, i->dport, i->bound_if, to);
	if (err == -EADDRNOTAVAIL || err == -EADDRINUSE)
		return fail(-ERR_TAKEN, "connection %s to %s is taken: somebody here has one with the same "
			    "addresses", from, to);
	return fail(err, "connect %s to %s", from, to);
}

static bool has_address(const struct rec_sock *k, const struct rec_inet *i, int fd)
{
	union inet_addr a = {};
	socklen_t len = sizeof(a);

	if (getsockname(fd, &a.any, &len))
		return false;
	return !memcmp(k->family == AF_INET ? (void *)&a.v4.sin_addr : (void *)&a.v6.sin6_addr, i->saddr,
		       k->family == AF_INET ? 4 : 16);
}

static int connect_as_it_was(const struct rec_sock *k, const struct rec_inet *i, bool by_route, int fd)
{
	union inet_addr a;
	socklen_t len = inet_address(k, i->daddr, i->dport, i->bound_if, &a);
	int err = connect(fd, &a.any, len) ? -errno : 0;

	if (by_route)
		return err || !has_address(k, i, fd) ? -EAGAIN : 0;
	return err ? report_connect(k, i, err) : 0;
}

/* What both sides had agreed upon when the connection was made. */
static int set_agreed(const R *t, int fd)
{
	struct tcp_repair_opt o[4];
	int n = 0, err;

	o[n++] = (struct tcp_repair_opt){ TCPOPT_MAXSEG, t->mss_clamp };
	if (t->options & TCP_HAS_WSCALE)
		o[n++] = (struct tcp_repair_opt){ TCPOPT_WINDOW, t->snd_wscale | t->rcv_wscale << 16 };
	if (t->options & TCP_HAS_SACK)
		o[n++] = (struct tcp_repair_opt){ TCPOPT_SACK_PERMITTED, 0 };
	if (t->options & TCP_HAS_TSTAMP)
		o[n++] = (struct tcp_repair_opt){ TCPOPT_TIMESTAMP, 0 };
	err = set(fd, TCP_REPAIR_OPTIONS, o, n * sizeof(o[0]), "the options");
	return err ? err : set_int(fd, TCP_TIMESTAMP, t->timestamp, "the clock");
}

static int put_bytes(int fd, const __u8 *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n <= 0)
			return fail(n ? -errno : -EIO, "put %zu bytes into a queue of a connection", len);
		data += n;
		len -= n;
	}
	return 0;
}

/* What lies between two offsets of a stream. */
static int put_stream(struct restore *r, const R *t, __u32 queue, __u32 from, __u32 to, int fd)
{
	size_t nr;
	void **rec = snap_range(&r->image.snap, REC_STREAM, t->sock, &nr);
	int err = 0;

	for (size_t i = 0; i < nr && !err; i++) {
		const struct rec_stream *s = rec[i];
		__u32 start = s->offset < from ? from : s->offset;
		__u32 end = s->offset + s->bytes > to ? to : s->offset + s->bytes;

		if (s->queue == queue && start < end)
			err = put_bytes(fd, s->data + (start - s->offset), end - start);
	}
	return err;
}

/* Bytes that were sent and not acknowledged; a FIN has a number, but is no byte. */
static __u32 in_flight(const R *t)
{
	__u32 n = t->snd_nxt - t->snd_una;

	return n < t->unacked ? n : t->unacked;
}

/* Outside of repair mode nothing is sent either, as long as the window is 0. */
static int set_repair(int fd, bool on)
{
	return set_int(fd, TCP_REPAIR, on ? TCP_REPAIR_ON : TCP_REPAIR_OFF_NO_WP, "TCP_REPAIR");
}

static int fill_queues(struct restore *r, const R *t, int fd)
{
	int err = set_int(fd, TCP_REPAIR_QUEUE, RECV_QUEUE, "the queue");

	if (!err)
		err = put_stream(r, t, QUEUE_RECEIVE, 0, t->unread, fd);
	if (!err)
		err = set_int(fd, TCP_REPAIR_QUEUE, SEND_QUEUE, "the queue");
	if (!err)
		err = put_stream(r, t, QUEUE_SEND, 0, in_flight(t), fd);
	if (err || in_flight(t) == t->unacked)
		return err;
	/* what was not sent is written as by the program */
	err = set_repair(fd, false);
	if (!err)
		err = put_stream(r, t, QUEUE_SEND, in_flight(t), t->unacked, fd);
	return err ? err : set_repair(fd, true);
}

/* Our FIN: sent already, or behind what was not sent. */
static int end_writing(const R *t, int fd)
{
	bool sent = t->snd_nxt == t->write_seq;
	int err = sent ? set_int(fd, TCP_REPAIR_QUEUE, SEND_QUEUE, "the queue") : set_repair(fd, false);

	if (!err && shutdown(fd, SHUT_WR))
		err = fail(-errno, "end a stream");
	return err || sent ? err : set_repair(fd, true);
}

static int await_state(const struct restore *r, int fd, unsigned int state)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	for (unsigned int i = 0; i < 2 * r->opts->timeout_ms; i++) {
		if (getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len))
			return fail(-errno, "read the state of a connection");
		if (info.tcpi_state == state)
			return 0;
		nanosleep(&(struct timespec){ 0, 500000 }, NULL);
	}
	return fail(-ETIMEDOUT, "a connection is in state %u instead of %u: is something in the way of packets on "
		    "the loopback interface?", info.tcpi_state, state);
}

/* As if the peer had sent it. */
static int answer(const struct rec_sock *k, const struct rec_inet *i, const R *t, __u32 ack, bool fin)
{
	struct tcp_tuple own, peer;
	int err;

	inet_tuple(k, i, &own);
	peer = own;
	memcpy(peer.saddr, own.daddr, 16);
	memcpy(peer.daddr, own.saddr, 16);
	peer.sport = own.dport;
	peer.dport = own.sport;
	err = inject_tcp(&peer, i->bound_if, t->copied_seq + t->unread, ack, fin);
	return err ? fail(err, "send the end of a stream again") : 0;
}

/* Ends of the streams, in the order that leads to the state. */
static int end_streams(const struct restore *r, const struct rec_sock *k, const struct rec_inet *i, const R *t, int fd)
{
	bool ours = tcp_owes_fin(t) || t->state == TCP_FIN_WAIT2, last = t->state == TCP_LAST_ACK;
	int err = ours && !last ? end_writing(t, fd) : 0;

	if (!err && t->state == TCP_FIN_WAIT2)
		err = answer(k, i, t, t->write_seq, false);
	else if (!err && tcp_got_fin(t))
		err = answer(k, i, t, t->snd_una, true);
	if (!err && last)
		err = await_state(r, fd, TCP_CLOSE_WAIT) ?: end_writing(t, fd);
	if (!err && t->state != TCP_ESTABLISHED)
		err = await_state(r, fd, t->state);
	if (!err && t->shutdown & 1 && !tcp_got_fin(t) && shutdown(fd, SHUT_RD))
		err = fail(-errno, "end the reading of a stream");
	return err;
}

static int set_window(const R *t, int fd)
{
	struct tcp_repair_window w = { t->snd_wl1, t->snd_wnd, t->max_window, t->rcv_wnd, t->rcv_wup };

	return set(fd, TCP_REPAIR_WINDOW, &w, sizeof(w), "the windows");
}

/* SO_REUSEADDR is another thing in repair mode, and the sizes of buffers are the kernel's to choose. */
static int settle(struct restore *r, const R *t, int fd)
{
	int reuse = 0, locks = 0;

	sockopt_saved(&r->image.snap, t->sock, SOL_SOCKET, SO_REUSEADDR, &reuse);
	sockopt_saved(&r->image.snap, t->sock, SOL_SOCKET, BUF_LOCK, &locks);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse)) ||
	    setsockopt(fd, SOL_SOCKET, BUF_LOCK, &locks, sizeof(locks)))
		return fail(-errno, "set options of a connection");
	return 0;
}

/* Connected, with the numbers of both streams. by_route: -EAGAIN, unreported, says that it has another address. */
static int connected(struct restore *r, const struct rec_sock *k, const struct rec_inet *i, const R *t, bool by_route)
{
	__u32 acked_fin = t->state == TCP_FIN_WAIT2;
	int fd _close_ = inet_make(r, k, i, by_route), err;

	if (fd < 0)
		return fd;
	err = set_seq(fd, SEND_QUEUE, t->snd_una - acked_fin);
	if (!err)
		err = set_seq(fd, RECV_QUEUE, t->copied_seq);
	if (!err)
		err = set_buffers(fd, t->sndbuf * 2 + t->unacked * 4, t->rcvbuf * 2 + t->unread * 4);
	if (!err)
		err = connect_as_it_was(k, i, by_route, fd);
	return err ? err : take_fd(&fd);
}

/* Then it is as a restored tree is compared with. */
static int lose_v6only(struct restore *r, const struct rec_sock *k, const struct rec_inet *i)
{
	const int on = 1;
	char from[INET_TEXT], to[INET_TEXT];
	int err = sockopt_save(&r->image.snap, k->addr, sockopt_find(SOL_IPV6, IPV6_V6ONLY), &on, sizeof(on));

	if (err)
		return err;
	warn("connection %s to %s will have IPV6_V6ONLY set, as the routes here would choose another address for it",
	     inet_text(k, i->saddr, i->sport, i->bound_if, from), inet_text(k, i->daddr, i->dport, i->bound_if, to));
	return 0;
}

static int connect_again(struct restore *r, const struct rec_sock *k, const struct rec_inet *i, const R *t)
{
	bool may_be_only = k->family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(i->saddr);
	int fd _close_ = may_be_only ? connected(r, k, i, t, true) : -EAGAIN, only = 0, err = 0;
	socklen_t len = sizeof(only);

	if (fd != -EAGAIN)
		return take_fd(&fd);
	fd = connected(r, k, i, t, false);
	if (fd >= 0 && may_be_only && !sockopt_saved(&r->image.snap, k->addr, SOL_IPV6, IPV6_V6ONLY, NULL) &&
	    !getsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &only, &len) && only)
		err = lose_v6only(r, k, i);
	return err ? err : take_fd(&fd);
}

static int build(struct restore *r, const struct rec_sock *k, const struct rec_inet *i, const R *t, int fd)
{
	int err = set_agreed(t, fd);

	if (!err)
		err = fill_queues(r, t, fd);
	if (!err)
		err = end_streams(r, k, i, t, fd);
	if (!err)
		err = set_window(t, fd);
	if (!err)
		err = set_buffers(fd, t->sndbuf, t->rcvbuf);
	return err ? err : settle(r, t, fd);
}

/* The caller frees. */
static struct tcp_tuple *all_tuples(const struct restore *r, size_t *nr)
{
	struct tcp_tuple *v;
	size_t n = 0;

	snap_all(&r->image.snap, REC_TCP, nr);
	v = calloc(*nr + 1, sizeof(*v));
	if (!v)
		return NULL;
	snap_for_each(&r->image.snap, REC_TCP, const R, t)
		inet_tuple(snap_find(&r->image.snap, REC_SOCK, t->sock),
			   snap_find(&r->image.snap, REC_INET, t->sock), &v[n++]);
	return v;
}

/* Before the first of them is made: nobody may talk to them until all are complete. */
static int keep_quiet(struct restore *r)
{
	size_t nr;
	struct tcp_tuple *v _free_ = r->tcp_lock ? NULL : all_tuples(r, &nr);

	if (r->tcp_lock)
		return 0;
	return v ? tcp_lock_open(&r->tcp_lock, v, nr) : fail(-ENOMEM, "tcp");
}

/* What this dump has left to keep them quiet, and what later or earlier ones of the same connections have. */
static int let_go_on(struct restore *r)
{
	size_t nr;
	struct tcp_tuple *v _free_ = all_tuples(r, &nr);
	int err = v ? 0 : fail(-ENOMEM, "tcp");

	if (!err && r->tcp_left)
		err = tcp_lock_remove(r->tcp_left);
	return err || !nr ? err : tcp_lock_forget(v, nr);
}

static int restore_tcp(struct restore *r, const void *rec)
{
	const R *t = rec;
	const struct rec_sock *k = snap_find(&r->image.snap, REC_SOCK, t->sock);
	const struct rec_inet *i = snap_find(&r->image.snap, REC_INET, t->sock);
	int fd _close_ = -1, err = keep_quiet(r);

	if (err)
		return err;
	fd = connect_again(r, k, i, t);
	if (fd < 0)
		return fd;
	err = build(r, k, i, t, fd);
	return err ? err : sock_keep(r, k, take_fd(&fd));
}

/* The coordinator need not have it any more, but the tasks do. Of the first one; or -errno. */
static int reach(struct restore *r, const R *t)
{
	size_t nr;
	void **slot = snap_referring(&r->image.snap, REC_FD, struct rec_fd, file,
				     sock_file(&r->image.snap, t->sock), &nr);
	const struct rec_fd *s = nr ? slot[0] : NULL;
	const struct unit *u = s ? restore_unit(r, s->files) : NULL;
	int pidfd _close_ = u ? syscall(SYS_pidfd_open, restore_speaker(r, u), PIDFD_THREAD) : -1, fd;

	if (u && pidfd < 0)
		pidfd = syscall(SYS_pidfd_open, u->tid, 0);
	fd = pidfd < 0 ? -1 : syscall(SYS_pidfd_getfd, pidfd, s->fd, 0);
	return fd < 0 ? fail(-errno, "reach the socket of a connection") : fd;
}

static int leave_repair(struct restore *r, const R *t)
{
	int fd _close_ = reach(r, t), reuse = 0, err;

	if (fd < 0)
		return fd;
	err = set_int(fd, TCP_REPAIR, TCP_REPAIR_OFF, "TCP_REPAIR");
	sockopt_saved(&r->image.snap, t->sock, SOL_SOCKET, SO_REUSEADDR, &reuse);
	if (!err && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse)))
		err = fail(-errno, "set SO_REUSEADDR");
	return err;
}

/* Locks first: leaving repair mode asks the peer for its window, whose answer shall come through. */
int tcp_go_on(struct restore *r)
{
	int err;

	tcp_lock_close(r->tcp_lock);
	r->tcp_lock = NULL;
	err = let_go_on(r);
	snap_for_each(&r->image.snap, REC_TCP, const R, t)
		if (!err)
			err = leave_repair(r, t);
	return err;
}

const struct res_type res_tcp = {
	.name = "tcp", .tag = REC_TCP, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.collect = collect, .read = read_tcp, .restore = restore_tcp,
};

const struct res_type res_stream = {
	.name = "stream", .tag = REC_STREAM, .size = sizeof(struct rec_stream), .owned = true,
	.fields = stream_fields, .nr_fields = sizeof(stream_fields) / sizeof(stream_fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_BYTES, .read = read_stream,
};
