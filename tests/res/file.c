// SPDX-License-Identifier: GPL-2.0-only
/* file.c - regular files, directories, memory devices, deleted files. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../fixture.h"

#define FLAGS (O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | O_NOATIME | O_DIRECT | O_PATH)

static int open_new(const char *name, int flags, const char *text)
{
	int fd = must(open(fx_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0644));

	must(write(fd, text, strlen(text)));
	close(fd);
	return must(open(fx_path(name), flags));
}

/* ---- offset and flags ---- */

static struct opened {
	const char *name;
	int flags;
	off_t offset;
	int fd, wanted_fd;
	int status;
} opened[] = {
	{"read-only", O_RDONLY, 3},
	{"write-only", O_WRONLY, 7},
	{"append", O_RDWR | O_APPEND, 0},
	{"nonblock", O_RDWR | O_NONBLOCK, 19},
	{"sync", O_RDWR | O_SYNC, 1},
	{"dsync", O_RDWR | O_DSYNC, 2},
	{"noatime", O_RDONLY | O_NOATIME, 5},
	{"cloexec", O_RDONLY | O_CLOEXEC, 5},
	{"beyond", O_RDWR, 1L << 40},
	{"high", O_RDWR, 9, .wanted_fd = 1000},
	{"path", O_PATH, -1},
	{"new\nline \\ and 'quote'", O_RDONLY, 4},
};

static const char digits[] = "0123456789abcdefghij";

static void setup(void)
{
	for (size_t i = 0; i < FX_COUNT(opened); i++) {
		struct opened *o = &opened[i];

		o->fd = open_new(o->name, o->flags, digits);
		if (o->wanted_fd) {
			must(dup2(o->fd, o->wanted_fd));
			close(o->fd);
			o->fd = o->wanted_fd;
		}
		if (o->offset >= 0)
			must(lseek(o->fd, o->offset, SEEK_SET));
		o->status = fcntl(o->fd, F_GETFL);
	}
}

static void check_same_file(struct opened *o)
{
	struct stat by_fd = {}, by_name = {};

	expect(!fstat(o->fd, &by_fd) && !stat(fx_path(o->name), &by_name) &&
		       by_fd.st_ino == by_name.st_ino && by_fd.st_dev == by_name.st_dev,
	       "%s is another file", o->name);
}

static void verify(void)
{
	char c;

	for (size_t i = 0; i < FX_COUNT(opened); i++) {
		struct opened *o = &opened[i];

		expect(fcntl(o->fd, F_GETFL) == o->status, "flags of %s are %x, were %x", o->name,
		       fcntl(o->fd, F_GETFL), o->status);
		expect(!!(fcntl(o->fd, F_GETFD) & FD_CLOEXEC) == !!(o->flags & O_CLOEXEC),
		       "close-on-exec of %s", o->name);
		check_same_file(o);
		if (o->offset < 0)
			continue;
		expect(lseek(o->fd, 0, SEEK_CUR) == o->offset, "offset of %s is %lld", o->name,
		       (long long)lseek(o->fd, 0, SEEK_CUR));
		if ((o->flags & O_ACCMODE) == O_WRONLY || o->offset >= (off_t)sizeof(digits))
			continue;
		expect(pread(o->fd, &c, 1, o->offset) == 1 && c == digits[o->offset],
		       "content of %s", o->name);
	}
	if (!fx_last())
		return;
	expect(write(opened[2].fd, "!", 1) == 1 && lseek(opened[2].fd, 0, SEEK_CUR) == 21,
	       "writing to the file in append mode");
}

