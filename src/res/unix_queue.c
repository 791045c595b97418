// SPDX-License-Identifier: GPL-2.0-only
/*
 * unix_queue.c - kinds "unix_pending", "unix_msg" and "unix_file": connections that nobody has accepted
 * yet, and messages that nobody has received, with what comes with them.
 *
 * The walk tells the borders: sk_buff by sk_buff, with credentials and files. The bytes are read by
 * MSG_PEEK, which takes nothing away; those of a connection in a backlog, which nobody has a
 * descriptor for, the walk has brought.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"
#include "dump.h"
#include "file.h"
#include "log.h"
#include "rec_file.h"
#include "res.h"
#include "sock.h"
#include "unix.h"

#define MSG_BYTES_MAX (1u << 20) /* of a record of a stream */
#define SCM_FILES_MAX 253u       /* include/net/scm.h: SCM_MAX_FD */

static const struct field pending_fields[] = {
	FIELD_OWNER(struct rec_unix_pending, listener, REC_SOCK),
	FIELD_REF(struct rec_unix_pending, sock, REC_SOCK),
	FIELD(struct rec_unix_pending, index, IS_KEY, AS_DEC),
};

static const struct field msg_fields[] = {
	FIELD_OWNER(struct rec_unix_msg, sock, REC_SOCK),
	FIELD_REF(struct rec_unix_msg, sender, REC_SOCK),
	FIELD_REF(struct rec_unix_msg, pid, REC_PID),
	FIELD(struct rec_unix_msg, index, IS_KEY, AS_DEC),
	FIELD(struct rec_unix_msg, creds, MUST_MATCH, AS_DEC),
	FIELD(struct rec_unix_msg, uid, MUST_MATCH, AS_DEC),
	FIELD(struct rec_unix_msg, gid, MUST_MATCH, AS_DEC),
	FIELD(struct rec_unix_msg, files, MUST_MATCH, AS_DEC),
	FIELD(struct rec_unix_msg, bytes, MUST_MATCH, AS_DEC),
};

static const struct field file_fields[] = {
	FIELD_OWNER(struct rec_unix_file, sock, REC_SOCK),
	FIELD_REF(struct rec_unix_file, file, REC_FILE),
	FIELD(struct rec_unix_file, msg, IS_KEY, AS_DEC),
	FIELD(struct rec_unix_file, index, IS_KEY, AS_DEC),
};

/* ---- what cannot be saved ---- */

static const char *file_in_flight(struct check *c, const struct rec_file *f, char *buf, size_t len)
{
	const char *why = f ? file_refusal(c->snap, f, false, buf, len) :
			      "it is in the queue of a connection that was not accepted yet, where it cannot be looked at";

	if (!why && (f->owner || f->flags & O_ASYNC) && !file_is_open(c->snap, f->addr))
		why = "its owner (F_SETOWN) could not be set, as no task has it open";
	return why;
}

static void check_files(struct check *c, const struct rec_sock *k)
{
	size_t nr, unseen = 0;
	void **file = snap_range(c->snap, REC_UNIX_FILE, k->addr, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_unix_file *r = file[i];
		const struct rec_file *f = snap_find(c->snap, REC_FILE, r->file);
		char buf[256];
		const char *why = f || !c->live ? file_in_flight(c, f, buf, sizeof(buf)) : NULL;

		unseen += !f && c->live;
		if (why)
			sock_refuse(c, k, "a message in its queue has descriptor %s with it: %s",
				    f && f->path_len ? f->path : "?", why);
	}
	if (unseen)
		sock_warn(c, k, "%zu descriptors that came with messages in its queue cannot be looked at while the "
			  "tree runs; dump does", unseen);
}

static void check_sender(struct check *c, const struct rec_sock *k, const struct rec_unix *u,
			 const struct rec_unix_skb *b)
{
	const struct rec_sock *sender = snap_find(c->snap, REC_SOCK, b->sender);
	const struct rec_unix *name = snap_find(c->snap, REC_UNIX, b->sender);
	char buf[UNIX_NAME_MAX + 1];

	if (b->flags & SKB_F_NAMED && sender && name && !sock_is_ours(c->snap, sender))
		sock_leak(c, k, "holds a message from a socket outside of the tree, of the name %s; with "
			  "--leaks=warn the message comes without that name", unix_name(name, buf, sizeof(buf)));
	if (!u->address && u->peer != b->sender)
		sock_refuse(c, k, "holds a message of a peer that it had before, which is not supported");
}

