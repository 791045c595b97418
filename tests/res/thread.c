// SPDX-License-Identifier: GPL-2.0-only
/* thread.c - many threads, each with a name, mask, alternate stack, TLS and nice of its own. */
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
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

/* ---- threads with tables of their own: unshare(CLONE_FILES), unshare(CLONE_FS) ---- */

enum { ALONE, WITH_ALONE, ELSEWHERE, BOTH, NR_OWN };

struct tables {
	long fd_size; /* of descriptor 20, or -errno */
	char cwd[512];
	int mask;
};

static pthread_t own_threads[NR_OWN];
static volatile int own_asked;

static void look_at_tables(struct tables *t)
{
	char c[64];

	t->fd_size = pread(20, c, sizeof(c), 0);
	if (t->fd_size < 0)
		t->fd_size = -errno;
	if (!getcwd(t->cwd, sizeof(t->cwd)))
		t->cwd[0] = 0;
	t->mask = umask(0);
	umask(t->mask);
}

static void put_file(int bytes)
{
	char text[64] = "";
	int fd = must(open("/tmp", O_RDWR | O_TMPFILE, 0600));

	must(write(fd, text, bytes));
	must(dup2(fd, 20));
	if (fd != 20)
		close(fd);
}

static void *with_tables(void *arg);

static void make_own(long which)
{
	if (which == ALONE || which == BOTH) {
		must(unshare(CLONE_FILES));
		put_file(10 + which);
		must(close(21));
	}
	if (which == ELSEWHERE || which == BOTH) {
		must(unshare(CLONE_FS));
		must(chdir(which == BOTH ? "/usr" : "/"));
		umask(010 << which);
	}
	if (which == ALONE && pthread_create(&own_threads[WITH_ALONE], NULL, with_tables, (void *)WITH_ALONE))
		fx_die("no thread");
}

static void compare_tables(long which, const struct tables *was, const struct tables *is)
{
	expect(was->fd_size == is->fd_size, "thread %ld: descriptor 20 gives %ld, was %ld", which, is->fd_size,
	       was->fd_size);
	expect(!strcmp(was->cwd, is->cwd), "thread %ld is in %s, was in %s", which, is->cwd, was->cwd);
	expect(was->mask == is->mask, "thread %ld has umask %o, had %o", which, is->mask, was->mask);
}

static void *with_tables(void *arg)
{
	long which = (long)arg;
	struct tables was, is;

	make_own(which);
	look_at_tables(&was);
	fx_mark("own.%ld", which);
	while (!own_asked)
		fx_nap();
	look_at_tables(&is);
	compare_tables(which, &was, &is);
	/* what one does with a table is seen by who shares it, and by nobody else */
	if (which == ALONE) {
		must(dup2(20, 30));
		fx_mark("dup");
	}
	fx_await("dup");
	expect((fcntl(30, F_GETFD) >= 0) == (which == ALONE || which == WITH_ALONE),
	       "thread %ld %s what the first one with a table did", which, fcntl(30, F_GETFD) >= 0 ? "sees" : "misses");
	expect((fcntl(21, F_GETFD) >= 0) == (which == ELSEWHERE), "thread %ld: descriptor 21", which);
	fx_mark("looked.%ld", which);
	for (int i = 0; i < NR_OWN; i++)
		fx_await("looked.%d", i);
	return NULL;
}

static struct tables own_tables;

/* Of a thread a pidfd tells since Linux 6.9; before that its table cannot be read. */
static bool can_be_read(void)
{
	int fd = syscall(SYS_pidfd_open, getpid(), O_EXCL /* PIDFD_THREAD */);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void setup_tables(void)
{
	if (!can_be_read())
		fx_skip("tables of threads are refused before Linux 6.9: refuse_tables");
	must(chdir(fx_path("")));
	put_file(5);
	must(dup2(20, 21));
	for (long i = 0; i < NR_OWN; i++) {
		if (i != WITH_ALONE && pthread_create(&own_threads[i], NULL, with_tables, (void *)i))
			fx_die("no thread");
		fx_await("own.%ld", i);
	}
	fx_await("own.%d", WITH_ALONE);
	look_at_tables(&own_tables);
}

static void verify_tables(void)
{
	struct tables now;

	look_at_tables(&now);
	compare_tables(-1, &own_tables, &now);
	if (!fx_last())
		return;
	own_asked = 1;
	for (int i = 0; i < NR_OWN; i++)
		pthread_join(own_threads[i], NULL);
	expect(fcntl(21, F_GETFD) >= 0, "the process lost descriptor 21");
}

const struct fixture fixture_thread_tables = {
	.name = "thread_tables",
	.about = "threads with descriptor tables and working directories of their own, one shared by two",
	.setup = setup_tables,
	.verify = verify_tables,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- the same where they cannot be read ---- */

static void setup_unread(void)
{
	if (can_be_read())
		fx_skip("tables of threads can be read here");
	put_file(5);
	must(dup2(20, 21));
	if (pthread_create(&own_threads[ALONE], NULL, with_tables, (void *)ALONE))
		fx_die("no thread");
	fx_await("own.%d", ALONE);
}

static void verify_unread(void)
{
	expect(fcntl(21, F_GETFD) >= 0, "the process lost descriptor 21");
}

const struct fixture fixture_refuse_tables = {
	.name = "refuse_tables",
	.about = "a thread with a descriptor table of its own, on a kernel where it cannot be read",
	.setup = setup_unread,
	.verify = verify_unread,
	.flags = FX_LEAVE_ONLY,
};
