// SPDX-License-Identifier: GPL-2.0-only
/*
 * audit_tasks.c - tasks that do what an audit has to see: audit_tasks WHAT [N]; each line that it
 * prints is a fact that the test compares with what was told.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "audit_tasks: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static void fact(const char *name, long value)
{
	printf("%s=%ld\n", name, value);
	fflush(stdout);
}

static void reap(pid_t pid)
{
	int status;

	must(pid > 0 && waitpid(pid, &status, __WALL) == pid, "wait");
}

static pid_t clone_flags(unsigned long flags)
{
	struct clone_args a = { .flags = flags, .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD };

	return syscall(SYS_clone3, &a, sizeof(a));
}

/* Its number as the host's /proc says; the first of NSpid. */
static long host_pid(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");
	long pid = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "NSpid: %ld", &pid) == 1)
			break;
	if (f)
		fclose(f);
	return pid;
}

/* ---- one scene each ---- */

static void scene_unshare(long n)
{
	must(!unshare(CLONE_NEWPID), "unshare");
	for (int i = 0; i < 2; i++) { /* the second child is no init, and its parent is outside */
		pid_t pid = fork();

		if (!pid) {
			usleep(i ? 50000 : 300000);
			_exit(0);
		}
		fact(i ? "second" : "init", pid);
		usleep(50000);
	}
	while (wait(NULL) > 0)
		;
}

static void scene_clone(long n)
{
	pid_t pid = clone_flags(CLONE_NEWPID);

	if (!pid) {
		usleep(100000);
		_exit(3);
	}
	fact("init", pid);
	reap(pid);
}

/* A pid namespace with a sleeper, entered by setns; then CLONE_PARENT from inside. */
static void scene_setns(long n)
{
	char path[64];
	pid_t init = clone_flags(CLONE_NEWPID), pid;
	int fd;

	if (!init) {
		usleep(n ? n * 1000 : 400000);
		_exit(0);
	}
	fact("init", init);
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", init);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && !setns(fd, CLONE_NEWPID), "setns");
	pid = fork();
	if (!pid) {
		pid_t brother = clone_flags(CLONE_PARENT);

		if (!brother)
			usleep(100000);
		usleep(50000);
		_exit(0);
	}
	fact("entrant", pid);
	while (wait(NULL) > 0)
		;
}

/* pid_ns_for_children is another one than where it lives itself. */
static void scene_forchildren(long n)
{
	must(!unshare(CLONE_NEWPID), "unshare");
	fact("lives", getpid());
	execl("/bin/sleep", "sleep", "0.3", NULL);
}

static void scene_refused(long n)
{
	int fd = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC), null = open("/dev/null", O_RDONLY);
	pid_t pid = fork();

	if (!pid) { /* into a namespace above: EINVAL; without privileges: EPERM */
		pid = clone_flags(CLONE_NEWPID);
		if (!pid) {
			must(setns(fd, CLONE_NEWPID) == -1, "setns upwards was not refused");
			_exit(0);
		}
		reap(pid);
		must(setns(null, CLONE_NEWPID) == -1, "setns of a file was not refused");
		must(!setresuid(1, 1, 1), "setresuid");
		must(unshare(CLONE_NEWPID) == -1, "unshare was not refused");
		must(clone_flags(CLONE_NEWPID) == -1, "clone was not refused");
		_exit(0);
	}
	fact("refused", pid);
	reap(pid);
}

