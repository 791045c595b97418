// SPDX-License-Identifier: GPL-2.0-only
/*
 * dnotify.c - kind "dnotify": who is told by signals what happens in a directory, F_NOTIFY of fcntl(2). It
 * belongs to a descriptor table, so it is said again by who has that; the signal and whom it goes to are
 * the file's (F_SETSIG, F_SETOWN), and are there by then.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "check.h"
#include "log.h"
#include "rec_file.h"
#include "rec_watch.h"
#include "res.h"
#include "restore.h"

#define R struct rec_dnotify
#define KNOWN_MASK (DN_ACCESS | DN_MODIFY | DN_CREATE | DN_DELETE | DN_RENAME | DN_ATTRIB | DN_MULTISHOT)

static const struct field fields[] = {
	FIELD_OWNER(R, files, 0),
	FIELD_REF(R, file, REC_FILE),
	FIELD(R, fd, IS_KEY, AS_SIGNED),
	FIELD(R, mask, MUST_MATCH, AS_HEX),
};

/* Does that table have it open there? */
static bool has_slot(const struct snap *s, const R *n)
{
	size_t nr;
	void **slots = snap_referring(s, REC_FD, struct rec_fd, file, n->file, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_fd *slot = slots[i];

		if (slot->files == n->files && (__s32)slot->fd == n->fd)
			return true;
	}
	return false;
}

static int check(struct check *c, const void *rec)
{
	const R *n = rec;
	const struct rec_file *f = snap_find(c->snap, REC_FILE, n->file);
	const char *path = f && f->path_len ? f->path : "a directory";

	if (!users_find(c->users, n->files))
		check_refuse(c, 0, "dnotify", "%s: somebody outside of the tree has said F_NOTIFY (fcntl) of what the tree "
			     "has open too; close it there", path);
	else if (!has_slot(c->snap, n) && !c->live)
		check_refuse(c, n->files, "dnotify", "%s: signals about it name descriptor %d, which is another one now; say "
			     "F_NOTIFY (fcntl) again", path, n->fd);
	else if (n->mask & ~KNOWN_MASK)
		check_refuse(c, n->files, "dnotify", "%s: descriptor %d is told of events that are not known; say F_NOTIFY "
			     "(fcntl) again", path, n->fd);
	return 0;
}

static int read_dnotify(const struct image *img, const void *rec)
{
	const R *n = rec;

	if (n->mask & ~KNOWN_MASK || !has_slot(&img->snap, n))
		return fail(-ERR_IMAGE, "image: notice of directory %llu to descriptor %d is impossible", n->file, n->fd);
	return 0;
}

/* Late, so that little of what a restore itself does there is told. */
static int join(struct restore *r, const void *rec)
{
	const R *n = rec;
	const struct rec_file *f = snap_find(&r->image.snap, REC_FILE, n->file);
	struct batch *b = restore_batch(r, n->files);

	batch_op(b, SYS_fcntl, n->fd, F_NOTIFY, n->mask);
	if (!f->owner) /* it has become one itself: __f_setown() */
		batch_op(b, SYS_fcntl, n->fd, F_SETOWN, 0);
	return 0;
}

const struct res_type res_dnotify = {
	.name = "dnotify", .tag = REC_DNOTIFY, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.phase = PHASE_LAST, .check = check, .read = read_dnotify, .join = join,
};
