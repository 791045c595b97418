// SPDX-License-Identifier: GPL-2.0-only
/* eventfd.c - counters, as wide as they are, as counters or semaphores, shared or not. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../fixture.h"

static struct {
	uint64_t count;
	int flags;
	int fd;
} events[] = {
	{0, EFD_NONBLOCK},
	{5, 0},
	{0xfffffffffffffffe, EFD_NONBLOCK},
	{0x123456789abcdef0, EFD_CLOEXEC},
	{3, EFD_SEMAPHORE},
	{0x1234567890, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC},
};

static int common;

static void verify_heir(void)
{
	uint64_t value = fx_round();

	expect(write(common, &value, 8) == 8, "write: %s", strerror(errno));
}

static void setup(void)
{
	for (size_t i = 0; i < FX_COUNT(events); i++) {
		events[i].fd = must(eventfd(0, events[i].flags));
		if (events[i].count)
			must(write(events[i].fd, &events[i].count, 8));
	}
	common = must(eventfd(0, 0));
	fx_child("heir", NULL, verify_heir);
}

static void check_event(int i)
{
	bool semaphore = events[i].flags & EFD_SEMAPHORE;
	struct pollfd pfd = {events[i].fd, POLLIN | POLLOUT, 0};
	uint64_t value = 0;

	poll(&pfd, 1, 0);
	expect(!!(pfd.revents & POLLIN) == !!events[i].count, "%d: poll for reading", i);
	expect(!!(pfd.revents & POLLOUT) == (events[i].count != 0xfffffffffffffffe),
	       "%d: poll for writing", i);
	expect(!(fcntl(events[i].fd, F_GETFL) & O_NONBLOCK) == !(events[i].flags & EFD_NONBLOCK),
	       "%d: O_NONBLOCK", i);
	expect(!(fcntl(events[i].fd, F_GETFD) & FD_CLOEXEC) == !(events[i].flags & EFD_CLOEXEC),
	       "%d: close-on-exec", i);
	if (!events[i].count) {
		expect(read(events[i].fd, &value, 8) < 0 && errno == EAGAIN, "%d: not empty", i);
		return;
	}
	if (!(pfd.revents & POLLIN))
		return;
	must(read(events[i].fd, &value, 8));
	expect(value == (semaphore ? 1 : events[i].count), "%d: value %lx, not %lx", i, value,
	       events[i].count);
	must(write(events[i].fd, &value, 8));
}

static void verify(void)
{
	uint64_t value = 0;

	for (size_t i = 0; i < FX_COUNT(events); i++)
		check_event(i);
	must(read(common, &value, 8));
	expect_eq("value that the child wrote", value, fx_round());
	for (int i = 0; fx_last() && i < 3; i++)
		must(read(events[4].fd, &value, 8));
	if (fx_last())
		check_event(0);
}

const struct fixture fixture_eventfd = {
	.name = "eventfd",
	.about = "counters of 64 bits, semaphores, one shared with a child",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};
