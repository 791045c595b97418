// SPDX-License-Identifier: GPL-2.0-only
/* member.c - a task of a tree that grow.c makes: does what its slot says. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "board.h"

#define WORDS 2048
#define IDLE_NAPS 120000 /* a minute or two: whoever made the tree has died */

/* Of this process; a child has its parent's until it is told to make its own. */
static uint64_t *memory, seed;

static int make_memory(int arg)
{
	if (!memory)
		memory = mmap(NULL, WORDS * sizeof(*memory), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	seed = arg;
	for (int i = 0; i < WORDS; i++)
		memory[i] = seed * 0x9e3779b97f4a7c15ull + i;
	return 0;
}

static int is_damaged(void)
{
	for (int i = 0; memory && i < WORDS; i++)
		if (memory[i] != seed * 0x9e3779b97f4a7c15ull + i)
			return 1;
	return 0;
}

/* Children are born in the pid namespace of that member of it, until the next call. */
static int enter(pid_t member)
{
	int fd = syscall(SYS_pidfd_open, member, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (setns(fd, CLONE_NEWPID))
		err = -errno;
	close(fd);
	return err;
}

static int make_child(struct board *b, const int *arg)
{
	struct clone_args a = { .flags = arg[1], .exit_signal = arg[2] };
	int slot = arg[0], err; /* our own slot may say something else before the child looks */
	long pid;

	err = arg[3] ? enter(arg[3]) : 0;
	if (err)
		return err;
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (!pid)
		member_serve(b, slot);
	if (arg[3])
		err = enter(getpid());
	return pid < 0 ? -errno : err ? err : pid;
}

static int sleep_on(void *arg)
{
	const struct timespec long_time = { 1000, 0 };

	for (;;)
		nanosleep(&long_time, NULL);
	return 0;
}

/* No library knows of it: it has the thread area of the first one, and does nothing with it. */
static int make_thread(int share)
{
	char *stack = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (stack == MAP_FAILED)
		return -errno;
	return clone(sleep_on, stack + 16384, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
		     share, NULL) < 0 ? -errno : 0;
}

static int write_own(const char *name, const char *text)
{
	char path[32];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* As unshare -Ur does, also for an ordinary user. */
static int enter_new_users(int uid)
{
	char map[32];

	if (uid && (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
		return -errno;
	if (unshare(CLONE_NEWUSER) || prctl(PR_SET_DUMPABLE, 1))
		return -errno;
	snprintf(map, sizeof(map), "0 %d 1", uid);
	return write_own("setgroups", "deny") ?: write_own("uid_map", map) ?: write_own("gid_map", map);
}

static int report(struct board_slot *s)
{
	s->ids.pid = getpid();
	s->ids.ppid = getppid();
	s->ids.sid = getsid(0);
	s->ids.pgid = getpgid(0);
	s->ids.damaged = is_damaged();
	return 0;
}

/* Its first thread may be a zombie a little before it can be waited for. */
static int reap(pid_t pid)
{
	const struct timespec nap = { 0, 1000000 };
	int status;
	pid_t got = 0;

	for (int i = 0; i < 5000 && !got; i++) {
		got = waitpid(pid, &status, __WALL | WNOHANG);
		if (!got)
			nanosleep(&nap, NULL);
	}
	return got == pid ? status : -ECHILD;
}

static int act(struct board *b, struct board_slot *s)
{
	switch (s->op) {
	case OP_CLONE:
		return make_child(b, s->arg);
	case OP_SETSID:
		return setsid() < 0 ? -errno : 0;
	case OP_SETPGID:
		return setpgid(s->arg[0], s->arg[1]) ? -errno : 0;
	case OP_SUBREAPER:
		return prctl(PR_SET_CHILD_SUBREAPER, 1) ? -errno : 0;
	case OP_EXIT:
		__atomic_store_n(&s->op, OP_NONE, __ATOMIC_RELEASE);
		_exit(s->arg[0]);
	case OP_REAP:
		return reap(s->arg[0]);
	case OP_REPORT:
		return report(s);
	case OP_THREAD:
		return make_thread(s->arg[0]);
	case OP_USERS:
		return enter_new_users(s->arg[0]);
	case OP_SIGNAL:
		return kill(s->arg[0], s->arg[1]) ? -errno : 0;
	case OP_MEMORY:
		return make_memory(s->arg[0]);
	}
	return -EINVAL;
}

void member_serve(struct board *b, int slot)
{
	const struct timespec nap = { 0, 500000 };
	struct board_slot *s = &b->slot[slot];
	unsigned int beat = 0;

	/* a child of an exit signal other than SIGCHLD must not end its parent by it */
	signal(SIGUSR1, SIG_IGN);
	for (int idle = 0;;) {
		if (!__atomic_load_n(&s->op, __ATOMIC_ACQUIRE)) {
			nanosleep(&nap, NULL);
			if (b->beat != beat)
				idle = 0;
			beat = b->beat;
			if (++idle > IDLE_NAPS)
				_exit(1);
			continue;
		}
		s->result = act(b, s);
		__atomic_store_n(&s->op, OP_NONE, __ATOMIC_RELEASE);
	}
}
