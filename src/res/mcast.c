// SPDX-License-Identifier: GPL-2.0-only
/* mcast.c - kinds "mcast" and "mcast_source": multicast groups that a socket has joined. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dump.h"
#include "inet.h"
#include "log.h"
#include "res.h"
#include "restore.h"
#include "sock.h"

#define R struct rec_mcast
#define SOURCES_MAX 1024 /* net.ipv6.mld_max_msf is 64, net.ipv4.igmp_max_msf 10 */

static const struct field fields[] = {
	FIELD_OWNER(R, sock, REC_SOCK),
	FIELD(R, index, IS_KEY, AS_DEC),
	FIELD(R, family, MUST_MATCH, AS_DEC),
	FIELD(R, ifindex, MUST_MATCH, AS_DEC),
	FIELD(R, mode, MUST_MATCH, AS_DEC),
	FIELD(R, sources, MUST_MATCH, AS_DEC),
	FIELD(R, group, MUST_MATCH, AS_BYTES),
};

static const struct field source_fields[] = {
	FIELD_OWNER(struct rec_mcast_source, sock, REC_SOCK),
	FIELD(struct rec_mcast_source, index, IS_KEY, AS_DEC),
	FIELD(struct rec_mcast_source, number, IS_KEY, AS_DEC),
	FIELD(struct rec_mcast_source, source, MUST_MATCH, AS_BYTES),
};

static void put_address(struct sockaddr_storage *out, __u32 family, const __u8 addr[16])
{
	const struct rec_sock k = { .family = family };
	union inet_addr a;

	memcpy(out, &a, inet_address(&k, addr, 0, 0, &a));
}

static const __u8 *address_in(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET ? (const __u8 *)&((const struct sockaddr_in *)a)->sin_addr :
					 (const __u8 *)&((const struct sockaddr_in6 *)a)->sin6_addr;
}

static int level_of(const R *m)
{
	return m->family == AF_INET ? SOL_IP : SOL_IPV6;
}

/* The membership with room for its sources, as MCAST_MSFILTER wants it. */
static struct group_filter *new_filter(const R *m, socklen_t *len)
{
	struct group_filter *f;

	*len = GROUP_FILTER_SIZE(m->sources);
	f = calloc(1, *len);
	if (!f)
		return NULL;
	f->gf_interface = m->ifindex;
	f->gf_fmode = m->mode;
	f->gf_numsrc = m->sources;
	put_address(&f->gf_group, m->family, m->group);
	return f;
}

static int collect(struct dump *d, void *rec)
{
	const R *m = rec;
	const struct rec_sock *k = snap_find(&d->snap, REC_SOCK, m->sock);
	struct group_filter *f _free_ = NULL;
	int fd _close_ = -1;
	socklen_t len;

	if (!m->sources)
		return 0;
	fd = sock_getfd(d, k);
	f = new_filter(m, &len);
	if (fd < 0 || !f)
		return fd < 0 ? fd : fail(-ENOMEM, "mcast");
	if (getsockopt(fd, level_of(m), MCAST_MSFILTER, f, &len))
		return fail(-errno, "read the sources of a multicast group");
	for (__u32 i = 0; i < m->sources; i++) {
		struct rec_mcast_source *s = snap_new(&d->snap, REC_MCAST_SOURCE, sizeof(*s));

		if (!s)
			return fail(-ENOMEM, "mcast");
		s->sock = m->sock;
		s->index = m->index;
		s->number = i;
		memcpy(s->source, address_in(&f->gf_slist[i]), m->family == AF_INET ? 4 : 16);
	}
	return 0;
}

static int read_mcast(const struct image *img, const void *rec)
{
	const R *m = rec;

	if (!snap_find(&img->snap, REC_INET, m->sock) || m->mode > MCAST_INCLUDE ||
	    (m->family != AF_INET && m->family != AF_INET6) || m->sources > SOURCES_MAX)
		return fail(-ERR_IMAGE, "image: a multicast group of socket %llu is impossible", m->sock);
	return 0;
}

static int fill_sources(const struct restore *r, const R *m, struct group_filter *f)
{
	size_t nr;
	void **rec = snap_range(&r->image.snap, REC_MCAST_SOURCE, m->sock, &nr);
	__u32 n = 0;

	for (size_t i = 0; i < nr; i++) {
		const struct rec_mcast_source *s = rec[i];

		if (s->index == m->index && n < m->sources)
			put_address(&f->gf_slist[n++], m->family, s->source);
	}
	return n == m->sources ? 0 : fail(-ERR_IMAGE, "image: sources of a multicast group are missing");
}

static int join_group(struct restore *r, const R *m)
{
	struct group_req group = { .gr_interface = m->ifindex };
	struct group_filter *f _free_ = NULL;
	int fd _close_ = restore_borrow(r, sock_file(&r->image.snap, m->sock)), err;
	socklen_t len;

	if (fd < 0)
		return fail(-ERR_IMAGE, "image: socket %llu was not made", m->sock);
	put_address(&group.gr_group, m->family, m->group);
	if (setsockopt(fd, level_of(m), MCAST_JOIN_GROUP, &group, sizeof(group)))
		return fail(-errno, "join a multicast group on interface %u", m->ifindex);
	if (!m->sources && m->mode == MCAST_EXCLUDE)
		return 0;
	f = new_filter(m, &len);
	if (!f)
		return fail(-ENOMEM, "mcast");
	err = fill_sources(r, m, f);
	if (!err && setsockopt(fd, level_of(m), MCAST_MSFILTER, f, len))
		err = fail(-errno, "set the sources of a multicast group");
	return err;
}

/* The last one first: the kernel puts a new one in front of the others. */
static int restore_mcast(struct restore *r, const void *rec)
{
	size_t nr;
	void **all = snap_range(&r->image.snap, REC_MCAST, rec_key(rec), &nr);
	int err = 0;

	for (size_t i = nr; all[0] == rec && i-- && !err;)
		err = join_group(r, all[i]);
	return err;
}

const struct res_type res_mcast = {
	.name = "mcast", .tag = REC_MCAST, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.collect = collect, .read = read_mcast, .restore = restore_mcast,
};

const struct res_type res_mcast_source = {
	.name = "mcast_source", .tag = REC_MCAST_SOURCE, .size = sizeof(struct rec_mcast_source), .owned = true,
	.fields = source_fields, .nr_fields = sizeof(source_fields) / sizeof(source_fields[0]),
};
