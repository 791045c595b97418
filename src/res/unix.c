// SPDX-License-Identifier: GPL-2.0-only
/* unix.c - kind "unix": a socket of family AF_UNIX, its name, its peer, and whose SO_PEERCRED it tells. */
#include "unix.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"
#include "external.h"
#include "dump.h"
#include "idmap.h"
#include "log.h"
#include "rec_file.h"
#include "res.h"
#include "restore.h"
#include "sock.h"
#include "sockopt.h"

#define R struct rec_unix

static const struct field fields[] = {
	FIELD_OWNER(R, sock, REC_SOCK),
	FIELD_REF(R, peer, REC_SOCK),
	FIELD_REF(R, address, 0),
	FIELD_REF(R, cred_pid, REC_PID),
	FIELD(R, cred_nr, MAY_DIFFER, AS_DEC),
	FIELD(R, cred_uid, MUST_MATCH, AS_DEC),
	FIELD(R, cred_gid, MUST_MATCH, AS_DEC),
	FIELD(R, cred_ngroups, MUST_MATCH, AS_DEC),
	FIELD_ARRAY(R, cred_groups, MUST_MATCH, AS_DEC),
	FIELD(R, name_len, MUST_MATCH, AS_DEC),
	FIELD(R, oob, MUST_MATCH, AS_DEC),
	FIELD(R, bound, MUST_MATCH, AS_DEC),
	FIELD(R, other_names, NEVER_SAVED, AS_DEC),
	FIELD(R, name, MUST_MATCH, AS_BYTES),
};

const struct rec_unix_pending *unix_pending(const struct snap *s, __u64 sock)
{
	size_t nr;
	void **rec = snap_referring(s, REC_UNIX_PENDING, struct rec_unix_pending, sock, sock, &nr);

	return nr ? rec[0] : NULL;
}

const struct rec_unix *unix_mate(const struct snap *s, const R *u)
{
	size_t nr;
	void **rec;

	if (u->peer)
		return snap_find(s, REC_UNIX, u->peer);
	rec = snap_referring(s, REC_UNIX, R, peer, u->sock, &nr);
	return nr ? rec[0] : NULL;
}

/* accept(2) made it: it has the name of the listening socket without being bound to it. */
static bool is_accepted(const R *u)
{
	return u->address && !u->bound;
}

/* Datagram sockets without a name cannot be connected to: who is has been made by socketpair(2). */
static bool is_datagram_pair(const R *u, const R *mate)
{
	return (u->peer == mate->sock && !mate->address) || (mate->peer == u->sock && !u->address);
}

enum unix_role unix_role(const struct snap *s, const R *u)
{
	const struct rec_sock *k = snap_find(s, REC_SOCK, u->sock);
	const R *mate = unix_mate(s, u);
	bool accepted;

	if (unix_pending(s, u->sock))
		return UNIX_PENDING;
	if (!k || !mate || mate == u)
		return UNIX_SINGLE;
	if (k->type == SOCK_DGRAM)
		return is_datagram_pair(u, mate) ? UNIX_PAIR : UNIX_SINGLE;
	if (unix_pending(s, mate->sock))
		return UNIX_CLIENT;
	accepted = is_accepted(u);
	if (is_accepted(mate)) /* of a closed one it cannot be told any more */
		return accepted && !(k->flags & SOCK_F_DEAD) ? UNIX_ACCEPTED : UNIX_CLIENT;
	return accepted ? UNIX_ACCEPTED : UNIX_PAIR;
}

const char *unix_name(const R *u, char *buf, size_t len)
{
	size_t out = 0;

	for (__u32 i = 0; i < u->name_len && i < UNIX_NAME_MAX && out + 1 < len; i++) {
		if (i && !u->name[i] && unix_has_path(u))
			break;
		buf[out++] = u->name[i] ? isprint(u->name[i]) ? (char)u->name[i] : '?' : '@';
	}
	buf[out] = 0;
	return out ? buf : "(unnamed)";
}

/* ---- dump ---- */

