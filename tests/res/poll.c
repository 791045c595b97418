// SPDX-License-Identifier: GPL-2.0-only
/* poll.c - a poll that was asleep at the dump, and whose event is there before a restore is over. */
#include <poll.h>
#include <pthread.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "../fixture.h"

#define LONG_MS  5000000
#define AHEAD_NS (FX_SECOND / 20)

static volatile unsigned long rounds;

/* A date: it comes whether we are there or not. */
static void arm(int fd)
{
	struct itimerspec date = {};
	int64_t at;

	must(clock_gettime(CLOCK_REALTIME, &date.it_value));
	at = date.it_value.tv_sec * FX_SECOND + date.it_value.tv_nsec + AHEAD_NS;
	date.it_value = (struct timespec){at / FX_SECOND, at % FX_SECOND};
	must(timerfd_settime(fd, TFD_TIMER_ABSTIME, &date, NULL));
}

static void *poll_dates(void *arg)
{
	struct pollfd pfd = {must(timerfd_create(CLOCK_REALTIME, 0)), POLLIN, 0};
	uint64_t ticks;

	for (;; rounds++) {
		pfd.revents = 0;
		arm(pfd.fd);
		expect(poll(&pfd, 1, LONG_MS) == 1, "poll does not tell one event");
		expect(pfd.revents == POLLIN, "poll tells events %x", pfd.revents);
		expect(read(pfd.fd, &ticks, sizeof(ticks)) == sizeof(ticks) && ticks == 1, "no tick");
	}
	return NULL;
}

static void setup(void)
{
	pthread_t t;

	must(pthread_create(&t, NULL, poll_dates, NULL) ? -1 : 0);
	while (!rounds)
		fx_nap();
}

static void verify(void)
{
	unsigned long before = rounds;

	while (rounds < before + 2)
		fx_nap();
}

const struct fixture fixture_poll_overdue = {
	.name = "poll_overdue",
	.about = "a poll whose event comes between dump and restore",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS,
};
