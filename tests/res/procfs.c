// SPDX-License-Identifier: GPL-2.0-only
/* procfs.c - files of proc: of oneself, of others, of threads, of the system, of who is gone. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixture.h"

static int status, half, comm, task_comm, child_comm, dir, link_fd, exe, meminfo, sysctl, net, fds_dir;
static char rest_of[8192];
static ssize_t rest_len;
static pid_t child;
static volatile pid_t thread_tid;

static void *rest(void *arg)
{
	thread_tid = gettid();
	pthread_setname_np(pthread_self(), "a thread");
	for (;;)
		fx_nap();
	return arg;
}

static int open_of(pid_t pid, const char *name, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/%d/%s", fx_proc_pid(pid), name);
	return must(open(path, flags));
}

static void setup(void)
{
	struct rlimit files;
	char some[64];
	pthread_t t;

	must(prctl(PR_SET_NAME, "fixture"));
	child = fx_child("other", NULL, NULL);
	must(pthread_create(&t, NULL, rest, NULL) ? -1 : 0);
	while (!thread_tid)
		fx_nap();
	fx_nap();
	status = must(open("/proc/self/status", O_RDONLY | O_CLOEXEC));
	comm = must(open("/proc/self/comm", O_RDWR));
	snprintf(some, sizeof(some), "/proc/self/task/%d/comm", thread_tid);
	task_comm = open(some, O_RDONLY); /* our proc may know the thread by another number */
	child_comm = open_of(child, "comm", O_RDONLY);
	dir = must(open("/proc/self", O_PATH | O_DIRECTORY));
	fds_dir = must(open("/proc/self/fd", O_RDONLY | O_DIRECTORY));
	link_fd = must(open("/proc/self", O_PATH | O_NOFOLLOW));
	exe = must(open("/proc/self/exe", O_PATH | O_NOFOLLOW));
	meminfo = must(open("/proc/meminfo", O_RDONLY));
	must(read(meminfo, some, 32));
	sysctl = must(open("/proc/sys/kernel/ostype", O_RDONLY));
	net = must(open("/proc/self/net/protocols", O_RDONLY));
	must(getrlimit(RLIMIT_NOFILE, &files));
	files.rlim_cur = 777; /* nobody else's */
	must(setrlimit(RLIMIT_NOFILE, &files));
	half = must(open("/proc/self/limits", O_RDONLY));
	must(read(half, some, 60));
	rest_len = must(pread(half, rest_of, sizeof(rest_of), 60));
	must(lseek(half, 60, SEEK_SET));
}

static const char *text_of(int fd)
{
	static char text[8192];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = 0;
	return text;
}

static void verify_dirs(void)
{
	char target[256] = "", name[32];
	struct stat st;

	expect(!faccessat(dir, "stat", F_OK, 0), "our directory: %s", strerror(errno));
	snprintf(name, sizeof(name), "%d", dir);
	expect(!fstatat(fds_dir, name, &st, 0), "descriptor %d is not in it", dir);
	expect(!fstat(link_fd, &st) && S_ISLNK(st.st_mode), "/proc/self is no link");
	expect(readlinkat(link_fd, "", target, sizeof(target) - 1) > 0 && atoi(target) == fx_proc_pid(getpid()),
	       "/proc/self leads to %s", target);
	expect(readlinkat(exe, "", target, sizeof(target) - 1) > 0 && strstr(target, "/fixture"), "exe leads to %s",
	       target);
}

static bool set_comm(const char *name)
{
	return lseek(comm, 0, SEEK_SET) == 0 && write(comm, name, strlen(name)) == (ssize_t)strlen(name) &&
	       lseek(comm, 0, SEEK_SET) == 0;
}

static void verify(void)
{
	char now[sizeof(rest_of)], want[32];

	expect(strstr(text_of(status), "Name:\tfixture\n"), "status: %.40s", text_of(status));
	snprintf(want, sizeof(want), "\nPid:\t%d\n", fx_proc_pid(getpid()));
	expect(strstr(text_of(status), want), "status is of somebody else");
	expect(!strcmp(text_of(comm), "fixture\n"), "comm: %s", text_of(comm));
	expect(set_comm("new name") && !strcmp(text_of(comm), "new name\n"), "comm cannot be set");
	expect(!strcmp(text_of(child_comm), "fixture\n"), "comm of the child: %s", text_of(child_comm));
	expect(set_comm("fixture"), "comm cannot be set");
	if (task_comm >= 0)
		expect(!strcmp(text_of(task_comm), "a thread\n"), "comm of the thread: %s", text_of(task_comm));
	expect(lseek(meminfo, 0, SEEK_CUR) == 32 && strstr(text_of(meminfo), "MemTotal"), "meminfo");
	expect(!strcmp(text_of(sysctl), "Linux\n"), "sysctl: %s", text_of(sysctl));
	expect(strstr(text_of(net), "protocol"), "net/protocols");
	expect(read(half, now, sizeof(now)) == rest_len, "what was left of limits is longer or shorter");
	for (ssize_t i = 0; i < rest_len; i++)
		if (now[i] != rest_of[i]) {
			fx_fail("what was left of limits: %.60s wanted %.60s", now + i, rest_of + i);
			break;
		}
	must(lseek(half, 60, SEEK_SET));
	verify_dirs();
}

