// SPDX-License-Identifier: GPL-2.0-only
/*
 * unix_make.c - unix sockets of an image, made once all tasks are there, as some must be made by them.
 *
 * In the order in which it all can be made again: sockets; pairs; connections whose listening socket is
 * gone, through one that is only there for them; names; connections, and those that wait. Then, when every
 * file that may be in flight exists, queues; datagram sockets connect, who was closed closes, and options
 * and shutdowns are set. Every descriptor is in this process first; those that have one fetch it in the
 * end: restore_late.c.
 */
#include "unix_make.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "rec_file.h"
#include "restore.h"
#include "sock.h"
#include "sockopt.h"

#define AT_ONCE 64     /* calls of one task between two looks at what came of them */
#define BACKLOG 4096   /* while connections are made; net.core.somaxconn may make it less */

struct unix_end *unix_end(const struct restore *r, __u64 sock)
{
	const struct unix_work *w = r->unix_work;
	size_t lo = 0, hi = w->nr;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (w->end[mid].u->sock < sock)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < w->nr && w->end[lo].u->sock == sock ? &w->end[lo] : NULL;
}

static int start(struct restore *r, void **rec, size_t nr)
{
	struct unix_work *w = calloc(1, sizeof(*w));

	if (!w)
		return fail(-ENOMEM, "restore");
	r->unix_work = w;
	w->anonymous.fd = -1;
	w->own = (struct unix_self){ .uid = geteuid(), .gid = getegid() };
	w->own.nr = getgroups(ARRAY_SIZE(w->own.groups), w->own.groups);
	w->end = calloc(nr, sizeof(*w->end));
	w->place = calloc(2 * nr, sizeof(*w->place));
	w->pidfd = calloc(r->nr_procs, sizeof(*w->pidfd));
	if (!w->end || !w->place || !w->pidfd)
		return fail(-ENOMEM, "restore");
	for (size_t i = 0; i < nr; i++) {
		struct unix_end *e = &w->end[i];

		e->u = rec[i];
		e->k = snap_find(&r->image.snap, REC_SOCK, e->u->sock);
		e->role = unix_role(&r->image.snap, e->u);
		e->fd = -1;
		if (e->k->state == TCP_LISTEN && !ids_get(&w->listened, e->u->address))
			return fail(-ENOMEM, "restore");
	}
	w->nr = nr;
	for (size_t i = 0; i < nr; i++) {
		const struct rec_unix *mate = unix_mate(&r->image.snap, w->end[i].u);

		w->end[i].mate = mate && w->end[i].role != UNIX_SINGLE ? unix_end(r, mate->sock) : NULL;
	}
	return 0;
}

/* A number that no task has, and one below it that is free: tasks inherited what we have. */
static int choose_spare(struct restore *r)
{
	DIR *dir _closedir_ = opendir("/proc/self/fd");
	struct dirent *d;

	if (!dir)
		return fail(-errno, "open /proc/self/fd");
	while ((d = readdir(dir)))
		if (atoi(d->d_name) + 2 > r->unix_work->spare)
			r->unix_work->spare = atoi(d->d_name) + 2;
	return 0;
}

static bool is_dead(const struct unix_end *e)
{
	return e->k->flags & SOCK_F_DEAD;
}

/* It was made. Whoever is not the tree's stays here until it has served. Takes fd over. */
static int have(struct restore *r, struct unix_end *e, int fd)
{
	__u64 file = sock_file(&r->image.snap, e->u->sock);
	int err;

	if (fd < 0)
		return fail(-errno, "make a unix socket");
	if (!file) {
		e->fd = fd;
		return 0;
	}
	err = sock_keep(r, e->k, fd) ?: restore_kept(r, file, &e->fd, NULL);
	e->kept = !err;
	return err;
}

static int make_socket(struct restore *r, struct unix_end *e)
{
	if (e->k->flags & SOCK_F_OUTSIDE && e->role == UNIX_SINGLE && e->u->name_len)
		return 0; /* it is there, or it is not */
	if (e->role != UNIX_SINGLE && e->role != UNIX_CLIENT)
		return 0;
	return have(r, e, socket(AF_UNIX, e->k->type | SOCK_CLOEXEC, e->k->protocol));
}

static int for_ends(struct restore *r, int (*call)(struct restore *, struct unix_end *))
{
	int err = 0;

	for (size_t i = 0; i < r->unix_work->nr && !err; i++)
		err = call(r, &r->unix_work->end[i]);
	return err;
}

static int pidfd_of(struct restore *r, const struct unit *u)
{
	int *fd = &r->unix_work->pidfd[u - r->units];

	if (!*fd)
		*fd = syscall(SYS_pidfd_open, u->tid, 0);
	if (*fd > 0)
		return *fd;
	*fd = 0;
	return fail(-errno, "open process %d", u->tid);
}

