// SPDX-License-Identifier: GPL-2.0-only
/* task.c - names and identity of a process: comm, cmdline, environ, auxv, exe, exit signal. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixture.h"

extern char **environ;

static const char *const files[] = {"cmdline", "environ", "auxv", "comm"};
static char before[FX_COUNT(files)][8192];
static long sizes[FX_COUNT(files)];
static struct stat exe;

static long read_own(const char *name, char *buf, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	return fx_read_file(path, buf, size);
}

static void setup(void)
{
	must(prctl(PR_SET_NAME, "na me)\n \\"));
	if (environ[0] && strlen(environ[0]) > 3)
		environ[0][1] = '#'; /* in place: /proc/PID/environ shows it */
	must(stat("/proc/self/exe", &exe));
	for (size_t i = 0; i < FX_COUNT(files); i++)
		sizes[i] = must(read_own(files[i], before[i], sizeof(before[i])));
}

static void verify(void)
{
	char now[8192], name[16] = "";
	struct stat st = {};
	long size;

	for (size_t i = 0; i < FX_COUNT(files); i++) {
		size = read_own(files[i], now, sizeof(now));
		expect(size == sizes[i] && !memcmp(now, before[i], size), "/proc/self/%s changed",
		       files[i]);
	}
	prctl(PR_GET_NAME, name);
	expect(!strcmp(name, "na me)\n \\"), "the name is %s", name);
	stat("/proc/self/exe", &st);
	expect(st.st_ino == exe.st_ino && st.st_dev == exe.st_dev,
	       "the executable is another file");
	expect_eq("page size by auxv", getauxval(AT_PAGESZ), 4096);
}

const struct fixture fixture_task = {
	.name = "task",
	.about = "comm, command line, environment, auxiliary vector, executable",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- children that end with another signal than SIGCHLD, or none ---- */

static pid_t odd, silent;
static volatile int got_usr2;

static void count_usr2(int sig)
{
	got_usr2++;
}

static pid_t clone_with(int exit_signal)
{
	pid_t pid = must(syscall(SYS_clone, exit_signal, 0, 0, 0, 0));

	if (!pid) {
		fx_await("end");
		_exit(6);
	}
	return pid;
}

static void setup_exit_signal(void)
{
	signal(SIGUSR2, count_usr2);
	odd = clone_with(SIGUSR2);
	silent = clone_with(0);
}

static void verify_exit_signal(void)
{
	siginfo_t si;

	expect(waitpid(odd, NULL, WNOHANG) < 0 && errno == ECHILD,
	       "a child with another exit signal is waited for as if it had SIGCHLD");
	if (!fx_last())
		return;
	fx_mark("end");
	must(waitid(P_PID, odd, &si, WEXITED | __WCLONE));
	expect_eq("exit status of the child with SIGUSR2", si.si_status, 6);
	must(waitid(P_PID, silent, &si, WEXITED | __WALL));
	expect_eq("exit status of the silent child", si.si_status, 6);
	while (!got_usr2)
		fx_nap();
}

const struct fixture fixture_task_exit_signal = {
	.name = "task_exit_signal",
	.about = "children with other exit signals than SIGCHLD",
	.setup = setup_exit_signal,
	.verify = verify_exit_signal,
};

/* ---- sixty children ---- */

static void setup_many(void)
{
	char name[16];

	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "kid-%d", i);
		fx_child(name, NULL, NULL);
	}
}

const struct fixture fixture_task_many = {
	.name = "task_many",
	.about = "sixty children",
	.setup = setup_many,
};

/* ---- an executable that was deleted ---- */

static pid_t runner;

static void setup_deleted_exe(void)
{
	char buf[65536], dir[512];
	int in, out;
	ssize_t n;

	snprintf(dir, sizeof(dir), "%s", fx_path("sub"));
	must(mkdir(dir, 0777));
	in = must(open("/proc/self/exe", O_RDONLY));
	out = must(open(fx_path("exe"), O_WRONLY | O_CREAT, 0755));
	while ((n = read(in, buf, sizeof(buf))) > 0)
		must(write(out, buf, n));
	close(in);
	close(out);
	runner = must(fork());
	if (!runner) {
		char *argv[] = {"exe", "task", dir, NULL};

		execv(fx_path("exe"), argv);
		_exit(99);
	}
	fx_await("sub/ready");
	must(unlink(fx_path("exe")));
}

static void verify_deleted_exe(void)
{
	char text[256];

	if (!fx_last())
		return;
	close(must(open(fx_path("sub/go"), O_WRONLY | O_CREAT, 0644)));
	expect_eq("exit status of the process without a file", fx_exit_of(runner), 0);
	fx_read_file(fx_path("sub/result"), text, sizeof(text));
	expect(!strcmp(text, "ok\n"), "process without a file: %s", text);
}

const struct fixture fixture_task_deleted = {
	.name = "task_deleted",
	.about = "a running executable that was deleted",
	.setup = setup_deleted_exe,
	.verify = verify_deleted_exe,
	.flags = FX_MAY_REFUSE,
};