const struct fixture fixture_file = {
	.name = "file",
	.about = "regular files with offset and flags",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- who shares an offset with whom ---- */

static int first, duplicate, separate;
static off_t base;

/* In turn: the child moves the shared offset, then the parent, and each sees the other's. */
static void verify_share_child(void)
{
	fx_await("parent-moved.%d", fx_round());
	expect_eq("offset moved by the parent", lseek(first, 0, SEEK_CUR), 100 + fx_round());
	must(lseek(first, 200 + fx_round(), SEEK_SET));
	fx_mark("child-moved.%d", fx_round());
}

static void setup_share(void)
{
	first = open_new("shared", O_RDWR, digits);
	must(lseek(first, 2, SEEK_SET));
	duplicate = must(fcntl(first, F_DUPFD_CLOEXEC, 50));
	separate = must(open(fx_path("shared"), O_RDWR));
	must(lseek(separate, 4, SEEK_SET));
	fx_child("heir", NULL, verify_share_child);
	base = 2;
}

static void verify_share(void)
{
	expect_eq("offset", lseek(first, 0, SEEK_CUR), base);
	must(lseek(duplicate, 100 + fx_round(), SEEK_SET));
	expect_eq("offset moved through a duplicate", lseek(first, 0, SEEK_CUR), 100 + fx_round());
	expect_eq("offset of a separate open", lseek(separate, 0, SEEK_CUR), 4);
	expect(fcntl(duplicate, F_GETFD) == FD_CLOEXEC && !fcntl(first, F_GETFD),
	       "close-on-exec belongs to each descriptor");
	fx_mark("parent-moved.%d", fx_round());
	fx_await("child-moved.%d", fx_round());
	base = 200 + fx_round();
	expect_eq("offset moved by the child", lseek(duplicate, 0, SEEK_CUR), base);
	fcntl(first, F_SETFL, O_NONBLOCK);
	expect(fcntl(duplicate, F_GETFL) & O_NONBLOCK, "flags are not shared by a duplicate");
	expect(!(fcntl(separate, F_GETFL) & O_NONBLOCK), "flags are shared by a separate open");
	fcntl(first, F_SETFL, 0);
}

const struct fixture fixture_file_share = {
	.name = "file_share",
	.about = "dup and fork share an offset, separate opens do not",
	.setup = setup_share,
	.verify = verify_share,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- directories ---- */

#define NR_ENTRIES 500

static int dir;
static char rest[65536];
static long rest_len;

static long read_rest(char *buf, size_t size)
{
	off_t at = lseek(dir, 0, SEEK_CUR);
	long len = 0, n;

	while ((n = syscall(SYS_getdents64, dir, buf + len, size - len)) > 0)
		len += n;
	lseek(dir, at, SEEK_SET);
	return n < 0 ? n : len;
}

static void setup_dir(void)
{
	char name[64], some[4096];

	must(mkdir(fx_path("dir"), 0755));
	for (int i = 0; i < NR_ENTRIES; i++) {
		snprintf(name, sizeof(name), "dir/entry-%d", i);
		close(must(open(fx_path(name), O_CREAT | O_WRONLY, 0644)));
	}
	dir = must(open(fx_path("dir"), O_RDONLY | O_DIRECTORY));
	must(syscall(SYS_getdents64, dir, some, sizeof(some)));
	rest_len = must(read_rest(rest, sizeof(rest)));
	must(rest_len ? 0 : -1);
}

static void verify_dir(void)
{
	static char now[sizeof(rest)];
	long len = read_rest(now, sizeof(now));

	expect(len == rest_len && !memcmp(now, rest, len), "%ld bytes are left to read, were %ld",
	       len, rest_len);
	expect(!faccessat(dir, "entry-7", F_OK, 0), "it is another directory");
}

const struct fixture fixture_file_dir = {
	.name = "file_dir",
	.about = "a directory that was read half",
	.setup = setup_dir,
	.verify = verify_dir,
	.flags = FX_ROUNDS,
};

/* ---- memory devices ---- */

static const char *const devices[] = {"null", "zero", "full", "random", "urandom"};
static int device_fds[FX_COUNT(devices)];

static void setup_device(void)
{
	char path[64];

	for (size_t i = 0; i < FX_COUNT(devices); i++) {
		snprintf(path, sizeof(path), "/dev/%s", devices[i]);
		device_fds[i] = must(open(path, i % 2 ? O_RDWR : O_RDWR | O_NONBLOCK));
	}
}

static void verify_device(void)
{
	char a[32] = "x", b[32] = "y";

	expect(read(device_fds[0], a, 8) == 0 && write(device_fds[0], a, 8) == 8, "/dev/null");
	expect(read(device_fds[1], a, 8) == 8 && !memcmp(a, "\0\0\0\0\0\0\0", 8), "/dev/zero");
	expect(write(device_fds[2], a, 1) < 0 && errno == ENOSPC, "/dev/full");
	for (int i = 3; i < 5; i++)
		expect(read(device_fds[i], a, 32) == 32 && read(device_fds[i], b, 32) == 32 &&
			       memcmp(a, b, 32),
		       "/dev/%s", devices[i]);
	for (size_t i = 0; i < FX_COUNT(devices); i++)
		expect(!!(fcntl(device_fds[i], F_GETFL) & O_NONBLOCK) == (i % 2 == 0),
		       "flags of /dev/%s", devices[i]);
}

const struct fixture fixture_file_device = {
	.name = "file_device",
	.about = "/dev/null, zero, full, random, urandom",
	.setup = setup_device,
	.verify = verify_device,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- deleted files ---- */

#define DELETED_SIZE (300 * 1024)

static int deleted, deleted_ro, deleted_size = DELETED_SIZE;

static void verify_deleted_child(void)
{
	struct stat st = {};

	fx_await("grown.%d", fx_round());
	expect(!fstat(deleted, &st), "fstat: %s", strerror(errno));
	expect_eq("size seen by the child", st.st_size, DELETED_SIZE + 10 * fx_round());
}

static void setup_deleted(void)
{
	static char content[DELETED_SIZE];

	deleted = must(open(fx_path("deleted"), O_RDWR | O_CREAT, 0640));
	deleted_ro = must(open(fx_path("deleted"), O_RDONLY | O_NOFOLLOW)); /* as sqlite3 does */
	fx_fill(content, sizeof(content), 31);
	must(write(deleted, content, sizeof(content)));
	must(lseek(deleted, 1000, SEEK_SET));
	must(lseek(deleted_ro, 2000, SEEK_SET));
	must(unlink(fx_path("deleted")));
	fx_child("heir", NULL, verify_deleted_child);
}

static void verify_deleted(void)
{
	static char now[DELETED_SIZE];
	struct stat a = {}, b = {};

	expect(!fstat(deleted, &a) && !fstat(deleted_ro, &b), "fstat: %s", strerror(errno));
	expect(a.st_ino == b.st_ino && a.st_dev == b.st_dev, "it is two files now");
	expect_eq("links", a.st_nlink, 0);
	expect_eq("mode", a.st_mode & 07777, 0640);
	expect_eq("size", a.st_size, deleted_size);
	expect(pread(deleted_ro, now, sizeof(now), 0) == DELETED_SIZE &&
		       !fx_differs(now, sizeof(now), 31),
	       "content");
	expect_eq("offset", lseek(deleted, 0, SEEK_CUR), 1000);
	expect_eq("offset of the other", lseek(deleted_ro, 0, SEEK_CUR), 2000);
	expect(write(deleted_ro, now, 1) < 0 && errno == EBADF, "the read-only one is writable");
	expect_eq("O_NOFOLLOW", fcntl(deleted_ro, F_GETFL) & O_NOFOLLOW, O_NOFOLLOW);
	expect(pwrite(deleted, "0123456789", 10, deleted_size) == 10, "it does not grow");
	deleted_size += 10;
	fx_mark("grown.%d", fx_round());
	expect(access(fx_path("deleted"), F_OK), "the deleted file is back");
}

const struct fixture fixture_file_deleted = {
	.name = "file_deleted",
	.about = "a deleted file, opened twice and inherited, that grows",
	.setup = setup_deleted,
	.verify = verify_deleted,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- a deleted file with another link, and a new file under the name of a deleted one ---- */

static int linked, replaced;

static void setup_linked(void)
{
	char from[1024];

	linked = open_new("one-name", O_RDWR, "linked");
	snprintf(from, sizeof(from), "%s", fx_path("one-name"));
	must(link(from, fx_path("other-name")));
	must(unlink(from));
	replaced = open_new("replaced", O_RDWR, "old content");
	must(unlink(fx_path("replaced")));
	close(open_new("replaced", O_RDWR, "new content"));
}

static void verify_linked(void)
{
	char text[16] = "";
	struct stat st = {};

	expect(!fstat(linked, &st) && st.st_nlink == 1, "links of the linked file: %d",
	       (int)st.st_nlink);
	expect(pread(linked, text, 15, 0) == 6 && !memcmp(text, "linked", 6), "linked file: %s",
	       text);
	expect(!fstat(replaced, &st) && st.st_nlink == 0, "links of the replaced file");
	expect(pread(replaced, text, 15, 0) == 11 && !memcmp(text, "old content", 11),
	       "replaced file: %s", text);
	fx_read_file(fx_path("replaced"), text, sizeof(text));
	expect(!strcmp(text, "new content"), "the new file has been overwritten: %s", text);
}

const struct fixture fixture_file_renamed = {
	.name = "file_renamed",
	.about = "a file that lost the name it was opened by, and one whose name is another's",
	.setup = setup_linked,
	.verify = verify_linked,
	.flags = FX_MAY_REFUSE,
};

/* ---- a file that never had a name ---- */

static void setup_tmpfile(void)
{
	deleted = must(open(fx_path(""), O_TMPFILE | O_RDWR, 0600));
	must(write(deleted, digits, 10));
}

static void verify_tmpfile(void)
{
	char text[16] = "";
	struct stat st = {};

	expect(!fstat(deleted, &st) && !st.st_nlink && st.st_size == 10, "size %ld, %d links",
	       (long)st.st_size, (int)st.st_nlink);
	expect(pread(deleted, text, 10, 0) == 10 && !memcmp(text, digits, 10), "content %s", text);
	expect_eq("offset", lseek(deleted, 0, SEEK_CUR), 10);
}

const struct fixture fixture_file_tmpfile = {
	.name = "file_tmpfile",
	.about = "a file made by O_TMPFILE",
	.setup = setup_tmpfile,
	.verify = verify_tmpfile,
	.flags = FX_MAY_REFUSE,
};
