// SPDX-License-Identifier: GPL-2.0-only
/* timer.c - interval timers, alarm, POSIX timers: time that is left, ids, and that they fire. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "../fixture.h"

static int64_t us_of(const struct timeval *tv)
{
	return tv->tv_sec * 1000000LL + tv->tv_usec;
}

static int64_t ns_of(const struct timespec *ts)
{
	return ts->tv_sec * FX_SECOND + ts->tv_nsec;
}

/* ---- time that is left ---- */

static const struct itimerval long_timer = {{7, 5000}, {5000, 250000}};
static const int kinds[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
static int64_t started, left_at_ready[3];

static void setup_left(void)
{
	struct itimerval now;

	started = fx_now();
	for (int i = 0; i < 3; i++)
		must(setitimer(kinds[i], &long_timer, NULL));
	while (fx_now() < started + FX_SECOND / 5)
		fx_spin();
	for (int i = 0; i < 3; i++) {
		must(getitimer(kinds[i], &now));
		left_at_ready[i] = us_of(&now.it_value);
	}
}

static void verify_left(void)
{
	int64_t passed = (fx_now() - started) / 1000;
	struct itimerval now;

	for (int i = 0; i < 3; i++) {
		must(getitimer(kinds[i], &now));
		/* What can be set is microseconds, what is kept is finer: rounded up. */
		expect(us_of(&now.it_value) <= left_at_ready[i] + 1,
		       "timer %d has %lld us left, had %lld before the dump", i,
		       (long long)us_of(&now.it_value), (long long)left_at_ready[i]);
		expect(us_of(&now.it_value) >= us_of(&long_timer.it_value) - passed - 20000,
		       "timer %d ran too fast", i);
		expect(us_of(&now.it_interval) / 10000 == us_of(&long_timer.it_interval) / 10000,
		       "interval of timer %d is %lld us", i, (long long)us_of(&now.it_interval));
	}
}

const struct fixture fixture_timer_left = {
	.name = "timer_left",
	.about = "interval timers keep the time that is left",
	.setup = setup_left,
	.verify = verify_left,
	.flags = FX_ROUNDS,
};

/* ---- that they fire ---- */

static volatile int fired[NSIG];

static void count(int sig)
{
	fired[sig]++;
}

static void setup_fire(void)
{
	struct itimerval quick = {{0, 30000}, {0, 30000}};
	struct sigaction sa = {.sa_handler = count, .sa_flags = SA_RESTART};
	static const int signals[] = {SIGALRM, SIGVTALRM, SIGPROF};

	for (int i = 0; i < 3; i++) {
		must(sigaction(signals[i], &sa, NULL));
		must(setitimer(kinds[i], &quick, NULL));
	}
	while (!fired[SIGALRM])
		fx_spin();
}

static void verify_fire(void)
{
	int real = fired[SIGALRM], virtual = fired[SIGVTALRM], prof = fired[SIGPROF];

	/* If one of them was lost this never ends, and the runner says so. */
	while (fired[SIGALRM] < real + 3 || fired[SIGVTALRM] < virtual + 3 ||
	       fired[SIGPROF] < prof + 3)
		fx_spin();
}

const struct fixture fixture_timer_fire = {
	.name = "timer_fire",
	.about = "interval timers of all three kinds go on",
	.setup = setup_fire,
	.verify = verify_fire,
	.flags = FX_ROUNDS | FX_MOVES,
};

/* ---- alarm ---- */

static unsigned int alarm_left;

static void setup_alarm(void)
{
	signal(SIGALRM, count);
	alarm(5000);
	alarm_left = 5000;
}

static void verify_alarm(void)
{
	unsigned int left;

	if (!fx_last())
		return;
	left = alarm(1);
	expect(left && left <= alarm_left, "%u seconds are left of the alarm", left);
	while (!fired[SIGALRM])
		fx_nap();
}

const struct fixture fixture_timer_alarm = {
	.name = "timer_alarm",
	.about = "an alarm",
	.setup = setup_alarm,
	.verify = verify_alarm,
};

/* ---- POSIX timers: the kernel's own ids, with gaps ---- */

#define NR_TIMERS 8

static struct posix {
	clockid_t clock;
	int notify;
	struct itimerspec spec;
	bool gap, by_thread;
	int id;
	int64_t started, left;
} timers[NR_TIMERS] = {
	{CLOCK_MONOTONIC, SIGEV_SIGNAL, {{0, 0}, {5000, 0}}},
	{CLOCK_REALTIME, SIGEV_SIGNAL, {{9, 5}, {5000, 0}}, .gap = true},
	{CLOCK_REALTIME, SIGEV_SIGNAL, {{9, 500000}, {6000, 0}}},
	{CLOCK_BOOTTIME, SIGEV_NONE, {{3, 0}, {7000, 0}}},
	{CLOCK_MONOTONIC, SIGEV_SIGNAL, {}, .gap = true},
	{CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, {{1, 0}, {5000, 0}}},
	{CLOCK_MONOTONIC, SIGEV_THREAD_ID, {{0, 0}, {5000, 0}}, .by_thread = true},
	{CLOCK_MONOTONIC, SIGEV_SIGNAL, {}}, /* never armed */
};

static volatile pid_t timer_thread;
static volatile int timer_signal_tid, quick_count;
static volatile long quick_value;

static void on_timer(int sig, siginfo_t *si, void *ctx)
{
	quick_value = (long)si->si_value.sival_ptr;
	timer_signal_tid = gettid();
	quick_count++;
}

static void *wait_for_timers(void *arg)
{
	timer_thread = gettid();
	for (;;)
		fx_nap();
	return NULL;
}

static int create(struct posix *t, long value)
{
	struct sigevent ev = {.sigev_notify = t->notify, .sigev_signo = SIGRTMIN + 3};
	int id = -1;

	ev.sigev_value.sival_ptr = (void *)value;
	if (t->by_thread)
		ev._sigev_un._tid = timer_thread;
	must(syscall(SYS_timer_create, t->clock, &ev, &id));
	return id;
}

static void arm(struct posix *t)
{
	struct itimerspec spec;

	t->started = fx_now();
	must(syscall(SYS_timer_settime, t->id, 0, &t->spec, NULL));
	must(syscall(SYS_timer_gettime, t->id, &spec));
	t->left = ns_of(&spec.it_value);
}

static void setup_posix(void)
{
	struct sigaction sa = {.sa_sigaction = on_timer, .sa_flags = SA_SIGINFO | SA_RESTART};
	pthread_t thread;

	must(sigaction(SIGRTMIN + 3, &sa, NULL));
	if (pthread_create(&thread, NULL, wait_for_timers, NULL))
		fx_die("pthread_create");
	while (!timer_thread)
		fx_nap();
	for (int i = 0; i < NR_TIMERS; i++)
		timers[i].id = create(&timers[i], 0x10000 + i);
	for (int i = 0; i < NR_TIMERS; i++) {
		if (timers[i].gap)
			must(syscall(SYS_timer_delete, timers[i].id));
		else
			arm(&timers[i]);
	}
}

static void check_timer(struct posix *t)
{
	int64_t passed = fx_now() - t->started, whole = ns_of(&t->spec.it_value);
	struct itimerspec now = {};

	if (syscall(SYS_timer_gettime, t->id, &now)) {
		expect(t->gap, "timer %d is lost", t->id);
		return;
	}
	expect(!t->gap, "timer %d was deleted", t->id);
	expect(ns_of(&now.it_value) <= t->left, "timer %d has more time left than before", t->id);
	expect(!whole || ns_of(&now.it_value) >= whole - passed - FX_SECOND / 50,
	       "timer %d ran too fast", t->id);
	expect_eq("interval of a timer", ns_of(&now.it_interval),
		  t->notify == SIGEV_NONE && !whole ? 0 : ns_of(&t->spec.it_interval));
	expect(syscall(SYS_timer_getoverrun, t->id) == 0, "timer %d has an overrun", t->id);
}

/* Each of them fires: as what it was made, to whom it was made. */
static void fire(struct posix *t, int index)
{
	struct itimerspec quick = {.it_value = {0, 1000000}};
	int before = quick_count;

	if (t->gap || t->notify == SIGEV_NONE)
		return;
	must(syscall(SYS_timer_settime, t->id, 0, &quick, NULL));
	while (quick_count == before)
		fx_spin();
	expect(quick_value == 0x10000 + index, "timer %d gave value %lx", t->id, quick_value);
	expect(!t->by_thread || timer_signal_tid == timer_thread, "timer %d went to thread %d",
	       t->id, timer_signal_tid);
}

static void verify_posix(void)
{
	int fresh;

	for (int i = 0; i < NR_TIMERS; i++)
		check_timer(&timers[i]);
	fresh = create(&timers[0], 0);
	for (int i = 0; i < NR_TIMERS; i++)
		expect(timers[i].gap || fresh != timers[i].id, "a new timer got id %d, in use",
		       fresh);
	syscall(SYS_timer_delete, fresh);
	for (int i = 0; fx_last() && i < NR_TIMERS; i++) {
		fire(&timers[i], i);
		expect(timers[i].gap || !syscall(SYS_timer_delete, timers[i].id),
		       "deleting timer %d: %s", timers[i].id, strerror(errno));
	}
}

const struct fixture fixture_timer_posix = {
	.name = "timer_posix",
	.about = "POSIX timers of several clocks and kinds, with gaps in their ids",
	.setup = setup_posix,
	.verify = verify_posix,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- POSIX timers that fire all the time ---- */

static int quick_id;

static void setup_periodic(void)
{
	struct sigaction sa = {.sa_sigaction = on_timer, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct itimerspec spec = {{0, 20000000}, {0, 20000000}};
	struct posix t = {CLOCK_MONOTONIC, SIGEV_SIGNAL};

	must(sigaction(SIGRTMIN + 3, &sa, NULL));
	quick_id = create(&t, 0x777);
	must(syscall(SYS_timer_settime, quick_id, 0, &spec, NULL));
	while (!quick_count)
		fx_spin();
}

static void verify_periodic(void)
{
	int before = quick_count;

	while (quick_count < before + 5)
		fx_spin();
	expect(quick_value == 0x777, "value %lx", quick_value);
}

const struct fixture fixture_timer_periodic = {
	.name = "timer_periodic",
	.about = "a POSIX timer that fires every 20 ms",
	.setup = setup_periodic,
	.verify = verify_periodic,
	.flags = FX_ROUNDS | FX_MOVES,
};
