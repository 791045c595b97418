// SPDX-License-Identifier: GPL-2.0-only
/* unix.c - pairs of unix sockets: of each type, shared, duplicated, between tasks. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fixture.h"

static struct {
	int type, flags;
	int end[2];
} pairs[] = {
	{SOCK_STREAM, 0},
	{SOCK_DGRAM, SOCK_NONBLOCK},
	{SOCK_SEQPACKET, SOCK_CLOEXEC},
};

static int between[2], copy, epoll;

static void child_setup(void)
{
	close(between[0]);
}

/* The child answers what it is told. */
static void child_verify(void)
{
	char c = 0;

	expect(recv(between[1], &c, 1, 0) == 1, "the child hears nothing: %s", strerror(errno));
	c++;
	expect(send(between[1], &c, 1, 0) == 1, "the child cannot answer: %s", strerror(errno));
}

static void setup(void)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 77};

	for (size_t i = 0; i < FX_COUNT(pairs); i++) {
		must(socketpair(AF_UNIX, pairs[i].type | pairs[i].flags, 0, pairs[i].end));
		must(fchmod(pairs[i].end[0], 0640));
	}
	must(fcntl(pairs[0].end[1], F_SETFL, O_NONBLOCK));
	copy = must(dup(pairs[0].end[0]));
	epoll = must(epoll_create1(0));
	must(epoll_ctl(epoll, EPOLL_CTL_ADD, pairs[0].end[1], &ev));
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, between));
	fx_child("child", child_setup, child_verify);
}

static int option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	must(getsockopt(fd, SOL_SOCKET, name, &value, &len));
	return value;
}

/* One message each way, of all types; then there is nothing more. */
static void check_pair(int i)
{
	int *end = pairs[i].end;
	char buf[64];
	struct stat st;

	expect_eq("type", option(end[0], SO_TYPE), pairs[i].type);
	expect_eq("error", option(end[0], SO_ERROR), 0);
	must(fstat(end[0], &st));
	expect_eq("mode of the socket", st.st_mode & 07777, 0640);
	for (int k = 0; k < 2; k++) {
		int len = snprintf(buf, sizeof(buf), "round %d, end %d", fx_round(), k);

		expect(send(end[k], buf, len, 0) == len, "%d: send: %s", i, strerror(errno));
		memset(buf, 0, sizeof(buf));
		expect(recv(end[!k], buf, sizeof(buf), MSG_DONTWAIT) == len, "%d: recv: %s", i,
		       strerror(errno));
		expect(recv(end[!k], buf, sizeof(buf), MSG_DONTWAIT) < 0 && errno == EAGAIN,
		       "%d: there is something left", i);
	}
}

static void verify(void)
{
	struct epoll_event ev;
	char c = fx_round();

	for (size_t i = 0; i < FX_COUNT(pairs); i++)
		check_pair(i);
	expect(!!(fcntl(pairs[0].end[1], F_GETFL) & O_NONBLOCK), "O_NONBLOCK is gone");
	expect(!(fcntl(pairs[0].end[0], F_GETFL) & O_NONBLOCK), "O_NONBLOCK came");
	expect(fcntl(pairs[2].end[0], F_GETFD) == FD_CLOEXEC, "close-on-exec is gone");
	expect(epoll_wait(epoll, &ev, 1, 0) == 0, "epoll says that something is there");
	expect(write(copy, "x", 1) == 1, "write to the copy");
	expect(epoll_wait(epoll, &ev, 1, 0) == 1 && ev.data.u64 == 77, "epoll does not wait for it");
	expect(read(pairs[0].end[1], &c, 1) == 1 && c == 'x', "the copy is another socket");
	c = fx_round();
	expect(send(between[0], &c, 1, 0) == 1, "the child cannot be told");
	expect(recv(between[0], &c, 1, 0) == 1 && c == (char)(fx_round() + 1), "the child answers %d", c);
}

const struct fixture fixture_unix = {
	.name = "unix",
	.about = "pairs of unix sockets of all types, one with a child",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};
