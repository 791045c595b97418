// SPDX-License-Identifier: GPL-2.0-only
/*
 * mqueue.c - kinds "mqueue", a POSIX message queue, and "mq_message", a message in it: mq_overview(7).
 *
 * A queue with a name outlives the tree. A restore uses one that it finds under the name, if it has the same
 * shape, and gives it the messages of the image; else it makes one.
 */
#include "mqueue.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "check.h"
#include "dump.h"
#include "file.h"
#include "file_reopen.h"
#include "log.h"
#include "path.h"
#include "rec_file.h"
#include "rec_ipc.h"
#include "res.h"
#include "restore.h"

#define Q struct rec_mqueue
#define M struct rec_mq_message
#define PART struct rec_mq_part
#define NAME_BYTES 256
#define LARGEFILE 0100000 /* O_LARGEFILE, which glibc calls 0 here */
#define BYTES_MAX (REC_LEN_MAX - 4096)

static const struct field fields[] = {
	FIELD_OWNER(Q, inode, 0),
	FIELD(Q, maxmsg, MUST_MATCH, AS_DEC),
	FIELD(Q, msgsize, MUST_MATCH, AS_DEC),
	FIELD(Q, curmsgs, MUST_MATCH, AS_DEC),
	FIELD_REF(Q, owner, REC_PID),
	FIELD(Q, value, MUST_MATCH, AS_HEX),
	FIELD(Q, notify, MUST_MATCH, AS_DEC),
	FIELD(Q, signo, MUST_MATCH, AS_DEC),
	FIELD(Q, uid, MUST_MATCH, AS_DEC),
	FIELD(Q, gid, MUST_MATCH, AS_DEC),
	FIELD(Q, mode, MUST_MATCH, AS_OCTAL),
	FIELD(Q, linked, MUST_MATCH, AS_DEC),
	FIELD(Q, opens, MAY_DIFFER, AS_DEC),
	FIELD(Q, name_len, MUST_MATCH, AS_DEC),
};

/* ---- dump ---- */

static bool has_queues(const struct snap *s)
{
	snap_for_each(s, REC_FILE, const struct rec_file, f)
		if (f->id.magic == MQUEUE_MAGIC && S_ISREG(f->id.mode))
			return true;
	return false;
}

/* The name of a queue is the last part of its path, wherever the file system is mounted. */
static int name_queue(struct snap *s, const Q *told)
{
	size_t nr;
	void **file = snap_referring(s, REC_FILE, struct rec_file, inode, told->inode, &nr);
	const struct rec_file *f = nr ? file[0] : NULL;
	char name[NAME_BYTES + sizeof(DELETED)] = "";
	Q *q;

	if (f && f->path_len)
		snprintf(name, sizeof(name), "%s", strrchr(f->path, '/') + 1);
	if (!told->linked && path_deleted(name, NULL))
		name[strlen(name) - strlen(DELETED)] = 0;
	q = snap_new(s, REC_MQUEUE, sizeof(*q) + strlen(name) + 1);
	if (!q)
		return -ENOMEM;
	memcpy((char *)q + sizeof(q->h), (const char *)told + sizeof(told->h), sizeof(*q) - sizeof(q->h));
	q->name_len = strlen(name) + 1;
	memcpy(q->name, name, q->name_len);
	return 0;
}

static int add_message(struct snap *s, const PART *p)
{
	M *m = snap_new(s, REC_MQ_MESSAGE, sizeof(*m) + p->total);

	if (!m)
		return -ENOMEM;
	m->inode = p->inode;
	m->index = p->index;
	m->priority = p->priority;
	m->bytes = p->total;
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const PART *x = *(PART *const *)a, *y = *(PART *const *)b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return x->done < y->done ? -1 : x->done > y->done;
}

