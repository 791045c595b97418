// SPDX-License-Identifier: GPL-2.0-only
/* nsfd.c - files that stand for namespaces: of oneself, of pid namespaces below. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixture.h"

static const char *const types[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts", "pid_for_children"};
static int own[FX_COUNT(types)], below, path_only;
static pid_t init;

static ino_t ino(int fd)
{
	struct stat st = {};

	expect(!fstat(fd, &st), "fstat: %s", strerror(errno));
	return st.st_ino;
}

static int open_ns(const char *who, const char *type, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", who, type);
	return must(open(path, flags | O_CLOEXEC));
}

static void setup(void)
{
	char who[16];

	for (size_t i = 0; i < FX_COUNT(types); i++)
		own[i] = open_ns("self", types[i], O_RDONLY);
	path_only = open_ns("self", "uts", O_PATH);
	must(unshare(CLONE_NEWPID));
	init = fx_child("init", NULL, NULL);
	fx_back_to_own_pidns();
	snprintf(who, sizeof(who), "%d", fx_proc_pid(init));
	below = open_ns(who, "pid", O_RDONLY);
}

/* A child that is born there sees the init of it. */
static void verify_below(void)
{
	pid_t pid;

	expect(!setns(below, CLONE_NEWPID), "enter the namespace below: %s", strerror(errno));
	pid = must(fork());
	if (!pid)
		_exit(getpid() > 1 && !kill(1, 0) ? 0 : 1);
	expect_eq("a child in the namespace below", fx_exit_of(pid), 0);
	fx_back_to_own_pidns();
}

static void verify(void)
{
	for (size_t i = 0; i < FX_COUNT(types); i++) {
		int now = open_ns("self", types[i], O_RDONLY);

		expect(ino(own[i]) == ino(now), "%s is another namespace", types[i]);
		close(now);
	}
	expect(fcntl(path_only, F_GETFL) & O_PATH && ino(path_only) == ino(own[7]), "O_PATH");
	expect(!setns(own[4], CLONE_NEWPID), "enter our own pid namespace: %s", strerror(errno));
	verify_below();
}

const struct fixture fixture_nsfd = {
	.name = "nsfd",
	.about = "namespace files: our own, and a pid namespace below",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED | FX_NESTS,
};
