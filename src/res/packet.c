// SPDX-License-Identifier: GPL-2.0-only
/* packet.c - kinds "packet" and "packet_member": sockets of packet(7), as tcpdump(8) has them. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"
#include "dump.h"
#include "log.h"
#include "rec_link.h"
#include "res.h"
#include "restore.h"
#include "sock.h"
#include "sockopt.h"

#define R struct rec_packet
#define M struct rec_packet_member

static const struct field fields[] = {
	FIELD_OWNER(R, sock, REC_SOCK),
	FIELD(R, protocol, MUST_MATCH, AS_HEX),
	FIELD(R, ifindex, MAY_DIFFER, AS_DEC), /* the name counts */
	FIELD(R, copy_thresh, MUST_MATCH, AS_DEC),
	FIELD(R, flags, MUST_MATCH, AS_HEX),
	FIELD(R, ifname, MUST_MATCH, AS_TEXT),
};

static const struct field member_fields[] = {
	FIELD_OWNER(M, sock, REC_SOCK),
	FIELD(M, index, IS_KEY, AS_DEC),
	FIELD(M, ifindex, MUST_MATCH, AS_DEC),
	FIELD(M, type, MUST_MATCH, AS_DEC),
	FIELD(M, len, MUST_MATCH, AS_DEC),
	FIELD(M, count, MUST_MATCH, AS_DEC),
	FIELD(M, addr, MUST_MATCH, AS_BYTES),
};

static const char *refusal(const struct snap *s, const struct rec_sock *k, char *buf, size_t len)
{
	const R *p = snap_find(s, REC_PACKET, k->addr);

	if (!p)
		return "it could not be read";
	if (k->type != SOCK_RAW && k->type != SOCK_DGRAM)
		return "the old type of packet sockets (SOCK_PACKET) is not supported";
	if (p->flags & PACKET_HAS_RING)
		return "it has a ring of packets in memory (PACKET_RX_RING, PACKET_TX_RING), which is not supported";
	if (p->flags & PACKET_HAS_FANOUT)
		return "it shares its packets with others (PACKET_FANOUT), which is not supported";
	if (p->flags & PACKET_MORE_MEMBERS)
		return "it has more memberships (PACKET_ADD_MEMBERSHIP) than this program follows";
	if (k->error)
		return "an error is pending; try again when the program has seen it";
	return NULL;
}

static int check(struct check *c, const void *rec)
{
	const R *p = rec;
	const struct rec_sock *k = snap_find(c->snap, REC_SOCK, p->sock);

	if (k && k->queued)
		sock_warn(c, k, "%u packets that it has received and its program has not read are not in the image",
			  k->queued);
	return 0;
}

static int collect(struct dump *d, void *rec)
{
	R *p = rec;
	struct rec_sock *k = snap_find(&d->snap, REC_SOCK, p->sock);

	k->backlog = 0;
	if (p->ifindex && !if_indextoname(p->ifindex, p->ifname))
		return fail(-errno, "find the name of interface %u", p->ifindex);
	return 0;
}

static int read_packet(const struct image *img, const void *rec)
{
	const R *p = rec;
	const struct rec_sock *k = snap_find(&img->snap, REC_SOCK, p->sock);

	if (k->family != AF_PACKET || (k->type != SOCK_RAW && k->type != SOCK_DGRAM) || p->flags ||
	    p->protocol > 0xffff || strnlen(p->ifname, sizeof(p->ifname)) == sizeof(p->ifname) ||
	    !sock_file(&img->snap, p->sock))
		return fail(-ERR_IMAGE, "image: packet socket %llu is impossible", p->sock);
	return 0;
}

static int read_member(const struct image *img, const void *rec)
{
	const M *m = rec;

	if (!snap_find(&img->snap, REC_PACKET, m->sock) || m->len > sizeof(m->addr) || m->count > 4096)
		return fail(-ERR_IMAGE, "image: a membership of packet socket %llu is impossible", m->sock);
	return 0;
}

static int join(const M *m, int fd)
{
	struct { struct packet_mreq req; __u8 more[24]; } r = { .req = { .mr_ifindex = m->ifindex,
			.mr_type = m->type, .mr_alen = m->len } };

	memcpy(r.req.mr_address, m->addr, sizeof(m->addr)); /* up to MAX_ADDR_LEN: packet_mreq_max */
	for (__u32 i = 0; i < m->count; i++)
		if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &r, sizeof(r.req) - 8 + sizeof(m->addr)))
			return fail(-errno, "add a membership of a packet socket on interface %u", m->ifindex);
	return 0;
}

/* The last one first: a new one is put in front of the others. */
static int join_all(struct restore *r, const R *p, int fd)
{
	size_t nr;
	void **member = snap_range(&r->image.snap, REC_PACKET_MEMBER, p->sock, &nr);
	int err = 0;

	for (size_t i = nr; i-- && !err;)
		err = join(member[i], fd);
	return err;
}

static int bind_it(const R *p, int fd)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(p->protocol) };

	if (!p->protocol && !p->ifname[0])
		return 0;
	a.sll_ifindex = p->ifname[0] ? if_nametoindex(p->ifname) : 0;
	if (p->ifname[0] && !a.sll_ifindex)
		return fail(-errno, "interface %s", p->ifname);
	return bind(fd, (struct sockaddr *)&a, sizeof(a)) ? fail(-errno, "bind a packet socket to %s",
							      p->ifname[0] ? p->ifname : "all interfaces") : 0;
}

/* Nothing is received until it is bound: options, filters among them, come before that. */
static int restore_packet(struct restore *r, const void *rec)
{
	const R *p = rec;
	const struct rec_sock *k = snap_find(&r->image.snap, REC_SOCK, p->sock);
	int fd _close_ = socket(AF_PACKET, k->type | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return fail(-errno, "make a packet socket");
	err = sockopt_restore_all(r, k->addr, fd);
	if (!err && p->copy_thresh &&
	    setsockopt(fd, SOL_PACKET, PACKET_COPY_THRESH, &p->copy_thresh, sizeof(p->copy_thresh)))
		err = fail(-errno, "set PACKET_COPY_THRESH");
	if (!err)
		err = join_all(r, p, fd);
	if (!err)
		err = bind_it(p, fd);
	return err ? err : sock_keep(r, k, take_fd(&fd));
}

const struct sock_family sock_packet = { .family = AF_PACKET, .refusal = refusal };

const struct res_type res_packet = {
	.name = "packet", .tag = REC_PACKET, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.check = check, .collect = collect, .read = read_packet, .restore = restore_packet,
};

const struct res_type res_packet_member = {
	.name = "packet_member", .tag = REC_PACKET_MEMBER, .size = sizeof(M), .owned = true,
	.fields = member_fields, .nr_fields = sizeof(member_fields) / sizeof(member_fields[0]), .read = read_member,
};
