// SPDX-License-Identifier: GPL-2.0-only
/* tcp.c - TCP sockets: not connected, listening, connected to the outside and within the tree. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../fixture.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static const union address loopback4 = {.v4 = {AF_INET, 0, {0x0100007f}}};
static const union address loopback6 = {.v6 = {AF_INET6, 0, 0, IN6ADDR_LOOPBACK_INIT}};

static socklen_t size_of(const union address *a)
{
	return a->any.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
}

static union address name_of(int fd)
{
	union address a = {};
	socklen_t len = sizeof(a);

	must(getsockname(fd, &a.any, &len));
	return a;
}

static int listening(const union address *on, int backlog)
{
	int fd = must(socket(on->any.sa_family, SOCK_STREAM, 0)), yes = 1;

	must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)));
	must(bind(fd, &on->any, size_of(on)));
	must(listen(fd, backlog));
	return fd;
}

/* ---- without connections ---- */

static int listen4, listen6, listen_both, bound, fresh, dead;
static union address listen4_is, listen6_is, both_is, bound_is;

static void setup_listen(void)
{
	union address any6 = {.v6 = {AF_INET6}};
	int yes = 1;

	listen4 = must(socket(AF_INET, SOCK_STREAM, 0));
	must(setsockopt(listen4, SOL_TCP, TCP_DEFER_ACCEPT, &(int){3}, sizeof(int)));
	must(setsockopt(listen4, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)));
	must(setsockopt(listen4, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes)));
	must(bind(listen4, &loopback4.any, sizeof(loopback4.v4)));
	must(listen(listen4, 5));
	listen4_is = name_of(listen4);
	listen6 = listening(&loopback6, 9);
	listen6_is = name_of(listen6);
	listen_both = listening(&any6, 3);
	both_is = name_of(listen_both);
	bound = must(socket(AF_INET, SOCK_STREAM, 0));
	must(bind(bound, &loopback4.any, sizeof(loopback4.v4)));
	bound_is = name_of(bound);
	fresh = must(socket(AF_INET6, SOCK_STREAM, 0));
	dead = must(socket(AF_INET, SOCK_STREAM, 0));
	shutdown(dead, SHUT_RDWR);
}

static void exchange(const char *what, int listener, const union address *to)
{
	int out = must(socket(to->any.sa_family, SOCK_STREAM, 0)), in = -1;
	struct pollfd p = {listener, POLLIN, 0};
	char text[8] = "";

	expect(!connect(out, &to->any, size_of(to)), "%s: connect: %s", what, strerror(errno));
	expect(write(out, "hello", 5) == 5, "%s: write: %s", what, strerror(errno));
	if (poll(&p, 1, 5000) == 1)
		in = accept(listener, NULL, NULL);
	expect(in >= 0 && read(in, text, sizeof(text)) == 5 && !strcmp(text, "hello"), "%s: accepted %d, got %s",
	       what, in, text);
	close(in); /* first: what remains of the connection is on the listener's port */
	close(out);
}

static void verify_listen(void)
{
	union address any4 = loopback4, now = name_of(bound);
	char c;

	any4.v4.sin_port = both_is.v6.sin6_port;
	exchange("IPv4", listen4, &listen4_is);
	exchange("IPv6", listen6, &listen6_is);
	exchange("IPv4 to IPv6", listen_both, &any4);
	expect(now.v4.sin_port == bound_is.v4.sin_port, "the bound socket is bound elsewhere");
	now = name_of(fresh);
	expect(!now.v6.sin6_port, "the fresh socket is bound");
	expect(read(dead, &c, 1) == 0, "reading from a socket that was shut down: %s", strerror(errno));
	expect(send(dead, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE, "writing to it: %s", strerror(errno));
}

const struct fixture fixture_tcp_listen = {
	.name = "tcp_listen",
	.about = "listening TCP sockets of IPv4, IPv6 and both, bound ones, fresh ones, dead ones",
	.setup = setup_listen,
	.verify = verify_listen,
	.flags = FX_ROUNDS | FX_NESTED,
};
