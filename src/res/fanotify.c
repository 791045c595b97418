// SPDX-License-Identifier: GPL-2.0-only
/*
 * fanotify.c - kind "fanotify": a group, its flags, and what it watches (src/res/fan_mark.c).
 *
 * Events that nobody has read cannot be put back: the reader is told FAN_Q_OVERFLOW, as it is when the
 * kernel loses some itself. Groups that others wait for are refused: while the tree is stopped, whoever
 * opens what they have marked would wait, this program too.
 */
#include "fanotify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "capability.h"
#include "check.h"
#include "dump.h"
#include "fan_place.h"
#include "log.h"
#include "reach.h"
#include "rec_file.h"
#include "res.h"
#include "restore.h"

#define R struct rec_fanotify
#define KNOWN_INIT                                                                                 \
	(FAN_CLOEXEC | FAN_NONBLOCK | FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT |                  \
	 FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS | FAN_ENABLE_AUDIT | FAN_REPORT_PIDFD |         \
	 FAN_REPORT_TID | FAN_REPORT_DFID_NAME_TARGET | FAN_REPORT_FD_ERROR_ | FAN_F_UNPRIV)

#define MORE "; 'bpf-ckpt check' tells what else is in the way"

static const struct field fields[] = {
	FIELD_OWNER(R, file, REC_FILE),
	FIELD(R, addr, NEVER_SAVED, AS_HEX),
	FIELD(R, flags, MUST_MATCH, AS_HEX),
	FIELD(R, event_flags, MUST_MATCH, AS_OCTAL),
	FIELD(R, queued, MAY_DIFFER, AS_DEC),
	FIELD(R, waiting, MUST_MATCH, AS_DEC),
	FIELD(R, marks, MUST_MATCH, AS_DEC),
	FIELD(R, max_queued, MAY_DIFFER, AS_DEC),
	FIELD(R, uid, MAY_DIFFER, AS_DEC),
	FIELD(R, userns_level, MUST_MATCH, AS_DEC),
};

/* ---- dump ---- */

/* Its mask was cleared by a change of the file (FAN_MARK_IGNORED_MASK): as good as none. */
static bool is_idle(const struct rec_fan_seen *m)
{
	return !m->mask && !m->ignored;
}

/* Who has it open, for a refusal. */
static struct mark_owner owner(const struct check *c, const R *n)
{
	struct mark_owner o = { .kind = "fanotify", .remedy = "remove it (FAN_MARK_REMOVE)" };
	const struct rec_task *t;
	unsigned int fd;

	if (reach_find(c->snap, c->users, n->file, &t, &fd)) {
		o.user = t->files;
		snprintf(o.what, sizeof(o.what), "descriptor %u: ", fd);
	}
	return o;
}

static void check_group(struct check *c, const R *n)
{
	struct mark_owner o = owner(c, n);

	if (n->flags & FAN_REPORT_MNT_)
		check_refuse(c, o.user, o.kind, "%sit is told of mounts (FAN_REPORT_MNT), which is not supported; close it",
			     o.what);
	else if (n->flags & ~KNOWN_INIT)
		check_refuse(c, o.user, o.kind, "%sit has flags that are not known (%#x); close it", o.what,
			     n->flags & ~KNOWN_INIT);
	if (n->userns_level)
		check_refuse(c, o.user, o.kind, "%sit was made in a user namespace, whose limits and rights count for it; "
			     "close it", o.what);
}

/* Whoever opens what it has marked waits for it. */
static bool check_asks(struct check *c, const R *n)
{
	struct mark_owner o = owner(c, n);
	size_t nr;
	void **mark = snap_range(c->snap, REC_FAN_SEEN, n->file, &nr);
	__u32 asked = 0;

	for (size_t i = 0; i < nr; i++)
		asked |= ((const struct rec_fan_seen *)mark[i])->mask & FAN_PERM_MASK;
	if (n->waiting)
		check_refuse(c, o.user, o.kind, "%s%u events wait for an answer, and somebody with each; have the program "
			     "answer (FAN_ALLOW, FAN_DENY)" MORE, o.what, n->waiting);
	if (asked)
		check_refuse(c, o.user, o.kind, "%smarks of it ask for permission (%#x: FAN_OPEN_PERM and the like): while "
			     "the tree is stopped, whoever opens such a file waits, this program too; remove them "
			     "(FAN_MARK_REMOVE)" MORE, o.what, asked);
	return n->waiting || asked;
}

