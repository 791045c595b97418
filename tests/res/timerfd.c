// SPDX-License-Identifier: GPL-2.0-only
/* timerfd.c - timers of all clocks: off, once, again and again, with expiries that nobody has read. */
#include <fcntl.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "../fixture.h"

#define HOUR 3600

static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME_ALARM,
			     CLOCK_BOOTTIME_ALARM};
static int far[FX_COUNT(clocks)], date, off, once_due, often_due, soon;
static struct timespec when;
static int64_t started;

static int make(int clock, int flags, const struct itimerspec *it)
{
	int fd = must(timerfd_create(clock, TFD_NONBLOCK));

	if (it)
		must(timerfd_settime(fd, flags, it, NULL));
	return fd;
}

static void setup(void)
{
	struct itimerspec hour = {{7, 5}, {HOUR, 0}}, tiny = {{0, 0}, {0, 1000}};
	struct itimerspec often = {{0, 100000000}, {0, 1000}}, next = {{0, 0}, {1, 0}};

	clock_gettime(CLOCK_REALTIME, &when); /* before them: a busy machine may take seconds to make them */
	for (size_t i = 0; i < FX_COUNT(clocks); i++)
		far[i] = make(clocks[i], 0, &hour);
	when.tv_sec += 2 * HOUR;
	date = make(CLOCK_REALTIME, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET,
		    &(struct itimerspec){{0, 0}, when});
	off = make(CLOCK_MONOTONIC, 0, NULL);
	once_due = make(CLOCK_MONOTONIC, 0, &tiny);
	often_due = make(CLOCK_MONOTONIC, 0, &often);
	started = fx_now();
	soon = make(CLOCK_MONOTONIC, 0, &next);
	usleep(350000); /* three expiries of the periodic one, or more, are unread from here on */
}

static bool is_due(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};

	return poll(&p, 1, 0) == 1;
}

static long seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

/* A busy machine may take its time between any two calls: bounds are those before and after. */
static void verify_far(void)
{
	struct itimerspec it;
	long before, gone;

	for (size_t i = 0; i < FX_COUNT(clocks); i++) {
		must(timerfd_gettime(far[i], &it));
		gone = seconds_now() - (when.tv_sec - 2 * HOUR);
		/* an alarm goes on while the tree is an image, the others may stop */
		expect(it.it_value.tv_sec >= HOUR - gone - 1 && it.it_value.tv_sec < HOUR,
		       "clock %d: %ld s are left after %ld", clocks[i], it.it_value.tv_sec, gone);
		expect(it.it_interval.tv_sec == 7 && it.it_interval.tv_nsec == 5, "interval");
		expect(!is_due(far[i]), "clock %d: it has fired", clocks[i]);
	}
	before = seconds_now();
	must(timerfd_gettime(date, &it));
	expect(before + it.it_value.tv_sec <= when.tv_sec && seconds_now() + it.it_value.tv_sec + 1 >= when.tv_sec,
	       "the date: %ld s are left at %ld, of one at %ld", it.it_value.tv_sec, before, when.tv_sec);
	must(timerfd_gettime(off, &it));
	expect(!it.it_value.tv_sec && !it.it_value.tv_nsec && !is_due(off), "the one that was off");
}

static void verify(void)
{
	int64_t lived = (fx_now() - started) / 100000000;
	uint64_t count = 0;

	verify_far();
	expect(is_due(once_due) && is_due(often_due), "what was due is not");
	if (!fx_last())
		return;
	expect(read(once_due, &count, 8) == 8 && count == 1, "one expiry reads as %lu", count);
	/* what it missed while it was not there it may miss, not what was due before */
	expect(read(often_due, &count, 8) == 8 && count >= 4 && count <= (uint64_t)lived + 2,
	       "expiries of the periodic one: %lu in %ld tenths", count, lived);
	expect(!is_due(once_due), "once is twice");
	for (int i = 0; i < 300 && !is_due(soon); i++)
		usleep(10000);
	expect(read(soon, &count, 8) == 8 && count == 1, "the one that was soon to come did not");
}

const struct fixture fixture_timerfd = {
	.name = "timerfd",
	.about = "timers on five clocks: a date, off, due once, due several times, soon",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};
