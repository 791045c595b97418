// SPDX-License-Identifier: GPL-2.0-only
/* fs.c - working directory, root directory, umask; shared between processes or not. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixture.h"

static char cwd[1024];
static mode_t mask;

static void setup(void)
{
	must(mkdir(fx_path("a b\nc"), 0777));
	must(chdir(fx_path("a b\nc")));
	must(getcwd(cwd, sizeof(cwd)) ? 0 : -1);
	umask(mask = 0137);
}

static void verify(void)
{
	char now[1024] = "";
	struct stat st = {};
	mode_t old;
	int fd;

	expect(getcwd(now, sizeof(now)) && !strcmp(now, cwd), "the directory is %s, was %s", now,
	       cwd);
	old = umask(mask);
	expect_eq("umask", old, mask);
	fd = open("relative", O_CREAT | O_RDWR, 0777);
	expect(fd >= 0 && !fstat(fd, &st), "a file in the directory: %s", strerror(errno));
	expect_eq("mode of a new file", st.st_mode & 0777, 0640);
	close(fd);
	unlink("relative");
}

const struct fixture fixture_fs = {
	.name = "fs",
	.about = "working directory and umask",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- chroot ---- */

static void setup_chroot(void)
{
	must(mkdir(fx_path("inside"), 0777));
	must(chroot(fx_path("")));
	must(chdir("/inside"));
	fx_set_dir("/");
}

static void verify_chroot(void)
{
	char now[1024] = "";

	expect(getcwd(now, sizeof(now)) && !strcmp(now, "/inside"), "the directory is %s", now);
	expect(access("/proc", F_OK) && errno == ENOENT, "the root is the system's");
	expect(!access("/inside", F_OK), "the root is not ours: %s", strerror(errno));
	expect(!access("../inside", F_OK), "the directory is not below the root");
}

static void setup_chroot_child(void)
{
	fx_child("jailed", setup_chroot, verify_chroot);
}

const struct fixture fixture_fs_chroot = {
	.name = "fs_chroot",
	.about = "a child with another root directory",
	.setup = setup_chroot_child,
	.flags = FX_ROUNDS,
};

/* ---- a process that shares all of it (CLONE_FS) ---- */

static pid_t sharer;

static void share(void)
{
	char now[1024];

	fx_mark("sharing");
	fx_await("moved");
	if (!getcwd(now, sizeof(now)) || strcmp(now, "/"))
		_exit(2);
	_exit(umask(0) == 0177 ? 5 : 3);
}

static void setup_shared(void)
{
	must(chdir(fx_path("")));
	sharer = must(syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0));
	if (!sharer)
		share();
	fx_await("sharing");
}

static void verify_shared(void)
{
	if (!fx_last())
		return;
	must(chdir("/"));
	umask(0177);
	fx_mark("moved");
	expect_eq("the other task's view", fx_exit_of(sharer), 5);
	umask(0);
}

const struct fixture fixture_fs_shared = {
	.name = "fs_shared",
	.about = "two processes with one working directory and umask (CLONE_FS)",
	.setup = setup_shared,
	.verify = verify_shared,
	.flags = FX_NESTED,
};

/* ---- a directory that was removed ---- */

static void setup_removed(void)
{
	must(mkdir(fx_path("removed"), 0777));
	must(chdir(fx_path("removed")));
	must(rmdir(fx_path("removed")));
}

static void verify_removed(void)
{
	char now[1024];

	expect(!getcwd(now, sizeof(now)) && errno == ENOENT, "the directory exists again");
}

const struct fixture fixture_fs_removed = {
	.name = "fs_removed",
	.about = "a working directory that was removed",
	.setup = setup_removed,
	.verify = verify_removed,
	.flags = FX_MAY_REFUSE,
};
