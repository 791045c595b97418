// SPDX-License-Identifier: GPL-2.0-only
/* unix.c - kind "unix": sockets of family AF_UNIX. */
#include <errno.h>
#include <sys/socket.h>

#include "log.h"
#include "res.h"
#include "restore.h"
#include "sock.h"

#define R struct rec_unix

static const struct field fields[] = {
	FIELD_OWNER(R, sock, REC_SOCK),
	FIELD_REF(R, peer, REC_SOCK),
	FIELD_REF(R, name, 0),
};

static const char *refusal(const struct snap *s, const struct rec_sock *k, char *buf, size_t len)
{
	const struct rec_unix *u = snap_find(s, REC_UNIX, k->addr);
	const struct rec_unix *peer = u ? snap_find(s, REC_UNIX, u->peer) : NULL;

	if (!u)
		return "it could not be read";
	if (u->name)
		return "a unix socket with a name is not supported yet";
	if (!u->peer)
		return "a unix socket that is not connected is not supported yet";
	if (!peer)
		return "its peer is outside of the tree, or gone";
	if (peer->peer != k->addr)
		return "a unix socket with a peer that is not connected with it is not supported yet";
	if (k->queued || k->error || k->shutdown)
		return "a unix socket with data, an error or shutdown(2) is not supported yet";
	return NULL;
}

static int read_unix(const struct image *img, const void *rec)
{
	const struct rec_unix *u = rec;
	const struct rec_unix *peer = snap_find(&img->snap, REC_UNIX, u->peer);

	if (!peer || peer->peer != u->sock || !sock_file(&img->snap, u->sock))
		return fail(-ERR_IMAGE, "image: unix socket %llu is impossible", u->sock);
	return 0;
}

static int restore_unix(struct restore *r, const void *rec)
{
	const struct rec_unix *u = rec;
	const struct rec_sock *k = snap_find(&r->image.snap, REC_SOCK, u->sock);
	const struct rec_sock *peer = snap_find(&r->image.snap, REC_SOCK, u->peer);
	int end[2], err;

	if (u->peer < u->sock)
		return 0; /* made with its peer */
	if (socketpair(AF_UNIX, k->type | SOCK_CLOEXEC, k->protocol, end))
		return fail(-errno, "socketpair");
	err = sock_keep(r, k, end[0]);
	return sock_keep(r, peer, end[1]) ?: err;
}

const struct sock_family sock_unix = { .family = AF_UNIX, .refusal = refusal };

const struct res_type res_unix = {
	.name = "unix", .tag = REC_UNIX, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.read = read_unix, .restore = restore_unix,
};