/* ---- pairs ---- */

struct pair {
	struct unit *by;
	struct unix_end *end;
	int *fds; /* as the task numbers them */
};

/* What tasks have made comes here, and goes there. */
static int fetch_pairs(struct restore *r, struct pair *v, size_t nr)
{
	int err = restore_run_batches(r);

	for (size_t i = 0; i < nr && !err; i++) {
		struct unix_end *side[2] = { v[i].end, v[i].end->mate };
		int pidfd = pidfd_of(r, v[i].by);

		if (pidfd < 0)
			return pidfd;
		for (int k = 0; k < 2 && !err; k++) {
			err = have(r, side[k], syscall(SYS_pidfd_getfd, pidfd, v[i].fds[k], 0));
			batch_op(&v[i].by->batch, SYS_close, v[i].fds[k]);
		}
	}
	return err;
}

static int make_pair_here(struct restore *r, struct unix_end *e, const struct rec_unix *cred)
{
	int end[2], err;

	unix_become(r, NULL, cred);
	err = socketpair(AF_UNIX, e->k->type | SOCK_CLOEXEC, e->k->protocol, end) ? -errno : 0;
	unix_become_self(r, NULL, cred);
	if (err)
		return fail(err, "socketpair");
	err = have(r, e, end[0]);
	return have(r, e->mate, end[1]) ?: err;
}

static int make_pairs(struct restore *r)
{
	struct unix_work *w = r->unix_work;
	struct pair pair[AT_ONCE];
	size_t nr = 0;
	int err = 0;

	for (size_t i = 0; i < w->nr && !err; i++) {
		struct unix_end *e = &w->end[i];
		const struct rec_unix *cred;
		struct unit *by;

		if (e->role != UNIX_PAIR || e->mate < e)
			continue;
		cred = is_dead(e) ? e->mate->u : e->u;
		by = unix_creator(r, cred);
		if (!by) {
			err = make_pair_here(r, e, cred);
			continue;
		}
		pair[nr] = (struct pair){ by, e, machine_alloc(&r->machine, 2 * sizeof(int)) };
		unix_become(r, &by->batch, cred);
		batch_op(&by->batch, SYS_socketpair, AF_UNIX, e->k->type | SOCK_CLOEXEC, e->k->protocol,
			 pair[nr].fds);
		unix_become_self(r, &by->batch, cred);
		if (++nr == AT_ONCE) {
			err = fetch_pairs(r, pair, nr);
			nr = 0;
		}
	}
	return err ? err : nr ? fetch_pairs(r, pair, nr) : 0;
}

/* ---- connections ---- */

struct listener {
	int fd;
	struct sockaddr_un a;
	unsigned int len;
	const struct rec_unix *by; /* who listens at the moment */
};

static bool same_cred(const struct rec_unix *a, const struct rec_unix *b)
{
	return a && a->cred_pid == b->cred_pid && a->cred_nr == b->cred_nr && a->cred_uid == b->cred_uid &&
	       a->cred_gid == b->cred_gid && a->cred_ngroups == b->cred_ngroups &&
	       !memcmp(a->cred_groups, b->cred_groups, sizeof(a->cred_groups));
}

/* Have somebody make a call on a descriptor of ours, which a task has for that moment. */
static int call_as(struct restore *r, const struct rec_unix *cred, long nr, int fd, __u64 a1, __u64 a2)
{
	struct unit *by = unix_creator(r, cred);
	struct batch *b = by ? &by->batch : NULL;
	int err = 0, at = r->unix_work->spare;

	if (b)
		err = restore_hand(r, by, restore_way(r, by), fd, at, true);
	if (err)
		return err;
	unix_become(r, b, cred);
	if (b)
		batch_op(b, nr, at, a1, a2);
	else
		err = syscall(nr, fd, a1, a2) ? -errno : 0;
	unix_become_self(r, b, cred);
	if (b)
		batch_op(b, SYS_close, at);
	return err;
}

static int listen_as(struct restore *r, struct listener *l, const struct rec_unix *cred)
{
	int err;

	if (same_cred(l->by, cred))
		return 0;
	err = call_as(r, cred, SYS_listen, l->fd, BACKLOG, 0);
	if (!err)
		err = restore_run_batches(r);
	l->by = cred;
	return err ? fail(err, "listen") : 0;
}

/* The other end of e, which is the one that listen(2) gave credentials to, connects. */
static int connect_one(struct restore *r, struct listener *l, struct unix_end *e)
{
	struct unix_end *client = e->mate;
	void *a = machine_dup(&r->machine, &l->a, sizeof(l->a));
	int err;

	if (client->fd < 0 || !a)
		return fail(a ? -ERR_IMAGE : -ENOMEM, "connect a unix socket");
	err = call_as(r, e->u, SYS_connect, client->fd, (__u64)a, l->len);
	return err ? fail(err, "connect to %s", l->a.sun_path[0] ? "the file of a socket" : "an abstract socket") : 0;
}