static void check_skb(struct check *c, const struct rec_sock *k, const struct rec_unix *u,
		      const struct rec_unix_skb *b)
{
	if (b->flags & SKB_F_OOB || (k->type == SOCK_STREAM && !b->bytes))
		sock_refuse(c, k, "the place of an out-of-band byte (MSG_OOB) is in its queue, which is not "
			    "supported");
	if (b->flags & SKB_F_PAGED && unix_pending(c->snap, u->sock))
		sock_refuse(c, k, "%u bytes that were sent at once wait in a connection that was not accepted yet; "
			    "so many cannot be read there", b->bytes);
	if (b->flags & SKB_F_STAMPED)
		sock_warn(c, k, "messages wait with the time of their arrival (SO_TIMESTAMP), which a restored tree "
			  "gets as that of their reading");
	if (b->pid_nr && !(snap_find(c->snap, REC_PID, b->pid) && tree_find(c->tree, b->pid)))
		sock_warn(c, k, "the credentials of a message in its queue name pid %u, which has ended or is not of "
			  "the tree; after a restore they name the restoring process", b->pid_nr);
	if (k->type == SOCK_DGRAM)
		check_sender(c, k, u, b);
}

void unix_check_queue(struct check *c, const struct rec_sock *k, const struct rec_unix *u)
{
	size_t nr;
	void **skb = snap_range(c->snap, REC_UNIX_SKB, k->addr, &nr);

	for (size_t i = 0; i < nr; i++)
		check_skb(c, k, u, skb[i]);
	if (nr && k->error && k->type != SOCK_STREAM)
		sock_refuse(c, k, "messages and an error (%s) wait in it, and reading the ones would take the other",
			    strerror(k->error));
	check_files(c, k);
}

/* ---- dump ---- */

/* May b be told together with what comes before it? Never across what a reader can tell apart. */
static bool continues(const struct rec_sock *k, const struct rec_unix_skb *a, const struct rec_unix_skb *b,
		      __u64 bytes)
{
	return k->type == SOCK_STREAM && !a->files && !b->files && a->pid == b->pid && a->uid == b->uid &&
	       a->gid == b->gid && bytes + b->bytes <= MSG_BYTES_MAX;
}

static __u64 known_sender(const struct dump *d, const struct rec_sock *k, const struct rec_unix_skb *b)
{
	const struct rec_sock *sender = snap_find(&d->snap, REC_SOCK, b->sender);

	if (k->type != SOCK_DGRAM || !sender || sender->flags & SOCK_F_OUTSIDE)
		return 0;
	/* one that is closed and had no name is as good as any */
	return sender->flags & SOCK_F_DEAD && !(b->flags & SKB_F_NAMED) ? 0 : b->sender;
}

static int add_msg(struct dump *d, const struct rec_sock *k, const struct rec_unix_skb *b, __u32 index,
		   const char *data, __u64 bytes)
{
	struct rec_unix_msg *m = snap_new(&d->snap, REC_UNIX_MSG, sizeof(*m) + bytes);
	bool live = b->pid && snap_find(&d->snap, REC_PID, b->pid) && tree_find(&d->tree, b->pid);

	if (!m)
		return fail(-ENOMEM, "unix");
	m->sock = k->addr;
	m->sender = known_sender(d, k, b);
	m->pid = live ? b->pid : 0;
	m->index = index;
	m->creds = b->pid != 0;
	m->uid = b->pid ? b->uid : 0;
	m->gid = b->pid ? b->gid : 0;
	m->files = b->files;
	m->bytes = bytes;
	memcpy(m->data, data, bytes);
	return 0;
}

/* Descriptors were noted by sk_buff; from here on by message. Both are in order. */
static void renumber_files(void **file, __u32 nr, __u32 msg)
{
	for (__u32 i = 0; i < nr; i++)
		((struct rec_unix_file *)file[i])->msg = msg;
}

static int add_messages(struct dump *d, const struct rec_sock *k, void **skb, size_t nr, const char *data)
{
	size_t nr_files;
	void **file = snap_range(&d->snap, REC_UNIX_FILE, k->addr, &nr_files);
	__u32 index = 0;
	int err = 0;

	for (size_t i = 0, j; i < nr && !err; i = j, index++) {
		const struct rec_unix_skb *b = skb[i];
		__u64 bytes = b->bytes;

		for (j = i + 1; j < nr && continues(k, b, skb[j], bytes); j++)
			bytes += ((const struct rec_unix_skb *)skb[j])->bytes;
		if (b->files > nr_files)
			return fail(-EIO, "a queue of a socket does not hold the descriptors it told");
		renumber_files(file, b->files, index);
		file += b->files;
		nr_files -= b->files;
		err = add_msg(d, k, b, index, data, bytes);
		data += bytes;
	}
	return err;
}

