// SPDX-License-Identifier: GPL-2.0-only
/* refuse_procfs.c - files of proc that tell of what their task has left since: memory, root, namespaces. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixture.h"

static pid_t children[8];
static int nr_children;

/* The runner looks for each descriptor in what dump and check say. */
static void made(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC), list;

	if (fd < 0)
		return; /* numa_maps and attr are not everywhere */
	list = must(open(fx_path("made"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
	must(dprintf(list, "%d %s\n", fd, strrchr(path, '/') + 1));
	close(list);
}

static void made_of(pid_t pid, const char *name, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/%d/%s", fx_proc_pid(pid), name);
	made(path, flags);
}

/* A child that goes on when all of the files are open, and is done when it has closed its end of a pipe. */
static void leave(const char *const names[], size_t n, int flags, void (*go_on)(void))
{
	int told[2], done[2];
	char word;
	pid_t pid;

	must(pipe2(told, O_CLOEXEC));
	must(pipe2(done, O_CLOEXEC));
	pid = must(fork());
	if (!pid) {
		must(prctl(PR_SET_PDEATHSIG, SIGKILL)); /* should the runner be gone: sleep does not look */
		close(done[0]);
		must(read(told[0], &word, 1));
		go_on();
		close(done[1]);
		for (;;)
			fx_nap();
	}
	children[nr_children++] = pid;
	for (size_t i = 0; i < n; i++)
		made_of(pid, names[i], flags);
	close(done[1]);
	must(write(told[1], "", 1));
	must(read(done[0], &word, 1));
	close(done[0]);
	close(told[0]);
	close(told[1]);
}

static void leave_memory(void)
{
	execlp("sleep", "sleep", "1000", NULL);
	_exit(1);
}

static void leave_root(void)
{
	must(chroot(fx_path(".")));
	fx_set_dir("/");
}

static void leave_userns(void)
{
	must(unshare(CLONE_NEWUSER));
}

static void die(void)
{
	raise(SIGKILL);
}

static int live_shortly(void *over)
{
	while (!*(volatile int *)over)
		;
	return 0;
}

/* Its memory is ours, which stays when it ends. */
static void outlive(void)
{
	char *stack = must_map(mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	volatile int over = 0;
	pid_t pid = must(clone(live_shortly, stack + 65536, CLONE_VM | SIGCHLD, (void *)&over));

	made_of(pid, "mem", O_RDONLY);
	over = 1;
	must(waitpid(pid, NULL, 0));
	must(munmap(stack, 65536));
}

static void setup(void)
{
	static const char *const memory[] = { "mem", "environ", "auxv", "pagemap", "maps", "smaps", "smaps_rollup",
					      "numa_maps" };
	static const char *const attr[] = { "attr/current" };
	static const char *const mounts[] = { "mountinfo", "mounts", "mountstats" };
	static const char *const maps[] = { "uid_map", "gid_map", "projid_map", "setgroups" };

	leave(memory, FX_COUNT(memory), O_RDONLY, leave_memory);
	leave(attr, FX_COUNT(attr), O_WRONLY, leave_memory);
	leave(mounts, FX_COUNT(mounts), O_RDONLY, leave_root);
	leave(maps, FX_COUNT(maps), O_RDONLY, leave_userns);
	leave(memory, 1, O_RDONLY, die);
	outlive();
}

static void verify(void)
{
	for (int i = 0; i < nr_children && fx_last(); i++)
		must(kill(children[i], SIGKILL));
}

const struct fixture fixture_refuse_procfs = {
	.name = "refuse_procfs",
	.about = "files of proc that show what their task has left",
	.setup = setup,
	.verify = verify,
	.flags = FX_LEAVE_ONLY,
};

/* ---- credentials that they were opened with ---- */

/* As a user, with what root may open, and back again. */
static void made_as(uid_t user, const char *path, int flags)
{
	must(setresuid(-1, user, -1));
	must(prctl(PR_SET_DUMPABLE, 1)); /* the files of our own are ours again */
	made(path, flags);
	must(setresuid(-1, 0, -1));
}

/* Somebody of a user namespace opens files that tell of us; we have them as well. */
static int open_apart(void *arg)
{
	pid_t parent = getppid();

	if (unshare(CLONE_NEWUSER))
		return 1;
	made_of(parent, "status", O_RDONLY);
	made_of(parent, "net/tcp", O_RDONLY);
	made_of(parent, "uid_map", O_RDONLY);
	made_of(parent, "comm", O_RDWR);
	made("/sys/fs/cgroup/cgroup.procs", O_WRONLY); /* where there are such */
	made("/sys/fs/cgroup/unified/cgroup.procs", O_WRONLY);
	made("/sys/fs/cgroup/pids/cgroup.procs", O_WRONLY);
	return 0;
}

static void setup_opener(void)
{
	char *stack = must_map(mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	pid_t pid;

	must(chmod(fx_path("."), 0777));
	close(must(open(fx_path("made"), O_WRONLY | O_CREAT, 0666))); /* all of them write there */
	made_as(1000, "/proc/thread-self/pagemap", O_RDONLY);
	made_as(1000, "/proc/kallsyms", O_RDONLY);
	made_as(1000, "/proc/modules", O_RDONLY);
	pid = must(clone(open_apart, stack + 65536, CLONE_FILES | SIGCHLD, NULL));
	must(waitpid(pid, NULL, 0));
	must(munmap(stack, 65536));
	/* these are as we would open them: nothing to be said */
	must(open("/proc/self/pagemap", O_RDONLY));
	must(open("/proc/kallsyms", O_RDONLY));
	must(open("/proc/self/status", O_RDONLY));
}

const struct fixture fixture_refuse_opener = {
	.name = "refuse_opener",
	.about = "files of proc that tell or take what who opened them may know or do",
	.setup = setup_opener,
	.flags = FX_LEAVE_ONLY,
};

/* ---- numbers of a pid namespace ---- */

static void setup_sysvipc(void)
{
	made("/proc/sysvipc/shm", O_RDONLY);
}

const struct fixture fixture_refuse_sysvipc = {
	.name = "refuse_sysvipc",
	.about = "a list of System V objects that tells who made them by numbers of a nested pid namespace",
	.setup = setup_sysvipc,
	.flags = FX_LEAVE_ONLY,
};