/* Those of one listening socket, in order; accepted as well unless they are to wait. */
static int connect_all(struct restore *r, struct listener *l, struct unix_end **end, size_t nr, bool accept)
{
	int err = 0;

	for (size_t i = 0, j; i < nr && !err; i = j) {
		struct unit *by = unix_creator(r, end[i]->u);

		err = listen_as(r, l, end[i]->mate->u->cred_nr ? end[i]->mate->u : end[i]->u);
		for (j = i; j < nr && j - i < AT_ONCE && !err && unix_creator(r, end[j]->u) == by &&
			    (j == i || same_cred(end[i]->mate->u, end[j]->mate->u)); j++)
			err = connect_one(r, l, end[j]);
		if (!err)
			err = restore_run_batches(r);
		for (size_t k = i; k < j && accept && !err; k++)
			err = have(r, end[k], accept4(l->fd, NULL, NULL, SOCK_CLOEXEC));
	}
	return err;
}

/* All connections that have the address of e, which a socket listens at or has listened at. */
static struct unix_end **list_accepted(struct restore *r, const struct unix_end *e, size_t *out)
{
	size_t nr;
	void **rec = snap_referring(&r->image.snap, REC_UNIX, struct rec_unix, address, e->u->address, &nr);
	struct unix_end **v = calloc(nr + 1, sizeof(*v));

	*out = 0;
	for (size_t i = 0; v && i < nr; i++) {
		struct unix_end *o = unix_end(r, rec_key(rec[i]));

		if (o->role == UNIX_ACCEPTED)
			v[(*out)++] = o;
	}
	return v;
}

static bool has_listener(const struct restore *r, const struct unix_end *e)
{
	return ids_has(&r->unix_work->listened, e->u->address);
}

/* Connections whose listening socket is gone: through one that goes again. */
static int connect_orphans(struct restore *r, struct unix_end *e)
{
	struct listener l = { .fd = -1 };
	struct unix_end **end _free_ = NULL, there = *e;
	size_t nr;
	int err;

	if (e->role != UNIX_ACCEPTED || e->fd >= 0 || has_listener(r, e))
		return 0;
	end = list_accepted(r, e, &nr);
	l.fd = socket(AF_UNIX, e->k->type | SOCK_CLOEXEC, e->k->protocol);
	if (!end || l.fd < 0)
		return fail(-errno, "make a unix socket");
	err = unix_bind(r, &there, l.fd);
	unix_address(&there, &l.a, &l.len);
	if (!err)
		err = connect_all(r, &l, end, nr, true);
	close(l.fd);
	if (there.place)
		unix_place_drop(there.place, false);
	return err;
}

static int bind_name(struct restore *r, struct unix_end *e)
{
	if (e->role == UNIX_ACCEPTED || e->role == UNIX_PENDING || e->fd < 0)
		return 0;
	return unix_bind(r, e, e->fd);
}

static int connect_listener(struct restore *r, struct unix_end *e)
{
	struct listener l = { .fd = e->fd };
	struct unix_end **end _free_ = NULL;
	size_t nr, nr_pending;
	void **rec = snap_range(&r->image.snap, REC_UNIX_PENDING, e->u->sock, &nr_pending);
	int err;

	if (e->k->state != TCP_LISTEN)
		return 0;
	unix_address(e, &l.a, &l.len);
	end = list_accepted(r, e, &nr);
	if (!end)
		return fail(-ENOMEM, "restore");
	err = connect_all(r, &l, end, nr, true);
	free(end);
	end = calloc(nr_pending + 1, sizeof(*end));
	if (!end)
		return fail(-ENOMEM, "restore");
	for (size_t i = 0; i < nr_pending; i++)
		end[i] = unix_end(r, ((const struct rec_unix_pending *)rec[i])->sock);
	if (!err)
		err = connect_all(r, &l, end, nr_pending, false);
	/* as it was in the end; SO_PEERCRED of the socket itself tells who did that */
	if (!err)
		err = call_as(r, e->u, SYS_listen, e->fd, e->k->backlog, 0);
	return err;
}

/* ---- datagram sockets ---- */

static int connect_datagram(struct restore *r, struct unix_end *e)
{
	struct unix_end *peer = unix_end(r, e->u->peer);
	char name[UNIX_NAME_MAX + 1];
	struct sockaddr_un a;
	unsigned int len;

	unix_address(peer, &a, &len);
	if (peer->k->flags & SOCK_F_OUTSIDE) {
		if (connect(e->fd, (struct sockaddr *)&a, len))
			return fail(-errno, "connect to %s outside of the tree", unix_name(peer->u, name, sizeof(name)));
		return 0;
	}
	return connect(e->fd, (struct sockaddr *)&a, len) ? fail(-errno, "connect a datagram socket") : 0;
}

