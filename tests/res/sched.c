// SPDX-License-Identifier: GPL-2.0-only
/* sched.c - limits, nice, policies, affinity, io priority, autogroup's neighbours. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../fixture.h"

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

struct sched {
	struct attr attr;
	cpu_set_t cpus;
	long io;
};

static struct sched before;

static void look(struct sched *s)
{
	memset(s, 0, sizeof(*s));
	must(syscall(SYS_sched_getattr, 0, &s->attr, sizeof(s->attr), 0));
	must(sched_getaffinity(0, sizeof(s->cpus), &s->cpus));
	s->io = must(syscall(SYS_ioprio_get, 1, 0));
}

static void compare(const struct sched *old)
{
	struct sched now;

	look(&now);
	expect_eq("policy", now.attr.policy, old->attr.policy);
	expect_eq("policy flags", now.attr.flags, old->attr.flags);
	expect_eq("nice", now.attr.nice, old->attr.nice);
	expect_eq("priority", now.attr.priority, old->attr.priority);
	expect_eq("time slice", now.attr.runtime, old->attr.runtime);
	expect(CPU_EQUAL(&now.cpus, &old->cpus), "affinity is %lx, was %lx", now.cpus.__bits[0],
	       old->cpus.__bits[0]);
	expect_eq("io priority", now.io, old->io);
}

static void verify(void)
{
	compare(&before);
}

static void set_policy(int policy, int priority)
{
	struct sched_param param = {.sched_priority = priority};

	must(sched_setscheduler(0, policy, &param));
}

static void become_nice(void)
{
	must(setpriority(PRIO_PROCESS, 0, 7));
	must(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 6));
	look(&before);
}

static void become_batch(void)
{
	must(setpriority(PRIO_PROCESS, 0, -3));
	set_policy(SCHED_BATCH | SCHED_RESET_ON_FORK, 0);
	look(&before);
}

static void become_idle(void)
{
	set_policy(SCHED_IDLE, 0);
	must(syscall(SYS_ioprio_set, 1, 0, 3 << 13));
	look(&before);
}

/* Real time is optional: a container may not have it. Sleeping most of the time, it harms nobody.
 */
static void become_fifo(void)
{
	struct sched_param param = {.sched_priority = 3};

	(void)sched_setscheduler(0, SCHED_FIFO, &param);
	look(&before);
}

static void become_rr(void)
{
	struct sched_param param = {.sched_priority = 5};

	(void)sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &param);
	look(&before);
}

static void become_pinned(void)
{
	cpu_set_t all, one;

	must(sched_getaffinity(0, sizeof(all), &all));
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &all)) {
			CPU_SET(cpu, &one);
			break;
		}
	}
	must(sched_setaffinity(0, sizeof(one), &one));
	look(&before);
}

/* Since 6.12; what is older ignores it. */
static void become_sliced(void)
{
	struct attr attr = {.size = sizeof(attr), .policy = SCHED_BATCH, .runtime = 7000000};

	must(syscall(SYS_sched_setattr, 0, &attr, 0));
	look(&before);
	expect(before.attr.runtime == 7000000 || before.attr.runtime == 0, "a slice of %ld ns", (long)before.attr.runtime);
}

static void setup(void)
{
	look(&before);
	fx_child("sliced", become_sliced, verify);
	fx_child("nice", become_nice, verify);
	fx_child("batch", become_batch, verify);
	fx_child("idle", become_idle, verify);
	fx_child("fifo", become_fifo, verify);
	fx_child("rr", become_rr, verify);
	fx_child("pinned", become_pinned, verify);
}

const struct fixture fixture_sched = {
	.name = "sched",
	.about = "nice, policies, reset-on-fork, affinity, io priority",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- threads that differ ---- */

static volatile int ask[3], ready;

static void *be_thread(void *arg)
{
	static void (*const become[])(void) = {become_nice, become_idle, become_pinned};
	static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
	long me = (long)arg;
	struct sched own;

	pthread_mutex_lock(&turn);
	become[me]();
	own = before;
	pthread_mutex_unlock(&turn);
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		while (!ask[me])
			fx_nap();
		compare(&own);
		ask[me] = 0;
	}
	return NULL;
}

static void setup_threads(void)
{
	pthread_t thread;

	for (long i = 0; i < 3; i++)
		if (pthread_create(&thread, NULL, be_thread, (void *)i))
			fx_die("pthread_create");
	while (ready < 3)
		fx_nap();
	look(&before);
}

static void verify_threads(void)
{
	verify();
	for (int i = 0; i < 3; i++) {
		ask[i] = 1;
		while (ask[i])
			fx_nap();
	}
}

const struct fixture fixture_sched_thread = {
	.name = "sched_thread",
	.about = "threads with other nice, policy, affinity than their process",
	.setup = setup_threads,
	.verify = verify_threads,
	.flags = FX_ROUNDS,
};

/* ---- limits ---- */

static struct rlimit limits[RLIM_NLIMITS];

static void lower(int which, rlim_t soft, rlim_t hard)
{
	struct rlimit limit;

	must(getrlimit(which, &limit));
	limit.rlim_max = limit.rlim_max < hard ? limit.rlim_max : hard;
	limit.rlim_cur = limit.rlim_max < soft ? limit.rlim_max : soft;
	must(setrlimit(which, &limit));
}

static void setup_limits(void)
{
	lower(RLIMIT_NOFILE, 111, 222);
	lower(RLIMIT_CORE, 4096, 8192);
	lower(RLIMIT_STACK, 4 << 20, RLIM_INFINITY);
	lower(RLIMIT_MEMLOCK, 32768, 65536);
	lower(RLIMIT_MSGQUEUE, 1000, 2000);
	lower(RLIMIT_CPU, 100000, 200000);
	lower(RLIMIT_FSIZE, 1UL << 33, 1UL << 34);
	lower(RLIMIT_SIGPENDING, 500, 600);
	lower(RLIMIT_DATA, 1UL << 30, 1UL << 31);
	for (int i = 0; i < (int)RLIM_NLIMITS; i++)
		must(getrlimit(i, &limits[i]));
}

static void verify_limits(void)
{
	struct rlimit now;
	char what[32];

	for (int i = 0; i < (int)RLIM_NLIMITS; i++) {
		must(getrlimit(i, &now));
		snprintf(what, sizeof(what), "soft limit %d", i);
		expect_eq(what, now.rlim_cur, limits[i].rlim_cur);
		snprintf(what, sizeof(what), "hard limit %d", i);
		expect_eq(what, now.rlim_max, limits[i].rlim_max);
	}
}

static void setup_limits_child(void)
{
	for (int i = 0; i < (int)RLIM_NLIMITS; i++)
		must(getrlimit(i, &limits[i]));
	fx_child("limited", setup_limits, verify_limits);
}

const struct fixture fixture_limit = {
	.name = "limit",
	.about = "soft and hard limits",
	.setup = setup_limits_child,
	.verify = verify_limits,
	.flags = FX_ROUNDS | FX_NESTED,
};
