// SPDX-License-Identifier: GPL-2.0-only
/* file.c - regular files, directories, memory devices, deleted files. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
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
	.flags = FX_ROUNDS | FX_NESTED | FX_MOVES, /* names, to what is left of them */
};

/* ---- files that never had a name ---- */

static int nameless_rw, nameless_ro;

static void setup_tmpfile(void)
{
	char path[64];

	deleted = must(open(fx_path(""), O_TMPFILE | O_RDWR, 0640));
	must(write(deleted, digits, 10));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", deleted);
	nameless_ro = must(open(path, O_RDONLY));
	nameless_rw = must(open(fx_path(""), O_TMPFILE | O_EXCL | O_RDWR, 0600));
}

static void verify_tmpfile(void)
{
	char text[16] = "", path[64];
	struct stat st = {}, other = {};

	expect(!fstat(deleted, &st) && !st.st_nlink && st.st_size == 10, "size %ld, %d links",
	       (long)st.st_size, (int)st.st_nlink);
	expect_eq("mode", st.st_mode & 07777, 0640);
	expect(!fstat(nameless_ro, &other) && st.st_ino == other.st_ino, "it is two files now");
	expect(pread(nameless_ro, text, 10, 0) == 10 && !memcmp(text, digits, 10), "content %s", text);
	expect_eq("offset", lseek(deleted, 0, SEEK_CUR), 10);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", nameless_rw);
	expect(linkat(AT_FDCWD, path, AT_FDCWD, fx_path("named"), AT_SYMLINK_FOLLOW) && errno == ENOENT,
	       "one with O_EXCL gets a name");
	if (!fx_last())
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", deleted);
	expect(!linkat(AT_FDCWD, path, AT_FDCWD, fx_path("named"), AT_SYMLINK_FOLLOW), "it gets no name: %s",
	       strerror(errno));
}

