// SPDX-License-Identifier: GPL-2.0-only
/* fanotify.c - groups of each class and what they have marked: the same events, and the same that are ignored. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fixture.h"

#ifndef FAN_MARK_IGNORE_SURV
#define FAN_MARK_IGNORE_SURV 0x440
#endif
#define SURV (FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY)
#define DIRFID (FAN_REPORT_DFID_NAME | FAN_REPORT_FID)

/* What an event tells: its name is that of the file, or the one in the event. */
struct told {
	uint32_t mask;
	int32_t pid;
	bool has_pidfd;
	int access; /* O_RDONLY and the like, of the file that came with it; -1: none came */
	char name[64];
};

static int group, deleted;

static int init(unsigned int flags, unsigned int event_flags)
{
	int fd = fanotify_init(flags | FAN_NONBLOCK, event_flags);

	if (fd < 0)
		fx_skip("fanotify of flags %#x: %s", flags, strerror(errno));
	return fd;
}

static void mark(int fd, unsigned int flags, uint64_t mask, const char *name)
{
	if (fanotify_mark(fd, FAN_MARK_ADD | flags, mask, AT_FDCWD, fx_path(name)))
		fx_die("mark %s (%#x, %#llx): %s", name, flags, (long long)mask, strerror(errno));
}

static void touch(const char *name)
{
	close(must(open(fx_path(name), O_CREAT | O_RDWR | O_CLOEXEC, 0644)));
}

static void look(const char *name)
{
	close(must(open(fx_path(name), O_RDONLY | O_CLOEXEC)));
}

static void add_line(const char *name)
{
	int fd = must(open(fx_path(name), O_WRONLY | O_APPEND | O_CLOEXEC));

	must(write(fd, "x\n", 2));
	close(fd);
}

static void name_of_fd(struct told *t, int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = 0;
	snprintf(t->name, sizeof(t->name), "%.63s", strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	t->access = fcntl(fd, F_GETFL) & O_ACCMODE;
	close(fd);
}

static void parse_info(struct told *t, const char *at)
{
	const struct fanotify_event_info_header *h = (const void *)at;
	const struct fanotify_event_info_pidfd *p = (const void *)at;
	const struct fanotify_event_info_fid *fid = (const void *)at;
	const struct file_handle *handle = (const void *)fid->handle;

	if (h->info_type == FAN_EVENT_INFO_TYPE_PIDFD) {
		t->has_pidfd = p->pidfd >= 0;
		if (p->pidfd >= 0)
			close(p->pidfd);
	} else if (h->info_type == FAN_EVENT_INFO_TYPE_DFID_NAME ||
		   h->info_type == FAN_EVENT_INFO_TYPE_OLD_DFID_NAME) {
		snprintf(t->name, sizeof(t->name), "%s", (const char *)handle->f_handle + handle->handle_bytes);
	}
}

/* One event. false: there is none. */
static bool next(int fd, struct told *t)
{
	union {
		struct fanotify_event_metadata ev;
		char room[512];
	} u;
	ssize_t n = -1;

	*t = (struct told){.access = -1};
	/* no more than one: too short a buffer is told */
	for (size_t len = sizeof(u.ev); n < 0 && len <= sizeof(u); len += 4)
		if ((n = read(fd, &u, len)) < 0 && errno != EINVAL)
			return false;
	t->mask = u.ev.mask;
	t->pid = u.ev.pid;
	if (u.ev.fd >= 0)
		name_of_fd(t, u.ev.fd);
	for (ssize_t at = sizeof(u.ev); at < n; at += ((struct fanotify_event_info_header *)(u.room + at))->len)
		parse_info(t, u.room + at);
	return true;
}

/* The next event of ours is this one; others may look at our files as well. */
static struct told expect_told(const char *what, int fd, uint32_t mask, const char *name)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct told t = {};
	bool got;

	do {
		got = poll(&p, 1, 2000) == 1 && next(fd, &t);
	} while (got && t.pid != getpid() && t.pid != gettid());
	expect(got && t.mask == mask && !strcmp(t.name, name), "%s: %s: events %x of %s; wanted %x of %s", what,
	       got ? "told" : "not told", t.mask, t.name, mask, name);
	return t;
}