/* Parts may come twice, and come in no order that matters. */
static int join_parts(struct snap *s)
{
	size_t nr, at = 0;
	void **part = snap_all(s, REC_MQ_PART_TAG, &nr), **msg;
	int err = 0;

	qsort(part, nr, sizeof(*part), by_place);
	for (size_t i = 0; i < nr && !err; i++) {
		const PART *p = part[i], *before = i ? part[i - 1] : NULL;

		if (!p->done && (!before || by_place(&part[i - 1], &part[i])))
			err = add_message(s, p);
	}
	msg = snap_all(s, REC_MQ_MESSAGE, &nr);
	if (err || !nr)
		return err;
	snap_for_each(s, REC_MQ_PART_TAG, const PART, p) {
		while (at + 1 < nr && (((M *)msg[at])->inode != p->inode || ((M *)msg[at])->index != p->index))
			at++;
		if (p->done + p->bytes <= ((M *)msg[at])->bytes)
			memcpy(((M *)msg[at])->text + p->done, p->text, p->bytes);
	}
	return 0;
}

static bool is_named(const void *rec, void *arg)
{
	return ((const Q *)rec)->name_len;
}

static bool none(const void *rec, void *arg)
{
	return false;
}

int mqueue_note(struct walk *w, struct snap *s)
{
	size_t nr;
	void **queue;
	const Q **told _free_ = NULL;
	int err;

	if (!has_queues(s))
		return 0;
	err = walk_run(w, WALK_MQUEUES, s);
	if (err)
		return err;
	snap_unique(s, REC_MQUEUE);
	queue = snap_all(s, REC_MQUEUE, &nr);
	told = calloc(nr + 1, sizeof(*told));
	if (!told)
		return -ENOMEM;
	memcpy(told, queue, nr * sizeof(*told));
	for (size_t i = 0; i < nr && !err; i++)
		err = name_queue(s, told[i]);
	snap_filter(s, REC_MQUEUE, is_named, NULL);
	if (!err)
		err = join_parts(s);
	snap_filter(s, REC_MQ_PART_TAG, none, NULL);
	return err;
}

/* A descriptor of the process that asked for the notification: closing any takes it back. */
static const struct rec_fd *slot_of(const struct snap *s, const Q *q, const struct rec_task *t)
{
	size_t files, slots;
	void **file = snap_referring(s, REC_FILE, struct rec_file, inode, q->inode, &files);

	for (size_t i = 0; i < files; i++) {
		void **slot = snap_referring(s, REC_FD, struct rec_fd, file, rec_key(file[i]), &slots);

		for (size_t j = 0; j < slots; j++)
			if (((const struct rec_fd *)slot[j])->files == t->files)
				return slot[j];
	}
	return NULL;
}

static const struct rec_task *owner_of(const struct snap *s, const Q *q)
{
	size_t nr;
	void **task = snap_referring(s, REC_TASK, struct rec_task, tgid, q->owner, &nr);

	for (size_t i = 0; i < nr; i++)
		if (!((const struct rec_task *)task[i])->exit_state)
			return task[i];
	return NULL;
}

static int check(struct check *c, const void *rec)
{
	const Q *q = rec;
	const struct rec_task *owner = q->owner ? owner_of(c->snap, q) : NULL;
	size_t files;

	snap_referring(c->snap, REC_FILE, struct rec_file, inode, q->inode, &files);
	if (q->name_len < 2)
		check_refuse(c, 0, "mqueue", "a POSIX message queue has a name that could not be read");
	if (!q->linked && !c->live && q->opens > files)
		check_leak(c, "mqueue", "POSIX message queue %s, which has no name any more, is also open outside of the "
			   "tree", q->name);
	if (q->owner && (!owner || !slot_of(c->snap, q, owner)))
		check_refuse(c, 0, "mqueue", "POSIX message queue %s notifies a process outside of the tree (mq_notify)",
			     q->name);
	else if (q->owner && q->notify == SIGEV_THREAD)
		check_refuse(c, owner->addr, "mqueue", "POSIX message queue %s notifies by a thread (mq_notify with "
			     "SIGEV_THREAD), which is not supported", q->name);
	if (q->msgsize > BYTES_MAX)
		check_refuse(c, 0, "mqueue", "POSIX message queue %s has messages of up to %llu bytes; up to %u are "
			     "supported", q->name, q->msgsize, BYTES_MAX);
	return 0;
}

/* ---- restore ---- */