bool fanotify_check_asks(struct check *c)
{
	bool any = false;

	snap_for_each(c->snap, REC_FANOTIFY, const R, n)
		any |= check_asks(c, n);
	return any;
}

/* Can it be made again, wherever it is? */
static bool check_mask(struct check *c, const struct rec_fan_seen *m, const struct mark_owner *o)
{
	__u32 all = (m->mask | m->ignored) & ~FAN_PERM_MASK; /* of these was told */

	if (m->type == FAN_ON_OTHER)
		check_refuse(c, o->user, o->kind, "%s is on a mount namespace, or on what is going away; %s", o->what,
			     o->remedy);
	else if (all & ~FAN_SAVED_MASK)
		check_refuse(c, o->user, o->kind, "%s is for events that are not known (%#x); %s", o->what,
			     all & ~FAN_SAVED_MASK, o->remedy);
	else if (m->ignored && m->writers && !(m->flags & FAN_MARK_IGNORED_SURV_MODIFY))
		check_refuse(c, o->user, o->kind, "%s ignores events of a file until it changes, and it is open for writing: "
			     "the kernel makes no such mark; close the file, or %s", o->what, o->remedy);
	else
		return true;
	return false;
}

static void check_mark(struct check *c, const struct fan_finder *f, const struct rec_fan_seen *m, struct mark_owner o)
{
	size_t at = strlen(o.what);

	snprintf(o.what + at, sizeof(o.what) - at, "mark %u", m->index);
	if (check_mask(c, m, &o))
		fan_place_check(c, f, m, &o);
}

static int check(struct check *c, const void *rec)
{
	const R *n = rec;
	struct mark_owner o = owner(c, n);
	struct fan_finder f;
	int err = fan_finder_open(&f, c->snap, c->users, c->own, n->file);
	size_t nr;
	void **mark = snap_range(c->snap, REC_FAN_SEEN, n->file, &nr);

	check_group(c, n);
	check_asks(c, n);
	if (err)
		check_refuse(c, o.user, o.kind, "%sits marks could not be read: %s", o.what, strerror(-err));
	for (size_t i = 0; i < nr && !err; i++)
		if (!is_idle(mark[i]))
			check_mark(c, &f, mark[i], o);
	fan_finder_close(&f);
	if (nr != n->marks && !c->live)
		check_refuse(c, o.user, o.kind, "%s%u marks, but only %zu of them could be seen", o.what, n->marks, nr);
	if (n->queued && !n->waiting)
		check_warn(c, o.kind, "%u events that nobody has read will be lost; a restored reader is %s (FAN_Q_OVERFLOW)",
			   n->queued, n->flags & FAN_UNLIMITED_QUEUE ? "not told, as its queue has no limit" : "told so");
	return 0;
}

static int latest_last(const void *a, const void *b)
{
	const struct rec_fan_seen *x = *(void *const *)a, *y = *(void *const *)b;

	return (x->index < y->index) - (x->index > y->index);
}

static int save_mark(struct dump *d, const struct fan_finder *f, const struct rec_fan_seen *m, __u32 index)
{
	char path[REC_PATH_MAX];
	int err = fan_place_find(f, &d->snap, m, path, sizeof(path));
	size_t len = path[0] ? strlen(path) + 1 : 0;
	struct rec_fan_mark *r = err ? NULL : snap_new(&d->snap, REC_FAN_MARK, sizeof(*r) + len);

	if (!r)
		return err ?: -ENOMEM;
	r->file = m->file;
	r->inode = m->inode;
	r->index = index;
	r->type = m->type;
	r->flags = m->flags;
	r->mask = m->mask;
	r->ignored = m->ignored;
	r->id = m->id;
	r->path_len = len;
	memcpy(r->path, path, len);
	return 0;
}

