// SPDX-License-Identifier: GPL-2.0-only
/* unix_queue.c - what waits in queues: bytes, borders, senders, credentials; and half-closed connections. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "unix.h"

enum { LARGE = 150000 };

static int stream[2], large[2], packets[2], datagrams[2], empty[2], offset[2];

static const char *const messages[] = {"one", "", "two", "and a third message that is longer", "", "last"};

static void setup_queue(void)
{
	char *buf = malloc(LARGE);
	int off = 4, room = 1 << 20, c;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, stream));
	must(write(stream[0], "first word ", 11));
	must(write(stream[0], "second word", 11));
	must(read(stream[1], &c, 1)); /* part of a buffer is read */
	must(write(stream[1], "back", 4));
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, large));
	fx_fill(buf, LARGE, 5);
	must(setsockopt(large[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)));
	expect(write(large[0], buf, LARGE) == LARGE, "write: %s", strerror(errno));
	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packets));
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams));
	for (size_t i = 0; i < FX_COUNT(messages); i++) {
		must(send(packets[0], messages[i], strlen(messages[i]), 0));
		must(send(datagrams[1], messages[i], strlen(messages[i]), 0));
	}
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, empty));
	must(send(empty[0], "", 0, 0));
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, offset));
	must(write(offset[0], "0123456789", 10));
	must(setsockopt(offset[1], SOL_SOCKET, SO_PEEK_OFF, &off, sizeof(off)));
	free(buf);
}

static void verify_messages(const char *what, int fd)
{
	char buf[100];

	for (size_t i = 0; i < FX_COUNT(messages); i++) {
		ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (n != (ssize_t)strlen(messages[i]) || memcmp(buf, messages[i], n))
			fx_fail("%s %zu: %zd bytes '%.*s', not '%s'", what, i, n, n > 0 ? (int)n : 0, buf,
				messages[i]);
	}
	un_expect_nothing(what, fd);
}

static void verify_queue(void)
{
	char *buf = malloc(LARGE), digits[5] = "";
	int waiting = 0;
	size_t have = 0;

	un_expect_text("stream", stream[1], "irst word second word");
	un_expect_text("back", stream[0], "back");
	must(ioctl(large[1], FIONREAD, &waiting));
	expect_eq("bytes in the large queue", waiting, LARGE);
	expect_eq("SO_PEEK_OFF", un_option(offset[1], SO_PEEK_OFF), 4);
	if (fx_last()) {
		expect(recv(offset[1], digits, 4, MSG_PEEK) == 4 && !memcmp(digits, "4567", 4), "peek gives '%s'",
		       digits);
		for (ssize_t n; have < LARGE && (n = recv(large[1], buf + have, LARGE - have, MSG_DONTWAIT)) > 0;)
			have += n;
		expect_eq("bytes read", have, LARGE);
		expect(!fx_differs(buf, LARGE, 5), "the bytes differ");
		verify_messages("packet", packets[1]);
		verify_messages("datagram", datagrams[0]);
		expect(recv(empty[1], buf, 10, MSG_DONTWAIT) == 0, "no empty message");
	}
	free(buf);
}

