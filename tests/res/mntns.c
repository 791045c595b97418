// SPDX-License-Identifier: GPL-2.0-only
/* mntns.c - private proc mounts, as unshare --mount-proc makes them. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../fixture.h"

static int dir_fd;
static char cwd[512];

/* What /proc calls us is what we call ourselves, whether it is reached by path or from a directory. */
static void verify_view(void)
{
	char text[64] = "", here[512] = "";
	struct stat by_path, by_fd;

	expect(readlink("/proc/self", text, sizeof(text) - 1) > 0, "/proc/self: %s", strerror(errno));
	expect_eq("/proc/self", atoi(text), getpid());
	memset(text, 0, sizeof(text));
	expect(readlinkat(dir_fd, "proc/self", text, sizeof(text) - 1) > 0, "proc/self: %s", strerror(errno));
	expect_eq("proc/self from the open directory", atoi(text), getpid());
	expect(getcwd(here, sizeof(here)) && !strcmp(here, cwd), "the working directory is %s, was %s", here, cwd);
	must(stat("/proc", &by_path));
	must(fstatat(dir_fd, "proc", &by_fd, 0));
	expect_eq("device of proc", by_fd.st_dev, by_path.st_dev);
}

static void remember(void)
{
	dir_fd = must(open("/", O_RDONLY | O_DIRECTORY));
	must(chdir(fx_path("")));
	if (!getcwd(cwd, sizeof(cwd)))
		fx_die("getcwd: %s", strerror(errno));
}

static void setup_member(void)
{
	remember();
}

static void setup_init(void)
{
	must(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
	remember();
	fx_child("member", setup_member, verify_view);
}

/* The parent sees the same mounts: a proc that shows other processes than its own namespace has. */
static void verify_parent(void)
{
	char here[512] = "";
	struct stat st;

	expect(!stat("/proc/1", &st) && stat("/proc/4194000", &st), "/proc is not that of the child");
	expect(getcwd(here, sizeof(here)) && !strcmp(here, cwd), "the working directory is %s, was %s", here, cwd);
}

static void setup_unshare(void)
{
	must(unshare(CLONE_NEWNS | CLONE_NEWPID));
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	fx_child("init", setup_init, verify_view);
	remember();
}

static void setup(void)
{
	remember();
	fx_child("unshare", setup_unshare, verify_parent);
}

static void verify(void)
{
	char here[512] = "";

	expect(getcwd(here, sizeof(here)) && !strcmp(here, cwd), "the working directory is %s, was %s", here, cwd);
}

const struct fixture fixture_mntns_proc = {
	.name = "mntns_proc",
	.about = "a mount namespace with a proc of its own for a pid namespace",
	.setup = setup,
	.verify = verify,
	.flags = FX_NESTS | FX_NO_FORK | FX_ROUNDS | FX_NESTED,
};

/* ---- processes that share their directory there (CLONE_FS) ---- */

static pid_t sharer;

static void serve_sharer(void)
{
	fx_mark("sharing");
	fx_await("moved");
	_exit(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, "/usr") && umask(0) == 017 ? 5 : 6);
}

static void setup_sharing(void)
{
	must(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
	remember();
	sharer = must(syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0));
	if (!sharer)
		serve_sharer();
	fx_await("sharing");
	fx_child("alone", setup_member, verify_view);
}

static void verify_sharing(void)
{
	verify_view();
	if (!fx_last())
		return;
	must(chdir("/usr"));
	umask(017);
	fx_mark("moved");
	expect_eq("who shares the directory", fx_exit_of(sharer), 5);
	umask(0);
	must(chdir(cwd));
}

static void setup_unshare_sharing(void)
{
	must(unshare(CLONE_NEWNS | CLONE_NEWPID));
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	fx_child("init", setup_sharing, verify_sharing);
	remember();
}

static void setup_shared(void)
{
	remember();
	fx_child("unshare", setup_unshare_sharing, verify_parent);
}

const struct fixture fixture_mntns_shared = {
	.name = "mntns_shared",
	.about = "processes that share a directory in a mount namespace of their own",
	.setup = setup_shared,
	.verify = verify,
	.flags = FX_NESTS | FX_NO_FORK | FX_ROUNDS | FX_NESTED,
};

/* ---- anything else that differs is named ---- */

static void setup_other(void)
{
	must(unshare(CLONE_NEWNS));
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	must(mount("fixture", "/mnt", "tmpfs", 0, NULL));
}

static void setup_refused(void)
{
	fx_child("other", setup_other, NULL);
}

const struct fixture fixture_mntns_other = {
	.name = "mntns_other",
	.about = "a mount namespace with a file system that is not mounted here",
	.setup = setup_refused,
	.flags = FX_MAY_REFUSE,
};
