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

#include "inet.h"

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

/* ---- streams: each byte is known by its place ---- */

struct end {
	int fd;
	size_t sent, got; /* of the streams to the other end, and from it */
	unsigned int from, to; /* seeds of the two streams */
};

static unsigned char at(unsigned int seed, size_t place)
{
	return (place * 31 + place / 251 + seed * 77) & 0xff;
}

/* Up to len bytes, or as many as go. */
static void put(struct end *e, size_t len)
{
	unsigned char buf[16384];

	while (len) {
		size_t n = len < sizeof(buf) ? len : sizeof(buf);
		ssize_t done;

		for (size_t i = 0; i < n; i++)
			buf[i] = at(e->to, e->sent + i);
		done = send(e->fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (done <= 0)
			return;
		e->sent += done;
		len -= done;
	}
}

/* Reads until so many bytes have come in all. Returns how many are missing; MSG_PEEK is not used. */
static size_t take(const char *what, struct end *e, size_t until)
{
	unsigned char buf[16384];

	while (e->got < until) {
		struct pollfd p = {e->fd, POLLIN, 0};
		size_t want = until - e->got < sizeof(buf) ? until - e->got : sizeof(buf);
		ssize_t n = poll(&p, 1, 20000) == 1 ? recv(e->fd, buf, want, MSG_DONTWAIT) : -1;

		if (n <= 0) {
			fx_fail("%s: %zu of %zu bytes came: %s", what, e->got, until, n ? strerror(errno) : "end");
			break;
		}
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != at(e->from, e->got + i)) {
				fx_fail("%s: byte %zu is not what was sent", what, e->got + i);
				return until - e->got;
			}
		e->got += n;
	}
	return until - e->got;
}

static void expect_end(const char *what, struct end *e)
{
	struct pollfd p = {e->fd, POLLIN, 0};
	char c;
	ssize_t n = poll(&p, 1, 20000) == 1 ? recv(e->fd, &c, 1, MSG_DONTWAIT) : -2;

	expect(n == 0, "%s: no end of the stream (%zd: %s)", what, n, strerror(errno));
}

static unsigned int state_of(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	must(getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len));
	return info.tcpi_state;
}

static void connect_ends(const union address *on, struct end *a, struct end *b, unsigned int seed)
{
	int listener = listening(on, 1);
	union address to = name_of(listener);

	a->fd = must(socket(on->any.sa_family, SOCK_STREAM, 0));
	must(connect(a->fd, &to.any, size_of(&to)));
	b->fd = must(accept(listener, NULL, NULL));
	a->to = b->from = seed;
	a->from = b->to = seed + 1;
	close(listener);
}

/* ---- both ends in the tree ---- */

enum { NOTHING, SOME, FULL };

static struct {
	const char *name;
	const union address *on;
	int there, back;      /* how much is on its way */
	bool a_ends, b_ends;  /* shutdown(2) */
	bool peer_read_end;
	struct end a, b;
	unsigned int a_state, b_state;
	union address is;
} pairs[] = {
	{"idle", &loopback4},
	{"some", &loopback4, SOME, SOME},
	{"full", &loopback4, FULL},
	{"full both ways", &loopback6, FULL, FULL},
	{"ended", &loopback4, SOME, SOME, true},
	{"ended, end read", &loopback6, NOTHING, SOME, true, .peer_read_end = true},
	{"ended while full", &loopback4, FULL, NOTHING, true},
	{"both ended while full", &loopback4, FULL, FULL, true, true},
};

static void setup_pair(void)
{
	for (size_t i = 0; i < FX_COUNT(pairs); i++) {
		struct end *a = &pairs[i].a, *b = &pairs[i].b;
		char c;

		connect_ends(pairs[i].on, a, b, i * 2);
		put(a, pairs[i].there == FULL ? 64 << 20 : pairs[i].there == SOME ? 5000 : 0);
		put(b, pairs[i].back == FULL ? 64 << 20 : pairs[i].back == SOME ? 70000 : 0);
		if (pairs[i].a_ends)
			must(shutdown(a->fd, SHUT_WR));
		if (pairs[i].b_ends)
			must(shutdown(b->fd, SHUT_WR));
		if (pairs[i].peer_read_end)
			must(recv(b->fd, &c, 1, 0) == 0 ? 0 : -1);
		pairs[i].is = name_of(a->fd);
	}
	fx_nap(); /* what is on its way comes */
	for (size_t i = 0; i < FX_COUNT(pairs); i++) {
		pairs[i].a_state = state_of(pairs[i].a.fd);
		pairs[i].b_state = state_of(pairs[i].b.fd);
	}
}

