// SPDX-License-Identifier: GPL-2.0-only
/*
 * msgq.c - kinds "msgq", a System V message queue, and "msg", a message in it.
 *
 * Messages are copied out with MSG_COPY, which leaves them there.
 */
#include "msgq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/syscall.h>

#include "dump.h"
#include "log.h"
#include "res.h"
#include "restore.h"
#include "sysv.h"

#define Q struct rec_msgq
#define M struct rec_msg
#define MSG_MAX (REC_LEN_MAX - 4096)

#ifndef MSG_COPY
#define MSG_COPY 040000
#endif

static const struct field fields[] = {
	FIELD_OWNER(Q, task, REC_TASK),
	FIELD(Q, msqid, IS_KEY, AS_DEC),
	FIELD(Q, qbytes, MUST_MATCH, AS_DEC),
	FIELD(Q, qnum, MUST_MATCH, AS_DEC),
	FIELDS_IPC_PERM(Q),
	FIELD(Q, lspid, MAY_DIFFER, AS_DEC),
	FIELD(Q, lrpid, MAY_DIFFER, AS_DEC),
	FIELD(Q, stime, MAY_DIFFER, AS_SIGNED),
	FIELD(Q, rtime, MAY_DIFFER, AS_SIGNED),
	FIELD(Q, ctime, MAY_DIFFER, AS_SIGNED),
	FIELD(Q, boot, MAY_DIFFER, AS_TEXT),
};

struct sysv_object msgq_object(const Q *q)
{
	return (struct sysv_object){ .tag = REC_MSGQ, .id = q->msqid, .perm = q->perm, .boot = q->boot };
}

/* What msgrcv(2) and msgsnd(2) want. */
struct text {
	long type;
	char text[];
};

/* A copy of message number index, or its size; -ENOMSG behind the last. */
static ssize_t copy_message(__u64 msqid, unsigned int index, struct text *to, size_t room)
{
	ssize_t n = msgrcv(msqid, to, room, index, IPC_NOWAIT | MSG_COPY);

	return n < 0 ? -errno : n;
}

static int collect(struct dump *d, void *rec)
{
	const Q *q = rec;
	struct text *buf _free_ = malloc(sizeof(*buf) + MSG_MAX);

	if (!buf)
		return fail(-ENOMEM, "dump");
	for (unsigned int i = 0; i < q->qnum; i++) {
		ssize_t n = copy_message(q->msqid, i, buf, MSG_MAX);
		M *m = n < 0 ? NULL : snap_new(&d->snap, REC_MSG, sizeof(*m) + n);

		if (!m)
			return fail(n < 0 ? n : -ENOMEM, "copy message %u of queue %llu", i, q->msqid);
		m->task = q->task;
		m->msqid = q->msqid;
		m->type = buf->type;
		m->index = i;
		m->bytes = n;
		memcpy(m->text, buf->text, n);
	}
	return 0;
}

static int read_msgq(const struct image *img, const void *rec)
{
	const Q *q = rec;

	if (q->msqid > 0x7fffffff || q->perm.mode & ~0777u || strnlen(q->boot, sizeof(q->boot)) == sizeof(q->boot))
		return fail(-ERR_IMAGE, "image: message queue %llu is impossible", q->msqid);
	return 0;
}

static void **messages(const struct restore *r, const Q *q, size_t *nr)
{
	return snap_referring(&r->image.snap, REC_MSG, M, msqid, q->msqid, nr);
}

static bool has_messages(const struct restore *r, const Q *q)
{
	struct text *buf _free_ = malloc(sizeof(*buf) + MSG_MAX);
	size_t nr;
	void **msg = messages(r, q, &nr);

	for (size_t i = 0; i < nr && buf; i++) {
		const M *m = msg[i];

		if (copy_message(q->msqid, i, buf, MSG_MAX) != m->bytes || buf->type != m->type ||
		    memcmp(buf->text, m->text, m->bytes))
			return false;
	}
	return buf && copy_message(q->msqid, nr, buf, MSG_MAX) == -ENOMSG;
}

static void take_all(const Q *q)
{
	struct text note;

	while (msgrcv(q->msqid, &note, 0, 0, IPC_NOWAIT | MSG_NOERROR) >= 0)
		;
}

static int refill(struct restore *r, const Q *q)
{
	struct text *buf _free_ = malloc(sizeof(*buf) + MSG_MAX);
	size_t nr;
	void **msg = messages(r, q, &nr);

	if (!buf)
		return fail(-ENOMEM, "restore");
	take_all(q);
	for (size_t i = 0; i < nr; i++) {
		const M *m = msg[i];

		buf->type = m->type;
		memcpy(buf->text, m->text, m->bytes);
		if (msgsnd(q->msqid, buf, m->bytes, IPC_NOWAIT))
			return fail(-errno, "send message %zu of %u bytes to queue %llu", i, m->bytes, q->msqid);
	}
	return 0;
}

static int set_size(const Q *q)
{
	struct msqid_ds ds;

	if (msgctl(q->msqid, IPC_STAT, &ds))
		return fail(-errno, "read message queue %llu", q->msqid);
	if (ds.msg_qbytes == q->qbytes)
		return 0;
	ds.msg_qbytes = q->qbytes;
	return msgctl(q->msqid, IPC_SET, &ds) ? fail(-errno, "let message queue %llu hold %llu bytes (kernel.msgmnb)",
						     q->msqid, q->qbytes) : 0;
}

