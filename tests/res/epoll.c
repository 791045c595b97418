// SPDX-License-Identifier: GPL-2.0-only
/* epoll.c - what instances watch: levels, edges, one shots, each other, files whose number is gone. */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../fixture.h"

#define BIG ((uint64_t)0xfeedfacecafebeef)

static int ep, level, edge, once, closed, renumbered, pipe_ends[2], inner, inner_event, exclusive;

static void watch(int instance, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = {.events = events, .data.u64 = data};

	must(epoll_ctl(instance, EPOLL_CTL_ADD, fd, &ev));
}

/* A file that is watched by a number which is closed now, and by one that is another file's now. */
static void setup_gone(void)
{
	int fd = must(eventfd(0, EFD_NONBLOCK));

	closed = must(dup(fd));
	watch(ep, fd, EPOLLIN, 50);
	close(fd);
	fd = must(eventfd(0, EFD_NONBLOCK));
	watch(ep, fd, EPOLLIN, 60);
	renumbered = must(dup(fd));
	must(dup3(must(open("/dev/null", O_RDWR)), fd, O_CLOEXEC));
}

static void setup(void)
{
	ep = must(epoll_create1(EPOLL_CLOEXEC));
	level = must(eventfd(0, EFD_NONBLOCK));
	edge = must(eventfd(0, EFD_NONBLOCK));
	once = must(eventfd(0, EFD_NONBLOCK));
	exclusive = must(eventfd(0, EFD_NONBLOCK));
	inner = must(epoll_create1(0));
	inner_event = must(eventfd(0, EFD_NONBLOCK));
	must(pipe(pipe_ends));
	watch(ep, level, EPOLLIN, BIG);
	watch(ep, edge, EPOLLIN | EPOLLET, 10);
	watch(ep, once, EPOLLIN | EPOLLONESHOT, 20);
	watch(ep, pipe_ends[0], EPOLLIN | EPOLLRDHUP, 30);
	watch(inner, inner_event, EPOLLIN, 1);
	watch(ep, inner, EPOLLIN, 40);
	watch(ep, exclusive, EPOLLIN | EPOLLEXCLUSIVE, 70);
	setup_gone();
	fx_child("heir", NULL, NULL);
}

static void drain(int fd)
{
	uint64_t value;

	must(read(fd, &value, sizeof(value)));
}

static void signal_and_expect(const char *what, int fd, uint64_t data, uint32_t events)
{
	struct epoll_event ev[4] = {};
	uint64_t one = 1;
	int n;

	must(write(fd, &one, sizeof(one)));
	n = epoll_wait(ep, ev, 4, 1000);
	expect_eq(what, n, 1);
	expect(ev[0].data.u64 == data, "%s: data is %lx", what, ev[0].data.u64);
	expect_eq(what, ev[0].events, events);
}

static void verify_edge(void)
{
	struct epoll_event ev;
	uint64_t one = 1;

	signal_and_expect("edge", edge, 10, EPOLLIN);
	expect(!epoll_wait(ep, &ev, 1, 0), "an edge is told twice");
	must(write(edge, &one, sizeof(one)));
	expect(epoll_wait(ep, &ev, 1, 0) == 1, "a new edge is not told");
	drain(edge);
}

static void verify_once(void)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = 20};
	uint64_t one = 1;

	signal_and_expect("one shot", once, 20, EPOLLIN);
	must(write(once, &one, sizeof(one)));
	expect(!epoll_wait(ep, &ev, 1, 0), "a one shot is told twice");
	drain(once);
	ev = (struct epoll_event){.events = EPOLLIN | EPOLLONESHOT, .data.u64 = 20};
	must(epoll_ctl(ep, EPOLL_CTL_MOD, once, &ev));
}

static void verify(void)
{
	struct epoll_event ev;
	char byte;

	expect(!epoll_wait(ep, &ev, 1, 0), "something is ready: %lx", ev.data.u64);
	signal_and_expect("level", level, BIG, EPOLLIN);
	drain(level);
	verify_edge();
	verify_once();
	signal_and_expect("pipe", pipe_ends[1], 30, EPOLLIN);
	for (int i = 0; i < 8; i++)
		must(read(pipe_ends[0], &byte, 1));
	signal_and_expect("epoll in epoll", inner_event, 40, EPOLLIN);
	drain(inner_event);
	expect(!epoll_wait(inner, &ev, 1, 0), "the inner one is ready");
	signal_and_expect("closed number", closed, 50, EPOLLIN);
	drain(closed);
	signal_and_expect("number of another file", renumbered, 60, EPOLLIN);
	drain(renumbered);
	signal_and_expect("exclusive", exclusive, 70, EPOLLIN);
	drain(exclusive);
	expect(epoll_ctl(ep, EPOLL_CTL_DEL, level, NULL) == 0, "cannot remove: %s", strerror(errno));
	watch(ep, level, EPOLLIN, BIG);
}

const struct fixture fixture_epoll = {
	.name = "epoll",
	.about = "levels, edges, one shots, epoll in epoll, numbers that are gone or another file's",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- more items than a frame of the walk holds ---- */

#define NR_MANY 900

static int many, events[NR_MANY];

static void setup_many(void)
{
	many = must(epoll_create1(0));
	for (int i = 0; i < NR_MANY; i++) {
		events[i] = must(eventfd(0, EFD_NONBLOCK));
		watch(many, events[i], EPOLLIN, i);
	}
}

static void verify_many(void)
{
	uint64_t one = 1;

	for (int i = 0; i < NR_MANY; i++) {
		struct epoll_event ev = {};

		must(write(events[i], &one, sizeof(one)));
		expect(epoll_wait(many, &ev, 1, 0) == 1 && ev.data.u64 == (uint64_t)i, "item %d", i);
		drain(events[i]);
	}
}

const struct fixture fixture_epoll_many = {
	.name = "epoll_many",
	.about = "nine hundred items in one instance",
	.setup = setup_many,
	.verify = verify_many,
	.flags = FX_ROUNDS,
};

/* ---- a one shot that has fired ---- */

static void setup_fired(void)
{
	uint64_t one = 1;

	setup();
	must(write(once, &one, sizeof(one)));
	must(epoll_wait(ep, &(struct epoll_event){}, 1, 0));
	drain(once);
}

static void verify_fired(void)
{
	struct epoll_event ev;
	uint64_t one = 1;

	must(write(once, &one, sizeof(one)));
	expect(!epoll_wait(ep, &ev, 1, 0), "it fires again");
	drain(once);
}

const struct fixture fixture_epoll_fired = {
	.name = "epoll_fired",
	.about = "a one shot that has fired and waits to be armed again",
	.setup = setup_fired,
	.verify = verify_fired,
	.flags = FX_MAY_REFUSE,
};