static void verify_one_pair(size_t i)
{
	struct end *a = &pairs[i].a, *b = &pairs[i].b;
	const char *name = pairs[i].name;
	union address now = name_of(a->fd);
	int unread = -1;

	expect(!memcmp(&now, &pairs[i].is, sizeof(now)), "%s: its address", name);
	if (pairs[i].there == SOME)
		expect(!ioctl(b->fd, FIONREAD, &unread) && unread == (int)(a->sent - b->got),
		       "%s: %d bytes to be read, not %zu", name, unread, a->sent - b->got);
	if (!fx_last() && (pairs[i].there == FULL || pairs[i].back == FULL)) {
		/* as full as before */
		if (pairs[i].there == FULL && b->got + 400000 < a->sent)
			take(name, b, b->got + 100000);
		return;
	}
	if (!pairs[i].a_ends)
		put(a, 3000);
	if (!pairs[i].b_ends)
		put(b, 2000);
	take(name, b, a->sent);
	take(name, a, b->sent);
	if (pairs[i].a_ends)
		expect_end(name, b);
	if (pairs[i].b_ends)
		expect_end(name, a);
	if (fx_last())
		return;
	put(a, !pairs[i].a_ends && pairs[i].there == SOME ? 5000 : 0);
	put(b, !pairs[i].b_ends && pairs[i].back == SOME ? 70000 : 0);
}

static void verify_pair(void)
{
	for (size_t i = 0; i < FX_COUNT(pairs) && !fx_round(); i++) {
		expect_eq(pairs[i].name, state_of(pairs[i].a.fd), pairs[i].a_state);
		expect_eq(pairs[i].name, state_of(pairs[i].b.fd), pairs[i].b_state);
	}
	for (size_t i = 0; i < FX_COUNT(pairs); i++)
		verify_one_pair(i);
}

const struct fixture fixture_tcp_pair = {
	.name = "tcp_pair",
	.about = "TCP connections within the tree: idle, full, ended on one side or both",
	.setup = setup_pair,
	.verify = verify_pair,
	.flags = FX_ROUNDS | FX_NESTED | FX_TCP,
};

/* ---- of IPv6 only, or not: bind(2) to an address turns it on, connect(2) and accept(2) do not ---- */

static struct {
	const char *name;
	bool listener_only, client_bound;
	struct end client, served;
	int was[2];
} onlys[] = {
	{"neither"},
	{"server", .listener_only = true},
	{"client", .client_bound = true},
};

static int v6only(int fd)
{
	int value = -1;
	socklen_t len = sizeof(value);

	must(getsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &value, &len));
	return value;
}

static void setup_v6only(void)
{
	for (size_t i = 0; i < FX_COUNT(onlys); i++) {
		int listener = must(socket(AF_INET6, SOCK_STREAM, 0)), only = onlys[i].listener_only;
		union address any = {.v6 = {AF_INET6}}, to;

		must(setsockopt(listener, SOL_IPV6, IPV6_V6ONLY, &only, sizeof(only)));
		must(bind(listener, &any.any, size_of(&any)));
		must(listen(listener, 1));
		to = loopback6;
		to.v6.sin6_port = name_of(listener).v6.sin6_port;
		onlys[i].client.fd = must(socket(AF_INET6, SOCK_STREAM, 0));
		if (onlys[i].client_bound)
			must(bind(onlys[i].client.fd, &loopback6.any, size_of(&loopback6)));
		must(connect(onlys[i].client.fd, &to.any, size_of(&to)));
		onlys[i].served.fd = must(accept(listener, NULL, NULL));
		onlys[i].client.to = onlys[i].served.from = i;
		onlys[i].was[0] = v6only(onlys[i].client.fd);
		onlys[i].was[1] = v6only(onlys[i].served.fd);
		expect_eq(onlys[i].name, onlys[i].was[0], onlys[i].client_bound);
		expect_eq(onlys[i].name, onlys[i].was[1], onlys[i].listener_only);
		put(&onlys[i].client, 500);
	}
}