static bool is_of_tree(const struct check *c, __u64 pid)
{
	return snap_find(c->snap, REC_PID, pid) && tree_find(c->tree, pid);
}

static void check_peer(struct check *c, const struct rec_sock *k, const R *u)
{
	const struct rec_sock *peer = snap_find(c->snap, REC_SOCK, u->peer);
	const R *mate = snap_find(c->snap, REC_UNIX, u->peer);
	const struct rec_holder *h = peer ? snap_find(c->snap, REC_HOLDER, peer->file) : NULL;
	const struct rec_file *f = snap_find(c->snap, REC_FILE, sock_file(c->snap, k->addr));
	char name[UNIX_NAME_MAX + 1], who[64] = "", remedy[192] = "";

	if (u->peer && !peer)
		sock_refuse(c, k, "is connected with a socket that is left out of the image; leave out both, or none "
			    "(--external)");
	if (!peer || sock_is_ours(c->snap, peer))
		return;
	if (h)
		snprintf(who, sizeof(who), ", held by pid %u (%.16s), descriptor %u", h->pid, h->comm, h->fd);
	if (f && f->path_len)
		snprintf(remedy, sizeof(remedy), EXTERNAL_REMEDY, f->path, f->path);
	sock_leak(c, k, "is connected with a socket%s%s outside of the tree%s; checkpoint both sides, or with "
		  "--leaks=warn %s%s", mate && mate->address ? " of the name " : "",
		  mate && mate->address ? unix_name(mate, name, sizeof(name)) : "", who,
		  k->type == SOCK_DGRAM && mate && mate->address ? "have it connected to that name anew" :
								   "have it find the connection closed", remedy);
}

/* An error that waits to be told can only be made again where closing the other end makes it. */
static void check_error(struct check *c, const struct rec_sock *k, const R *u)
{
	const struct rec_sock *peer = snap_find(c->snap, REC_SOCK, u->peer);

	if (k->error && (k->error != ECONNRESET || k->type == SOCK_DGRAM || !peer ||
			 !(peer->flags & SOCK_F_DEAD)))
		sock_refuse(c, k, "an error waits to be told to it: %s", strerror(k->error));
}

static void check_roles(struct check *c, const struct rec_sock *k, const R *u)
{
	const R *mate = unix_mate(c->snap, u);
	enum unix_role role = unix_role(c->snap, u);

	if (role == UNIX_PAIR && unix_mate(c->snap, mate) != u)
		sock_refuse(c, k, "of a pair of datagram sockets the other one was connected elsewhere since, "
			    "which is not supported");
}

/* Who connects anew goes through a directory of the restorer's, where a user namespace gives no rights. */
static void check_way(struct check *c, const struct rec_sock *k, const R *u)
{
	enum unix_role role = unix_role(c->snap, u);
	char name[UNIX_NAME_MAX + 1];
	size_t nr = 0;
	void **task = NULL;

	if (unix_has_path(u) && (role == UNIX_ACCEPTED || role == UNIX_PENDING))
		task = snap_referring(c->snap, REC_TASK, struct rec_task, pid, u->cred_pid, &nr);
	if (nr && userns_of_task(c->snap, task[0]))
		sock_refuse(c, k, "it was connected to %s by somebody in a user namespace, which is not supported; use an "
			    "abstract name, or try again without the connection", unix_name(u, name, sizeof(name)));
}

static void check_cred(struct check *c, const R *u)
{
	if (u->cred_nr && !is_of_tree(c, u->cred_pid))
		check_warn(c, "unix", "SO_PEERCRED of a unix socket names pid %u, which has ended or is not of the "
			   "tree; after a restore it names the restoring process", u->cred_nr);
}

