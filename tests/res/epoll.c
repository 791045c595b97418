// SPDX-License-Identifier: GPL-2.0-only
/* epoll.c - what instances watch: levels, edges, one shots, each other, files whose number is gone. */
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
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

/* EPIOCSPARAMS, since 6.9 */
struct params {
	uint32_t usecs;
	uint16_t budget;
	uint8_t prefer, pad;
};
#define SET_PARAMS _IOW(0x8a, 1, struct params)
#define GET_PARAMS _IOR(0x8a, 2, struct params)

static bool has_params;

static void setup_many(void)
{
	struct params set = {60, 32, 1, 0};

	many = must(epoll_create1(0));
	has_params = !ioctl(many, SET_PARAMS, &set);
	for (int i = 0; i < NR_MANY; i++) {
		events[i] = must(eventfd(0, EFD_NONBLOCK));
		watch(many, events[i], EPOLLIN, i);
	}
}

static void verify_many(void)
{
	struct params set = {};
	uint64_t one = 1;

	if (has_params)
		expect(!ioctl(many, GET_PARAMS, &set) && set.usecs == 60 && set.budget == 32 && set.prefer == 1,
		       "busy polling: %u us, %u, %u", set.usecs, set.budget, set.prefer);
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

/* ---- one shots that have fired ---- */

static struct {
	const char *name;
	int fd;
} fired[5]; /* the data of each is its place here */

static int fired_pipe[2], quiet;

static void add_fired(int i, const char *name, int fd, uint32_t events)
{
	struct epoll_event ev;

	fired[i].name = name;
	fired[i].fd = fd;
	watch(ep, fd, events | EPOLLONESHOT, i);
	expect(epoll_wait(ep, &ev, 1, 1000) == 1 && ev.data.u64 == (uint64_t)i, "%s does not fire", name);
}

static void setup_fired(void)
{
	struct itimerspec soon = {.it_value = {0, 1}}, late = {.it_value = {5000, 0}, .it_interval = {7, 0}};
	uint64_t one = 1;
	sigset_t set;
	char byte = 1;

	ep = must(epoll_create1(0));
	once = must(eventfd(0, EFD_NONBLOCK));
	must(write(once, &one, sizeof(one)));
	add_fired(0, "eventfd", once, EPOLLIN | EPOLLET);
	drain(once);

	must(pipe(fired_pipe));
	must(write(fired_pipe[1], &byte, 1));
	add_fired(1, "pipe", fired_pipe[0], EPOLLIN);
	must(read(fired_pipe[0], &byte, 1));

	fired[2].fd = must(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
	must(timerfd_settime(fired[2].fd, 0, &soon, NULL));
	add_fired(2, "timerfd", fired[2].fd, EPOLLIN);
	must(timerfd_settime(fired[2].fd, 0, &late, NULL));

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	add_fired(3, "signalfd", must(signalfd(-1, &set, 0)), EPOLLIN);
	sigwaitinfo(&set, NULL);

	add_fired(4, "write end", fired_pipe[1], EPOLLOUT);
	quiet = must(eventfd(3, EFD_NONBLOCK)); /* ready all the time */
	watch(ep, quiet, EPOLLIN, 99);
}

static void make_ready(int i)
{
	struct itimerspec soon = {.it_value = {0, 1}};
	uint64_t one = 1;

	if (i == 0)
		must(write(once, &one, sizeof(one)));
	else if (i == 1)
		must(write(fired_pipe[1], "x", 1));
	else if (i == 2)
		must(timerfd_settime(fired[2].fd, 0, &soon, NULL));
	else if (i == 3)
		raise(SIGUSR1);
	usleep(2000);
}

static void verify_fired(void)
{
	struct epoll_event ev[8];
	struct itimerspec left;
	int n, unread = 1;

	must(timerfd_gettime(fired[2].fd, &left));
	expect(fx_round() > 1 || (left.it_value.tv_sec > 4000 && left.it_interval.tv_sec == 7), "the timer has %ld s left",
	       left.it_value.tv_sec);
	expect(read(fired[2].fd, &left, 8) < 0 && errno == EAGAIN, "the timer has expired");
	expect(!ioctl(fired_pipe[0], FIONREAD, &unread) && !unread, "%d bytes are in the pipe", unread);
	for (int i = 0; i < 5; i++)
		make_ready(i);
	n = epoll_wait(ep, ev, 8, 0);
	expect(n == 1 && ev[0].data.u64 == 99, "%d are told, the first is %lu", n, ev[0].data.u64);
	for (int i = 0; i < 5; i++) {
		struct epoll_event again = {.events = EPOLLIN | EPOLLOUT | EPOLLONESHOT, .data.u64 = i};

		must(epoll_ctl(ep, EPOLL_CTL_MOD, fired[i].fd, &again));
		n = epoll_wait(ep, ev, 8, 0);
		expect(n == 2, "%s, armed again: %d are told", fired[i].name, n);
	}
	drain(once);
	must(read(fired_pipe[0], &left, 1));
	must(read(fired[2].fd, &left, 8));
	sigwaitinfo(&(sigset_t){{1ul << (SIGUSR1 - 1)}}, NULL);
	must(timerfd_settime(fired[2].fd, 0, &(struct itimerspec){.it_value = {5000, 0}}, NULL));
}

/* ---- sockets among other files: made at another time of a restore, on numbers of their own ---- */

#define MIXED 12

static int mixed, pairs[MIXED][2], counters[MIXED];

static void setup_mixed(void)
{
	mixed = must(epoll_create1(0));
	for (int i = 0; i < MIXED; i++) {
		must(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]));
		counters[i] = must(eventfd(0, EFD_NONBLOCK));
		watch(mixed, counters[i], EPOLLIN, 100 + i);
		watch(mixed, pairs[i][0], EPOLLIN, 200 + i);
	}
}

/* Only what was made ready is told, by its own data. */
static void expect_told(const char *what, int i, uint64_t data)
{
	struct epoll_event ev[2 * MIXED];
	int n = epoll_wait(mixed, ev, 2 * MIXED, 0);

	expect(n == 1 && ev[0].data.u64 == data, "%s %d: %d events, data %llu", what, i, n,
	       n > 0 ? (unsigned long long)ev[0].data.u64 : 0);
}

static void verify_mixed(void)
{
	uint64_t one = 1;
	char byte = 'x';

	for (int i = 0; i < MIXED; i++) {
		must(write(pairs[i][1], &byte, 1));
		expect_told("socket", i, 200 + i);
		must(read(pairs[i][0], &byte, 1));
		must(write(counters[i], &one, sizeof(one)));
		expect_told("counter", i, 100 + i);
		must(read(counters[i], &one, sizeof(one)));
	}
}

const struct fixture fixture_epoll_mixed = {
	.name = "epoll_mixed",
	.about = "sockets and counters in one instance, on the lowest numbers",
	.setup = setup_mixed,
	.verify = verify_mixed,
	.flags = FX_ROUNDS | FX_NESTED,
};

const struct fixture fixture_epoll_fired = {
	.name = "epoll_fired",
	.about = "one shots that were told and wait to be armed again",
	.setup = setup_fired,
	.verify = verify_fired,
	.flags = FX_ROUNDS | FX_NESTED,
};