/* An intruder that unshares once more looks like an init; its number 1 must not hide it. */
static void scene_intruder(long n)
{
	char path[64];
	pid_t init = clone_flags(CLONE_NEWPID), pid;
	int fd;

	if (!init) {
		usleep(500000);
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", init);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && !setns(fd, CLONE_NEWPID), "setns");
	pid = fork();
	if (!pid) {
		pid = clone_flags(CLONE_NEWPID);
		if (!pid) {
			usleep(100000);
			_exit(0);
		}
		reap(pid);
		_exit(0);
	}
	fact("intruder", pid);
	while (wait(NULL) > 0)
		;
}

/* The init leaves the host's mounts; another one comes in with them. */
static void scene_escape(long n)
{
	char path[64];
	pid_t init, pid;
	int fd, to_child[2];

	must(!pipe(to_child), "pipe");
	init = clone_flags(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWCGROUP);
	if (!init) {
		must(write(to_child[1], "", 1) == 1, "write");
		usleep(600000);
		_exit(0);
	}
	must(read(to_child[0], path, 1) == 1, "read");
	fact("init", init);
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", init);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && !setns(fd, CLONE_NEWPID), "setns");
	pid = fork();
	if (!pid) {
		pid = fork(); /* its child has it from it: not told again */
		usleep(100000);
		_exit(0);
	}
	fact("escaped", pid);
	while (wait(NULL) > 0)
		;
}

/* Its root directory is the host's, its mount namespace is its own. */
static void scene_root(long n)
{
	pid_t pid = clone_flags(CLONE_NEWPID);
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (!pid) {
		must(!unshare(CLONE_NEWNS), "unshare");
		must(!fchdir(root) && !chroot("."), "chroot");
		execl("/bin/sleep", "sleep", "0.2", NULL);
		_exit(1);
	}
	fact("init", pid);
	reap(pid);
}

/* A pid namespace of a user namespace, entered without it. */
static void scene_user(long n)
{
	char path[64];
	pid_t init = clone_flags(CLONE_NEWPID | CLONE_NEWUSER), pid;
	int fd;

	if (!init) {
		usleep(500000);
		_exit(0);
	}
	fact("init", init);
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", init);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && !setns(fd, CLONE_NEWPID), "setns");
	pid = fork();
	if (!pid) {
		usleep(100000);
		_exit(0);
	}
	fact("above", pid);
	while (wait(NULL) > 0)
		;
}

static void scene_zombie(long n)
{
	pid_t pid = fork();

	if (!pid)
		_exit(7);
	fact("zombie", pid);
	fact("parent", getpid());
	sleep(n ?: 3);
}

/* n levels, one in the other, all alive for a moment. */
static void scene_deep(long n)
{
	for (long i = 0; i < n; i++) {
		pid_t pid = clone_flags(CLONE_NEWPID);

		must(pid >= 0, "clone");
		if (pid) {
			reap(pid);
			if (!i)
				return;
			_exit(0);
		}
	}
	fact("deepest", host_pid());
	usleep(300000);
	_exit(0);
}

/* n namespaces that live for a fork. */
static void scene_namespaces(long n)
{
	for (long i = 0; i < n; i++) {
		pid_t pid = clone_flags(CLONE_NEWPID);

		must(pid >= 0, "clone");
		if (!pid)
			_exit(0);
		reap(pid);
	}
	fact("namespaces", n);
}

static __attribute__((noinline)) void one_process(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	reap(pid);
}

/* n processes one after the other, as fast as they can be made. */
static void scene_storm(long n)
{
	for (long i = 0; i < n; i++)
		one_process();
	fact("forks", n);
}

/* The numbers of a namespace go round: it has few. */
static void scene_wrap(long n)
{
	pid_t init = clone_flags(CLONE_NEWPID | CLONE_NEWNS), pid, last = 0;
	int wrapped = 0, fd;

	if (init) {
		reap(init);
		return;
	}
	must(!mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) && !mount("proc", "/proc", "proc", 0, NULL),
	     "mount");
	for (long i = 0; i < n && wrapped < 3; i++) {
		pid = clone_flags(0);
		must(pid >= 0, "clone");
		if (!pid)
			_exit(0);
		reap(pid);
		wrapped += pid < last;
		last = pid;
		fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC); /* near the end again */
		if (pid > 2 && pid < 400 && fd >= 0) {
			FILE *max = fopen("/proc/sys/kernel/pid_max", "re");
			char text[16];
			int top = 0;

			must(max && fscanf(max, "%d", &top) == 1, "pid_max");
			fclose(max);
			snprintf(text, sizeof(text), "%d", top - 4);
			must(write(fd, text, strlen(text)) > 0, "ns_last_pid");
		}
		close(fd);
	}
	fact("wrapped", wrapped);
	_exit(0);
}