static int read_queue(const struct image *img, const void *rec)
{
	const Q *q = rec;

	if (q->name_len < 2 || q->name_len > NAME_BYTES || q->name_len > q->h.len - sizeof(*q) ||
	    strnlen(q->name, q->name_len) != q->name_len - 1 || strchr(q->name, '/') || q->mode & ~07777u ||
	    q->linked > 1 || q->signo > 64 || q->notify > SIGEV_NONE || q->curmsgs > q->maxmsg ||
	    q->msgsize > BYTES_MAX || (q->owner && (!owner_of(&img->snap, q) ||
					    !slot_of(&img->snap, q, owner_of(&img->snap, q)))))
		return fail(-ERR_IMAGE, "image: POSIX message queue %llu is impossible", q->inode);
	return 0;
}

static void with_slash(const Q *q, char *name)
{
	snprintf(name, NAME_BYTES + 1, "/%s", q->name);
}

/* A descriptor of the queue with that name, -1 for none, or a reported error if it is another's. */
static int find_queue(const Q *q)
{
	char name[NAME_BYTES + 1];
	struct mq_attr attr;
	struct stat st;
	int fd _close_ = -1;

	with_slash(q, name);
	fd = q->linked ? mq_open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
	if (fd < 0)
		return !q->linked || errno == ENOENT ? -1 : fail(-errno, "open POSIX message queue %s", name);
	if (mq_getattr(fd, &attr) || fstat(fd, &st))
		return fail(-errno, "examine POSIX message queue %s", name);
	if ((__u64)attr.mq_maxmsg != q->maxmsg || (__u64)attr.mq_msgsize != q->msgsize || st.st_uid != q->uid)
		return fail(-ERR_TAKEN, "POSIX message queue %s is another's, with room for %ld messages of %ld bytes, made "
			    "by user %u: mq_unlink(3) it if nobody needs it", name, attr.mq_maxmsg, attr.mq_msgsize,
			    st.st_uid);
	return take_fd(&fd);
}

int mqueue_places(const struct restore *r)
{
	snap_for_each(&r->image.snap, REC_MQUEUE, const Q, q) {
		int fd _close_ = find_queue(q);

		if (fd < -1)
			return fd;
	}
	return 0;
}

/* One without a name gets its old one for a moment, or another if that is had. */
static int make(struct restore *r, const Q *q, char *name)
{
	struct mq_attr attr = { .mq_maxmsg = q->maxmsg, .mq_msgsize = q->msgsize };
	const char **v = realloc(r->mqueues, (r->nr_mqueues + 1) * sizeof(*v));
	struct rlimit lim;
	int fd _close_ = -1;

	if (!v)
		return fail(-ENOMEM, "restore");
	r->mqueues = v;
	if (!getrlimit(RLIMIT_MSGQUEUE, &lim)) { /* for us; tasks have limits of their own */
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_MSGQUEUE, &lim);
	}
	with_slash(q, name);
	fd = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0600, &attr);
	if (fd < 0 && errno == EEXIST && !q->linked) {
		snprintf(name, NAME_BYTES, "/.bpf-ckpt.%d", getpid());
		fd = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0600, &attr);
	}
	if (fd < 0)
		return fail(-errno, "make POSIX message queue %s for %llu messages of %llu bytes (fs.mqueue.*, "
			    "RLIMIT_MSGQUEUE)", name, q->maxmsg, q->msgsize);
	if (q->linked)
		r->mqueues[r->nr_mqueues++] = q->name;
	if (fchown(fd, q->uid, q->gid) || fchmod(fd, q->mode))
		return fail(-errno, "give POSIX message queue %s its owner and mode", name);
	return take_fd(&fd);
}

/* Its messages are those of the image, in order: nobody can look at what is there without taking it. */
static int fill(struct restore *r, const Q *q, int fd)
{
	char *buf _free_ = malloc(q->msgsize + 1);
	size_t nr;
	void **msg = snap_range(&r->image.snap, REC_MQ_MESSAGE, q->inode, &nr);

	if (!buf)
		return fail(-ENOMEM, "restore");
	while (mq_receive(fd, buf, q->msgsize, NULL) >= 0)
		;
	for (size_t i = 0; i < nr; i++) {
		const M *m = msg[i];

		if (mq_send(fd, m->text, m->bytes, m->priority))
			return fail(-errno, "send message %u to POSIX message queue %s", m->index, q->name);
	}
	return 0;
}

