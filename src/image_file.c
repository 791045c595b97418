// SPDX-License-Identifier: GPL-2.0-only
/* image_file.c - the file an image goes to: without a name until it is complete. */
#include "image_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "cleanup.h"
#include "log.h"

#define PIPE_BYTES (1 << 20)
#define TOUCH_BYTES (16ull << 20)
#define TMPFS_MAGIC 0x01021994 /* linux/magic.h */

static void make_temp_name(struct image_file *f)
{
	uint64_t r = 0;

	getrandom(&r, sizeof(r), 0);
	snprintf(f->temp, sizeof(f->temp), ".bpf-ckpt-%016llx.tmp", (unsigned long long)r);
}

/* A file without a name where that exists (a killed dumper leaves nothing), else a hidden one. */
static int open_own(struct image_file *f, const char *dir)
{
	f->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir < 0)
		return fail(-errno, "write %s: open directory %s", f->path, dir);
	f->own = true;
	f->fd = openat(f->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (f->fd >= 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL)
		return fail(-errno, "write %s: make a file in %s", f->path, dir);
	do {
		make_temp_name(f);
		f->fd = openat(f->dir, f->temp,
			       O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	} while (f->fd < 0 && errno == EEXIST);
	if (f->fd >= 0)
		return 0;
	f->temp[0] = 0;
	return fail(-errno, "write %s: make a file in %s", f->path, dir);
}

/* where: the path without symbolic links */
static int open_named(struct image_file *f, char *where)
{
	char *slash = strrchr(where, '/'), *name = slash ? slash + 1 : where;

	if (!*where)
		return fail(-ENOENT, "write an image to a path that is empty");
	if (!*name)
		return fail(-EISDIR, "write %s", f->path);
	if (strlen(name) >= sizeof(f->name))
		return fail(-ENAMETOOLONG, "write %s", f->path);
	strcpy(f->name, name);
	if (!slash)
		return open_own(f, ".");
	*slash = 0;
	return open_own(f, slash == where ? "/" : where);
}

/*
 * Where a link leads to. It may name a file beside it, no other: who may put links into a directory of
 * everybody's must not have images written over files elsewhere.
 */
static int follow(const char *path, char **where)
{
	char *to _free_ = realpath(path, NULL), *own _free_ = strdup(path), *dir _free_ = NULL, *slash;

	if (!to || !own)
		return fail(-errno, "write %s", path);
	dir = realpath(dirname(own), NULL);
	if (!dir)
		return fail(-errno, "write %s", path);
	slash = strrchr(to, '/');
	*slash = 0;
	if (strcmp(*to ? to : "/", dir))
		return fail(-ELOOP, "write %s: it is a link out of its directory, to one in %s", path, *to ? to : "/");
	*slash = '/';
	*where = to; /* what was looked at, and not where the link leads to by now */
	to = NULL;
	return 0;
}

static int open_path(struct image_file *f)
{
	char *where _free_ = NULL;
	struct stat st;
	bool exists = !stat(f->path, &st);

	if (exists && S_ISDIR(st.st_mode))
		return fail(-EISDIR, "write %s", f->path);
	if (exists && !S_ISREG(st.st_mode)) {
		f->fd = open(f->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return f->fd < 0 ? fail(-errno, "write %s", f->path) : 0;
	}
	/* a link like /dev/stdout must not be replaced by an image */
	exists = !lstat(f->path, &st);
	if (exists && S_ISLNK(st.st_mode)) {
		int err = follow(f->path, &where);

		return err ? err : open_named(f, where);
	}
	where = strdup(f->path);
	return where ? open_named(f, where) : fail(-ENOMEM, "write %s", f->path);
}

int image_file_create(struct image_file *f, const char *path)
{
	int err = 0;

	*f = (struct image_file){ .fd = -1, .dir = -1, .path = strdup(path) };
	if (!f->path)
		return fail(-ENOMEM, "write %s", path);
	if (strcmp(path, "-")) {
		err = open_path(f);
	} else {
		f->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		if (f->fd < 0)
			err = fail(-errno, "write to standard output");
	}
	if (!err && isatty(f->fd))
		err = fail(-ERR_USAGE, "an image is not for a terminal: give -o FILE, or a pipe");
	if (err)
		image_file_close(f);
	else
		fcntl(f->fd, F_SETPIPE_SZ, PIPE_BYTES); /* not a pipe, not allowed: all the same */
	return err;
}

/*
 * Pages of a tmpfs are the file: have them in place, and backed by the host when this is a virtual
 * machine. Window by window, so that they do not count as our own memory.
 */
static void touch_memory(const struct image_file *f, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += TOUCH_BYTES) {
		size_t len = bytes - at < TOUCH_BYTES ? bytes - at : TOUCH_BYTES;
		void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, at);

		if (p == MAP_FAILED)
			return;
		madvise(p, len, MADV_POPULATE_WRITE);
		munmap(p, len);
	}
}

