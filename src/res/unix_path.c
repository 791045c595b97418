// SPDX-License-Identifier: GPL-2.0-only
/* unix_path.c - kind "unix_path": the file that a socket is bound to. unix_bind.c makes it again. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "dump.h"
#include "log.h"
#include "path.h"
#include "res.h"
#include "unix.h"

#ifndef SIOCUNIXFILE
#define SIOCUNIXFILE 0x89e0 /* include/uapi/linux/un.h */
#endif

#define R struct rec_unix_path

static const struct field fields[] = {
	FIELD_OWNER(R, sock, REC_SOCK),
	FIELD_INODE(R, id),
	FIELD(R, uid, MUST_MATCH, AS_DEC),
	FIELD(R, gid, MUST_MATCH, AS_DEC),
	FIELD(R, exists, MUST_MATCH, AS_DEC),
	FIELD(R, path_len, MAY_DIFFER, AS_DEC), /* of what was deleted it says where it was made anew */
};

/* The path where the file is now; false: nowhere, it was unlinked or another one took its place. */
static bool find_path(int fd, const struct stat *st, char *path, size_t size)
{
	char link[48];
	struct stat there;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, size - 1);
	path[n < 0 ? 0 : n] = 0;
	return n > 0 && path[0] == '/' && !lstat(path, &there) && there.st_dev == st->st_dev &&
	       there.st_ino == st->st_ino;
}

int unix_collect_path(struct dump *d, const struct rec_unix *u, int fd)
{
	int file _close_ = ioctl(fd, SIOCUNIXFILE);
	char path[REC_PATH_MAX];
	struct stat st;
	bool exists;
	R *r;

	if (file < 0 || fstat(file, &st))
		return fail(-errno, "look at the file of a socket");
	exists = find_path(file, &st, path, sizeof(path));
	if (!exists)
		strcpy(path, "/"); /* nobody can tell where it was */
	r = snap_new(&d->snap, REC_UNIX_PATH, sizeof(*r) + strlen(path) + 1);
	if (!r)
		return fail(-ENOMEM, "unix");
	r->sock = u->sock;
	r->id.dev = (__u64)major(st.st_dev) << 20 | minor(st.st_dev);
	r->id.ino = st.st_ino;
	r->id.nlink = st.st_nlink;
	r->id.mode = st.st_mode;
	r->uid = st.st_uid;
	r->gid = st.st_gid;
	r->exists = exists;
	r->path_len = strlen(path) + 1;
	strcpy(r->path, path);
	return 0;
}

static int read_path(const struct image *img, const void *rec)
{
	const R *r = rec;
	const struct rec_unix *u = snap_find(&img->snap, REC_UNIX, r->sock);
	size_t nr;

	snap_range(&img->snap, REC_UNIX_PATH, r->sock, &nr);
	if (nr != 1 || !u || !unix_has_path(u) || r->exists > 1 || !S_ISSOCK(r->id.mode) ||
	    (r->exists && (!path_ok(r->path, r->h.len - sizeof(*r), r->path_len) ||
			   r->path[r->path_len - 2] == '/')))
		return fail(-ERR_IMAGE, "image: the path of socket %llu is impossible", r->sock);
	return 0;
}

const struct res_type res_unix_path = {
	.name = "unix_path", .tag = REC_UNIX_PATH, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_TEXT, .read = read_path,
};