static void expect_quiet(const char *what, int fd)
{
	struct told t;

	while (next(fd, &t))
		expect(t.pid != getpid() && t.pid != gettid(), "%s: it is told events %x of %s", what, t.mask, t.name);
}

static void setup_files(void)
{
	must(mkdir(fx_path("watched"), 0755));
	touch("watched/seen");
	touch("watched/quiet");
	touch("watched/until");
	touch("alone");
}

/* ---- descriptors in events: the class of scanners ---- */

static void setup(void)
{
	setup_files();
	group = init(FAN_CLASS_CONTENT | FAN_UNLIMITED_MARKS, O_RDONLY | O_LARGEFILE | O_CLOEXEC);
	mark(group, FAN_MARK_ONLYDIR, FAN_OPEN | FAN_CLOSE_WRITE | FAN_EVENT_ON_CHILD | FAN_ONDIR, "watched");
	mark(group, SURV, FAN_OPEN, "watched/quiet");
	mark(group, FAN_MARK_IGNORED_MASK, FAN_OPEN, "watched/until");
	mark(group, 0, FAN_MODIFY, "alone");
	deleted = must(open(fx_path("deleted"), O_RDWR | O_CREAT, 0600));
	mark(group, 0, FAN_MODIFY, "deleted");
	must(unlink(fx_path("deleted")));
	if (fanotify_mark(group, FAN_MARK_ADD, FAN_OPEN | FAN_ONDIR, AT_FDCWD, "/sys/kernel"))
		fx_mark("nosys");
	must(fanotify_mark(init(FAN_CLASS_PRE_CONTENT | FAN_UNLIMITED_QUEUE, O_WRONLY), FAN_MARK_ADD, FAN_CLOSE,
			   AT_FDCWD, fx_path("alone")));
	init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDWR | O_APPEND); /* one without marks */
	expect_quiet("before", group);
	fx_child("heir", NULL, NULL);
}

static void verify(void)
{
	struct told t;

	expect_quiet("after a restore", group);
	look("watched/seen");
	t = expect_told("a file is opened", group, FAN_OPEN, "seen");
	expect(t.access == O_RDONLY, "its file comes with access mode %d", t.access);
	look("watched/quiet");
	expect_quiet("a file that is ignored", group);
	look("watched/until");
	expect_quiet("a file that is ignored until it changes", group);
	add_line("watched/quiet");
	expect_told("the ignored one is closed", group, FAN_CLOSE_WRITE, "quiet");
	look("watched/quiet");
	expect_quiet("a file that is ignored whatever happens", group);
	if (fx_last()) {
		add_line("watched/until");
		expect_told("the other one changes", group, FAN_CLOSE_WRITE, "until");
		look("watched/until");
		expect_told("and is ignored no longer", group, FAN_OPEN, "until");
	}
	add_line("alone");
	expect_told("a file changes", group, FAN_MODIFY, "alone");
	must(pwrite(deleted, "y", 1, 0));
	expect_told("a deleted file changes", group, FAN_MODIFY, "deleted (deleted)");
	if (!fx_marked("nosys")) {
		close(must(open("/sys/kernel", O_RDONLY | O_DIRECTORY)));
		expect_told("a directory of sysfs is opened", group, FAN_OPEN, "kernel");
	}
	expect_quiet("in the end", group);
}

