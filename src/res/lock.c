// SPDX-License-Identifier: GPL-2.0-only
/* lock.c - kind "lock": POSIX, OFD and flock(2) locks of open files, and leases. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include "check.h"
#include "log.h"
#include "rec_file.h"
#include "res.h"
#include "restore.h"

#define R struct rec_lock
#define OFFSET_MAX 0x7fffffffffffffffull

static const struct field fields[] = {
	FIELD_OWNER(R, file, REC_FILE),
	FIELD_REF(R, owner, 0),
	FIELD(R, start, IS_KEY, AS_DEC),
	FIELD(R, end, MUST_MATCH, AS_DEC),
	FIELD(R, kind, IS_KEY, AS_DEC),
	FIELD(R, type, MUST_MATCH, AS_DEC),
	FIELD_REF(R, inode, 0),
};

static int check(struct check *c, const void *rec)
{
	const struct rec_lock *l = rec;
	const struct rec_file *f = snap_find(c->snap, REC_FILE, l->file);

	if (l->kind == LOCK_BREAKING)
		check_refuse(c, 0, "lock", "%s: its lease (F_SETLEASE) is being broken: somebody waits to open it; try "
			     "again", f->path);
	if (l->kind == LOCK_MORE)
		check_refuse(c, 0, "lock", "%s: more locks than the walk follows", f->path);
	return 0;
}

static int read_lock(const struct image *img, const void *rec)
{
	const struct rec_lock *l = rec;

	if (l->kind > LOCK_LEASE || l->type > 1 || l->start > l->end || l->end > OFFSET_MAX)
		return fail(-ERR_IMAGE, "image: a lock on file %llu is impossible (kind %u type %u %llu-%llu)", l->file, l->kind, l->type, l->start, l->end);
	return 0;
}

/* A table that has the file open: for a POSIX lock the one that owns it. */
static const struct rec_fd *find_slot(const struct restore *r, const struct rec_lock *l)
{
	size_t nr;
	void **slots = snap_referring(&r->image.snap, REC_FD, struct rec_fd, file, l->file, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_fd *slot = slots[i];

		if (l->kind != LOCK_POSIX || slot->files == l->owner)
			return slot;
	}
	return NULL;
}

static int join(struct restore *r, const void *rec)
{
	const struct rec_lock *l = rec;
	const struct rec_fd *slot = find_slot(r, l);
	struct flock fl = {
		.l_type = l->type ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET, .l_start = l->start,
		.l_len = l->end == OFFSET_MAX ? 0 : l->end - l->start + 1,
	};
	struct batch *b;

	if (!slot)
		return fail(-ERR_IMAGE, "image: nobody has the file of a lock open");
	b = restore_batch(r, slot->files);
	if (l->kind == LOCK_FLOCK)
		batch_op(b, SYS_flock, slot->fd, LOCK_NB | (l->type ? LOCK_EX : LOCK_SH));
	else if (l->kind == LOCK_LEASE)
		batch_op(b, SYS_fcntl, slot->fd, F_SETLEASE, fl.l_type);
	else
		batch_op(b, SYS_fcntl, slot->fd, l->kind == LOCK_OFD ? F_OFD_SETLK : F_SETLK,
			 machine_dup(&r->machine, &fl, sizeof(fl)));
	return 0;
}

const struct res_type res_lock = {
	.name = "lock", .tag = REC_LOCK, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.phase = PHASE_LAST, .check = check, .read = read_lock, .join = join,
};
