// SPDX-License-Identifier: GPL-2.0-only
/* inotify.c - instances and what they watch: by the same numbers, on the same files. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fixture.h"

static int in, dir_wd, file_wd, once_wd, link_wd, deleted_wd, sys_wd, hard_wd, deleted, next_wd;

static int watch(const char *path, uint32_t mask)
{
	return must(inotify_add_watch(in, path, mask));
}

static void touch(const char *name)
{
	close(must(open(fx_path(name), O_CREAT | O_RDWR | O_CLOEXEC, 0644)));
}

static void no_events(void)
{
	int unread = 0;

	expect(!ioctl(in, FIONREAD, &unread) && !unread, "%d bytes of events are there", unread);
}

static void forget(void)
{
	char events[4096];

	while (read(in, events, sizeof(events)) > 0)
		;
}

static void setup(void)
{
	char old[512];

	in = must(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
	must(mkdir(fx_path("watched"), 0755));
	touch("a file");
	must(symlink("nowhere", fx_path("link")));
	for (int i = 0; i < 40; i++) { /* numbers that are gone */
		int wd = watch(fx_path("a file"), IN_OPEN);

		must(inotify_rm_watch(in, wd));
	}
	dir_wd = watch(fx_path("watched"), IN_CREATE | IN_DELETE | IN_MOVE | IN_ONLYDIR | IN_EXCL_UNLINK);
	file_wd = watch(fx_path("a file"), IN_MODIFY | IN_CLOSE_WRITE);
	touch("once");
	once_wd = watch(fx_path("once"), IN_ATTRIB | IN_ONESHOT);
	link_wd = watch(fx_path("link"), IN_ATTRIB | IN_DONT_FOLLOW);
	deleted = must(open(fx_path("deleted"), O_RDWR | O_CREAT, 0600));
	deleted_wd = watch(fx_path("deleted"), IN_MODIFY);
	must(unlink(fx_path("deleted")));
	sys_wd = inotify_add_watch(in, "/sys/kernel", IN_ATTRIB);
	touch("hard");
	hard_wd = watch(fx_path("hard"), IN_ATTRIB);
	snprintf(old, sizeof(old), "%s", fx_path("hard"));
	must(rename(old, fx_path("moved")));
	next_wd = hard_wd + 5;
	for (int i = hard_wd + 1; i < next_wd; i++)
		must(inotify_rm_watch(in, watch("/", IN_OPEN)));
	forget();
	fx_child("heir", NULL, NULL);
}

/* The next event is this one, and has that name. */
static void told(const char *what, int wd, uint32_t mask, const char *name)
{
	union {
		struct inotify_event ev;
		char room[sizeof(struct inotify_event) + 256];
	} u = {};
	struct pollfd p = {.fd = in, .events = POLLIN};
	ssize_t n = poll(&p, 1, 2000) == 1 ? read(in, &u, sizeof(u.ev) + (name ? 16 : 0)) : -1;

	expect(n >= (ssize_t)sizeof(u.ev) && u.ev.wd == wd && (u.ev.mask & ~IN_ISDIR) == mask &&
		       (!name || !strcmp(u.ev.name, name)),
	       "%s: %zd bytes: watch %d, mask %x, name %s; wanted %d, %x", what, n, u.ev.wd, u.ev.mask,
	       n > (ssize_t)sizeof(u.ev) ? u.ev.name : "", wd, mask);
}

static void verify(void)
{
	int fd, wd;

	no_events();
	touch("watched/new");
	told("new file", dir_wd, IN_CREATE, "new");
	must(unlink(fx_path("watched/new")));
	told("deleted file", dir_wd, IN_DELETE, "new");
	fd = must(open(fx_path("a file"), O_WRONLY));
	must(write(fd, "x", 1));
	told("file is written to", file_wd, IN_MODIFY, NULL);
	close(fd);
	told("file is closed", file_wd, IN_CLOSE_WRITE, NULL);
	must(chmod(fx_path("moved"), 0600));
	told("renamed file", hard_wd, IN_ATTRIB, NULL);
	must(fchownat(AT_FDCWD, fx_path("link"), 0, 0, AT_SYMLINK_NOFOLLOW));
	told("link itself", link_wd, IN_ATTRIB, NULL);
	must(pwrite(deleted, "y", 1, 0));
	told("deleted file", deleted_wd, IN_MODIFY, NULL);
	must(chmod(fx_path("once"), 0600));
	told("once", once_wd, IN_ATTRIB, NULL);
	told("and never again", once_wd, IN_IGNORED, NULL);
	no_events();
	wd = watch("/", IN_OPEN | IN_ONLYDIR);
	expect_eq("number of the next watch", wd, next_wd);
	must(inotify_rm_watch(in, wd));
	told("removed", wd, IN_IGNORED, NULL);
	once_wd = watch(fx_path("once"), IN_ATTRIB | IN_ONESHOT);
	next_wd += 2;
	if (sys_wd > 0)
		expect(!inotify_rm_watch(in, sys_wd), "the watch on sysfs is gone: %s", strerror(errno));
	forget();
	sys_wd = -1;
}

const struct fixture fixture_inotify = {
	.name = "inotify",
	.about = "watches on directories, files, links, what was renamed or deleted, once, on sysfs",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- events that nobody has read ---- */

static void setup_unread(void)
{
	in = must(inotify_init1(IN_NONBLOCK));
	must(mkdir(fx_path("watched"), 0755));
	dir_wd = watch(fx_path("watched"), IN_CREATE);
	touch("watched/a");
	touch("watched/b");
}

static void verify_unread(void)
{
	struct inotify_event ev = {};

	if (fx_round() == 1) {
		/* the events as they were, or the word that some were lost */
		if (read(in, &ev, sizeof(ev)) == sizeof(ev))
			expect(ev.wd == -1 && ev.mask == IN_Q_OVERFLOW, "watch %d, mask %x", ev.wd, ev.mask);
		else
			forget();
	}
	no_events();
	touch(fx_round() == 1 ? "watched/c" : "watched/d");
	told("new file", dir_wd, IN_CREATE, fx_round() == 1 ? "c" : "d");
}

const struct fixture fixture_inotify_unread = {
	.name = "inotify_unread",
	.about = "events that nobody has read",
	.setup = setup_unread,
	.verify = verify_unread,
	.flags = 0,
};
