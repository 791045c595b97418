// SPDX-License-Identifier: GPL-2.0-only
/* tty.c - kinds "tty", "tty_file", "tty_data": terminals, who has them open, what is unread in them. */
#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>

#include "check.h"
#include "dump.h"
#include "external.h"
#include "file.h"
#include "log.h"
#include "path.h"
#include "rec_external.h"
#include "rec_file.h"
#include "res.h"
#include "restore.h"
#include "restore_tty.h"

#define R struct rec_tty
#define UNREAD_MAX (1u << 20)

/* NOLINTBEGIN(bugprone-macro-parentheses): members have none */
#define FIELDS_TERMIOS(m)                                                                          \
	FIELD_AT(R, m.iflag, #m ".iflag", MUST_MATCH, AS_OCTAL),                                   \
	FIELD_AT(R, m.oflag, #m ".oflag", MUST_MATCH, AS_OCTAL),                                   \
	FIELD_AT(R, m.cflag, #m ".cflag", MUST_MATCH, AS_OCTAL),                                   \
	FIELD_AT(R, m.lflag, #m ".lflag", MUST_MATCH, AS_OCTAL),                                   \
	FIELD_AT(R, m.line, #m ".line", MUST_MATCH, AS_DEC),                                       \
	FIELD_AT(R, m.cc, #m ".cc", MUST_MATCH, AS_BYTES),                                         \
	FIELD_AT(R, m.ispeed, #m ".ispeed", MUST_MATCH, AS_DEC),                                   \
	FIELD_AT(R, m.ospeed, #m ".ospeed", MUST_MATCH, AS_DEC)
/* NOLINTEND(bugprone-macro-parentheses) */

static const struct field fields[] = {
	FIELD_ID(R),
	FIELD_REF(R, link, REC_TTY),
	FIELD_REF(R, session, REC_PID),
	FIELD_REF(R, pgrp, REC_PID),
	FIELD(R, devpts, MAY_DIFFER, AS_HEX),
	FIELD(R, side, MUST_MATCH, AS_DEC),
	FIELD(R, index, MUST_MATCH, AS_DEC),
	FIELD(R, name, MUST_MATCH, AS_TEXT),
	FIELD(R, count, MAY_DIFFER, AS_DEC), /* the restorer still has it open, too */
	FIELD(R, flags, MUST_MATCH, AS_HEX),
	FIELD(R, pktstatus, MUST_MATCH, AS_HEX),
	FIELD(R, ldisc, MUST_MATCH, AS_DEC),
	FIELD(R, uid, MUST_MATCH, AS_DEC),
	FIELD(R, gid, MUST_MATCH, AS_DEC),
	FIELD(R, mode, MUST_MATCH, AS_OCTAL),
	FIELD(R, rows, MUST_MATCH, AS_DEC),
	FIELD(R, cols, MUST_MATCH, AS_DEC),
	FIELD(R, xpixel, MUST_MATCH, AS_DEC),
	FIELD(R, ypixel, MUST_MATCH, AS_DEC),
	FIELDS_TERMIOS(termios),
	FIELDS_TERMIOS(locked),
	FIELD(R, unread, MUST_MATCH, AS_DEC),
	FIELD(R, canon, MUST_MATCH, AS_DEC),
	FIELD(R, tail, NEVER_SAVED, AS_DEC),
	FIELD(R, flip, MUST_MATCH, AS_DEC),
	FIELD(R, echo, MUST_MATCH, AS_DEC),
	FIELD(R, column, MAY_DIFFER, AS_DEC),
	FIELD(R, canon_column, MAY_DIFFER, AS_DEC),
	FIELD(R, echo_tail, NEVER_SAVED, AS_DEC),
};

static const struct field file_fields[] = {
	FIELD_OWNER(struct rec_tty_file, file, REC_FILE),
	FIELD_REF(struct rec_tty_file, tty, REC_TTY),
	FIELD(struct rec_tty_file, current, MUST_MATCH, AS_DEC),
	FIELD(struct rec_tty_file, hung_up, MUST_MATCH, AS_DEC),
};

static const struct field data_fields[] = {
	FIELD_OWNER(struct rec_tty_data, tty, REC_TTY),
	FIELD(struct rec_tty_data, bytes, MUST_MATCH, AS_DEC),
	FIELD(struct rec_tty_data, taken, MUST_MATCH, AS_DEC),
	FIELD_ARRAY(struct rec_tty_data, pieces, MAY_DIFFER, AS_DEC),
};

static const struct field echo_fields[] = {
	FIELD_OWNER(struct rec_tty_echo, tty, REC_TTY),
	FIELD(struct rec_tty_echo, bytes, MUST_MATCH, AS_DEC),
	FIELD(struct rec_tty_echo, erases, MUST_MATCH, AS_DEC),
};

/* ---- what stands in the way ---- */

static void refuse(struct check *c, const R *t, const char *why)
{
	size_t nr, slots = 0;
	void **file = tty_files(c->snap, t, &nr), **slot = NULL;

	if (nr)
		slot = snap_referring(c->snap, REC_FD, struct rec_fd, file, ((struct rec_tty_file *)file[0])->file,
				      &slots);
	check_refuse(c, slots ? ((const struct rec_fd *)slot[0])->files : 0, "tty", "terminal %.16s: %s", t->name, why);
}

static const struct rec_file *file_of(const struct check *c, const struct rec_tty_file *f)
{
	return snap_find(c->snap, REC_FILE, f->file);
}

static bool is_external(const struct check *c, const struct rec_tty_file *f)
{
	return snap_find(c->snap, REC_EXTERNAL, f->file);
}

/* The one that the user started the tree from: who has it is of a session that is led from outside. */
static bool is_the_users(const struct check *c, const R *t)
{
	size_t nr;
	void **ctty = snap_referring(c->snap, REC_CTTY, struct rec_ctty, tty, t->addr, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_proc *p = snap_find(c->snap, REC_PROC, ((struct rec_ctty *)ctty[i])->signal);

		if (p && !tree_find(c->tree, p->sid))
			return true;
	}
	return false;
}

/* Somebody else draws it, or it is hardware: only another one can take its place. */
static void check_outside_tty(struct check *c, const R *t)
{
	const char *what = t->side == TTY_IS_OTHER ? "is a real terminal" : "has its master outside of the tree";
	bool users = is_the_users(c, t);
	size_t nr;
	void **file = tty_files(c->snap, t, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_tty_file *tf = file[i];
		const struct rec_file *f = file_of(c, tf);
		size_t slots;
		void **slot;

		if (is_external(c, tf) || (users && c->shell_job))
			continue;
		slot = snap_referring(c->snap, REC_FD, struct rec_fd, file, tf->file, &slots);
		check_refuse(c, slots ? ((const struct rec_fd *)slot[0])->files : 0, "tty",
			     "descriptor %d %s: terminal %.16s %s%s" EXTERNAL_REMEDY,
			     slots ? (int)((const struct rec_fd *)slot[0])->fd : -1, f->path, t->name, what,
			     users ? "; to have it replaced by the one that restore is started from: --shell-job" : "",
			     f->path, f->path);
	}
}

/* The instance that /dev/pts shows us, and will show a restore. */
static bool is_our_devpts(const R *t)
{
	struct stat st;

	return !stat("/dev/pts", &st) && path_kernel_dev(st.st_dev) == t->devpts;
}

/* What only one that was just made can be: nobody has opened the slave, so it can be told nothing. */
static bool was_never_open(const struct snap *s, const R *t, const R *master)
{
	size_t nr;

	tty_files(s, t, &nr);
	return !nr && !(master->flags & TTY_F_OTHER_CLOSED);
}

static const char *side_refusal(const struct snap *s, const R *t)
{
	const struct rec_tty_echo *echo = snap_find(s, REC_TTY_ECHO, t->addr);

	if (t->ldisc)
		return "has another line discipline than N_TTY (0); set that back";
	if (t->echo && (!echo || echo->erases || t->side == TTY_IS_MASTER || t->pktstatus & TIOCPKT_STOP))
		return "holds echoes of erasures, or of packet mode, that could not be written yet, which is not supported; "
		       "let its output go on, or have it read";
	if (t->flags & TTY_F_ERASING)
		return "is amid an erasure as a printing terminal shows it (ECHOPRT), which is not supported";
	if (t->flags & TTY_F_PUSH || (t->termios.lflag & EXTPROC && t->flags & TTY_F_ICANON && t->unread))
		return "holds input that was read in another mode than it is in now, which is not supported; have it read";
	return NULL;
}

static const char *slave_refusal(const struct check *c, const R *t, const R *m, char *buf, size_t len)
{
	size_t nr, members;
	char who[64];

	if (!is_our_devpts(t))
		return "is of a private instance of devpts, which is not supported yet";
	if (t->session && !tree_find(c->tree, t->session))
		return "is the controlling terminal of a session whose leader is outside of the tree";
	snap_referring(c->snap, REC_PROC, struct rec_proc, pgid, t->pgrp, &members);
	if (t->pgrp && !members)
		return "its foreground process group has just ended; try again";
	if (was_never_open(c->snap, t, m) && (m->unread || m->flip || t->echo || t->flags & TTY_F_STOPPED))
		return "holds output of a slave that nobody has ever opened, which is not supported; have it read";
	if ((t->pktstatus & TIOCPKT_FLUSHREAD && t->unread + t->flip) ||
	    (t->pktstatus & TIOCPKT_FLUSHWRITE && m->unread + m->flip))
		return "its master is yet to be told of a flush in packet mode, behind which there is data already, which "
		       "is not supported; have it read";
	tty_files(c->snap, t, &nr);
	if (c->live || t->count - 1 == nr)
		return NULL;
	snprintf(buf, len, "is open outside of the tree as well, by %s; checkpoint both sides, or have that closed",
		 tty_holder(c->tree, t->index, who, sizeof(who)));
	return buf;
}

static int check(struct check *c, const void *rec)
{
	const R *t = rec, *m = tty_master(c->snap, t);
	const char *why;
	char buf[192];

	if (tty_is_outside(c->snap, t)) {
		check_outside_tty(c, t);
		return 0;
	}
	if (!m->count)
		return 0; /* only hung up descriptors are left of it */
	why = side_refusal(c->snap, t);
	if (!why && t->side == TTY_IS_SLAVE)
		why = slave_refusal(c, t, m, buf, sizeof(buf));
	if (why)
		refuse(c, t, why);
	return 0;
}

/* A description that somebody else has, too, would be two. */
static int check_file(struct check *c, const void *rec)
{
	const struct rec_tty_file *tf = rec;
	const struct rec_file *f = file_of(c, tf);
	const R *t = snap_find(c->snap, REC_TTY, tf->tty);

	if (f && t && !c->live && !tty_is_outside(c->snap, t) && file_is_shared(c->snap, f))
		check_leak(c, "tty", "%s is also held by somebody outside of the tree" EXTERNAL_REMEDY, f->path, f->path,
			   f->path);
	return 0;
}

/* ---- frozen ---- */

static int collect(struct dump *d, void *rec)
{
	R *t = rec;

	/* the session and group of a terminal of the outside may be nobody's by now */
	if (t->session && !snap_find(&d->snap, REC_PID, t->session))
		t->session = 0;
	if (t->pgrp && !snap_find(&d->snap, REC_PID, t->pgrp))
		t->pgrp = 0;
	if (!(t->flags & TTY_F_PACKET) && t->side != TTY_IS_SLAVE)
		t->pktstatus = 0;
	return 0;
}

/* Nothing but what it says itself tells a descriptor that was hung up: tty_io.c, hung_up_tty_ioctl(). */
static int collect_file(struct dump *d, void *rec)
{
	struct rec_tty_file *tf = rec;
	const struct rec_file *f = snap_find(&d->snap, REC_FILE, tf->file);
	const struct rec_task *task;
	struct termios tio;
	unsigned int slot;
	int fd _close_ = -1;

	if (f->flags & O_PATH || !dump_find_fd(d, tf->file, &task, &slot))
		return 0;
	fd = dump_getfd(d, task, slot);
	if (fd < 0)
		return fail(fd, "reach descriptor %u of pid %d", slot, task_tid(&d->tree, task));
	tf->hung_up = ioctl(fd, TCGETS, &tio) && errno == EIO;
	return 0;
}

/* ---- from an image ---- */

static int read_tty(const struct image *img, const void *rec)
{
	const R *t = rec, *m = tty_master(&img->snap, t), *link = snap_find(&img->snap, REC_TTY, t->link);
	bool outside = tty_is_outside(&img->snap, t);
	size_t nr;

	if (t->side > TTY_IS_SLAVE || strnlen(t->name, sizeof(t->name)) == sizeof(t->name) || t->mode & ~07777u ||
	    (t->side != TTY_IS_OTHER && (!m || !link || link->link != t->addr || link->side + t->side != 3 ||
					 link->index != t->index)) || t->index > 1u << 20)
		return fail(-ERR_IMAGE, "image: terminal %llu is impossible", t->addr);
	if (!outside && (t->ldisc || t->unread > TTY_RING || t->flip > UNREAD_MAX))
		return fail(-ERR_IMAGE, "image: terminal %.16s holds impossible values", t->name);
	tty_files(&img->snap, t, &nr);
	if (t->side == TTY_IS_MASTER && nr > 1)
		return fail(-ERR_IMAGE, "image: the master of terminal %.16s was opened %zu times", t->name, nr);
	return 0;
}

static int read_tty_file(const struct image *img, const void *rec)
{
	const struct rec_tty_file *f = rec;

	if (!f->tty || f->current > 1 || f->hung_up > 1)
		return fail(-ERR_IMAGE, "image: the terminal of file %llu is impossible", f->file);
	return 0;
}

static int read_data(const struct image *img, const void *rec)
{
	const struct rec_tty_data *d = rec;
	const R *t = snap_find(&img->snap, REC_TTY, d->tty);
	size_t room = d->h.len - sizeof(*d);

	if (d->bytes > UNREAD_MAX + TTY_RING || d->bytes + (d->bytes + 7) / 8 > room || d->taken != t->unread ||
	    d->bytes != t->unread + t->flip)
		return fail(-ERR_IMAGE, "image: what was unread of terminal %llu is out of bounds", d->tty);
	return 0;
}

static int read_echo(const struct image *img, const void *rec)
{
	const struct rec_tty_echo *e = rec;
	const R *t = snap_find(&img->snap, REC_TTY, e->tty);

	if (e->bytes > e->h.len - sizeof(*e) || e->bytes > TTY_RING || e->erases || e->bytes != t->echo)
		return fail(-ERR_IMAGE, "image: echoes of terminal %llu are out of bounds", e->tty);
	return 0;
}

const struct res_type res_tty = {
	.name = "tty", .tag = REC_TTY, .size = sizeof(R),
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.phase = PHASE_PROCESS, .check = check, .collect = collect, .read = read_tty,
	.restore = tty_restore, .join = tty_join,
};

const struct res_type res_tty_file = {
	.name = "tty_file", .tag = REC_TTY_FILE, .size = sizeof(struct rec_tty_file), .owned = true,
	.fields = file_fields, .nr_fields = sizeof(file_fields) / sizeof(file_fields[0]),
	.check = check_file, .collect = collect_file, .read = read_tty_file,
};

const struct res_type res_tty_data = {
	.name = "tty_data", .tag = REC_TTY_DATA, .size = sizeof(struct rec_tty_data), .owned = true,
	.fields = data_fields, .nr_fields = sizeof(data_fields) / sizeof(data_fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_BYTES, .read = read_data,
};

const struct res_type res_tty_echo = {
	.name = "tty_echo", .tag = REC_TTY_ECHO, .size = sizeof(struct rec_tty_echo), .owned = true,
	.fields = echo_fields, .nr_fields = sizeof(echo_fields) / sizeof(echo_fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_BYTES, .read = read_echo,
};