/* The walk has brought the bytes, in order. */
static int from_walk(struct dump *d, const struct rec_sock *k, struct peek *p)
{
	size_t nr;
	void **part = snap_range(&d->snap, REC_UNIX_BYTES, k->addr, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_unix_bytes *b = part[i];

		if (b->bytes > p->room - p->len)
			return fail(-EIO, "a queue of a socket does not hold what it told");
		memcpy(p->data + p->len, b->data, b->bytes);
		p->len += b->bytes;
	}
	return 0;
}

static bool has_borders(const struct rec_sock *k, void **skb, size_t nr)
{
	if (k->peek_off >= 0 || (k->type != SOCK_STREAM && nr > 1))
		return true;
	for (size_t i = 0; i + 1 < nr; i++)
		if (((const struct rec_unix_skb *)skb[i])->files)
			return true;
	return false;
}

int unix_collect_queue(struct dump *d, const struct rec_sock *k, int fd)
{
	struct peek p = {};
	size_t nr;
	void **skb = snap_range(&d->snap, REC_UNIX_SKB, k->addr, &nr);
	int err = 0;

	for (size_t i = 0; i < nr; i++)
		p.room += ((const struct rec_unix_skb *)skb[i])->bytes;
	p.data = malloc(p.room + 1);
	if (!p.data)
		return fail(-ENOMEM, "unix");
	if (p.room)
		err = fd < 0 ? from_walk(d, k, &p) : unix_peek(&p, fd, k, nr, has_borders(k, skb, nr));
	if (!err && p.len != p.room)
		err = fail(-EIO, "%zu of %zu bytes in the queue of a socket could be read", p.len, p.room);
	if (!err)
		err = add_messages(d, k, skb, nr, p.data);
	peek_free(&p);
	return err;
}

/* ---- restore: unix_make.c ---- */

static int read_pending(const struct image *img, const void *rec)
{
	const struct rec_unix_pending *p = rec;
	const struct rec_sock *k = snap_find(&img->snap, REC_SOCK, p->listener);
	size_t nr;

	snap_referring(&img->snap, REC_UNIX_PENDING, struct rec_unix_pending, sock, p->sock, &nr);
	if (nr != 1 || k->state != TCP_LISTEN || k->family != AF_UNIX || !snap_find(&img->snap, REC_UNIX, p->sock))
		return fail(-ERR_IMAGE, "image: a waiting connection of socket %llu is impossible", p->listener);
	return 0;
}

static int read_msg(const struct image *img, const void *rec)
{
	const struct rec_unix_msg *m = rec;

	if (m->bytes > m->h.len - sizeof(*m) || m->files > SCM_FILES_MAX || m->creds > 1 ||
	    !snap_find(&img->snap, REC_UNIX, m->sock) ||
	    (m->sender && !snap_find(&img->snap, REC_UNIX, m->sender)))
		return fail(-ERR_IMAGE, "image: a message of socket %llu is impossible", m->sock);
	return 0;
}

static int read_file(const struct image *img, const void *rec)
{
	const struct rec_unix_file *f = rec;

	if (!f->file || f->index >= SCM_FILES_MAX || !snap_find(&img->snap, REC_UNIX_MSG, f->sock))
		return fail(-ERR_IMAGE, "image: a descriptor in flight to socket %llu is impossible", f->sock);
	return 0;
}

const struct res_type res_unix_pending = {
	.name = "unix_pending", .tag = REC_UNIX_PENDING, .size = sizeof(struct rec_unix_pending), .owned = true,
	.fields = pending_fields, .nr_fields = sizeof(pending_fields) / sizeof(pending_fields[0]),
	.read = read_pending,
};

const struct res_type res_unix_msg = {
	.name = "unix_msg", .tag = REC_UNIX_MSG, .size = sizeof(struct rec_unix_msg), .owned = true,
	.fields = msg_fields, .nr_fields = sizeof(msg_fields) / sizeof(msg_fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_BYTES, .read = read_msg,
};

const struct res_type res_unix_file = {
	.name = "unix_file", .tag = REC_UNIX_FILE, .size = sizeof(struct rec_unix_file), .owned = true,
	.fields = file_fields, .nr_fields = sizeof(file_fields) / sizeof(file_fields[0]),
	.read = read_file,
};
