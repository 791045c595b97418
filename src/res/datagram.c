// SPDX-License-Identifier: GPL-2.0-only
/*
 * datagram.c - kind "datagram": datagrams of UDP and UDP-Lite that wait to be read. They are sent again,
 * with the address of who sent them.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "inet.h"
#include "inject.h"
#include "log.h"
#include "res.h"
#include "restore.h"
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
};

static int read_datagram(const struct image *img, const void *rec)
{
	const R *d = rec;
	const struct rec_sock *k = snap_find(&img->snap, REC_SOCK, d->sock);

	if (!snap_find(&img->snap, REC_INET, d->sock) || k->type != SOCK_DGRAM || d->bytes > 65535 ||
	    d->bytes > d->h.len - sizeof(*d) || (d->version != 4 && d->version != 6))
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

/* What comes to a connected socket sets SO_INCOMING_CPU. */
static int disconnect(struct restore *r, __u64 sock, int fd)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int cpu = -1;

	sockopt_saved(r, sock, SOL_SOCKET, SO_INCOMING_CPU, &cpu);
	if (connect(fd, &none, sizeof(none)) ||
	    setsockopt(fd, SOL_SOCKET, SO_INCOMING_CPU, &cpu, sizeof(cpu)))
		return fail(-errno, "disconnect a socket");
	return 0;
}

static int restore_datagram(struct restore *r, const void *rec)
{
	const R *d = rec;
	const struct rec_sock *k = snap_find(&r->image.snap, REC_SOCK, d->sock);
	const struct rec_inet *i = snap_find(&r->image.snap, REC_INET, d->sock);
	bool shared = k->state != 1 /* TCP_ESTABLISHED */ && d->port &&
		      (sockopt_saved(r, k->addr, SOL_SOCKET, SO_REUSEPORT, NULL) ||
		       sockopt_saved(r, k->addr, SOL_SOCKET, SO_REUSEADDR, NULL));
	int fd _close_ = restore_borrow(r, sock_file(&r->image.snap, d->sock)), err = 0;
	struct tcp_tuple t;

	if (fd < 0)
		return fail(-ERR_IMAGE, "image: socket %llu was not made", d->sock);
	fill_tuple(d, &t);
	if (shared)
		err = connect_to(k, d, &t, i->bound_if, fd);
	if (!err) {
		err = inject_udp(&t, i->bound_if, k->protocol, d->data, d->bytes);
		if (err)
			err = fail(err, "send a datagram of %u bytes again", d->bytes);
	}
	if (shared && !err)
		err = disconnect(r, d->sock, fd);
	return err;
}

const struct res_type res_datagram = {
	.name = "datagram", .tag = REC_DATAGRAM, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_BYTES, .read = read_datagram, .restore = restore_datagram,
};