static int collect(struct dump *d, void *rec)
{
	R *n = rec;
	struct fan_finder f;
	int err = fan_finder_open(&f, &d->snap, &d->users, &d->own, n->file);
	size_t nr;
	void **mark = snap_range(&d->snap, REC_FAN_SEEN, n->file, &nr);

	qsort(mark, nr, sizeof(*mark), latest_last);
	n->marks = 0;
	for (size_t i = 0; i < nr && !err; i++)
		if (!is_idle(mark[i]))
			err = save_mark(d, &f, mark[i], n->marks++);
	fan_finder_close(&f);
	return err ? fail(err, "find what a fanotify group watches") : 0;
}

/* ---- restore ---- */

static int read_fanotify(const struct image *img, const void *rec)
{
	const R *n = rec;
	size_t nr;

	snap_range(&img->snap, REC_FAN_MARK, n->file, &nr);
	if (n->flags & ~KNOWN_INIT || n->waiting || n->userns_level || nr != n->marks)
		return fail(-ERR_IMAGE, "image: fanotify group %llu is impossible", n->file);
	return 0;
}

/* Without the right to do more it is not told more: fanotify(7). */
static int make_group(const R *n)
{
	bool lowered = n->flags & FAN_F_UNPRIV && has_capability(CAP_SYS_ADMIN);
	int fd;

	if (lowered && capability_set(CAP_SYS_ADMIN, false))
		return -errno;
	fd = fanotify_init(n->flags & ~FAN_F_UNPRIV, n->event_flags);
	fd = fd < 0 ? -errno : fd;
	if (lowered && capability_set(CAP_SYS_ADMIN, true))
		return -errno;
	return fd;
}

static int restore_fanotify(struct restore *r, const void *rec)
{
	const R *n = rec;
	const struct rec_file *f = snap_find(&r->image.snap, REC_FILE, n->file);
	int fd = make_group(n);

	if (fd < 0)
		return fail(fd, "make a fanotify group of flags %#x, for files of flags %#o", n->flags, n->event_flags);
	/* what it was made with is kept, what it has is set */
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) || fcntl(fd, F_SETFL, f->flags))
		return fail(-errno, "set the flags of a fanotify group");
	return restore_keep(r, n->file, fd, -1);
}

static int kept(struct restore *r, const R *n)
{
	int fd, err = restore_kept(r, n->file, &fd, NULL);

	return err ? fail(-ERR_IMAGE, "image: fanotify group %llu was not made", n->file) : fd;
}

/* Late, so that little of what a restore itself does is news. */
static int late(struct restore *r, const void *rec)
{
	const R *n = rec;
	int fd = kept(r, n), err = fd < 0 ? fd : 0;
	size_t nr;
	void **mark = snap_range(&r->image.snap, REC_FAN_MARK, n->file, &nr);

	for (size_t i = 0; i < nr && !err; i++)
		err = fan_mark_make(r, mark[i], fd);
	return err;
}

int fanotify_settle(struct restore *r)
{
	int err = 0;

	snap_for_each(&r->image.snap, REC_FANOTIFY, const R, n) {
		int fd = err ? err : kept(r, n);

		if (fd >= 0)
			err = fan_queue_drain(fd);
		if (fd >= 0 && !err && n->queued && !(n->flags & FAN_UNLIMITED_QUEUE))
			err = fan_queue_overflow(fd, n);
	}
	return err;
}

const struct res_type res_fanotify = {
	.name = "fanotify", .tag = REC_FANOTIFY, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.check = check, .collect = collect, .read = read_fanotify, .restore = restore_fanotify, .late = late,
};
