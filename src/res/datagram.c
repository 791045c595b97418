// SPDX-License-Identifier: GPL-2.0-only
/*
 * datagram.c - kind "datagram": datagrams of UDP and UDP-Lite that wait to be read. They are sent again,
 * with the address of who sent them and all else that their headers said.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "datagram.h"
#include "dump.h"
#include "inet.h"
#include "inject.h"
#include "log.h"
#include "res.h"
#include "restore.h"
#include "route.h"
#include "sock.h"
#include "sockopt.h"

#define R struct rec_datagram

static const struct field fields[] = {
	FIELD_OWNER(R, sock, REC_SOCK),
	FIELD(R, index, IS_KEY, AS_DEC),
	FIELD(R, bytes, MUST_MATCH, AS_DEC),
	FIELD(R, port, MUST_MATCH, AS_DEC),
	FIELD(R, port_to, MUST_MATCH, AS_DEC),
	FIELD(R, version, MUST_MATCH, AS_DEC),
	FIELD(R, from, MUST_MATCH, AS_BYTES),
	FIELD(R, to, MUST_MATCH, AS_BYTES),
	FIELD(R, ifindex, MAY_DIFFER, AS_DEC),
	FIELD(R, flow, MUST_MATCH, AS_HEX),
	FIELD(R, hops, MUST_MATCH, AS_DEC),
	FIELD(R, tos, MUST_MATCH, AS_HEX),
	FIELD(R, mark, MUST_MATCH, AS_HEX),
	FIELD(R, priority, MUST_MATCH, AS_DEC),
	FIELD(R, lost, MAY_DIFFER, AS_HEX), /* told of at the dump */
};

static bool is_link_local(__u32 version, const __u8 addr[16])
{
	return version == 6 && addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;
}

/* Only to such an address it can be sent again without reaching others, here or elsewhere. As route_is_local(). */
static int is_local(struct routes *routes, __u32 version, const __u8 to[16], __u32 came_by, __u32 mark, __u32 *ifindex)
{
	struct route way = { .version = version, .mark = mark, .scope = is_link_local(version, to) ? came_by : 0 };

	memcpy(way.to, to, sizeof(way.to));
	return route_is_local(routes, &way, ifindex);
}

/* ---- dump ---- */

/* One of those that a packet holds: all but a packet that the kernel has joined hold one. */
static struct rec_datagram *add_datagram(struct snap *to, const struct rec_skb *first, __u32 index, __u32 bytes)
{
	struct rec_datagram *r = snap_new(to, REC_DATAGRAM, sizeof(*r) + bytes);

	if (!r)
		return NULL;
	r->sock = first->sock;
	r->index = index;
	r->bytes = bytes;
	r->version = first->version;
	r->port = first->port;
	r->port_to = first->port_to;
	memcpy(r->from, first->from, sizeof(r->from));
	memcpy(r->to, first->to, sizeof(r->to));
	r->ifindex = first->ifindex;
	r->flow = first->flow;
	r->hops = first->hops;
	r->tos = first->tos;
	r->mark = first->mark;
	r->priority = first->priority;
	r->lost = first->lost;
	return r;
}

/* Those that the kernel has joined (UDP_GRO) become what they were: a receiver has to expect that as well. */
static int add_datagrams(struct snap *to, const struct rec_skb *first, const char *bytes, __u32 *index)
{
	__u32 at = 0, step = first->segment ? first->segment : first->total;

	do {
		__u32 n = first->total - at < step ? first->total - at : step;
		struct rec_datagram *r = add_datagram(to, first, (*index)++, n);

		if (!r)
			return fail(-ENOMEM, "datagram");
		memcpy(r->data, bytes + at, n);
		at += n;
	} while (at < first->total);
	return 0;
}

static int leave_datagram(struct snap *to, const struct rec_skb *first)
{
	struct rec_datagram_left *r = snap_new(to, REC_DATAGRAM_LEFT, sizeof(*r));

	if (!r)
		return fail(-ENOMEM, "datagram");
	r->sock = first->sock;
	r->index = first->index;
	r->version = first->version;
	memcpy(r->to, first->to, sizeof(r->to));
	return 0;
}

