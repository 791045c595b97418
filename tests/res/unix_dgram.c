// SPDX-License-Identifier: GPL-2.0-only
/* unix_dgram.c - datagram sockets: connected one way, in a ring, to who is gone; who has sent a message. */
#include <stdio.h>
#include <unistd.h>

#include "unix.h"

static char names[4][108];
static int receiver, friend, stranger, alone, mutual[2], self, nameless;

static void send_to(int fd, int to, const char *text)
{
	struct sockaddr_un a;
	socklen_t len = un_address(&a, names[to]);

	must(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&a, len));
}

static void connect_to(int fd, const char *name)
{
	struct sockaddr_un a;
	socklen_t len = un_address(&a, name);

	must(connect(fd, (struct sockaddr *)&a, len));
}

static void setup_dgram(void)
{
	char other[108];
	int fd;

	snprintf(names[0], 108, "%s", fx_path("receiver"));
	snprintf(names[1], 108, "@friend %x.%d", fx_ipc_key(), getpid());
	snprintf(names[2], 108, "%s", fx_path("stranger"));
	snprintf(names[3], 108, "@mutual %x.%d", fx_ipc_key(), getpid());
	receiver = un_bound(SOCK_DGRAM, names[0]);
	friend = un_bound(SOCK_DGRAM, names[1]);
	stranger = un_bound(SOCK_DGRAM, names[2]);
	nameless = must(socket(AF_UNIX, SOCK_DGRAM, 0));
	send_to(stranger, 0, "from a stranger");
	send_to(friend, 0, "from a friend");
	send_to(nameless, 0, "from nobody");
	fd = un_bound(SOCK_DGRAM, fx_path("passing by"));
	send_to(fd, 0, "from one who is gone");
	must(close(fd));
	must(unlink(fx_path("passing by")));
	connect_to(friend, names[0]);
	connect_to(nameless, names[0]);
	connect_to(receiver, names[2]); /* hears the stranger only, from here on */
	alone = must(socket(AF_UNIX, SOCK_DGRAM, 0));
	snprintf(other, sizeof(other), "%s", fx_path("not for long"));
	fd = un_bound(SOCK_DGRAM, other);
	connect_to(alone, other);
	must(close(fd));
	must(unlink(other));
	mutual[0] = un_bound(SOCK_DGRAM, names[3]);
	snprintf(other, sizeof(other), "@other %x.%d", fx_ipc_key(), getpid());
	mutual[1] = un_bound(SOCK_DGRAM, other);
	connect_to(mutual[0], other);
	connect_to(mutual[1], names[3]);
	must(send(mutual[0], "hello", 5, 0));
	self = un_bound(SOCK_DGRAM, "");
	{
		struct sockaddr_un a;
		socklen_t len = sizeof(a);

		must(getsockname(self, (struct sockaddr *)&a, &len));
		must(connect(self, (struct sockaddr *)&a, len));
		must(send(self, "to myself", 9, 0));
	}
}

static void expect_from(const char *text, const char *name)
{
	struct sockaddr_un a = {}, want;
	socklen_t len = sizeof(a), want_len = un_address(&want, name);
	char buf[100] = "";
	ssize_t n = recvfrom(receiver, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&a, &len);

	if (!name[0])
		want_len = 0;
	expect(n == (ssize_t)strlen(text) && !memcmp(buf, text, n), "'%s', not '%s'", buf, text);
	expect(len == want_len && (!len || !memcmp(a.sun_path, want.sun_path, len - 2)),
	       "'%s' comes from '%c%s' (%u bytes), not '%s'", text, a.sun_path[0] ? a.sun_path[0] : '@', a.sun_path + 1,
	       len, name);
}

static void verify_dgram(void)
{
	char c;

	un_expect_name("friend", friend, true, names[0]);
	un_expect_name("nameless", nameless, true, names[0]);
	un_expect_name("receiver", receiver, true, names[2]);
	un_expect_name("alone", alone, true, fx_path("not for long"));
	expect(getpeername(stranger, (struct sockaddr *)&c, &(socklen_t){0}) < 0 && errno == ENOTCONN,
	       "the stranger has a peer");
	expect(send(friend, "x", 1, MSG_DONTWAIT) < 0 && errno == EPERM, "the receiver hears others: %s",
	       strerror(errno));
	un_expect_text("mutual", mutual[1], "hello");
	un_expect_nothing("mutual, the other way", mutual[0]);
	un_expect_text("self", self, "to myself");
	if (!fx_last())
		return;
	expect_from("from a stranger", names[2]);
	expect_from("from a friend", names[1]);
	expect_from("from nobody", "");
	expect_from("from one who is gone", fx_path("passing by"));
	un_expect_nothing("receiver", receiver);
	expect(send(receiver, "answer", 6, 0) == 6 && recv(stranger, &c, 1, 0) == 1, "the stranger does not hear");
	expect(send(alone, "x", 1, 0) < 0 && errno == ECONNREFUSED, "somebody hears who is gone: %s",
	       strerror(errno));
}

const struct fixture fixture_unix_dgram = {
	.name = "unix_dgram",
	.about = "datagram sockets: one-way, mutual, to itself, to the gone; messages and their senders",
	.setup = setup_dgram,
	.verify = verify_dgram,
	.flags = FX_ROUNDS | FX_NESTED,
};
