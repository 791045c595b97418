// SPDX-License-Identifier: GPL-2.0-only
/* ghost.c - kind "ghost": a file without a name, or a memfd; its contents travel in the image. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "ghost.h"
#include "gone.h"
#include "huge.h"
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
	FIELD(R, memfd, MUST_MATCH, AS_DEC),
	FIELD(R, seals, MUST_MATCH, AS_HEX),
	FIELD(R, huge_shift, MUST_MATCH, AS_DEC),
};

/* A description of it, for its directory and last name. */
static const struct rec_file *find_file(const struct snap *s, __u64 inode)
{
	size_t nr;
	void **file = snap_referring(s, REC_FILE, struct rec_file, inode, inode, &nr);

	for (size_t i = 0; i < nr; i++)
		if (((const struct rec_file *)file[i])->path_len)
			return file[i];
	return NULL;
}

/* Its old name when that is free, so that /proc/PID/fd reads as before; else one beside it. */
static int create(char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST) {
		gone_other_name(name);
		fd = mkostemp(name, O_CLOEXEC);
	}
	return fd;
}

/* One that never had a name, and may still get one. */
static int create_linkable(const char *name)
{
	char dir[REC_PATH_MAX + 32];

	snprintf(dir, sizeof(dir), "%s", name);
	*strrchr(dir, '/') = 0;
	return open(dir[0] ? dir : "/", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* O_NOFOLLOW stays with a description, and nothing can be opened with it through /proc/self/fd. */
static int open_by_name(struct restore *r, __u64 inode, const char *name)
{
	size_t nr;
	void **file = snap_referring(&r->image.snap, REC_FILE, struct rec_file, inode, inode, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_file *f = file[i];
		int fd;

		if (!(f->flags & O_NOFOLLOW))
			continue;
		fd = file_open(f, name);
		if (fd < 0 || (fd = restore_keep(r, f->addr, fd, -1)) < 0)
			return fd;
	}
	return 0;
}

/* Makes the file and what has to be opened by name; it has one for this moment only. */
static int make_anew(struct restore *r, const struct rec_ghost *g, const struct rec_file *f)
{
	bool linkable = f->inode_flags & INODE_F_LINKABLE;
	char name[REC_PATH_MAX + 32];
	struct gone_parents parents;
	int err = gone_make_parents(&parents, gone_name(name, f->path)), fd _close_ = -1;

	if (!err)
		fd = linkable ? create_linkable(name) : create(name);
	if (!err && fd < 0)
		err = fail(-errno, "make the nameless file %s anew", f->path);
	if (!err && !linkable) {
		err = open_by_name(r, g->addr, name);
		if (unlink(name) && !err)
			err = fail(-errno, "unlink %s", name);
	}
	gone_remove_parents(&parents);
	return err ? err : take_fd(&fd);
}

static int make_memfd(const struct rec_ghost *g, const struct rec_file *f)
{
	char name[REC_PATH_MAX];
	int fd;

	if (strncmp(f->path, "/" MEMFD, strlen("/" MEMFD)))
		return fail(-ERR_IMAGE, "image: %s is not the path of a memfd", f->path);
	snprintf(name, sizeof(name), "%s", f->path + strlen("/" MEMFD));
	if (path_deleted(name, NULL))
		name[strlen(name) - strlen(DELETED)] = 0;
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING |
			  (g->huge_shift ? MFD_HUGETLB | g->huge_shift << HUGE_SHIFT : 0));
	return fd < 0 ? fail(-errno, "make %s anew", f->path) : fd;
}

/* Some seals are in the way of mappings that were made before them: once all are there. */
int ghost_seal_all(struct restore *r)
{
	snap_for_each(&r->image.snap, REC_GHOST, const struct rec_ghost, g) {
		int fd;

		if (!g->memfd || !g->seals || restore_kept(r, g->addr, &fd, NULL))
			continue;
		if (fcntl(fd, F_ADD_SEALS, g->seals))
			return fail(-errno, "seal memfd %llu with %#x", g->addr, g->seals);
	}
	return 0;
}

static int read_ghost(const struct image *img, const void *rec)
{
	const struct rec_ghost *g = rec;
	const struct rec_file *f = find_file(&img->snap, g->addr);

	if (g->mode & ~07777u || g->huge_shift > 34 || (g->huge_shift && (!g->memfd || g->huge_shift < 12)) || g->memfd > 1 || (g->memfd && (!f || !file_is_memfd(f))))
		return fail(-ERR_IMAGE, "image: nameless file %llu holds impossible values", g->addr);
	return 0;
}

static int restore_ghost(struct restore *r, const void *rec)
{
	const struct rec_ghost *g = rec;
	const struct rec_file *f = find_file(&r->image.snap, g->addr);
	int fd _close_ = -1, err;

	if (!f)
		return fail(-ERR_IMAGE, "image: nobody refers to nameless file %llu", g->addr);
	fd = g->memfd ? make_memfd(g, f) : make_anew(r, g, f);
	if (fd < 0)
		return fd;
	err = (g->huge_shift ? huge_fill : nameless_fill)(r, fd, REC_GHOST, g->addr, g->size);
	if (err)
		return err;
	if (fchown(fd, g->uid, g->gid) || fchmod(fd, g->mode))
		return fail(-errno, "give %s its owner and mode", f->path);
	return restore_keep(r, g->addr, take_fd(&fd), -1);
}

const struct res_type res_ghost = {
	.name = "ghost", .tag = REC_GHOST, .size = sizeof(R),
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.read = read_ghost, .restore = restore_ghost,
};
