// SPDX-License-Identifier: GPL-2.0-only
/* pidns.c - pid namespaces inside of the tree: every number on every level. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../fixture.h"

static struct ids {
	pid_t pid, tid, ppid, pgid, sid, newest;
	char chain[512];
} ids;

static void remember(void)
{
	ids = (struct ids){getpid(), gettid(), getppid(), getpgid(0), getsid(0), 0};
	snprintf(ids.chain, sizeof(ids.chain), "%s", fx_status("NSpid"));
}

/* The chain without the number of the outermost level, which belongs to the host. */
static const char *inner(const char *chain)
{
	const char *tab = strchr(chain, '\t');

	return tab ? tab + 1 : chain;
}

/* Numbers go up: a new one is above the newest that was seen, until the pid cursor wraps. */
static void verify_cursor(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	expect(pid > ids.newest, "a new child got number %d, the newest before was %d", pid,
	       ids.newest);
	ids.newest = pid;
	fx_exit_of(pid);
}

static void verify_numbers(void)
{
	expect_eq("pid", getpid(), ids.pid);
	expect_eq("tid", gettid(), ids.tid);
	expect_eq("parent", getppid(), ids.ppid);
	expect_eq("group", getpgid(0), ids.pgid);
	expect_eq("session", getsid(0), ids.sid);
	expect(!strcmp(inner(fx_status("NSpid")), inner(ids.chain)), "the chain is %s, was %s",
	       fx_status("NSpid"), ids.chain);
}

static void verify(void)
{
	verify_numbers();
	verify_cursor();
}

static void setup_leaf(void)
{
	remember();
	verify_cursor();
}

static void setup_leader(void)
{
	must(setsid());
	setup_leaf();
}

/* A child that is the pid 1 of a new pid namespace. */
static pid_t fork_init(const char *name, void (*setup)(void))
{
	pid_t pid;

	must(unshare(CLONE_NEWPID));
	pid = fx_child(name, setup, verify);
	fx_back_to_own_pidns();
	return pid;
}

/* ---- a tree with two namespaces side by side, one of them with one inside ---- */

static void setup_inner(void)
{
	remember();
	fx_child("in-leader", setup_leader, verify);
	fx_child("in-leaf", setup_leaf, verify);
	verify_cursor();
}

static void setup_outer(void)
{
	must(setsid());
	remember();
	fx_child("out-leaf", setup_leaf, verify);
	fork_init("inner-init", setup_inner);
	fx_child("out-leader", setup_leader, verify);
	verify_cursor();
}

static void setup_side(void)
{
	remember();
	fx_child("side-leaf", setup_leaf, verify);
}

static void setup(void)
{
	fork_init("outer-init", setup_outer);
	fork_init("side-init", setup_side);
	fx_child("plain", setup_leader, verify);
	remember();
	verify_cursor();
}

const struct fixture fixture_pidns = {
	.name = "pidns",
	.about = "two pid namespaces side by side, one with another inside",
	.setup = setup,
	.verify = verify,
	.flags = FX_NESTS | FX_ROUNDS | FX_NESTED,
};

/* ---- an entrant: a member whose parent is outside (setns) ---- */

static pid_t host_init;

static void setup_entrant(void)
{
	char path[64];
	int fd;

	host_init = fork_init("init", setup_leaf);
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", fx_proc_pid(host_init));
	fd = must(open(path, O_RDONLY | O_CLOEXEC));
	must(setns(fd, CLONE_NEWPID));
	close(fd);
	fx_may_be_killed(fx_child("entrant", setup_leader, verify));
	fx_back_to_own_pidns();
	remember();
	verify_cursor();
}

const struct fixture fixture_pidns_entrant = {
	.name = "pidns_entrant",
	.about = "a task that came into a pid namespace by setns",
	.setup = setup_entrant,
	.verify = verify,
	.flags = FX_NESTS | FX_ROUNDS | FX_NESTED,
};

/* ---- new children go to another namespace than one's own ---- */

static void setup_for_children(void)
{
	remember();
	must(unshare(CLONE_NEWPID));
	fx_child("first", setup_leaf, verify);
}

static void verify_for_children(void)
{
	pid_t pid;

	expect_eq("pid", getpid(), ids.pid);
	pid = fork();
	if (!pid)
		_exit(getpid() > 1 && !getppid() ? 31 : 32);
	expect_eq("a new child in the other namespace", fx_exit_of(pid), 31);
}

