// SPDX-License-Identifier: GPL-2.0-only
/* dnotify.c - who is told by signals what happens in a directory: again and again, or once, and by which signal. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../fixture.h"

#define OFTEN (SIGRTMIN + 3)

static int often, again, once, silent, shared;
static pid_t heir;

static void block(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigaddset(&set, OFTEN);
	must(sigprocmask(SIG_BLOCK, &set, NULL));
}

static void touch(const char *name)
{
	close(must(open(fx_path(name), O_CREAT | O_RDWR | O_CLOEXEC, 0644)));
}

static void change(const char *name)
{
	int fd = must(open(fx_path(name), O_WRONLY));

	must(write(fd, "x", 1));
	close(fd);
}

/* The next signal, and the descriptor that it names; -1: none comes. */
static int next_signal(int *fd, int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
	siginfo_t info = {};
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigaddset(&set, OFTEN);
	got = sigtimedwait(&set, &info, &ts);
	*fd = got > 0 ? info.si_fd : -1;
	return got;
}

static void told(const char *what, int want, int want_fd)
{
	int fd, got = next_signal(&fd, 2000);

	expect(got == want && (want_fd < 0 || fd == want_fd), "%s: signal %d about %d; wanted %d about %d", what, got, fd,
	       want, want_fd);
}

static void quiet(const char *what)
{
	int fd, got = next_signal(&fd, 20);

	expect(got < 0, "%s: signal %d about %d", what, got, fd);
}

static int open_dir(const char *name)
{
	must(mkdir(fx_path(name), 0755));
	return must(open(fx_path(name), O_RDONLY | O_DIRECTORY));
}

/* One description, and each table has its own word about it. */
static void setup_heir(void)
{
	block();
	must(fcntl(shared, F_NOTIFY, DN_DELETE | DN_MULTISHOT));
	must(fcntl(shared, F_SETOWN, getpid()));
}

static void verify_heir(void)
{
	quiet("after a restore");
	touch("shared/new");
	told("a file is made, said by the other", SIGIO, -1);
	must(unlink(fx_path("shared/new")));
	told("it is deleted", SIGIO, -1);
	quiet("in the end");
}

static void setup(void)
{
	block();
	often = open_dir("often");
	touch("often/file");
	must(fcntl(often, F_SETSIG, OFTEN));
	must(fcntl(often, F_NOTIFY, DN_CREATE | DN_RENAME | DN_MULTISHOT));
	must(fcntl(often, F_NOTIFY, DN_ATTRIB)); /* adds to it */
	again = must(dup(often)); /* signals name this one from now on */
	must(fcntl(again, F_NOTIFY, DN_DELETE | DN_ACCESS | DN_MODIFY | DN_MULTISHOT));
	once = open_dir("once");
	touch("once/file");
	must(fcntl(once, F_NOTIFY, DN_MODIFY));
	silent = open_dir("silent");
	must(fcntl(silent, F_NOTIFY, DN_CREATE | DN_MULTISHOT));
	must(fcntl(silent, F_SETOWN, 0));
	shared = open_dir("shared");
	must(fcntl(shared, F_NOTIFY, DN_CREATE | DN_MULTISHOT));
	heir = fx_child("heir", setup_heir, verify_heir);
}

static void verify(void)
{
	char old[512], byte;
	int fd;

	quiet("after a restore");
	touch("often/new");
	told("a file is made", OFTEN, again);
	snprintf(old, sizeof(old), "%s", fx_path("often/new"));
	must(rename(old, fx_path("often/moved")));
	told("it is renamed", OFTEN, again);
	while (next_signal(&fd, 20) > 0) /* a rename is several things */
		;
	must(chmod(fx_path("often/moved"), 0600));
	told("its modes change", OFTEN, again);
	change("often/moved");
	told("it is written to", OFTEN, again);
	fd = must(open(fx_path("often/moved"), O_RDONLY));
	must(read(fd, &byte, 1));
	close(fd);
	told("it is read", OFTEN, again);
	must(unlink(fx_path("often/moved")));
	while (next_signal(&fd, 20) > 0)
		;
	change("once/file");
	told("once", SIGIO, -1);
	change("once/file");
	quiet("and never again");
	must(fcntl(once, F_NOTIFY, DN_MODIFY));
	touch("silent/a");
	quiet("it has no owner");
	expect_eq("owner", fcntl(silent, F_GETOWN), 0);
	must(fcntl(silent, F_SETOWN, getpid()));
	touch("silent/b");
	told("it has one", SIGIO, -1);
	must(fcntl(silent, F_SETOWN, 0));
	must(unlink(fx_path("silent/a")));
	must(unlink(fx_path("silent/b")));
	quiet("in the end");
}

const struct fixture fixture_dnotify = {
	.name = "dnotify",
	.about = "directories that tell by signals what happens in them (F_NOTIFY)",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};