const struct fixture fixture_file_tmpfile = {
	.name = "file_tmpfile",
	.about = "files made by O_TMPFILE, which may still get a name, or never",
	.setup = setup_tmpfile,
	.verify = verify_tmpfile,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- removed directories, and what was in them ---- */

static int gone_dir, gone_path, gone_file, twice[2];

static void setup_gone(void)
{
	must(mkdir(fx_path("out"), 0755));
	must(mkdir(fx_path("out/er"), 0755));
	must(mkdir(fx_path("out/er/gone"), 01750));
	must(chown(fx_path("out/er/gone"), 12, 34));
	gone_dir = must(open(fx_path("out/er/gone"), O_RDONLY | O_DIRECTORY));
	gone_path = must(open(fx_path("out/er/gone"), O_PATH));
	gone_file = must(open(fx_path("out/er/gone/file"), O_RDWR | O_CREAT, 0600));
	must(write(gone_file, digits, 12));
	must(chdir(fx_path("out/er/gone")));
	must(unlink(fx_path("out/er/gone/file")));
	must(rmdir(fx_path("out/er/gone")));
	must(rmdir(fx_path("out/er")));
	must(rmdir(fx_path("out")));
}

static void verify_gone(void)
{
	struct stat a = {}, b = {}, cwd = {};
	char text[16] = "", path[1024];

	expect(!fstat(gone_dir, &a) && !fstat(gone_path, &b) && !stat(".", &cwd), "fstat: %s", strerror(errno));
	expect(a.st_ino == b.st_ino && a.st_ino == cwd.st_ino, "it is several directories now");
	expect_eq("mode", a.st_mode & 07777, 01750);
	expect(a.st_uid == 12 && a.st_gid == 34, "owner %d:%d", a.st_uid, a.st_gid);
	expect(openat(gone_dir, "new", O_CREAT | O_RDWR, 0600) < 0 && errno == ENOENT, "it is there");
	expect(!getcwd(path, sizeof(path)) && errno == ENOENT, "the working directory is %s", path);
	expect(fcntl(gone_path, F_GETFL) & O_PATH, "O_PATH");
	expect(access(fx_path("out"), F_OK), "its parent is back");
	expect(pread(gone_file, text, 12, 0) == 12 && !memcmp(text, digits, 12), "file in it: %s", text);
	expect_eq("offset in that", lseek(gone_file, 0, SEEK_CUR), 12);
}

const struct fixture fixture_file_gone = {
	.name = "file_gone",
	.about = "removed directories, open and worked in, and a file in one",
	.setup = setup_gone,
	.verify = verify_gone,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- two that had one name, which is a third's now ---- */

static void setup_gone_twice(void)
{
	for (int i = 0; i < 2; i++) {
		must(mkdir(fx_path("again"), 0700 + i));
		twice[i] = must(open(fx_path("again"), O_RDONLY));
		must(rmdir(fx_path("again")));
	}
	must(mkdir(fx_path("again"), 0755));
}

static void verify_gone_twice(void)
{
	struct stat a = {}, b = {}, now = {};

	expect(!fstat(twice[0], &a) && !fstat(twice[1], &b) && a.st_ino != b.st_ino, "two are one now");
	expect((a.st_mode & 07777) == 0700 && (b.st_mode & 07777) == 0701, "modes %o and %o", a.st_mode, b.st_mode);
	expect(!stat(fx_path("again"), &now) && now.st_ino != a.st_ino && now.st_ino != b.st_ino, "the new one is open");
	expect(openat(twice[0], "new", O_CREAT | O_RDWR, 0600) < 0 && errno == ENOENT, "the first is there");
}

const struct fixture fixture_file_gone_twice = {
	.name = "file_gone_twice",
	.about = "two removed directories of one name, which is another's now",
	.setup = setup_gone_twice,
	.verify = verify_gone_twice,
	.flags = FX_MOVES,
};

/* ---- O_PATH on everything ---- */

static struct {
	const char *name;
	mode_t type;
	int fd;
} paths[] = {{"link", S_IFLNK}, {"fifo", S_IFIFO}, {"socket", S_IFSOCK}, {"tty", S_IFCHR}, {"block", S_IFBLK},
	     {"dir", S_IFDIR}, {"file", S_IFREG}};

static void setup_path(void)
{
	must(symlink("nowhere", fx_path("link")));
	must(mkfifo(fx_path("fifo"), 0600));
	must(mknod(fx_path("socket"), S_IFSOCK | 0600, 0));
	must(mknod(fx_path("tty"), S_IFCHR | 0600, makedev(4, 63)));
	must(mknod(fx_path("block"), S_IFBLK | 0600, makedev(7, 100)));
	must(mkdir(fx_path("dir"), 0700));
	close(open_new("file", O_RDONLY, digits));
	for (size_t i = 0; i < FX_COUNT(paths); i++)
		paths[i].fd = must(open(fx_path(paths[i].name), O_PATH | O_NOFOLLOW | (i % 2 ? O_CLOEXEC : 0)));
}

static void verify_path(void)
{
	struct stat st, by_name;

	for (size_t i = 0; i < FX_COUNT(paths); i++) {
		expect(!fstat(paths[i].fd, &st) && !lstat(fx_path(paths[i].name), &by_name) &&
			       st.st_ino == by_name.st_ino && (st.st_mode & S_IFMT) == paths[i].type,
		       "%s is another file", paths[i].name);
		expect((fcntl(paths[i].fd, F_GETFL) & (O_PATH | O_NOFOLLOW)) == (O_PATH | O_NOFOLLOW), "flags of %s",
		       paths[i].name);
		expect(read(paths[i].fd, &st, 1) < 0 && errno == EBADF, "%s can be read", paths[i].name);
	}
}

const struct fixture fixture_file_path = {
	.name = "file_path",
	.about = "O_PATH descriptors of links, fifos, sockets, devices, directories",
	.setup = setup_path,
	.verify = verify_path,
	.flags = FX_ROUNDS | FX_NESTED,
};