static void verify_v6only(void)
{
	for (size_t i = 0; i < FX_COUNT(onlys); i++) {
		expect_eq("IPV6_V6ONLY of a client", v6only(onlys[i].client.fd), onlys[i].was[0]);
		expect_eq("IPV6_V6ONLY of a server", v6only(onlys[i].served.fd), onlys[i].was[1]);
		take(onlys[i].name, &onlys[i].served, onlys[i].client.sent);
		put(&onlys[i].client, 500);
	}
}

const struct fixture fixture_tcp_v6only = {
	.name = "tcp_v6only",
	.about = "IPV6_V6ONLY of connections, with and without an address of their own",
	.setup = setup_v6only,
	.verify = verify_v6only,
	.flags = FX_ROUNDS | FX_TCP,
};

/* ---- the other end is outside ---- */

enum { OUTSIDE = 6 };

static struct end ours[OUTSIDE];

/* An echo; ended connections are answered to their end, and a reset is a failure. */
static void serve_outside(void)
{
	int listeners[2] = {listening(&loopback4, 16), listening(&loopback6, 16)}, fds[OUTSIDE] = {};
	char ports[32] = "", buf[8192];
	int left = 0, file, n = snprintf(ports, sizeof(ports), "%d %d", ntohs(name_of(listeners[0]).v4.sin_port),
					 ntohs(name_of(listeners[1]).v6.sin6_port));

	file = must(open(fx_path("numbers"), O_CREAT | O_WRONLY, 0644));
	must(write(file, ports, n));
	close(file);
	fx_mark("listening");
	for (int i = 0; i < OUTSIDE; i++) {
		struct pollfd p = {listeners[i & 1], POLLIN, 0};

		while (poll(&p, 1, 100) < 1)
			fx_nap();
		fds[i] = must(accept(listeners[i & 1], NULL, NULL));
		left++;
	}
	while (left) {
		struct pollfd p[OUTSIDE];

		for (int i = 0; i < OUTSIDE; i++)
			p[i] = (struct pollfd){fds[i], POLLIN, 0};
		poll(p, OUTSIDE, 100);
		fx_nap();
		for (int i = 0; i < OUTSIDE; i++) {
			ssize_t got = fds[i] >= 0 && p[i].revents ? recv(fds[i], buf, sizeof(buf), 0) : -2;

			if (got == -2)
				continue;
			if (got > 0) {
				for (ssize_t done = 0; done < got;) {
					ssize_t sent = send(fds[i], buf + done, got - done, MSG_NOSIGNAL);

					if (sent < 0 && (fx_mark("reset"), 1))
						break;
					done += sent;
				}
				continue;
			}
			if (got < 0)
				fx_mark("reset");
			close(fds[i]);
			fds[i] = -1;
			left--;
		}
	}
}

static void setup_peer(void)
{
	char text[32] = "";
	unsigned int port[2];

	fx_await("listening");
	fx_read_file(fx_path("numbers"), text, sizeof(text) - 1);
	must(sscanf(text, "%u %u", &port[0], &port[1]) == 2 ? 0 : -1);
	for (int i = 0; i < OUTSIDE; i++) {
		union address to = i & 1 ? loopback6 : loopback4;

		to.v4.sin_port = htons(port[i & 1]);
		ours[i].fd = must(socket(to.any.sa_family, SOCK_STREAM, 0));
		ours[i].to = ours[i].from = i;
		must(connect(ours[i].fd, &to.any, size_of(&to)));
		put(&ours[i], i * 40000);
	}
	must(shutdown(ours[4].fd, SHUT_WR));
}

