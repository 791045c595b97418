// SPDX-License-Identifier: GPL-2.0-only
/* sockopt.c - kind "sockopt": options of a socket that are not those of a fresh one, and how they are set again. */
#include "sockopt.h"

#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>

#include "log.h"
#include "rec_sock.h"
#include "rec_sockopt.h"
#include "res.h"
#include "restore.h"
#include "sock.h"
#include "sockopt_table.h"

#define R struct rec_sockopt

static const struct field fields[] = {
	FIELD_OWNER(R, sock, REC_SOCK),
	FIELD(R, level, IS_KEY, AS_DEC),
	FIELD(R, name, IS_KEY, AS_DEC),
	FIELD(R, len, MUST_MATCH, AS_DEC),
	FIELD(R, text, MAY_DIFFER, AS_TEXT),
};

int sockopt_save(struct snap *s, __u64 sock, const struct option *o, const void *value, int len)
{
	R *r = snap_new(s, REC_SOCKOPT, sizeof(*r) + len);

	if (!r)
		return fail(-ENOMEM, "sockopt");
	r->sock = sock;
	r->level = o->level;
	r->name = o->name;
	r->len = len;
	snprintf(r->text, sizeof(r->text), "%s", o->text);
	memcpy(r->value, value, len);
	return 0;
}

const struct option *sockopt_find(__u32 level, __u32 name)
{
	for (size_t i = 0; i < SOCKOPTS; i++)
		if (sockopt_table[i].level == level && sockopt_table[i].name == name)
			return &sockopt_table[i];
	return NULL;
}

static const struct option *find_option(const R *r)
{
	return sockopt_find(r->level, r->name);
}

static int read_sockopt(const struct image *img, const void *rec)
{
	const R *r = rec;
	const struct option *o = find_option(r);
	__u32 max = o && o->how == FILTER ? SOCKOPT_FILTER_MAX * sizeof(struct sock_filter) : SOCKOPT_VALUE_MAX;

	if (!o || r->len > max || r->len > r->h.len - sizeof(*r) ||
	    (o->how == BUFFER && r->len != sizeof(int)) ||
	    (o->how == FILTER && r->len % sizeof(struct sock_filter)))
		return fail(-ERR_IMAGE, "image: option %u at level %u of socket %llu is impossible", r->name,
			    r->level, r->sock);
	return 0;
}

static int set(int fd, const struct option *o, const R *r)
{
	struct sock_fprog prog = { r->len / sizeof(struct sock_filter), (void *)r->value };
	int half = r->len == sizeof(int) ? *(const int *)r->value / 2 : 0, err;

	if (o->how == FILTER)
		err = setsockopt(fd, o->level, o->name, &prog, sizeof(prog));
	else if (o->how == BUFFER)
		err = setsockopt(fd, o->level, o->force, &half, sizeof(half));
	else
		err = setsockopt(fd, o->level, o->name, r->value, r->len);
	return err ? fail(-errno, "set %s of a socket", o->text) : 0;
}

int sockopt_restore(struct restore *r, __u64 sock, int fd)
{
	size_t nr;
	void **rec = snap_range(&r->image.snap, REC_SOCKOPT, sock, &nr);
	int err = 0;

	for (size_t i = 0; i < nr && !err; i++) {
		const struct option *o = find_option(rec[i]);

		if (!(o->flags & LAST) || o->how == BUFFER || (o->level == SOL_SOCKET && o->name == SO_REUSEADDR))
			err = set(fd, o, rec[i]);
	}
	return err;
}

int sockopt_restore_all(struct restore *r, __u64 sock, int fd)
{
	size_t nr;
	void **rec = snap_range(&r->image.snap, REC_SOCKOPT, sock, &nr);
	int err = 0;

	for (size_t i = 0; i < nr && !err; i++)
		err = set(fd, find_option(rec[i]), rec[i]);
	return err;
}

/* In the order of the table, once all else of the socket is as it was. */
static int restore_option(struct restore *r, const void *rec)
{
	const R *o = rec;
	const struct rec_sock *k = snap_find(&r->image.snap, REC_SOCK, o->sock);
	int fd _close_ = -1;

	if (k->family == AF_UNIX || k->family == AF_PACKET || (k->type == SOCK_RAW && k->family != AF_NETLINK))
		return 0; /* unix_make_all() does, later; of the others all were set before packets came */
	if (!(find_option(o)->flags & LAST) && (k->family == AF_INET || k->family == AF_INET6))
		return 0; /* inet_make() did, and some cannot be set any more */
	fd = restore_borrow(r, sock_file(&r->image.snap, o->sock));
	if (fd < 0)
		return fail(-ERR_IMAGE, "image: socket %llu was not made", o->sock);
	return set(fd, find_option(o), o);
}

bool sockopt_saved(const struct snap *s, __u64 sock, int level, int name, int *value)
{
	size_t nr;
	void **rec = snap_range(s, REC_SOCKOPT, sock, &nr);

	for (size_t i = 0; i < nr; i++) {
		const R *o = rec[i];

		if ((int)o->level != level || (int)o->name != name)
			continue;
		if (value && o->len >= sizeof(int))
			*value = *(const int *)o->value;
		return true;
	}
	return false;
}

const struct res_type res_sockopt = {
	.name = "sockopt", .tag = REC_SOCKOPT, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_BYTES, .read = read_sockopt, .restore = restore_option,
};
