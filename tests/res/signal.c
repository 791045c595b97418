// SPDX-License-Identifier: GPL-2.0-only
/* signal.c - actions, masks, pending queues with their data, handlers that are running. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "../fixture.h"

#define NR_SIGNALS 64

/* The kernel's view: restorer and all. */
struct kernel_action {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

static struct kernel_action actions[NR_SIGNALS + 1];
static char stack_mem[64 << 10];
static volatile int handled, on_stack;

static int get_action(int sig, struct kernel_action *a)
{
	return syscall(SYS_rt_sigaction, sig, NULL, a, 8);
}

static void handle(int sig, siginfo_t *si, void *ctx)
{
	char here;

	on_stack = &here >= stack_mem && &here < stack_mem + sizeof(stack_mem);
	handled++;
}

/* ---- actions ---- */

static void setup_action(void)
{
	static const int flags[] = {
		0,	    SA_RESTART,	  SA_NODEFER,	SA_RESETHAND,
		SA_ONSTACK, SA_NOCLDSTOP, SA_NOCLDWAIT, SA_RESTART | SA_NODEFER};
	stack_t stack = {.ss_sp = stack_mem, .ss_size = sizeof(stack_mem)};

	sigaltstack(&stack, NULL);
	for (int sig = 1; sig <= NR_SIGNALS; sig++) {
		struct sigaction sa = {.sa_sigaction = handle};

		if (sig == SIGKILL || sig == SIGSTOP || sig == SIGCHLD || sig == 32 || sig == 33)
			continue;
		sa.sa_flags = flags[sig % FX_COUNT(flags)] | SA_SIGINFO;
		if (sig % 11 == 0)
			sa = (struct sigaction){.sa_handler = SIG_IGN};
		sigaddset(&sa.sa_mask, sig % 31 + 1);
		sigaddset(&sa.sa_mask, SIGRTMIN + sig % 30);
		if (sig % 7)
			must(sigaction(sig, &sa, NULL));
	}
	for (int sig = 1; sig <= NR_SIGNALS; sig++)
		must(get_action(sig, &actions[sig]));
}

static void verify_action(void)
{
	struct sigaction sa = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK}, old;
	struct kernel_action now;

	for (int sig = 1; sig <= NR_SIGNALS; sig++) {
		expect(!get_action(sig, &now), "rt_sigaction of %d", sig);
		expect(!memcmp(&now, &actions[sig], sizeof(now)),
		       "action of signal %d: handler %p flags %lx mask %lx, was %p %lx %lx", sig,
		       now.handler, now.flags, now.mask, actions[sig].handler, actions[sig].flags,
		       actions[sig].mask);
	}
	sigaction(SIGUSR2, &sa, &old);
	handled = on_stack = 0;
	raise(SIGUSR2);
	expect(handled == 1, "the handler ran %d times", handled);
	expect(on_stack, "the handler did not run on the alternate stack");
	sigaction(SIGUSR2, &old, NULL);
}

const struct fixture fixture_signal_action = {
	.name = "signal_action",
	.about = "actions of all signals, and the alternate stack",
	.setup = setup_action,
	.verify = verify_action,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- pending ---- */

#define NR_QUEUED 20

static pthread_t side;
static volatile pid_t side_tid;
static volatile int side_round;
static uint64_t blocked;

static void queue_to(pid_t pid, pid_t tid, int sig, int value)
{
	siginfo_t si = {.si_signo = sig, .si_code = SI_QUEUE};

	si.si_pid = getpid();
	si.si_uid = 1234;
	si.si_value.sival_ptr = (void *)(0x7000000000UL + value);
	if (tid)
		must(syscall(SYS_rt_tgsigqueueinfo, pid, tid, sig, &si));
	else
		must(syscall(SYS_rt_sigqueueinfo, pid, sig, &si));
}

/* The shared queue gets real-time signals in order and plain ones; each thread has its own. */
static void fill_queues(void)
{
	for (int i = 0; i < NR_QUEUED; i++)
		queue_to(getpid(), 0, SIGRTMIN + 1 + i % 2, i);
	must(kill(getpid(), SIGUSR1));
	must(kill(getpid(), SIGTERM));
	queue_to(getpid(), 0, SIGALRM, 77);
}

static void fill_own(int base)
{
	for (int i = 0; i < 5; i++)
		queue_to(getpid(), gettid(), SIGRTMIN + 5, base + i);
	must(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR2));
}

static int take(int sig, siginfo_t *si)
{
	struct timespec now = {};
	uint64_t set = 1UL << (sig - 1);

	return syscall(SYS_rt_sigtimedwait, &set, si, &now, 8);
}

static void take_queued(int sig, int value)
{
	siginfo_t si = {};

	expect(take(sig, &si) == sig, "signal %d with value %d is not pending", sig, value);
	expect(si.si_code == SI_QUEUE, "code of signal %d is %d", sig, si.si_code);
	expect(si.si_pid == getpid() && si.si_uid == 1234, "sender of signal %d is %d, uid %d", sig,
	       si.si_pid, si.si_uid);
	expect(si.si_value.sival_ptr == (void *)(0x7000000000UL + value),
	       "value of signal %d is %p, not ...%x", sig, si.si_value.sival_ptr, value);
}

static void take_plain(int sig, int code)
{
	siginfo_t si = {};

	expect(take(sig, &si) == sig, "signal %d is not pending", sig);
	expect(si.si_code == code, "code of signal %d is %d, was %d", sig, si.si_code, code);
	expect(si.si_pid == getpid(), "sender of signal %d is %d", sig, si.si_pid);
	expect(take(sig, &si) < 0, "signal %d is pending twice", sig);
}