/* What was on its way, then more of it, and then a little for the next round. */
static void verify_peer(void)
{
	for (int i = 0; i < OUTSIDE; i++) {
		char name[16];

		snprintf(name, sizeof(name), "peer %d", i);
		put(&ours[i], i == 4 ? 0 : 1000);
		take(name, &ours[i], ours[i].sent);
		if (i == 4)
			expect_end(name, &ours[i]);
		else if (!fx_last())
			put(&ours[i], 10000);
		if (fx_last())
			close(ours[i].fd);
	}
	expect(!fx_marked("reset"), "the peer has seen a reset");
}

const struct fixture fixture_tcp_peer = {
	.name = "tcp_peer",
	.about = "TCP connections with somebody outside of the tree, data under way",
	.setup = setup_peer,
	.verify = verify_peer,
	.outside = serve_outside,
	.flags = FX_ROUNDS | FX_TCP,
};

/* ---- a server in the tree, its clients outside ---- */

enum { CLIENTS = 6, QUESTION = 20000 };

static int server4, server_both;
static struct end served[CLIENTS];

/* Sends a question, waits for its echo, sends the next. */
static void ask_outside(void)
{
	struct end e[CLIENTS] = {};
	char text[32] = "";
	unsigned int port[2];
	int left = CLIENTS;

	fx_await("listening");
	fx_read_file(fx_path("numbers"), text, sizeof(text) - 1);
	must(sscanf(text, "%u %u", &port[0], &port[1]) == 2 ? 0 : -1);
	for (int i = 0; i < CLIENTS; i++) {
		/* to the second: IPv4 to a socket of IPv6, and IPv6 */
		union address to = i % 3 == 2 ? loopback6 : loopback4;

		to.v4.sin_port = htons(port[i % 3 > 0]);
		e[i].fd = must(socket(to.any.sa_family, SOCK_STREAM, 0));
		must(connect(e[i].fd, &to.any, size_of(&to)));
		e[i].to = e[i].from = i;
		put(&e[i], QUESTION);
	}
	while (left) {
		struct pollfd p[CLIENTS];

		for (int i = 0; i < CLIENTS; i++)
			p[i] = (struct pollfd){e[i].fd, POLLIN, 0};
		poll(p, CLIENTS, 100);
		fx_nap();
		for (int i = 0; i < CLIENTS; i++) {
			unsigned char buf[4096];
			ssize_t n = e[i].fd >= 0 && p[i].revents ? recv(e[i].fd, buf, sizeof(buf), 0) : -2;

			for (ssize_t k = 0; k < n; k++)
				if (buf[k] != at(e[i].from, e[i].got + k)) {
					fprintf(stderr, "client %d: byte %zu of %zu\n", i, e[i].got + k, e[i].sent);
					fx_mark("reset");
					break;
				}
			if (n > 0 && (e[i].got += n) == e[i].sent)
				put(&e[i], QUESTION);
			if (n == -1) {
				fprintf(stderr, "client %d: %s after %zu of %zu\n", i, strerror(errno), e[i].got, e[i].sent);
				fx_mark("reset");
			}
			if (n != 0 && n != -1)
				continue;
			close(e[i].fd);
			e[i].fd = -1;
			left--;
		}
	}
}

static void setup_server(void)
{
	union address any6 = {.v6 = {AF_INET6}};
	char ports[32];
	int file, yes = 1, n;

	server4 = listening(&loopback4, 16);
	server_both = listening(&any6, 16);
	must(setsockopt(server4, SOL_TCP, TCP_NODELAY, &yes, sizeof(yes)));
	n = snprintf(ports, sizeof(ports), "%d %d", ntohs(name_of(server4).v4.sin_port),
		     ntohs(name_of(server_both).v6.sin6_port));
	file = must(open(fx_path("numbers"), O_CREAT | O_WRONLY, 0644));
	must(write(file, ports, n));
	close(file);
	fx_mark("listening");
	for (int i = 0; i < CLIENTS; i++) {
		struct pollfd p[2] = {{server4, POLLIN, 0}, {server_both, POLLIN, 0}};

		must(poll(p, 2, 20000));
		served[i].fd = must(accept(p[0].revents ? server4 : server_both, NULL, NULL));
		must(setsockopt(served[i].fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes)));
		must(setsockopt(served[i].fd, SOL_TCP, TCP_KEEPIDLE, &(int){77}, sizeof(int)));
		must(setsockopt(served[i].fd, SOL_TCP, TCP_MAXSEG, &(int){900 + i}, sizeof(int)));
	}
}

