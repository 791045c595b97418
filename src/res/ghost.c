// SPDX-License-Identifier: GPL-2.0-only
/* ghost.c - kind "ghost": a file without a name; its contents travel in the image. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "file.h"
#include "log.h"
#include "nameless.h"
#include "path.h"
#include "rec_file.h"
#include "res.h"
#include "restore.h"

#define R struct rec_ghost

static const struct field fields[] = {
	FIELD_ID(R),
	FIELD(R, size, MUST_MATCH, AS_DEC),
	FIELD(R, mode, MUST_MATCH, AS_OCTAL),
	FIELD(R, uid, MUST_MATCH, AS_DEC),
	FIELD(R, gid, MUST_MATCH, AS_DEC),
};

/* A description of it, for its directory and last name. */
static const struct rec_file *find_file(const struct snap *s, __u64 inode)
{
	snap_for_each(s, REC_FILE, const struct rec_file, f)
		if (f->inode == inode && f->path_len)
			return f;
	return NULL;
}

/*
 * In the directory where it was, under its old name for a moment when that is free, so that
 * /proc/PID/fd reads as before; else it never has one.
 */
static int create(const char *path, mode_t mode)
{
	char dir[REC_PATH_MAX], name[REC_PATH_MAX], *slash;
	int fd;

	snprintf(name, sizeof(name), "%s", path);
	if (path_deleted(name, NULL))
		name[strlen(name) - strlen(DELETED)] = 0;
	fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0) {
		unlink(name);
	} else {
		snprintf(dir, sizeof(dir), "%s", name);
		slash = strrchr(dir, '/');
		slash[slash == dir] = 0;
		fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	}
	if (fd < 0)
		return fail(-errno, "make the nameless file %s anew", path);
	return fd;
}

static int restore_ghost(struct restore *r, const void *rec)
{
	const struct rec_ghost *g = rec;
	const struct rec_file *f = find_file(&r->image.snap, g->addr);
	int fd _close_ = -1, err;

	if (!f)
		return fail(-ERR_IMAGE, "image: nobody refers to nameless file %llu", g->addr);
	fd = create(f->path, g->mode);
	if (fd < 0)
		return fd;
	err = nameless_fill(r, fd, REC_GHOST, g->addr, g->size);
	if (err)
		return err;
	if (fchown(fd, g->uid, g->gid) || fchmod(fd, g->mode))
		return fail(-errno, "give %s its owner and mode", f->path);
	return restore_keep(r, g->addr, take_fd(&fd), -1);
}

const struct res_type res_ghost = {
	.name = "ghost", .tag = REC_GHOST, .size = sizeof(R),
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.restore = restore_ghost,
};