/* Untouched if it is as it was. */
static int restore_msgq(struct restore *r, const void *rec)
{
	const Q *q = rec;
	struct sysv_object o = msgq_object(q);
	int place = sysv_place(&o), err = place < 0 ? place : 0;

	if (!place)
		err = sysv_make(r, &o);
	if (!err)
		err = set_size(q);
	return err || has_messages(r, q) ? err : refill(r, q);
}

/* ---- last sender and receiver ---- */

/*
 * Who they were is told by their doing it again: the receiver takes all messages, then the sender sends
 * them. In an empty queue it is one more message, which nobody else can see when the queue is new.
 */
struct last_users {
	struct unit *sender, *receiver;
};

static struct unit *unit_of(struct restore *r, __u32 pid)
{
	for (unsigned int i = 0; i < r->nr_procs && pid; i++)
		if (r->units[i].proc && r->units[i].body && r->units[i].proc->pid->numbers[0] == (__s32)pid)
			return &r->units[i];
	return NULL;
}

static bool is_told(const struct unit *u, __u32 was, __u32 now)
{
	return now == (u ? (__u32)u->tid : was);
}

/* Are they to do it? Not when it would tell of us where it tells of somebody outside now. */
static bool find_users(struct restore *r, const Q *q, struct last_users *u)
{
	bool new = sysv_is_new(r, REC_MSGQ, q->msqid);
	struct msqid_ds now;

	*u = (struct last_users){ unit_of(r, q->lspid), unit_of(r, q->lrpid) };
	if (msgctl(q->msqid, IPC_STAT, &now) || (!u->sender && !u->receiver))
		return false;
	if (!new && (!q->qnum || (q->lspid && !u->sender) || (q->lrpid && !u->receiver)))
		return false;
	/* in another pid namespace than before, the same number here is no number there */
	return restore_in_own_pidns(r) || !is_told(u->sender, q->lspid, now.msg_lspid) ||
	       !is_told(u->receiver, q->lrpid, now.msg_lrpid);
}

/* What does not fit or is not allowed is made good by msgq_release(). */
static void join_send(struct restore *r, struct batch *b, __u64 msqid, long type, const char *text, size_t bytes)
{
	struct text *t = machine_alloc(&r->machine, sizeof(*t) + bytes);

	if (!t)
		return;
	t->type = type;
	memcpy(t->text, text, bytes);
	batch_op(b, SYS_msgsnd, msqid, t, bytes, IPC_NOWAIT)->flags = OP_MAY_FAIL;
}

static void join_receive(struct restore *r, struct batch *b, __u64 msqid, size_t bytes)
{
	batch_op(b, SYS_msgrcv, msqid, machine_alloc(&r->machine, sizeof(struct text) + bytes), bytes, 0, IPC_NOWAIT)
		->flags = OP_MAY_FAIL;
}

static int join(struct restore *r, const void *rec)
{
	const Q *q = rec;
	struct last_users u;
	size_t nr;
	void **msg = messages(r, q, &nr);

	if (!find_users(r, q, &u))
		return 0;
	for (size_t i = 0; i < nr && u.receiver; i++)
		join_receive(r, &u.receiver->batch, q->msqid, ((const M *)msg[i])->bytes);
	if (nr && !u.receiver)
		take_all(q);
	if (!nr && u.sender)
		join_send(r, &u.sender->batch, q->msqid, 1, "", 0);
	else if (!nr)
		msgsnd(q->msqid, &(struct text){ 1 }, 0, IPC_NOWAIT);
	return 0;
}

void msgq_join_last(struct restore *r)
{
	snap_for_each(&r->image.snap, REC_MSGQ, const Q, q) {
		struct last_users u = { unit_of(r, q->lspid), unit_of(r, q->lrpid) };
		size_t nr;
		void **msg = messages(r, q, &nr);

		if (has_messages(r, q))
			continue;
		for (size_t i = 0; i < nr && u.sender; i++) {
			const M *m = msg[i];

			join_send(r, &u.sender->batch, q->msqid, m->type, m->text, m->bytes);
		}
		if (!nr && u.receiver)
			join_receive(r, &u.receiver->batch, q->msqid, 0);
	}
}

int msgq_release(struct restore *r)
{
	int err = 0;

	snap_for_each(&r->image.snap, REC_MSGQ, const Q, q)
		if (!err && !has_messages(r, q))
			err = refill(r, q);
	return err;
}

const struct res_type res_msgq = {
	.name = "msgq", .tag = REC_MSGQ, .size = sizeof(Q), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.phase = PHASE_THREAD, .collect = collect, .read = read_msgq, .restore = restore_msgq, .join = join,
};

static const struct field msg_fields[] = {
	FIELD_OWNER(M, task, REC_TASK),
	FIELD(M, msqid, IS_KEY, AS_DEC),
	FIELD(M, type, MUST_MATCH, AS_SIGNED),
	FIELD(M, index, IS_KEY, AS_DEC),
	FIELD(M, bytes, MUST_MATCH, AS_DEC),
};

static int read_msg(const struct image *img, const void *rec)
{
	const M *m = rec;

	if (m->type < 1 || m->bytes > MSG_MAX || m->bytes > m->h.len - sizeof(*m))
		return fail(-ERR_IMAGE, "image: message %u of queue %llu is impossible", m->index, m->msqid);
	return 0;
}

const struct res_type res_msg = {
	.name = "msg", .tag = REC_MSG, .size = sizeof(M), .owned = true,
	.fields = msg_fields, .nr_fields = sizeof(msg_fields) / sizeof(msg_fields[0]), .tail = MUST_MATCH,
	.tail_form = AS_BYTES, .read = read_msg,
};