static void *exec_it(void *arg)
{
	execl("/bin/sleep", "sleep", "0.3", NULL);
	return NULL;
}

static void *wait_long(void *arg)
{
	sleep(10);
	return NULL;
}

/* Another thread than the first calls execve: it gets the number of the process. */
static void scene_threadexec(long n)
{
	pthread_t t;

	fact("process", getpid());
	must(!pthread_create(&t, NULL, wait_long, NULL) && !pthread_create(&t, NULL, exec_it, NULL), "thread");
	pause();
}

/* An orphan goes to the subreaper above, another one to whoever reaps here. */
static void scene_orphan(long n)
{
	pid_t pid;

	must(!prctl(PR_SET_CHILD_SUBREAPER, 1), "prctl");
	pid = fork();
	if (!pid) {
		pid = fork();
		if (!pid) {
			usleep(300000);
			_exit(0);
		}
		fact("orphan", pid);
		usleep(50000);
		_exit(0);
	}
	fact("subreaper", getpid());
	while (wait(NULL) > 0)
		;
}

/* The first thread ends; the process lives on and is no zombie. */
static void scene_leaderless(long n)
{
	pthread_t t;

	fact("process", getpid());
	must(!pthread_create(&t, NULL, wait_long, NULL), "thread");
	if (n)
		alarm(n);
	syscall(SYS_exit, 0);
}

static void scene_rename(long n)
{
	prctl(PR_SET_NAME, "line\nend \"quote\"");
	fact("renamed", getpid());
	usleep(100000);
	_exit(0);
}

/* Holds n children that sleep. */
static void scene_many(long n)
{
	for (long i = 0; i < n; i++) {
		pid_t pid = fork();

		must(pid >= 0, "fork");
		if (!pid) {
			pause();
			_exit(0);
		}
	}
	fact("many", n);
	pause();
}

static int sleep_on(void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pause();
	return 0;
}

#define CROWD_STACK 4096

/* Holds n children, or threads, that share its memory: as cheap as tasks can be. */
static void crowd(long n, int flags)
{
	char *stacks = mmap(NULL, n * CROWD_STACK, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	must(stacks != MAP_FAILED, "mmap");
	for (long i = 1; i <= n; i++)
		must(clone(sleep_on, stacks + i * CROWD_STACK, flags, NULL) > 0, "clone");
	fact("crowd", n);
	pause();
}

static void scene_crowd(long n)
{
	crowd(n, CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD);
}

static void scene_threads(long n)
{
	crowd(n, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD);
}

static const struct {
	const char *name;
	void (*play)(long n);
} scenes[] = {
	{ "unshare", scene_unshare },	    { "clone", scene_clone },
	{ "setns", scene_setns },	    { "forchildren", scene_forchildren },
	{ "refused", scene_refused },	    { "intruder", scene_intruder },
	{ "escape", scene_escape },	    { "root", scene_root },
	{ "user", scene_user },		    { "zombie", scene_zombie },
	{ "deep", scene_deep },		    { "namespaces", scene_namespaces },
	{ "storm", scene_storm },	    { "wrap", scene_wrap },
	{ "threadexec", scene_threadexec }, { "orphan", scene_orphan },
	{ "leaderless", scene_leaderless }, { "rename", scene_rename },
	{ "many", scene_many },		    { "crowd", scene_crowd },
	{ "threads", scene_threads },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		if (strcmp(argv[1], scenes[i].name))
			continue;
		fact("pid", getpid());
		scenes[i].play(argc > 2 ? atol(argv[2]) : 0);
		return 0;
	}
	fprintf(stderr, "Usage: audit_tasks SCENE [N]\n");
	return 2;
}