/* Every description of it, while it has a name: mq_open(3) sets no O_LARGEFILE, and keeps O_CLOEXEC. */
static int open_all(struct restore *r, const Q *q, const char *name, int fd)
{
	size_t nr;
	void **file = snap_referring(&r->image.snap, REC_FILE, struct rec_file, inode, q->inode, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_file *f = file[i];
		int got = f->flags & LARGEFILE ? file_reopen(fd, f->flags) :
			  mq_open(name, f->flags & (O_ACCMODE | O_NONBLOCK | O_CLOEXEC)), err;

		if (got < 0)
			return fail(f->flags & LARGEFILE ? got : -errno, "open POSIX message queue %s", name);
		if (f->pos && lseek(got, f->pos, SEEK_SET) < 0) /* read(2) tells about the queue: mq_overview(7) */
			return fail(-errno, "set the position of POSIX message queue %s", name);
		err = restore_keep(r, f->addr, got, -1);
		if (err)
			return err;
	}
	return 0;
}

static int restore_queue(struct restore *r, const void *rec)
{
	const Q *q = rec;
	char name[NAME_BYTES + 1];
	int fd _close_ = find_queue(q), err;

	with_slash(q, name);
	if (fd == -1)
		fd = make(r, q, name);
	if (fd < 0)
		return fd;
	err = fill(r, q, fd) ?: open_all(r, q, name, fd);
	if (!q->linked)
		mq_unlink(name);
	return err;
}

/* When inherited descriptors are closed: closing one takes the notification back. */
static int join(struct restore *r, const void *rec)
{
	const Q *q = rec;
	const struct rec_task *owner = q->owner ? owner_of(&r->image.snap, q) : NULL;
	struct sigevent ev = { .sigev_notify = q->notify, .sigev_signo = q->signo,
			       .sigev_value.sival_ptr = (void *)q->value };

	if (owner)
		batch_op(restore_batch(r, owner->addr), SYS_mq_notify, slot_of(&r->image.snap, q, owner)->fd,
			 machine_dup(&r->machine, &ev, sizeof(ev)));
	return 0;
}

void mqueue_undo(struct restore *r)
{
	for (size_t i = 0; i < r->nr_mqueues; i++) {
		char name[NAME_BYTES + 1];

		snprintf(name, sizeof(name), "/%s", r->mqueues[i]);
		mq_unlink(name);
	}
	r->nr_mqueues = 0;
}

const struct res_type res_mqueue = {
	.name = "mqueue", .tag = REC_MQUEUE, .size = sizeof(Q), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]), .tail = MUST_MATCH, .tail_form = AS_TEXT,
	.phase = PHASE_LAST, .check = check, .read = read_queue, .restore = restore_queue, .join = join,
};

static const struct field message_fields[] = {
	FIELD_OWNER(M, inode, 0),
	FIELD(M, index, IS_KEY, AS_DEC),
	FIELD(M, priority, MUST_MATCH, AS_DEC),
	FIELD(M, bytes, MUST_MATCH, AS_DEC),
};

static int read_message(const struct image *img, const void *rec)
{
	const M *m = rec;
	const Q *q = snap_find(&img->snap, REC_MQUEUE, m->inode);

	if (!q || m->bytes > q->msgsize || m->bytes > m->h.len - sizeof(*m) || m->priority >= 32768)
		return fail(-ERR_IMAGE, "image: message %u of POSIX message queue %llu is impossible", m->index, m->inode);
	return 0;
}

const struct res_type res_mq_message = {
	.name = "mq_message", .tag = REC_MQ_MESSAGE, .size = sizeof(M), .owned = true,
	.fields = message_fields, .nr_fields = sizeof(message_fields) / sizeof(message_fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_BYTES, .read = read_message,
};