const struct fixture fixture_fanotify = {
	.name = "fanotify",
	.about = "groups whose events bring descriptors; marks on files and directories, ignored ones too",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- identities and names in events ---- */

static int by_tid, by_pidfd;

static void setup_fid(void)
{
	setup_files();
	by_tid = init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME_TARGET | FAN_REPORT_TID | FAN_CLOEXEC, 0);
	mark(by_tid, 0, FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_ONDIR, "watched");
	mark(by_tid, FAN_MARK_EVICTABLE, FAN_ATTRIB, "watched/seen");
	mark(by_tid, 0, FAN_ATTRIB | FAN_OPEN, "watched/quiet");
	mark(by_tid, FAN_MARK_IGNORE_SURV, FAN_OPEN, "watched/quiet");
	by_pidfd = init(FAN_CLASS_NOTIF | DIRFID | FAN_REPORT_PIDFD, O_RDONLY);
	mark(by_pidfd, 0, FAN_DELETE_SELF | FAN_MODIFY, "alone");
	/* what it ignores is gone, and how it did stays */
	mark(by_pidfd, FAN_MARK_IGNORE_SURV, FAN_OPEN, "alone");
	must(fanotify_mark(by_pidfd, FAN_MARK_REMOVE | FAN_MARK_IGNORE_SURV, FAN_OPEN, AT_FDCWD, fx_path("alone")));
}

static void verify_fid(void)
{
	char old[512];
	struct told t;

	expect_quiet("after a restore", by_tid);
	touch("watched/new");
	expect_told("a file is made", by_tid, FAN_CREATE, "new");
	snprintf(old, sizeof(old), "%s", fx_path("watched/new"));
	must(rename(old, fx_path("watched/moved")));
	expect_told("a file is renamed", by_tid, FAN_RENAME, "new");
	must(unlink(fx_path("watched/moved")));
	expect_told("a file is deleted", by_tid, FAN_DELETE, "moved");
	must(chmod(fx_path("watched/seen"), 0600));
	expect_told("modes change", by_tid, FAN_ATTRIB, "seen");
	look("watched/quiet");
	expect_quiet("it is ignored", by_tid);
	must(chmod(fx_path("watched/quiet"), 0600));
	expect_told("other modes change", by_tid, FAN_ATTRIB, "quiet");
	add_line("alone");
	t = expect_told("a file changes", by_pidfd, FAN_MODIFY, "alone");
	expect(t.has_pidfd, "there is no pidfd");
	expect(fanotify_mark(by_pidfd, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN, AT_FDCWD, fx_path("alone")) &&
		       errno == EEXIST,
	       "the way in which a mark ignores events can be changed: %s", strerror(errno));
	expect_quiet("in the end", by_pidfd);
}