static void verify_server(void)
{
	static char buf[QUESTION];

	for (int i = 0; i < CLIENTS; i++) {
		int value = 0;
		socklen_t len = sizeof(value);
		size_t have = 0;

		expect(!getsockopt(served[i].fd, SOL_TCP, TCP_KEEPIDLE, &value, &len) && value == 77,
		       "TCP_KEEPIDLE is %d", value);
		while (have < sizeof(buf)) {
			struct pollfd p = {served[i].fd, POLLIN, 0};
			ssize_t n = poll(&p, 1, 20000) == 1 ? recv(served[i].fd, buf + have, sizeof(buf) - have, 0) : -1;

			if (n <= 0)
				break;
			have += n;
		}
		expect(have == sizeof(buf), "client %d: %zu bytes of %zu came: %s", i, have, sizeof(buf),
		       strerror(errno));
		expect(send(served[i].fd, buf, have, MSG_NOSIGNAL) == (ssize_t)have, "client %d: %s", i,
		       strerror(errno));
	}
	expect(!fx_marked("reset"), "a client has seen a reset, or another answer");
	for (int i = 0; i < CLIENTS && fx_last(); i++) {
		shutdown(served[i].fd, SHUT_WR);
		while (read(served[i].fd, buf, sizeof(buf)) > 0)
			;
		close(served[i].fd);
	}
}

const struct fixture fixture_tcp_server = {
	.name = "tcp_server",
	.about = "a TCP server with clients outside of the tree, IPv4, IPv6 and mapped",
	.setup = setup_server,
	.verify = verify_server,
	.outside = ask_outside,
	.flags = FX_ROUNDS | FX_TCP,
};

/* ---- for tests/tcp: closed by an option ---- */

static struct end dead_a, dead_b;

static void setup_dead(void)
{
	connect_ends(&loopback4, &dead_a, &dead_b, 7);
	put(&dead_a, 1000);
}

static void verify_dead(void)
{
	char c;

	if (!fx_marked("closed")) {
		put(&dead_a, 1000);
		take("connection", &dead_b, dead_a.sent);
		return;
	}
	expect_eq("state", state_of(dead_a.fd), TCP_CLOSE);
	expect(recv(dead_b.fd, &c, 1, 0) == 0, "there is something to be read: %s", strerror(errno));
	expect(send(dead_a.fd, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE, "it can be written: %s",
	       strerror(errno));
}

const struct fixture fixture_tcp_dead = {
	.name = "tcp_dead",
	.about = "a TCP connection that a restore may close",
	.setup = setup_dead,
	.verify = verify_dead,
	.flags = FX_LEAVE_ONLY,
};

/* ---- for tests/tcp: nobody has accepted it yet ---- */

static int hesitant;
static struct end waiting;

static void setup_backlog(void)
{
	union address to;

	hesitant = listening(&loopback4, 4);
	to = name_of(hesitant);
	waiting.fd = must(socket(AF_INET, SOCK_STREAM, 0));
	must(connect(waiting.fd, &to.any, sizeof(to.v4)));
	put(&waiting, 100);
}

static void verify_backlog(void)
{
	static struct end accepted;

	if (!fx_last())
		return;
	accepted.fd = must(accept(hesitant, NULL, NULL));
	take("accepted", &accepted, 100);
}

const struct fixture fixture_tcp_backlog = {
	.name = "tcp_backlog",
	.about = "a TCP connection that waits to be accepted",
	.setup = setup_backlog,
	.verify = verify_backlog,
	.flags = FX_LEAVE_ONLY,
};
