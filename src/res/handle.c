// SPDX-License-Identifier: GPL-2.0-only
/*
 * handle.c - kind "handle": a file that lost the name it was opened by, and has others. Its file system
 * can find it by its handle, for as long as it is there. When it has been found so, it is a file like others,
 * under another of its names.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "file_reopen.h"
#include "gone.h"
#include "handle.h"
#include "log.h"
#include "path.h"
#include "rec_file.h"
#include "rec_gone.h"
#include "res.h"
#include "restore.h"

#define R struct rec_handle

static const struct field fields[] = {
	FIELD_OWNER(R, file, REC_FILE),
	FIELD(R, type, MAY_DIFFER, AS_DEC),
	FIELD(R, bytes, MAY_DIFFER, AS_DEC),
	FIELD_AT(R, handle, "handle", MAY_DIFFER, AS_BYTES),
};

union any_handle {
	struct file_handle h;
	char room[sizeof(struct file_handle) + HANDLE_MAX];
};

int handle_of(int fd, struct rec_handle *r)
{
	union any_handle u = { .h.handle_bytes = HANDLE_MAX };
	int mount;

	if (name_to_handle_at(fd, "", &u.h, &mount, AT_EMPTY_PATH))
		return -errno;
	r->type = u.h.handle_type;
	r->bytes = u.h.handle_bytes;
	memcpy(r->handle, u.h.f_handle, u.h.handle_bytes);
	return 0;
}

/* Any directory of that file system: the nearest one that is left of the path. */
static int open_mount(const struct rec_file *f)
{
	char path[REC_PATH_MAX + 32], *slash;

	gone_name(path, f->path);
	while ((slash = strrchr(path, '/'))) {
		int fd;

		slash[slash == path] = 0;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 || (errno != ENOENT && errno != ENOTDIR) || slash == path)
			return fd < 0 ? -errno : fd;
	}
	return -ENOENT;
}

int handle_open(struct restore *r, const struct rec_file *f)
{
	const R *rec = snap_find(&r->image.snap, REC_HANDLE, f->addr);
	union any_handle u = { .h = { .handle_bytes = rec->bytes, .handle_type = rec->type } };
	int mount _close_ = restore_go_to(r, restore_mounts_of_file(r, f->addr)) ?: open_mount(f);
	int found _close_ = -1, fd;
	struct stat st;

	if (mount < 0)
		return fail(mount, "find the file system of %s", f->path);
	memcpy(u.h.f_handle, rec->handle, rec->bytes);
	found = open_by_handle_at(mount, &u.h, O_PATH | O_CLOEXEC);
	if (found < 0 || fstat(found, &st) || st.st_ino != f->id.ino)
		return fail(found < 0 ? -errno : -ESTALE, "find the file that was %s once by its handle", f->path);
	fd = file_reopen(found, f->flags);
	return fd < 0 ? fail(fd, "open %s", f->path) : fd;
}

static int read_handle(const struct image *img, const void *rec)
{
	const R *r = rec;

	if (!r->bytes || r->bytes > HANDLE_MAX)
		return fail(-ERR_IMAGE, "image: the handle of file %llu is impossible", r->file);
	return 0;
}

const struct res_type res_handle = {
	.name = "handle", .tag = REC_HANDLE, .size = sizeof(R),
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]), .read = read_handle,
};
