// SPDX-License-Identifier: GPL-2.0-only
/* fd.c - kind "fd": a slot of a descriptor table. */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "check.h"
#include "file.h"
#include "log.h"
#include "rec_file.h"
#include "res.h"
#include "restore.h"

#define R struct rec_fd
#define FD_MAX (1u << 20)

static const struct field fields[] = {
	FIELD_OWNER(R, files, 0),
	FIELD_REF(R, file, REC_FILE),
	FIELD(R, fd, IS_KEY, AS_DEC),
	FIELD(R, cloexec, MUST_MATCH, AS_DEC),
};

static int check(struct check *c, const void *rec)
{
	const struct rec_fd *slot = rec;
	const struct rec_file *f = snap_find(c->snap, REC_FILE, slot->file);
	char buf[256];
	const char *why = f ? file_refusal(c->snap, f, false, buf, sizeof(buf)) :
			      "its file could not be read";

	if (why)
		check_refuse(c, slot->files, "fd", "descriptor %u%s%s: %s", slot->fd,
			     f && f->path_len ? " " : "", f && f->path_len ? f->path : "", why);
	return 0;
}

static int read_fd(const struct image *img, const void *rec)
{
	const struct rec_fd *slot = rec;

	if (slot->fd >= FD_MAX || slot->cloexec > 1)
		return fail(-ERR_IMAGE, "image: descriptor %u is impossible", slot->fd);
	return 0;
}

static int join(struct restore *r, const void *rec)
{
	const struct rec_fd *slot = rec;
	struct batch *b = restore_batch(r, slot->files);

	if (file_class(&r->image.snap, snap_find(&r->image.snap, REC_FILE, slot->file)) == FILE_LATE)
		batch_op(b, SYS_dup3, restore_way(r, restore_unit(r, slot->files)), slot->fd, O_CLOEXEC); /* until restore_late() */
	else if (restore_give(r, b, slot->file, slot->fd, slot->cloexec))
		return fail(-ERR_IMAGE, "image: the file of descriptor %u was not opened", slot->fd);
	return 0;
}

const struct res_type res_fd = {
	.name = "fd", .tag = REC_FD, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.phase = PHASE_PROCESS, .check = check, .read = read_fd, .join = join,
};