/* Who is connected with another takes messages, and connections, from that one only: the others first. */
static int connect_datagrams(struct restore *r)
{
	struct unix_work *w = r->unix_work;
	unsigned int *waits _free_ = calloc(w->nr + 1, sizeof(*waits));
	size_t *ready _free_ = calloc(w->nr + 1, sizeof(*ready)), nr = 0, left = 0;
	int err = 0;

	if (!waits || !ready)
		return fail(-ENOMEM, "restore");
	for (size_t i = 0; i < w->nr; i++) {
		struct unix_end *e = &w->end[i], *peer = unix_end(r, e->u->peer);

		if (e->k->type != SOCK_DGRAM || e->role != UNIX_SINGLE || !peer || is_dead(e))
			continue;
		left++;
		if (peer->u->peer != e->u->sock)
			waits[peer - w->end]++;
	}
	for (size_t i = 0; i < w->nr; i++)
		if (!waits[i])
			ready[nr++] = i;
	for (size_t i = 0; i < nr && !err; i++) {
		struct unix_end *e = &w->end[ready[i]], *peer = unix_end(r, e->u->peer);

		if (e->k->type != SOCK_DGRAM || e->role != UNIX_SINGLE || !peer || is_dead(e))
			continue;
		err = connect_datagram(r, e);
		left--;
		if (peer->u->peer != e->u->sock && !--waits[peer - w->end])
			ready[nr++] = peer - w->end;
	}
	return err ? err : left ? fail(-ERR_IMAGE, "image: datagram sockets are connected in an impossible way") : 0;
}

/* ---- the end of it ---- */

/* Who closes without having read everything leaves an error behind. */
static int close_dead(struct restore *r, struct unix_end *e)
{
	if (!is_dead(e) || e->fd < 0)
		return 0;
	if (e->mate && e->mate->k->error == ECONNRESET &&
	    send(e->mate->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) != 1)
		return fail(-errno, "leave an error with a socket");
	close(e->fd);
	e->fd = -1;
	return 0;
}

static int set_state(struct restore *r, struct unix_end *e)
{
	int err;

	if (e->fd < 0 || is_dead(e))
		return 0;
	err = unix_settle(e);
	if (!err && e->kept)
		err = sockopt_restore_all(r, e->u->sock, e->fd);
	if (err || !e->k->shutdown || (e->mate && is_dead(e->mate) && e->k->type != SOCK_DGRAM))
		return err;
	/* of a connected one the other end is shut down in the other direction */
	if (shutdown(e->fd, e->k->shutdown - 1) && errno != ENOTCONN)
		return fail(-errno, "shutdown a unix socket");
	return 0;
}

static int drop_unplaced(struct restore *r)
{
	for (size_t i = 0; i < r->unix_work->nr_places; i++)
		if (!r->unix_work->place[i].exists)
			unix_place_drop(&r->unix_work->place[i], false);
	return 0;
}

int unix_make_all(struct restore *r)
{
	size_t nr;
	void **rec = snap_all(&r->image.snap, REC_UNIX, &nr);
	int err = nr ? start(r, rec, nr) ?: choose_spare(r) : 0;

	if (!nr || err)
		return err;
	err = for_ends(r, make_socket);
	if (!err)
		err = make_pairs(r);
	if (!err)
		err = for_ends(r, connect_orphans);
	if (!err)
		err = for_ends(r, bind_name);
	if (!err)
		err = for_ends(r, connect_listener);
	return err ? err : restore_run_batches(r);
}

int unix_fill_all(struct restore *r)
{
	int err;

	if (!r->unix_work)
		return 0;
	err = for_ends(r, unix_put_queue);
	if (!err)
		err = connect_datagrams(r);
	if (!err)
		err = for_ends(r, close_dead);
	if (!err)
		err = for_ends(r, set_state);
	return err ? err : drop_unplaced(r);
}

void unix_make_end(struct restore *r, bool done)
{
	struct unix_work *w = r->unix_work;

	if (!w)
		return;
	for (size_t i = 0; i < w->nr_places; i++)
		unix_place_drop(&w->place[i], done);
	for (size_t i = 0; i < w->nr; i++)
		if (!w->end[i].kept)
			cleanup_close(&w->end[i].fd);
	for (unsigned int i = 0; w->pidfd && i < r->nr_procs; i++)
		if (w->pidfd[i] > 0)
			close(w->pidfd[i]);
	cleanup_close(&w->anonymous.fd);
	ids_free(&w->listened);
	free(w->end);
	free(w->place);
	free(w->pidfd);
	free(w);
	r->unix_work = NULL;
}
