// SPDX-License-Identifier: GPL-2.0-only
/* netlink.c - kinds "netlink" and "netlink_group": sockets of netlink(7), which the kernel answers. */
#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "check.h"
#include "cleanup.h"
#include "dump.h"
#include "log.h"
#include "rec_link.h"
#include "res.h"
#include "restore.h"
#include "sock.h"

#define R struct rec_netlink

static const struct field fields[] = {
	FIELD_OWNER(R, sock, REC_SOCK),
	FIELD(R, portid, MUST_MATCH, AS_DEC),
	FIELD(R, dst_portid, MUST_MATCH, AS_DEC),
	FIELD(R, dst_group, MUST_MATCH, AS_DEC),
	FIELD(R, dumping, MUST_MATCH, AS_DEC),
};

static const struct field group_fields[] = {
	FIELD_OWNER(struct rec_netlink_group, sock, REC_SOCK),
	FIELD(struct rec_netlink_group, group, IS_KEY, AS_DEC),
};

/* Of the others the kernel keeps what nobody can read back: queues, registrations, tables with owners. */
static bool is_supported(const struct rec_sock *k)
{
	switch (k->protocol) {
	case NETLINK_ROUTE:
	case NETLINK_USERSOCK:
	case NETLINK_SOCK_DIAG:
	case NETLINK_XFRM:
	case NETLINK_KOBJECT_UEVENT:
	case NETLINK_GENERIC:
		return true;
	}
	return false;
}

static const char *refusal(const struct snap *s, const struct rec_sock *k, char *buf, size_t len)
{
	const R *n = snap_find(s, REC_NETLINK, k->addr);

	if (!n)
		return "it could not be read";
	if (!is_supported(k)) {
		snprintf(buf, len, "netlink protocol %u is not supported: the kernel keeps state of it that cannot "
			 "be read back", k->protocol);
		return buf;
	}
	if (k->error) /* it is read first */
		return "an error is pending; try again when the program has seen it";
	if (n->dumping || k->queued)
		return "messages wait to be read; try again when they were";
	return NULL;
}

static int check(struct check *c, const void *rec)
{
	const R *n = rec;
	const struct rec_sock *k = snap_find(c->snap, REC_SOCK, n->sock);

	if (k && k->protocol == NETLINK_GENERIC && n->portid)
		sock_warn(c, k, "what a generic netlink family has noted of its port %u (registrations and the like) is "
			  "not in the image", n->portid);
	return 0;
}

static int collect(struct dump *d, void *rec)
{
	const R *n = rec;
	struct rec_sock *k = snap_find(&d->snap, REC_SOCK, n->sock);
	int fd _close_ = sock_getfd(d, k);
	__u32 *map _free_ = NULL;
	socklen_t len = 0;

	k->backlog = k->waiting = 0;
	if (fd < 0)
		return fd == -ENOENT ? fail(fd, "reach a netlink socket") : fd;
	if (getsockopt(fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, NULL, &len))
		return fail(-errno, "read the groups of a netlink socket");
	map = calloc(1, len + sizeof(*map));
	if (!map)
		return fail(-ENOMEM, "netlink");
	if (getsockopt(fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, map, &len))
		return fail(-errno, "read the groups of a netlink socket");
	for (__u32 i = 0; i < len * 8; i++) {
		struct rec_netlink_group *g;

		if (!(map[i / 32] >> i % 32 & 1))
			continue;
		g = snap_new(&d->snap, REC_NETLINK_GROUP, sizeof(*g));
		if (!g)
			return fail(-ENOMEM, "netlink");
		g->sock = n->sock;
		g->group = i + 1;
	}
	return 0;
}

static int read_netlink(const struct image *img, const void *rec)
{
	const R *n = rec;
	const struct rec_sock *k = snap_find(&img->snap, REC_SOCK, n->sock);

	if (k->family != AF_NETLINK || !is_supported(k) || n->dumping || !sock_file(&img->snap, n->sock))
		return fail(-ERR_IMAGE, "image: netlink socket %llu is impossible", n->sock);
	return 0;
}

static int read_group(const struct image *img, const void *rec)
{
	const struct rec_netlink_group *g = rec;

	if (!snap_find(&img->snap, REC_NETLINK, g->sock) || !g->group || g->group > 1u << 16)
		return fail(-ERR_IMAGE, "image: a group of netlink socket %llu is impossible", g->sock);
	return 0;
}

static int join_groups(struct restore *r, const R *n, int fd)
{
	size_t nr;
	void **group = snap_range(&r->image.snap, REC_NETLINK_GROUP, n->sock, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_netlink_group *g = group[i];

		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &g->group, sizeof(g->group)))
			return fail(-errno, "join netlink group %u", g->group);
	}
	return 0;
}

static int restore_netlink(struct restore *r, const void *rec)
{
	const R *n = rec;
	const struct rec_sock *k = snap_find(&r->image.snap, REC_SOCK, n->sock);
	struct sockaddr_nl own = { .nl_family = AF_NETLINK, .nl_pid = n->portid };
	struct sockaddr_nl peer = { .nl_family = AF_NETLINK, .nl_pid = n->dst_portid };
	int fd _close_ = socket(AF_NETLINK, k->type | SOCK_CLOEXEC, k->protocol), err;

	if (fd < 0)
		return fail(-errno, "make a netlink socket of protocol %u", k->protocol);
	if (n->portid && bind(fd, (struct sockaddr *)&own, sizeof(own)))
		return errno == EADDRINUSE ? fail(-ERR_TAKEN, "port %u of netlink protocol %u is taken",
						  n->portid, k->protocol) :
					     fail(-errno, "bind a netlink socket to port %u", n->portid);
	err = join_groups(r, n, fd);
	if (err)
		return err;
	peer.nl_groups = n->dst_group ? 1u << (n->dst_group - 1) : 0;
	if ((n->dst_portid || n->dst_group) && connect(fd, (struct sockaddr *)&peer, sizeof(peer)))
		return fail(-errno, "connect a netlink socket");
	return sock_keep(r, k, take_fd(&fd));
}

const struct sock_family sock_netlink = { .family = AF_NETLINK, .refusal = refusal };

const struct res_type res_netlink = {
	.name = "netlink", .tag = REC_NETLINK, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.check = check, .collect = collect, .read = read_netlink, .restore = restore_netlink,
};

const struct res_type res_netlink_group = {
	.name = "netlink_group", .tag = REC_NETLINK_GROUP, .size = sizeof(struct rec_netlink_group), .owned = true,
	.fields = group_fields, .nr_fields = sizeof(group_fields) / sizeof(group_fields[0]), .read = read_group,
};