const struct fixture fixture_fanotify_fid = {
	.name = "fanotify_fid",
	.about = "groups whose events bring identities, names, thread ids, pidfds",
	.setup = setup_fid,
	.verify = verify_fid,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- a user's own ---- */

static void setup_user(void)
{
	setup_files();
	must(seteuid(1000));
	group = init(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME, 0);
	must(fanotify_mark(group, FAN_MARK_ADD, FAN_CREATE, AT_FDCWD, fx_path("watched")));
	must(seteuid(0));
}

static void verify_user(void)
{
	struct told t = {};
	pid_t pid;

	expect_quiet("after a restore", group);
	touch("watched/own");
	expect_told("a file is made", group, FAN_CREATE, "own");
	must(unlink(fx_path("watched/own")));
	pid = must(fork());
	if (!pid) {
		touch("watched/other");
		_exit(0);
	}
	must(fx_exit_of(pid));
	expect(next(group, &t) && !strcmp(t.name, "other") && !t.pid, "who did it is told: %d (%s)", t.pid, t.name);
	must(unlink(fx_path("watched/other")));
}

const struct fixture fixture_fanotify_user = {
	.name = "fanotify_user",
	.about = "a group that was made without CAP_SYS_ADMIN, and is not told who others are",
	.setup = setup_user,
	.verify = verify_user,
	.flags = FX_ROUNDS,
};

/* ---- events that nobody has read ---- */

static int unlimited;

static void setup_unread(void)
{
	setup_files();
	group = init(FAN_CLASS_NOTIF, O_RDWR);
	by_pidfd = init(FAN_CLASS_NOTIF | DIRFID | FAN_REPORT_PIDFD, 0);
	unlimited = init(FAN_CLASS_NOTIF | FAN_UNLIMITED_QUEUE, O_RDONLY);
	mark(group, 0, FAN_MODIFY | FAN_EVENT_ON_CHILD, "watched");
	mark(by_pidfd, 0, FAN_CREATE | FAN_DELETE, "watched");
	mark(unlimited, 0, FAN_MODIFY | FAN_EVENT_ON_CHILD, "watched");
	add_line("watched/seen");
	add_line("watched/quiet");
	touch("watched/a");
}

/* The events as they were, or the word that some were lost, and nothing else. */
static void verify_lost(const char *what, int fd, bool is_told)
{
	struct told t = {};

	if (!next(fd, &t)) {
		expect(!is_told, "%s: events are lost without a word", what);
	} else if (t.mask & FAN_Q_OVERFLOW) {
		expect_quiet(what, fd);
		expect(!next(fd, &t), "%s: there is more", what);
	} else {
		while (next(fd, &t))
			;
	}
}

static void verify_unread(void)
{
	if (fx_round() == 1) {
		verify_lost("files", group, true);
		verify_lost("identities", by_pidfd, true);
		verify_lost("no limit", unlimited, false);
	}
	expect_quiet("files", group);
	expect_quiet("identities", by_pidfd);
	add_line("watched/seen");
	expect_told("a file changes", group, FAN_MODIFY, "seen");
	expect_told("a file changes, without limit", unlimited, FAN_MODIFY, "seen");
	touch(fx_round() == 1 ? "watched/c" : "watched/d");
	expect_told("a new file", by_pidfd, FAN_CREATE, fx_round() == 1 ? "c" : "d");
}

const struct fixture fixture_fanotify_unread = {
	.name = "fanotify_unread",
	.about = "events of fanotify that nobody has read",
	.setup = setup_unread,
	.verify = verify_unread,
};

/* ---- all of a mount, all of a file system: only of one that is there for this test ---- */

static int on_mount, on_fs;

static void setup_mount(void)
{
	if (access(fx_path("../../../fanotify.mount"), F_OK))
		fx_skip("it takes a mount of its own: tests/fanotify");
	setup_files();
	on_mount = init(FAN_CLASS_NOTIF, O_RDONLY);
	mark(on_mount, FAN_MARK_MOUNT, FAN_MODIFY, "../../..");
	mark(on_mount, FAN_MARK_MOUNT | SURV, FAN_ACCESS, "../../..");
	mark(on_mount, SURV, FAN_MODIFY, "watched/quiet");
	on_fs = init(FAN_CLASS_NOTIF | DIRFID, 0);
	mark(on_fs, FAN_MARK_FILESYSTEM, FAN_ATTRIB | FAN_FS_ERROR, "../../..");
	mark(on_fs, FAN_MARK_FILESYSTEM | FAN_MARK_IGNORE_SURV, FAN_OPEN | FAN_ONDIR, "watched");
}

static void verify_mount(void)
{
	struct told t;

	expect_quiet("after a restore", on_fs);
	while (next(on_mount, &t)) /* the files that we talk through */
		;
	add_line("watched/seen");
	expect_told("a file of the mount changes", on_mount, FAN_MODIFY, "seen");
	add_line("watched/quiet");
	add_line("alone");
	expect_told("not the one that is ignored, but another", on_mount, FAN_MODIFY, "alone");
	must(chmod(fx_path("alone"), 0600));
	expect_told("modes change on the file system", on_fs, FAN_ATTRIB, "alone");
}

const struct fixture fixture_fanotify_mount = {
	.name = "fanotify_mount",
	.about = "marks on a mount and on a file system",
	.setup = setup_mount,
	.verify = verify_mount,
	.flags = FX_ROUNDS | FX_NESTED,
};