static void check_own(int base)
{
	siginfo_t si;

	for (int i = 0; i < 5; i++)
		take_queued(SIGRTMIN + 5, base + i);
	take_plain(SIGUSR2, SI_TKILL);
	expect(take(SIGRTMIN + 5, &si) < 0, "a signal of a thread is pending too often");
}

static void *be_side(void *arg)
{
	side_tid = gettid();
	fill_own(500);
	side_round = 1;
	for (;;) {
		while (side_round % 2)
			fx_nap();
		check_own(500);
		if (fx_last())
			return NULL;
		fill_own(500);
		side_round++;
	}
}

static void setup_pending(void)
{
	blocked = ~0UL & ~(1UL << (SIGSEGV - 1));
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, NULL, 8);
	if (pthread_create(&side, NULL, be_side, NULL))
		fx_die("pthread_create");
	while (!side_round)
		fx_nap();
	fill_queues();
	fill_own(600);
}

static void verify_pending(void)
{
	siginfo_t si;

	for (int i = 0; i < NR_QUEUED; i += 2) {
		take_queued(SIGRTMIN + 1, i);
		take_queued(SIGRTMIN + 2, i + 1);
	}
	expect(take(SIGRTMIN + 1, &si) < 0, "a signal is pending too often");
	take_plain(SIGUSR1, SI_USER);
	take_plain(SIGTERM, SI_USER);
	take_queued(SIGALRM, 77);
	check_own(600);
	side_round++; /* even: the other thread looks */
	if (fx_last()) {
		pthread_join(side, NULL);
		return;
	}
	while (side_round % 2 == 0)
		fx_nap();
	fill_queues();
	fill_own(600);
}

const struct fixture fixture_signal_pending = {
	.name = "signal_pending",
	.about = "pending signals with their data and order, of the process and of threads",
	.setup = setup_pending,
	.verify = verify_pending,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- a pending signal that a timer would set, too ---- */

#define TIMER_US 100

/* Of SIGALRM only the first is kept: ours, as long as it waits, however often the timer fires. */
static void queue_before_timer(void)
{
	static const struct itimerval often = {{0, TIMER_US}, {0, TIMER_US}}, off;
	siginfo_t si;

	must(setitimer(ITIMER_REAL, &off, NULL));
	while (take(SIGALRM, &si) > 0)
		;
	queue_to(getpid(), 0, SIGALRM, 78);
	must(setitimer(ITIMER_REAL, &often, NULL));
}

static void setup_timer(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	queue_before_timer();
}

static void verify_timer(void)
{
	take_queued(SIGALRM, 78);
	queue_before_timer();
}

const struct fixture fixture_signal_timer = {
	.name = "signal_timer",
	.about = "a pending signal that a timer would send, too",
	.setup = setup_timer,
	.verify = verify_timer,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- pending signals that a child's end or a fault made ---- */

static pid_t ended;

static void setup_sigchld(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ended = must(fork());
	if (!ended)
		_exit(33);
	sigpending(&set);
	while (!sigismember(&set, SIGCHLD)) {
		fx_nap();
		sigpending(&set);
	}
}

static void verify_sigchld(void)
{
	siginfo_t si = {};

	if (!fx_last())
		return;
	expect(take(SIGCHLD, &si) == SIGCHLD, "SIGCHLD is not pending");
	expect(si.si_code == CLD_EXITED && si.si_status == 33 && si.si_pid == ended,
	       "SIGCHLD with code %d status %d pid %d", si.si_code, si.si_status, si.si_pid);
	expect_eq("exit status", fx_exit_of(ended), 33);
}

const struct fixture fixture_signal_child = {
	.name = "signal_child",
	.about = "a pending SIGCHLD with its data",
	.setup = setup_sigchld,
	.verify = verify_sigchld,
	.flags = FX_NO_FORK,
};

/* ---- dumped inside of a handler, on the alternate stack ---- */

static volatile int inside, leave_handler, left_handler;
static pthread_t in_handler;

static void stay(int sig, siginfo_t *si, void *ctx)
{
	char here;

	on_stack = &here >= stack_mem && &here < stack_mem + sizeof(stack_mem);
	inside = 1;
	while (!leave_handler)
		fx_nap();
	expect(&here >= stack_mem && &here < stack_mem + sizeof(stack_mem), "the stack moved");
}

static void *enter_handler(void *arg)
{
	stack_t stack = {.ss_sp = stack_mem, .ss_size = sizeof(stack_mem)}, now;
	sigset_t before, after;

	sigaltstack(&stack, NULL);
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	pthread_kill(pthread_self(), SIGUSR1);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	expect(!memcmp(&before, &after, 8), "the mask is another after the handler");
	sigaltstack(NULL, &now);
	expect(now.ss_sp == stack_mem && !now.ss_flags, "the alternate stack is %p, flags %x",
	       now.ss_sp, now.ss_flags);
	left_handler = 1;
	return NULL;
}

static void setup_handler(void)
{
	struct sigaction sa = {.sa_sigaction = stay, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaction(SIGUSR1, &sa, NULL);
	if (pthread_create(&in_handler, NULL, enter_handler, NULL))
		fx_die("pthread_create");
	while (!inside)
		fx_nap();
}

static void verify_handler(void)
{
	expect(!left_handler, "the handler has ended");
	expect(on_stack, "the handler does not run on the alternate stack");
	if (!fx_last())
		return;
	leave_handler = 1;
	pthread_join(in_handler, NULL);
}

const struct fixture fixture_signal_handler = {
	.name = "signal_handler",
	.about = "a thread inside of a signal handler on the alternate stack",
	.setup = setup_handler,
	.verify = verify_handler,
	.flags = FX_ROUNDS,
};