const struct fixture fixture_unix_queue = {
	.name = "unix_queue",
	.about = "bytes and messages in the queues of unix sockets, with SO_PEEK_OFF",
	.setup = setup_queue,
	.verify = verify_queue,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- connections that nobody has accepted ---- */

static int server, clients[5];

static void setup_pending(void)
{
	server = un_bound(SOCK_STREAM, fx_path("pending"));
	must(listen(server, 8));
	for (int i = 0; i < 5; i++) {
		char text[4000];
		int len = snprintf(text, sizeof(text), "client %d", i);

		clients[i] = un_connected(SOCK_STREAM, fx_path("pending"));
		if (i == 1)
			continue; /* has not said anything */
		must(send(clients[i], text, len, 0));
		memset(text, 'x', sizeof(text));
		must(send(clients[i], text, i == 2 ? 3000 : 10, 0));
		if (i == 3)
			must(shutdown(clients[i], SHUT_WR));
		if (i == 4)
			must(close(clients[i]));
	}
}

static void verify_pending(void)
{
	struct pollfd pfd = {server, POLLIN, 0};
	char buf[4000];

	expect(poll(&pfd, 1, 0) == 1, "nobody waits");
	if (!fx_last())
		return;
	for (int i = 0; i < 5; i++) {
		int fd = accept4(server, NULL, NULL, SOCK_NONBLOCK), want = i == 1 ? 0 : i == 2 ? 3008 : 18;
		ssize_t n = 0, part;

		expect(fd >= 0, "client %d does not wait: %s", i, strerror(errno));
		while ((part = read(fd, buf + n, sizeof(buf) - n)) > 0)
			n += part;
		expect_eq("bytes of a client", n, want);
		expect(i == 1 || !strncmp(buf, "client ", 7), "client %d: '%.10s'", i, buf);
		expect(i == 1 || buf[7] == '0' + i, "client %d in the place of %d", buf[7] - '0', i);
		expect(i < 3 ? part < 0 && errno == EAGAIN : part == 0, "client %d: end of file or not", i);
		un_expect_name("accepted", fd, false, fx_path("pending"));
		expect(i == 4 || write(fd, "hello", 5) == 5, "client %d: write: %s", i, strerror(errno));
		expect(i == 4 || (recv(clients[i], buf, 5, 0) == 5 && !memcmp(buf, "hello", 5)),
		       "client %d does not hear", i);
		close(fd);
	}
	expect(poll(&pfd, 1, 0) == 0, "somebody waits still");
}

const struct fixture fixture_unix_pending = {
	.name = "unix_pending",
	.about = "connections in a backlog, with data, shut down, closed",
	.setup = setup_pending,
	.verify = verify_pending,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- halves ---- */

static int half[3][2], gone, gone_named, reset, gone_packet, both;

static void setup_half(void)
{
	int pair[2], listener;
	char path[108];

	for (int i = 0; i < 3; i++) {
		must(socketpair(AF_UNIX, i == 1 ? SOCK_SEQPACKET : SOCK_STREAM, 0, half[i]));
		must(send(half[i][0], "before", 6, 0));
		must(shutdown(half[i][0], i == 2 ? SHUT_RD : SHUT_WR));
	}
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	gone = pair[0];
	must(send(pair[1], "left behind", 11, 0));
	must(close(pair[1]));
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	reset = pair[0];
	must(send(pair[1], "and then", 8, 0));
	must(send(pair[0], "nobody reads it", 15, 0));
	must(close(pair[1]));
	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	gone_packet = pair[0];
	must(send(pair[1], "packet", 6, 0));
	must(close(pair[1]));
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	both = pair[0];
	must(shutdown(both, SHUT_RDWR));
	must(dup(pair[1]));
	snprintf(path, sizeof(path), "%s", fx_path("server"));
	listener = un_bound(SOCK_STREAM, path);
	must(listen(listener, 3));
	gone_named = un_connected(SOCK_STREAM, path);
	pair[0] = must(accept(listener, NULL, NULL));
	must(send(pair[0], "bye", 3, 0));
	must(close(pair[0]));
	must(close(listener));
	must(unlink(path));
}

static void expect_end(const char *what, int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);

	expect(n == 0, "%s: no end of file: %zd, %s", what, n, strerror(errno));
}

static void verify_half(void)
{
	struct pollfd pfd[] = {{gone, POLLIN, 0}, {reset, POLLIN, 0}, {both, POLLIN, 0}, {half[0][1], POLLRDHUP, 0}};
	char c;

	poll(pfd, 4, 0);
	expect_eq("poll of who is alone", pfd[0].revents, POLLIN | POLLHUP);
	expect_eq("poll of who was reset", pfd[1].revents, POLLIN | POLLERR | POLLHUP);
	expect_eq("poll of who shut down", pfd[2].revents, POLLIN | POLLHUP);
	expect_eq("poll of the other half", pfd[3].revents, POLLRDHUP);
	un_expect_name("peer that is gone", gone_named, true, fx_path("server"));
	un_expect_name("peer without a name", gone, true, "");
	for (int i = 0; i < 2; i++)
		expect(send(half[i][0], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE, "half %d can be sent to", i);
	un_expect_text("half of a stream", half[0][1], "before");
	un_expect_text("half of a seqpacket", half[1][1], "before");
	un_expect_text("left behind", gone, "left behind");
	un_expect_text("left behind, then an error", reset, "and then");
	un_expect_text("left behind, a packet", gone_packet, "packet");
	un_expect_text("left behind by a server", gone_named, "bye");
	if (!fx_last())
		return;
	expect_end("half of a stream", half[0][1]);
	expect_end("half of a seqpacket", half[1][1]);
	expect_end("alone", gone);
	expect_end("alone with packets", gone_packet);
	expect_end("after the server", gone_named);
	expect(recv(reset, &c, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET, "no ECONNRESET: %s", strerror(errno));
	expect_end("after the error", reset);
	expect(send(half[0][1], "back", 4, 0) == 4 && recv(half[0][0], &c, 1, 0) == 1 && c == 'b',
	       "the open half is closed");
}

const struct fixture fixture_unix_half = {
	.name = "unix_half",
	.about = "halves that are shut down, peers that are gone with data, an error, a name",
	.setup = setup_half,
	.verify = verify_half,
	.flags = FX_ROUNDS | FX_NESTED,
};
