// SPDX-License-Identifier: GPL-2.0-only
/* thread.c - many threads, each with a name, mask, alternate stack, TLS and nice of its own. */
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../fixture.h"

#define NR_THREADS 60

struct thread {
	pthread_t handle;
	int index;
	pid_t tid;
	char host[64];
	char altstack[8192];
};

static struct thread threads[NR_THREADS];
static int wanted, done;
static __thread uint64_t own[16];
static volatile int running, leader_tid;

static void futex_wait(int *word, int old)
{
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
}

static void futex_wake_all(int *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, NR_THREADS, NULL, NULL, 0);
}

static void mask_of(int index, sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGUSR1);
	sigaddset(set, SIGRTMIN + index % 30);
	if (index & 1)
		sigaddset(set, SIGTERM);
}

static void become(struct thread *t)
{
	stack_t stack = {.ss_sp = t->altstack, .ss_size = sizeof(t->altstack)};
	sigset_t set;
	char name[16];

	t->tid = gettid();
	fx_fill(own, sizeof(own), t->tid);
	snprintf(name, sizeof(name), "thread-%d", t->index);
	prctl(PR_SET_NAME, name);
	mask_of(t->index, &set);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	sigaltstack(&stack, NULL);
	setpriority(PRIO_PROCESS, t->tid, t->index % 5);
}

static void check(struct thread *t)
{
	char name[16] = "", want[16];
	sigset_t set, mask;
	stack_t stack;

	snprintf(want, sizeof(want), "thread-%d", t->index);
	prctl(PR_GET_NAME, name);
	expect(!strcmp(name, want), "thread %d is called %s", t->index, name);
	expect_eq("tid", gettid(), t->tid);
	expect(!fx_differs(own, sizeof(own), t->tid), "thread-local memory of thread %d", t->index);
	expect(pthread_equal(pthread_self(), t->handle), "pthread_self of thread %d", t->index);
	mask_of(t->index, &mask);
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	expect(!memcmp(&set, &mask, 8), "signal mask of thread %d", t->index);
	sigaltstack(NULL, &stack);
	expect(stack.ss_sp == t->altstack, "alternate stack of thread %d", t->index);
	expect_eq("nice of a thread", getpriority(PRIO_PROCESS, 0), t->index % 5);
	expect(!syscall(SYS_tgkill, getpid(), t->tid, 0), "tgkill of thread %d", t->index);
}

static void *live(void *arg)
{
	struct thread *t = arg;
	bool last;

	become(t);
	__atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
	for (int round = 0;; round++) {
		while (__atomic_load_n(&wanted, __ATOMIC_SEQ_CST) <= round)
			futex_wait(&wanted, round);
		last = fx_last();
		check(t);
		__atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
		if (last)
			return (void *)(long)t->tid;
	}
}

static void setup(void)
{
	leader_tid = gettid();
	for (int i = 0; i < NR_THREADS; i++) {
		threads[i].index = i;
		if (pthread_create(&threads[i].handle, NULL, live, &threads[i]))
			fx_die("pthread_create of thread %d", i);
	}
	while (running < NR_THREADS)
		fx_nap();
}

static void join_all(void)
{
	void *result;

	for (int i = 0; i < NR_THREADS; i++) {
		pthread_join(threads[i].handle, &result);
		expect_eq("value of a joined thread", (long)result, threads[i].tid);
	}
}

static void *nothing(void *arg)
{
	return arg;
}

static void verify(void)
{
	pthread_t fresh;
	void *result = NULL;
	int err;

	expect_eq("tid of the leader", gettid(), leader_tid);
	__atomic_add_fetch(&wanted, 1, __ATOMIC_SEQ_CST);
	futex_wake_all(&wanted);
	while (__atomic_load_n(&done, __ATOMIC_SEQ_CST) < NR_THREADS)
		fx_nap();
	done = 0;
	if (!fx_last())
		return;
	join_all();
	err = pthread_create(&fresh, NULL, nothing, &wanted);
	expect(!err && !pthread_join(fresh, &result) && result == &wanted,
	       "a new thread after all the others: %s", strerror(err));
}

const struct fixture fixture_thread = {
	.name = "thread",
	.about = "60 threads with names, masks, alternate stacks, thread-local memory",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- a leader that has ended before its threads ---- */

static void *outlive(void *arg)
{
	char state;

	do {
		fx_nap();
		state = fx_state(getpid());
	} while (state != 'Z');
	fx_mark("leader-dead");
	fx_await("leader-go");
	_exit(gettid() != getpid() && fx_state(getpid()) == 'Z' ? 23 : 24);
}

static pid_t leaderless;

static void setup_leader(void)
{
	pthread_t thread;

	leaderless = must(fork());
	if (!leaderless) {
		if (pthread_create(&thread, NULL, outlive, NULL))
			_exit(25);
		pthread_exit(NULL);
	}
	fx_await("leader-dead");
}

static void verify_leader(void)
{
	int got;

	expect_eq("state of the dead leader", fx_state(leaderless), 'Z');
	if (!fx_last())
		return;
	fx_mark("leader-go");
	got = fx_exit_of(leaderless);
	expect_eq("exit status of the process", got, 23);
}

const struct fixture fixture_thread_leader = {
	.name = "thread_leader",
	.about = "a process whose leader thread has ended",
	.setup = setup_leader,
	.verify = verify_leader,
	.flags = FX_NESTED,
};
