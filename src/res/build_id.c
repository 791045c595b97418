// SPDX-License-Identifier: GPL-2.0-only
/*
 * build_id.c - kind "build_id": what a linker has called a file that the tree runs or maps, and whether
 * such a file is still the one that it was. With the same build id, a file of another date is.
 */
#include "../build_id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dump.h"
#include "file.h"
#include "log.h"
#include "path.h"
#include "program.h"
#include "rec_file.h"
#include "rec_gone.h"
#include "rec_mem.h"
#include "res.h"
#include "restore.h"
#include "vma.h"

#define R struct rec_build_id

static const struct field fields[] = {
	FIELD_OWNER(R, inode, 0),
	FIELD(R, bytes, MAY_DIFFER, AS_DEC),
	FIELD_AT(R, id, "id", MAY_DIFFER, AS_BYTES),
};

/* Executed, or with code that is mapped. */
static bool has_code(const struct snap *s, const struct rec_file *f)
{
	size_t nr;
	void **area;

	snap_referring(s, REC_MM, struct rec_mm, exe, f->addr, &nr);
	if (nr)
		return true;
	area = snap_referring(s, REC_VMA, struct rec_vma, file, f->addr, &nr);
	for (size_t i = 0; i < nr; i++)
		if (((const struct rec_vma *)area[i])->flags & VM_EXEC)
			return true;
	return false;
}

int program_collect(struct dump *d, const struct rec_file *f)
{
	unsigned char id[BUILD_ID_MAX] = {};
	int fd _close_ = -1;
	unsigned int bytes;
	char differs[200];
	R *r;

	if (ids_has(&d->programs, f->inode) || !has_code(&d->snap, f))
		return 0;
	if (!ids_get(&d->programs, f->inode))
		return fail(-ENOMEM, "dump");
	fd = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || !path_same(fd, &f->id, true, differs, sizeof(differs)))
		return 0; /* it is judged by size and time alone */
	bytes = build_id_read(fd, id);
	r = bytes ? snap_new(&d->snap, REC_BUILD_ID, sizeof(*r)) : NULL;
	if (!r)
		return bytes ? fail(-ENOMEM, "dump") : 0;
	r->inode = f->inode;
	r->bytes = bytes;
	memcpy(r->id, id, bytes);
	return 0;
}

static void print_id(char *buf, size_t len, const unsigned char *id, unsigned int bytes)
{
	size_t at = 0;

	buf[0] = 0;
	for (unsigned int i = 0; i < bytes && at + 2 < len; i++)
		at += snprintf(buf + at, len - at, "%02x", id[i]);
}

/* 1: the same build. 0: another, which buf tells. -1: nobody knows. */
static int same_build(const struct restore *r, const struct rec_file *f, const char *path, char *buf, size_t len)
{
	const R *was = snap_find(&r->image.snap, REC_BUILD_ID, f->inode);
	int fd _close_ = was ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
	unsigned char id[BUILD_ID_MAX];
	char text[2][2 * BUILD_ID_MAX + 1];
	unsigned int bytes;
	struct stat st;

	if (fd < 0)
		return -1;
	bytes = build_id_read(fd, id);
	if (bytes == was->bytes && !memcmp(id, was->id, bytes) && !fstat(fd, &st) && (__u64)st.st_size == f->id.size)
		return 1;
	print_id(text[0], sizeof(text[0]), id, bytes);
	print_id(text[1], sizeof(text[1]), was->id, was->bytes);
	snprintf(buf, len, "; its build id is %s, in the image %s", bytes ? text[0] : "none", text[1]);
	return 0;
}

int program_check(struct restore *r, const struct rec_file *f, int fd)
{
	char differs[200], build[200] = "", path[32];
	int same;

	if (path_same(fd, &f->id, true, differs, sizeof(differs)))
		return 0;
	if (!path_same(fd, &f->id, false, differs, sizeof(differs)))
		return fail(-ESTALE, "%s, which the tree runs or maps, is not what it was: %s", f->path, differs);
	path_same(fd, &f->id, true, differs, sizeof(differs));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	same = same_build(r, f, path, build, sizeof(build));
	if (same == 1)
		return 0;
	if (!r->opts->changed_warn)
		return fail(-ESTALE, "%s, which the tree runs or maps, is not what it was: %s%s (to go on all the same: "
			    "--changed-files=warn)", f->path, differs, build);
	warn("%s, which the tree runs or maps, is not what it was: %s%s", f->path, differs, build);
	return 0;
}

static int read_build_id(const struct image *img, const void *rec)
{
	const R *r = rec;

	if (!r->bytes || r->bytes > BUILD_ID_MAX)
		return fail(-ERR_IMAGE, "image: a build id of %u bytes is impossible", r->bytes);
	return 0;
}

const struct res_type res_build_id = {
	.name = "build_id", .tag = REC_BUILD_ID, .size = sizeof(R),
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]), .read = read_build_id,
};
