// SPDX-License-Identifier: GPL-2.0-only
/*
 * flight.c - files that only a message in a queue holds (SCM_RIGHTS), and whom a socket talks to.
 *
 * Nothing that is in flight has a path for the walk to see, nor a descriptor to be reached by. MSG_PEEK
 * gives this process a duplicate, and a walk over our own descriptors tells of it what the walk over
 * the tree's tells of all others. A socket among them may have a queue in turn.
 */
#include "flight.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "dump.h"
#include "dump_find.h"
#include "log.h"
#include "rec_file.h"
#include "rec_sock.h"
#include "res/sock.h"
#include "res/unix.h"

int flight_fd(const struct flight *f, __u64 file)
{
	return ids_has(&f->index, file) ? f->v[ids_get((struct ids *)&f->index, file) - 1].fd : -1;
}

static int hold(struct flight *f, __u64 file, int fd)
{
	if (f->nr == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 64;
		struct in_flight *v = realloc(f->v, cap * sizeof(*v));

		if (!v)
			return fail(-ENOMEM, "dump");
		f->v = v;
		f->cap = cap;
	}
	if (!ids_get(&f->index, file))
		return fail(-ENOMEM, "dump");
	f->v[f->nr++] = (struct in_flight){ file, fd };
	return 0;
}

void flight_free(struct flight *f)
{
	for (size_t i = 0; i < f->nr; i++)
		close(f->v[i].fd);
	free(f->v);
	ids_free(&f->index);
	*f = (struct flight){};
}

/* ---- each once ---- */

struct place {
	__u64 key, at;
	bool any;
};

/* In order of their key, then as they were told: who is not behind the one before was told again. */
static bool is_behind(struct place *last, __u64 key, __u64 at)
{
	if (last->any && last->key == key && at <= last->at)
		return false;
	*last = (struct place){ key, at, true };
	return true;
}

static bool keep_skb(const void *rec, void *last)
{
	const struct rec_unix_skb *r = rec;

	return is_behind(last, r->sock, r->index);
}

static bool keep_rights(const void *rec, void *last)
{
	const struct rec_unix_rights *r = rec;

	return is_behind(last, r->sock, (__u64)r->index << 32 | r->first);
}

static bool keep_bytes(const void *rec, void *last)
{
	const struct rec_unix_bytes *r = rec;

	return is_behind(last, r->sock, (__u64)r->index << 32 | r->offset);
}

static bool keep_pending(const void *rec, void *last)
{
	const struct rec_unix_pending *r = rec;

	return is_behind(last, r->listener, r->index);
}

void flight_unique(struct dump *d)
{
	static const struct { __u32 tag; bool (*keep)(const void *, void *); } lists[] = {
		{ REC_UNIX_SKB, keep_skb },	{ REC_UNIX_RIGHTS, keep_rights },
		{ REC_UNIX_BYTES, keep_bytes }, { REC_UNIX_PENDING, keep_pending },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		snap_filter(&d->snap, lists[i].tag, lists[i].keep, &(struct place){});
}

/* ---- what is in flight ---- */

/* Descriptors that came with the messages of one socket, in order. Takes them over. */
static int note_files(struct dump *d, __u64 sock, struct peek *p)
{
	size_t nr, at = 0;
	void **rights = snap_range(&d->snap, REC_UNIX_RIGHTS, sock, &nr);
	int err = 0;

	for (size_t i = 0; i < nr && !err; i++) {
		const struct rec_unix_rights *r = rights[i];

		for (__u32 k = 0; k < r->nr && at < p->nr_fds && !err; k++, at++) {
			if (snap_find(&d->snap, REC_FILE, r->file[k]) || flight_fd(&d->flight, r->file[k]) >= 0)
				continue;
			err = hold(&d->flight, r->file[k], p->fd[at]);
			p->fd[at] = err ? p->fd[at] : -1;
		}
	}
	return err;
}

/* All that waits in it; of a tree that runs, what the first look shows, if that moves no SO_PEEK_OFF. */
static int peek_all(struct dump *d, const struct rec_sock *k, int fd, struct peek *p, size_t messages)
{
	int err;

	if (d->check.live) {
		if (k->peek_off < 0)
			unix_peek_first(p, fd); /* read since, maybe: that is nobody's fault */
		return 0;
	}
	err = unix_peek(p, fd, k, messages, true);
	if (!err && p->nr_fds != p->max_fds)
		err = fail(-EIO, "%zu of %zu descriptors in the queue of a socket could be looked at (open files: "
			   "ulimit -n)", p->nr_fds, p->max_fds);
	return err;
}

static int look_into(struct dump *d, const struct rec_sock *k)
{
	struct peek p = {};
	size_t nr_skb, nr;
	void **skb = snap_range(&d->snap, REC_UNIX_SKB, k->addr, &nr_skb);
	int fd _close_ = d->check.live ? dump_reach(d, sock_file(&d->snap, k->addr)) : sock_getfd(d, k), err;

	if (fd < 0)
		return d->check.live ? 0 : fd;
	for (nr = 0; nr < nr_skb; nr++) {
		p.room += ((const struct rec_unix_skb *)skb[nr])->bytes;
		p.max_fds += ((const struct rec_unix_skb *)skb[nr])->files;
	}
	p.data = malloc(p.room + 1);
	p.fd = malloc((p.max_fds + 1) * sizeof(*p.fd));
	if (!p.data || !p.fd)
		err = fail(-ENOMEM, "dump");
	else
		err = peek_all(d, k, fd, &p, nr_skb);
	if (!err)
		err = note_files(d, k->addr, &p);
	peek_free(&p);
	return err;
}

/* Is there a file among those that came to the socket which nobody has told of? */
static bool has_unknown(struct dump *d, void **rights, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		const struct rec_unix_rights *r = rights[i];

		for (__u32 k = 0; k < r->nr; k++)
			if (!snap_find(&d->snap, REC_FILE, r->file[k]))
				return true;
	}
	return false;
}