static int take_datagram(struct routes *routes, struct snap *to, void **piece, size_t nr, __u32 *index)
{
	struct rec_skb *first = piece[0];
	char *bytes _free_ = malloc(first->total + 1);
	__u32 have = 0, ifindex;
	int local;

	if (!bytes)
		return fail(-ENOMEM, "datagram");
	for (size_t i = 0; i < nr; i++) {
		const struct rec_skb *p = piece[i];

		if (p->seq != have || p->bytes > first->total - have)
			return -EAGAIN;
		memcpy(bytes + have, p->data, p->bytes);
		have += p->bytes;
	}
	if (have != first->total)
		return -EAGAIN;
	local = is_local(routes, first->version, first->to, first->ifindex, first->mark, &ifindex);
	if (local < 0)
		return fail(local, "ask for the route of a datagram");
	if (first->ifindex && first->ifindex != ifindex)
		first->lost |= DATAGRAM_ELSEWHERE;
	return local ? add_datagrams(to, first, bytes, index) : leave_datagram(to, first);
}

static int take_datagrams(struct routes *routes, struct snap *from, struct snap *to, __u64 sock)
{
	size_t nr;
	void **piece = snap_range(from, REC_SKB, sock, &nr);
	__u32 packets = 0, index = 0;
	int err = 0;

	/* a socket that several descriptors refer to is told again for each */
	for (size_t i = 0, j; i < nr && !err; i = j) {
		const struct rec_skb *first = piece[i];

		if (first->index < packets++)
			break;
		for (j = i + 1; j < nr; j++)
			if (((const struct rec_skb *)piece[j])->index != first->index ||
			    !((const struct rec_skb *)piece[j])->seq)
				break;
		err = take_datagram(routes, to, piece + i, j - i, &index);
	}
	return err;
}

int datagram_take_all(struct dump *d, struct snap *from, struct snap *to)
{
	struct routes routes = {};
	int err = 0;

	snap_for_each(&d->snap, REC_INET, const struct rec_inet, i) {
		const struct rec_sock *k = snap_find(&d->snap, REC_SOCK, i->sock);

		if (!err && inet_is_udp(k))
			err = take_datagrams(&routes, from, to, i->sock);
	}
	route_close(&routes);
	return err;
}

/* ---- restore ---- */

static int read_datagram(const struct image *img, const void *rec)
{
	const R *d = rec;
	const struct rec_sock *k = snap_find(&img->snap, REC_SOCK, d->sock);

	if (!snap_find(&img->snap, REC_INET, d->sock) || k->type != SOCK_DGRAM || d->bytes > 65535 ||
	    d->bytes > d->h.len - sizeof(*d) || d->flow > 0xfffff || (d->version != 4 && d->version != 6))
		return fail(-ERR_IMAGE, "image: a datagram of socket %llu is impossible", d->sock);
	return 0;
}

static void fill_tuple(const R *d, struct tcp_tuple *t)
{
	*t = (struct tcp_tuple){ .sport = d->port, .dport = d->port_to };
	if (d->version == 4) {
		t->saddr[10] = t->saddr[11] = t->daddr[10] = t->daddr[11] = 0xff;
		memcpy(t->saddr + 12, d->from, 4);
		memcpy(t->daddr + 12, d->to, 4);
	} else {
		memcpy(t->saddr, d->from, 16);
		memcpy(t->daddr, d->to, 16);
	}
}

/* Of several sockets on one port it shall be that one: who is connected with the sender comes first. */
static int connect_to(const struct rec_sock *k, const R *d, const struct tcp_tuple *t, __u32 scope, int fd)
{
	union inet_addr a;
	socklen_t len = inet_address(k, k->family == AF_INET ? d->from : t->saddr, d->port, scope, &a);

	return connect(fd, &a.any, len) ? fail(-errno, "connect a socket to who sent it a datagram") : 0;
}

/* What comes to a connected socket sets SO_INCOMING_CPU; a port that the kernel chose goes with the connection. */
static int disconnect(struct restore *r, const struct rec_sock *k, const struct rec_inet *i, int fd)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int cpu = -1;

	sockopt_saved(&r->image.snap, k->addr, SOL_SOCKET, SO_INCOMING_CPU, &cpu);
	if (connect(fd, &none, sizeof(none)) ||
	    setsockopt(fd, SOL_SOCKET, SO_INCOMING_CPU, &cpu, sizeof(cpu)))
		return fail(-errno, "disconnect a socket");
	return i->locks & INET_BIND_PORT ? 0 : inet_bind(r, k, i, false, fd);
}