const struct fixture fixture_procfs = {
	.name = "procfs",
	.about = "files of proc: of oneself, a child, a thread, the system",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- of who is gone ---- */

static int gone_stat, gone_dir, gone_task, zombie_stat;
static pid_t zombie;

static void setup_gone(void)
{
	pid_t pid = must(fork());
	char name[64];

	if (!pid)
		for (;;)
			fx_nap();
	gone_stat = open_of(pid, "stat", O_RDONLY);
	gone_dir = open_of(pid, ".", O_RDONLY | O_DIRECTORY);
	snprintf(name, sizeof(name), "task/%d/comm", fx_proc_pid(pid));
	gone_task = open_of(pid, name, O_RDONLY);
	zombie = must(fork());
	if (!zombie)
		_exit(4);
	zombie_stat = open_of(zombie, "stat", O_RDONLY);
	must(waitid(P_PID, zombie, &(siginfo_t){}, WEXITED | WNOWAIT));
	must(kill(pid, SIGKILL));
	must(waitpid(pid, NULL, 0));
}

static void verify_gone(void)
{
	char text[512];

	expect(read(gone_stat, text, sizeof(text)) < 0 && errno == ESRCH, "stat of who is gone: %s", strerror(errno));
	expect(read(gone_task, text, sizeof(text)) < 0 && errno == ESRCH, "comm of who is gone: %s", strerror(errno));
	expect(openat(gone_dir, "stat", O_RDONLY) < 0 && (errno == ESRCH || errno == ENOENT), "directory: %s",
	       strerror(errno));
	expect(pread(zombie_stat, text, sizeof(text), 0) > 0 && strstr(text, ") Z "), "the zombie");
	if (fx_last())
		expect_eq("end of the zombie", fx_exit_of(zombie), 4);
}

const struct fixture fixture_procfs_gone = {
	.name = "procfs_gone",
	.about = "files of proc of a task that is gone, and of a zombie",
	.setup = setup_gone,
	.verify = verify_gone,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- what they took hold of when they were opened: memory, mounts, a user namespace ---- */

static char known[] = "what the file of our memory must show";
static int own_mem, child_mem, own_maps, child_maps, auxv, environ_fd, pagemap, child_mounts, child_uids;
static int dead_mem, dead_maps;
static pid_t roomy, owner;

static void setup_room(void)
{
	must(chroot(fx_path(".")));
	fx_set_dir("/");
}

static void setup_owner(void)
{
	must(unshare(CLONE_NEWUSER));
}

static void open_dying(void)
{
	pid_t pid = must(fork());

	if (!pid)
		for (;;)
			fx_nap();
	dead_mem = open_of(pid, "mem", O_RDONLY);
	dead_maps = open_of(pid, "maps", O_RDONLY);
	must(kill(pid, SIGKILL));
	must(waitpid(pid, NULL, 0));
}

static void setup_views(void)
{
	must(prctl(PR_SET_NAME, "fixture"));
	owner = fx_child("owner", setup_owner, NULL);
	own_mem = must(open("/proc/self/mem", O_RDWR));
	own_maps = must(open("/proc/self/maps", O_RDONLY));
	auxv = must(open("/proc/self/auxv", O_RDONLY));
	environ_fd = must(open("/proc/self/environ", O_RDONLY));
	pagemap = must(open("/proc/self/pagemap", O_RDONLY));
	roomy = fx_child("roomy", setup_room, NULL);
	child_mem = open_of(roomy, "mem", O_RDONLY);
	child_maps = open_of(roomy, "maps", O_RDONLY);
	child_mounts = open_of(roomy, "mountinfo", O_RDONLY);
	child_uids = open_of(owner, "uid_map", O_RDONLY);
	open_dying();
}

static void verify_mem(const char *whose, int fd)
{
	char now[sizeof(known)] = "";

	expect(pread(fd, now, sizeof(now), (off_t)(uintptr_t)known) == sizeof(now) && !strcmp(now, known),
	       "memory of %s: \"%.30s\"", whose, now);
}

static void verify_dead(void)
{
	char text[256];

	expect(pread(dead_mem, text, 1, (off_t)(uintptr_t)known) == 0, "memory of who is gone can be read");
	expect(pread(dead_maps, text, sizeof(text), 0) < 0 && errno == ESRCH, "areas of who is gone: %s",
	       strerror(errno));
}

static void verify_views(void)
{
	uint64_t page = 0;

	verify_mem("ourselves", own_mem);
	verify_mem("the child", child_mem);
	expect(strstr(text_of(own_maps), "/fixture"), "our areas: %.60s", text_of(own_maps));
	expect(strstr(text_of(child_maps), "/fixture"), "areas of the child: %.60s", text_of(child_maps));
	expect(pread(auxv, &page, 8, 0) == 8 && page, "auxv");
	expect(strstr(text_of(environ_fd), "PATH="), "environment: %.60s", text_of(environ_fd));
	expect(pread(pagemap, &page, 8, (uintptr_t)known / 4096 * 8) == 8 && page >> 63, "page %#llx",
	       (unsigned long long)page);
	expect(!strstr(text_of(child_mounts), " /proc "), "the child's mounts: %.60s", text_of(child_mounts));
	expect(!*text_of(child_uids), "the child's numbers: %.60s", text_of(child_uids));
	verify_dead();
}

const struct fixture fixture_procfs_views = {
	.name = "procfs_views",
	.about = "files of proc that show memory, mounts and a user namespace",
	.setup = setup_views,
	.verify = verify_views,
	.flags = FX_ROUNDS | FX_NESTED,
};