static int check_unix(struct check *c, const void *rec)
{
	const R *u = rec;
	const struct rec_sock *k = snap_find(c->snap, REC_SOCK, u->sock);
	char name[UNIX_NAME_MAX + 1];

	if (!k || k->flags & SOCK_F_DEAD || !sock_is_ours(c->snap, k))
		return 0;
	if (u->oob)
		sock_refuse(c, k, "an out-of-band byte (MSG_OOB) waits in it, which is not supported");
	if (u->cred_ngroups > UNIX_GROUPS_MAX)
		sock_refuse(c, k, "SO_PEERGROUPS has %u groups, more than %u", u->cred_ngroups, UNIX_GROUPS_MAX);
	if (u->name_len > UNIX_NAME_MAX)
		sock_refuse(c, k, "its name has %u bytes", u->name_len);
	if (u->other_names)
		sock_refuse(c, k, "the file that it is bound to (%s) has other names (hard links), which would lead to "
			    "nobody; remove them", unix_name(u, name, sizeof(name)));
	check_peer(c, k, u);
	check_error(c, k, u);
	check_roles(c, k, u);
	check_way(c, k, u);
	check_cred(c, u);
	unix_check_queue(c, k, u);
	return 0;
}

/* What only the kernel's own bookkeeping knows, and nobody can ask. */
static void normalize(struct dump *d, struct rec_sock *k, R *u)
{
	if (k->type == SOCK_DGRAM)
		k->state = u->peer ? TCP_ESTABLISHED : TCP_CLOSE;
	else if (k->state != TCP_LISTEN)
		k->backlog = 0;
	if (k->flags & SOCK_F_DEAD) {
		u->cred_nr = u->cred_uid = u->cred_gid = u->cred_ngroups = 0;
		memset(u->cred_groups, 0, sizeof(u->cred_groups));
	}
	if (!u->cred_nr || !snap_find(&d->snap, REC_PID, u->cred_pid) || !tree_find(&d->tree, u->cred_pid))
		u->cred_pid = 0;
}

static int collect(struct dump *d, void *rec)
{
	R *u = rec;
	struct rec_sock *k = snap_find(&d->snap, REC_SOCK, u->sock);
	int fd _close_ = -1, err = 0;

	normalize(d, k, u);
	if (k->flags & SOCK_F_DEAD)
		return 0;
	if (!unix_pending(&d->snap, u->sock)) {
		fd = sock_getfd(d, k);
		if (fd < 0)
			return fd;
	}
	if (unix_has_path(u) && fd >= 0 && unix_role(&d->snap, u) != UNIX_ACCEPTED)
		err = unix_collect_path(d, u, fd);
	if (!err && fd >= 0)
		err = sockopt_collect(d, k, fd);
	return err ? err : unix_collect_queue(d, k, fd);
}

/* ---- restore ---- */

static bool is_mate(const struct snap *s, const R *u)
{
	const R *mate = unix_mate(s, u);

	return mate && mate != u && unix_mate(s, mate) == u;
}

static int read_unix(const struct image *img, const void *rec)
{
	const R *u = rec;
	const struct snap *s = &img->snap;
	const struct rec_sock *k = snap_find(s, REC_SOCK, u->sock);
	enum unix_role role = unix_role(s, u);
	const struct rec_unix_pending *p = unix_pending(s, u->sock);
	size_t nr;

	snap_range(s, REC_UNIX, u->sock, &nr);
	if (nr != 1 || k->family != AF_UNIX || u->name_len > UNIX_NAME_MAX || u->oob ||
	    !u->address != !u->name_len || u->cred_ngroups > UNIX_GROUPS_MAX ||
	    (k->type != SOCK_STREAM && k->type != SOCK_DGRAM && k->type != SOCK_SEQPACKET) ||
	    (u->peer && !snap_find(s, REC_UNIX, u->peer)) || u->bound > 1 || (u->bound && !u->address) ||
	    (role != UNIX_SINGLE && !is_mate(s, u)) ||
	    (!(k->flags & SOCK_F_DEAD) && !p && !sock_file(s, u->sock)) ||
	    (p && (u->address == 0 || sock_file(s, u->sock))))
		return fail(-ERR_IMAGE, "image: unix socket %llu is impossible", u->sock);
	return 0;
}

const struct sock_family sock_unix = { .family = AF_UNIX };

const struct res_type res_unix = {
	.name = "unix", .tag = REC_UNIX, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.check = check_unix, .collect = collect, .read = read_unix,
};