const struct fixture fixture_pidns_for_children = {
	.name = "pidns_for_children",
	.about = "a task whose children are born in another pid namespace",
	.setup = setup_for_children,
	.verify = verify_for_children,
	.flags = FX_NESTS | FX_NO_FORK | FX_ROUNDS,
};

/* ---- unshare(CLONE_NEWPID), and nobody was born there yet: of a process, and of one thread ---- */

static volatile int thread_asked;

static void *unshare_alone(void *arg)
{
	must(unshare(CLONE_NEWPID));
	fx_mark("thread.unshared");
	while (!thread_asked)
		fx_nap();
	return (void *)must(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) ?: (_exit(getpid() == 1 ? 33 : 34), 0));
}

static pthread_t alone;

static void setup_unshared_thread(void)
{
	remember();
	if (pthread_create(&alone, NULL, unshare_alone, NULL))
		fx_die("no thread");
	fx_await("thread.unshared");
}

static void verify_unshared_thread(void)
{
	void *child;

	verify_numbers();
	if (!fx_last())
		return;
	thread_asked = 1;
	pthread_join(alone, &child);
	expect_eq("a child of the thread", fx_exit_of((long)child), 33);
}

static void setup_unshared(void)
{
	remember();
	fx_child("thread", setup_unshared_thread, verify_unshared_thread);
	must(unshare(CLONE_NEWPID));
}

static void verify_unshared(void)
{
	pid_t pid;

	verify_numbers();
	if (!fx_last())
		return;
	pid = must(fork());
	if (!pid)
		_exit(getpid() == 1 && !getppid() ? 31 : 32);
	expect_eq("the first child", fx_exit_of(pid), 31);
}

const struct fixture fixture_pidns_unshared = {
	.name = "pidns_unshared",
	.about = "a process and a thread that called unshare, and have no child yet",
	.setup = setup_unshared,
	.verify = verify_unshared,
	.flags = FX_NESTS | FX_NO_FORK | FX_ROUNDS | FX_NESTED,
};

/* ---- a limit of numbers of its own (since 6.14) ---- */

static int own_limit(void)
{
	char text[32] = "";

	return fx_read_file("/proc/sys/kernel/pid_max", text, sizeof(text)) > 0 ? atoi(text) : -1;
}

static void setup_limited(void)
{
	int fd = must(open("/proc/sys/kernel/pid_max", O_WRONLY | O_CLOEXEC));

	must(write(fd, "4321", 4));
	close(fd);
	remember();
}

static void verify_limited(void)
{
	expect_eq("pid_max inside", own_limit(), 4321);
	verify();
}

static void fork_limited(void)
{
	must(unshare(CLONE_NEWPID));
	fx_child("limited", setup_limited, verify_limited);
	fx_back_to_own_pidns();
}

static int limit_outside;

static void setup_limit(void)
{
	remember();
	limit_outside = own_limit();
	must(unshare(CLONE_NEWPID));
	if (!must(fork())) {
		setup_limited();
		_exit(0);
	}
	fx_back_to_own_pidns();
	fx_exit_of(-1);
	if (own_limit() != limit_outside)
		fx_skip("pid_max is one for all pid namespaces on this kernel");
	fork_limited();
	ids.newest = 0;
}

static void verify_limit(void)
{
	expect_eq("pid_max outside", own_limit(), limit_outside);
	verify_numbers();
}

const struct fixture fixture_pidns_limit = {
	.name = "pidns_limit",
	.about = "a pid namespace with a pid_max of its own",
	.setup = setup_limit,
	.verify = verify_limit,
	.flags = FX_NESTS | FX_ROUNDS | FX_NOT_INIT,
};

/* ---- as deep as it goes ---- */

static int depth;

static void setup_deep(void)
{
	char name[16];

	remember();
	if (!depth)
		return;
	depth--;
	snprintf(name, sizeof(name), "deep-%d", depth & 63);
	fork_init(name, setup_deep);
	verify_cursor();
}

static int own_level(void)
{
	const char *chain = fx_status("NSpid");
	int level = 0;

	for (; *chain; chain++)
		level += *chain == '\t';
	return level;
}

static void setup_deepest(void)
{
	depth = 32 - own_level(); /* MAX_PID_NS_LEVEL of the kernel */
	setup_deep();
}

const struct fixture fixture_pidns_deep = {
	.name = "pidns_deep",
	.about = "pid namespaces down to level 32, the deepest there is",
	.setup = setup_deepest,
	.verify = verify,
	.flags = FX_NESTS | FX_ROUNDS,
};