/* A busy kernel delivers later, from ksoftirqd; the socket must be who it is until then, and nothing be lost. */
static int deliver(const struct restore *r, const R *d, const struct tcp_tuple *t, const struct packet_look *look,
		   int protocol, int fd)
{
	__u32 before[SK_MEMINFO_VARS], now[SK_MEMINFO_VARS];
	int err = sock_meminfo(fd, before), sent = err ? 0 : inject_udp(t, look, protocol, d->data, d->bytes);

	if (sent)
		return fail(sent, "send a datagram of %u bytes again", d->bytes);
	for (unsigned int i = 0; i < 2 * r->opts->timeout_ms && !err; i++) {
		err = sock_meminfo(fd, now);
		if (!err && now[SK_MEMINFO_RMEM_ALLOC] != before[SK_MEMINFO_RMEM_ALLOC])
			return 0;
		nanosleep(&(struct timespec){ 0, 500000 }, NULL);
	}
	if (err)
		return err;
	return fail(-ETIMEDOUT, "a datagram of %u bytes that waited to be read does not arrive: is something in the "
		    "way of packets on the loopback interface?", d->bytes);
}

static int restore_datagram(struct restore *r, const void *rec)
{
	const R *d = rec;
	const struct rec_sock *k = snap_find(&r->image.snap, REC_SOCK, d->sock);
	const struct rec_inet *i = snap_find(&r->image.snap, REC_INET, d->sock);
	bool shared = k->state != 1 /* TCP_ESTABLISHED */ && d->port &&
		      (sockopt_saved(&r->image.snap, k->addr, SOL_SOCKET, SO_REUSEPORT, NULL) ||
		       sockopt_saved(&r->image.snap, k->addr, SOL_SOCKET, SO_REUSEADDR, NULL));
	int fd _close_ = restore_borrow(r, sock_file(&r->image.snap, d->sock)), err = 0;
	struct packet_look look = { .scope = d->ifindex ? d->ifindex : i->bound_if, .flow = d->flow, .hops = d->hops,
				    .tos = d->tos, .mark = d->mark, .priority = d->priority };
	struct tcp_tuple t;

	if (fd < 0)
		return fail(-ERR_IMAGE, "image: socket %llu was not made", d->sock);
	fill_tuple(d, &t);
	if (shared)
		err = connect_to(k, d, &t, look.scope, fd);
	if (!err)
		err = deliver(r, d, &t, &look, k->protocol, fd);
	if (shared && !err)
		err = disconnect(r, k, i, fd);
	return err;
}

struct sieve {
	struct routes routes;
	const R *first; /* that was left out */
	size_t left;
	int err;
};

static bool keep(const void *rec, void *arg)
{
	const R *d = rec;
	struct sieve *s = arg;
	int local = is_local(&s->routes, d->version, d->to, d->ifindex, d->mark, NULL);

	if (local < 0)
		s->err = local;
	else if (!local && !s->left++)
		s->first = d;
	return local;
}

/* Of each socket from 0 on, as a walk of the restored tree will count them. */
static void renumber(const struct snap *s)
{
	__u64 sock = 0;
	__u32 index = 0;

	snap_for_each(s, REC_DATAGRAM, R, d) {
		if (d->sock != sock)
			index = 0;
		sock = d->sock;
		d->index = index++;
	}
}

int datagram_prepare(struct restore *r)
{
	struct sieve s = {};
	char text[INET6_ADDRSTRLEN] = "?";

	snap_filter(&r->image.snap, REC_DATAGRAM, keep, &s);
	route_close(&s.routes);
	if (s.err)
		return fail(s.err, "ask for the routes of datagrams");
	if (!s.left)
		return 0;
	renumber(&r->image.snap);
	inet_ntop(s.first->version == 4 ? AF_INET : AF_INET6, s.first->to, text, sizeof(text));
	warn("%zu datagrams that were not read are lost: they were sent to addresses that this host does not have, "
	     "the first one to %s", s.left, text);
	return 0;
}

const struct res_type res_datagram = {
	.name = "datagram", .tag = REC_DATAGRAM, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_BYTES, .read = read_datagram, .restore = restore_datagram,
};