static bool is_others(const void *rec, void *files)
{
	return ((const struct rec_fd *)rec)->files != *(const __u64 *)files;
}

/* What the walk of our own descriptors tells of those from at on; we are no holder of theirs. */
static int describe(struct dump *d, size_t at)
{
	size_t nr = d->flight.nr - at;
	__u64 *file _free_ = calloc(nr + 1, sizeof(*file));
	int err;

	if (!file)
		return fail(-ENOMEM, "dump");
	for (size_t i = 0; i < nr; i++)
		file[i] = d->flight.v[at + i].file;
	err = walk_own(d->walk, file, nr, &d->snap);
	if (err)
		return err;
	snap_filter(&d->snap, REC_FD, is_others, &d->own.files);
	dump_unique(d);
	for (size_t i = 0; i < nr; i++) {
		struct rec_file *f = snap_find(&d->snap, REC_FILE, file[i]);

		if (!f && !d->check.live)
			return fail(-EIO, "a descriptor in flight could not be looked at");
		if (f)
			f->count--;
	}
	return 0;
}

/* All sockets that can be reached and hold what is unknown. */
static int look_round(struct dump *d)
{
	size_t nr, at = d->flight.nr;
	void **rights = snap_all(&d->snap, REC_UNIX_RIGHTS, &nr);
	int err = 0;

	for (size_t i = 0, j; i < nr && !err; i = j) {
		const struct rec_sock *k = snap_find(&d->snap, REC_SOCK, rec_key(rights[i]));

		for (j = i; j < nr && rec_key(rights[j]) == rec_key(rights[i]); j++)
			;
		if (k && sock_file(&d->snap, k->addr) && has_unknown(d, rights + i, j - i))
			err = look_into(d, k);
	}
	return err ? err : d->flight.nr > at ? describe(d, at) : 0;
}

/* One record for each reference that a message holds. */
static int add_records(struct dump *d)
{
	snap_for_each(&d->snap, REC_UNIX_RIGHTS, const struct rec_unix_rights, r) {
		for (__u32 k = 0; k < r->nr; k++) {
			struct rec_unix_file *f = snap_new(&d->snap, REC_UNIX_FILE, sizeof(*f));

			if (!f)
				return fail(-ENOMEM, "dump");
			f->sock = r->sock;
			f->file = r->file[k];
			f->msg = r->index;
			f->index = r->first + k;
		}
	}
	return 0;
}

int flight_find(struct dump *d)
{
	size_t before;
	int err;

	flight_free(&d->flight);
	do {
		before = d->flight.nr;
		err = look_round(d);
	} while (!err && d->flight.nr > before);
	return err ? err : add_records(d);
}

/* ---- the outside ---- */

struct prune {
	const struct snap *s;
	struct ids outside; /* socks that go */
};

static bool stays(const void *rec, void *arg)
{
	return !ids_has(&((struct prune *)arg)->outside, rec_key(rec));
}

/* The tree is connected with it: from now on it is somebody who has closed. */
static void close_outside(struct dump *d, struct rec_sock *k)
{
	struct rec_unix *u = snap_find(&d->snap, REC_UNIX, k->addr);
	size_t nr;
	void **ours = snap_referring(&d->snap, REC_UNIX, struct rec_unix, peer, k->addr, &nr);

	k->flags |= SOCK_F_DEAD | SOCK_F_OUTSIDE;
	k->state = TCP_CLOSE;
	k->shutdown = 3;
	k->error = 0;
	u->peer = 0;
	if (k->type != SOCK_DGRAM) { /* there a name is enough to find it again */
		u->address = 0;
		u->bound = 0;
		u->name_len = 0;
		memset(u->name, 0, sizeof(u->name));
	}
	for (size_t i = 0; i < nr; i++) {
		struct rec_sock *own = snap_find(&d->snap, REC_SOCK, ((const struct rec_unix *)ours[i])->sock);

		if (own && own->type != SOCK_DGRAM)
			own->shutdown = 3;
	}
}

static bool has_friends(const struct dump *d, const struct rec_sock *k)
{
	size_t nr;
	void **ours = snap_referring(&d->snap, REC_UNIX, struct rec_unix, peer, k->addr, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_sock *own = snap_find(&d->snap, REC_SOCK, ((const struct rec_unix *)ours[i])->sock);

		if (own && sock_is_ours(&d->snap, own))
			return true;
	}
	return false;
}

int flight_prune(struct dump *d)
{
	static const __u32 tags[] = { REC_SOCK, REC_UNIX, REC_UNIX_PENDING, REC_UNIX_SKB, REC_UNIX_RIGHTS,
				      REC_UNIX_BYTES, REC_UNIX_FILE };
	struct prune p = { .s = &d->snap };
	bool ok = true;

	snap_for_each(&d->snap, REC_SOCK, struct rec_sock, k) {
		if (k->family != AF_UNIX || sock_is_ours(&d->snap, k))
			continue;
		if (has_friends(d, k))
			close_outside(d, k);
		else
			ok &= ids_get(&p.outside, k->addr) != 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(tags) && p.outside.nr; i++)
		snap_filter(&d->snap, tags[i], stays, &p);
	ids_free(&p.outside);
	return ok ? 0 : fail(-ENOMEM, "dump");
}