void image_file_reserve(struct image_file *f, uint64_t bytes)
{
	struct statfs fs;

	if (!f->own || bytes <= f->reserved || fallocate(f->fd, 0, 0, bytes))
		return;
	f->reserved = bytes;
	if (!fstatfs(f->fd, &fs) && fs.f_type == TMPFS_MAGIC)
		touch_memory(f, bytes);
}

/* Standard output may be a pipe that somebody else has made non-blocking. */
static int await_room(const struct image_file *f)
{
	struct pollfd p = { .fd = f->fd, .events = POLLOUT };

	return poll(&p, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

int image_file_write(struct image_file *f, struct iovec *part, int parts)
{
	while (parts) {
		ssize_t n = writev(f->fd, part, parts);
		int err = n < 0 ? -errno : 0;

		if (err == -EAGAIN)
			err = await_room(f);
		if (err && err != -EINTR)
			return fail(err, "write %s", f->path);
		for (; parts && n >= (ssize_t)part->iov_len; part++, parts--)
			n -= part->iov_len;
		if (parts && n > 0) {
			part->iov_base = (char *)part->iov_base + n;
			part->iov_len -= n;
		}
	}
	return 0;
}

static int link_as(const struct image_file *f, const char *name)
{
	char fd_path[32];

	/* needs CAP_DAC_READ_SEARCH, but no /proc */
	if (!linkat(f->fd, "", f->dir, name, AT_EMPTY_PATH))
		return 0;
	if (errno == EEXIST)
		return -EEXIST;
	snprintf(fd_path, sizeof(fd_path), "/proc/self/fd/%d", f->fd);
	return linkat(AT_FDCWD, fd_path, f->dir, name, AT_SYMLINK_FOLLOW) ? -errno : 0;
}

/* An older image of that name is there until this very moment. */
static int name_file(struct image_file *f)
{
	int err = f->temp[0] ? -EEXIST : link_as(f, f->name);

	if (err != -EEXIST)
		return err ? fail(err, "give the image its name %s", f->path) : 0;
	while (err == -EEXIST && !f->temp[0]) {
		make_temp_name(f);
		err = link_as(f, f->temp);
		if (err)
			f->temp[0] = 0;
	}
	if (!f->temp[0])
		return fail(err, "give the image its name %s", f->path);
	if (renameat(f->dir, f->temp, f->dir, f->name))
		return fail(-errno, "give the image its name %s", f->path);
	f->temp[0] = 0;
	return 0;
}

int image_file_commit(struct image_file *f, uint64_t size)
{
	int err;

	if (f->reserved > size && ftruncate(f->fd, size))
		return fail(-errno, "write %s", f->path);
	/* pipes and devices cannot be synced */
	if (fsync(f->fd) && (f->own || (errno != EINVAL && errno != EROFS)))
		return fail(-errno, "write %s to disk", f->path);
	if (!f->own)
		return 0;
	err = name_file(f);
	if (!err && fsync(f->dir) && errno != EINVAL)
		err = fail(-errno, "write the directory of %s to disk", f->path);
	return err;
}

void image_file_close(struct image_file *f)
{
	if (f->temp[0])
		unlinkat(f->dir, f->temp, 0);
	cleanup_close(&f->fd);
	cleanup_close(&f->dir);
	free(f->path);
	*f = (struct image_file){ .fd = -1, .dir = -1 };
}
