// SPDX-License-Identifier: GPL-2.0-only
/* udp_told.c - what recvmsg(2) tells of datagrams that were not read yet: each byte of their control messages. */
#include <arpa/inet.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inet.h"

#define CONTROL_MAX 512
#define UDP_DATA 64
#define DATAGRAMS 3

/* Numbers: the C library's headers are older than the kernels. */
static const struct { int level, name; } options[] = {
	{SOL_IP, 8 /* IP_PKTINFO */},	    {SOL_IP, 12 /* IP_RECVTTL */},
	{SOL_IP, 13 /* IP_RECVTOS */},	    {SOL_IP, 20 /* IP_RECVORIGDSTADDR */},
	{SOL_IP, 6 /* IP_RECVOPTS */},	    {SOL_SOCKET, 40 /* SO_RXQ_OVFL */},
	{SOL_SOCKET, 75 /* SO_RCVMARK */},  {SOL_SOCKET, 82 /* SO_RCVPRIORITY */},
	{SOL_IPV6, 49 /* IPV6_RECVPKTINFO */},	   {SOL_IPV6, 51 /* IPV6_RECVHOPLIMIT */},
	{SOL_IPV6, 66 /* IPV6_RECVTCLASS */},	   {SOL_IPV6, 11 /* IPV6_FLOWINFO */},
	{SOL_IPV6, 74 /* IPV6_RECVORIGDSTADDR */}, {SOL_IPV6, 53 /* IPV6_RECVHOPOPTS */},
};

struct told {
	char data[UDP_DATA], control[CONTROL_MAX];
	ssize_t bytes;
	size_t len;
	union address from;
};

/* Where they listen, and where they are sent to. */
static struct {
	const char *name;
	int protocol;
	const char *on, *to;
	int fd;
	struct told was[DATAGRAMS];
} sockets[] = {
	{"IPv4", IPPROTO_UDP, "127.0.0.1", "127.0.0.1"},
	{"any address of IPv4", IPPROTO_UDP, "0.0.0.0", "127.0.0.77"},
	{"UDP-Lite", IPPROTO_UDPLITE, "127.0.0.1", "127.0.0.1"},
	{"IPv6", IPPROTO_UDP, "::1", "::1"},
	{"any address of IPv6", IPPROTO_UDP, "::", "::1"},
	{"IPv4 by a socket of IPv6", IPPROTO_UDP, "::", "127.0.0.5"},
};

static union address address(const char *text)
{
	union address a = {};

	if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1) {
		a.any.sa_family = AF_INET;
	} else {
		a.any.sa_family = AF_INET6;
		must(inet_pton(AF_INET6, text, &a.v6.sin6_addr));
	}
	return a;
}

/* On a busy machine the kernel delivers a little later (ksoftirqd). */
static struct told take(int fd, int flags)
{
	struct told t = {};
	struct iovec iov = {t.data, sizeof(t.data)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = t.control,
			     .msg_controllen = sizeof(t.control), .msg_name = &t.from, .msg_namelen = sizeof(t.from)};

	/* behind an offset (SO_PEEK_OFF) there may be nothing yet, whatever poll(2) says */
	for (int i = 0; i < 1000 && (t.bytes = recvmsg(fd, &msg, flags | MSG_DONTWAIT)) < 0 && errno == EAGAIN; i++)
		usleep(10000);
	t.len = t.bytes < 0 ? 0 : msg.msg_controllen;
	return t;
}

/* Each sender has another of all that a packet can say. */
static void send_from(int i, const union address *to, int protocol)
{
	int fd = must(socket(to->any.sa_family, SOCK_DGRAM, protocol)), ttl = 7 + i, tos = 0x28 + 4 * i, mark = 0x700 + i;
	int send_flow = 1, priority = i;
	union address dest = *to;

	must(setsockopt(fd, SOL_IP, IP_TTL, &ttl, sizeof(ttl)));
	must(setsockopt(fd, SOL_IP, IP_TOS, &tos, sizeof(tos)));
	must(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)));
	must(setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority)));
	if (to->any.sa_family == AF_INET6) {
		must(setsockopt(fd, SOL_IPV6, IPV6_UNICAST_HOPS, &ttl, sizeof(ttl)));
		must(setsockopt(fd, SOL_IPV6, IPV6_TCLASS, &tos, sizeof(tos)));
		must(setsockopt(fd, SOL_IPV6, 33 /* IPV6_FLOWINFO_SEND */, &send_flow, sizeof(send_flow)));
		dest.v6.sin6_flowinfo = htonl(0x12300 + i);
	}
	must(sendto(fd, "datagram", 6 + i, 0, &dest.any, size_of(&dest)));
	close(fd);
}

static void fill(size_t i)
{
	union address to = address(sockets[i].to), is = name_of(sockets[i].fd);
	int off = 0;

	to.v4.sin_port = is.v4.sin_port; /* at the same place in both */
	for (int n = 0; n < DATAGRAMS; n++)
		send_from(n, &to, sockets[i].protocol);
	/* with an offset each call shows what is behind the last one */
	must(setsockopt(sockets[i].fd, SOL_SOCKET, SO_PEEK_OFF, &off, sizeof(off)));
	for (int n = 0; n < DATAGRAMS; n++)
		sockets[i].was[n] = take(sockets[i].fd, MSG_PEEK);
	off = -1;
	must(setsockopt(sockets[i].fd, SOL_SOCKET, SO_PEEK_OFF, &off, sizeof(off)));
}

static void setup_told(void)
{
	int one = 1;

	for (size_t i = 0; i < FX_COUNT(sockets); i++) {
		union address on = address(sockets[i].on);
		int fd = sockets[i].fd = socket(on.any.sa_family, SOCK_DGRAM, sockets[i].protocol);

		if (fd < 0)
			continue; /* UDP-Lite is gone since 6.19 */
		must(bind(fd, &on.any, size_of(&on)));
		for (size_t n = 0; n < FX_COUNT(options); n++)
			setsockopt(fd, options[n].level, options[n].name, &one, sizeof(one));
		fill(i);
		for (int n = 0; n < DATAGRAMS; n++)
			if (sockets[i].was[n].bytes != 6 + n || sockets[i].was[n].len < 100)
				fx_die("%s: %zd bytes, %zu bytes of control messages", sockets[i].name,
				       sockets[i].was[n].bytes, sockets[i].was[n].len);
	}
}

/* The first control message that is another. */
static void explain(const char *what, int n, struct told *was, struct told *now)
{
	struct msghdr a = {.msg_control = was->control, .msg_controllen = was->len};
	struct msghdr b = {.msg_control = now->control, .msg_controllen = now->len};
	struct cmsghdr *x = CMSG_FIRSTHDR(&a), *y = CMSG_FIRSTHDR(&b);

	while (x && y && x->cmsg_len == y->cmsg_len && !memcmp(x, y, x->cmsg_len)) {
		x = CMSG_NXTHDR(&a, x);
		y = CMSG_NXTHDR(&b, y);
	}
	fx_fail("%s: datagram %d: control message level %d type %d (%x), was level %d type %d (%x)", what, n,
		y ? y->cmsg_level : -1, y ? y->cmsg_type : -1, y ? *(unsigned int *)CMSG_DATA(y) : 0,
		x ? x->cmsg_level : -1, x ? x->cmsg_type : -1, x ? *(unsigned int *)CMSG_DATA(x) : 0);
}

static void verify_told(void)
{
	for (size_t i = 0; i < FX_COUNT(sockets); i++) {
		if (sockets[i].fd < 0)
			continue;
		for (int n = 0; n < DATAGRAMS; n++) {
			struct told *was = &sockets[i].was[n], now = take(sockets[i].fd, 0);

			expect(now.bytes == was->bytes && !memcmp(now.data, was->data, sizeof(now.data)),
			       "%s: datagram %d: %zd bytes, not %zd", sockets[i].name, n, now.bytes, was->bytes);
			expect(!memcmp(&now.from, &was->from, sizeof(now.from)), "%s: datagram %d is from another address",
			       sockets[i].name, n);
			if (now.len != was->len || memcmp(now.control, was->control, now.len))
				explain(sockets[i].name, n, was, &now);
		}
		if (!fx_last())
			fill(i);
	}
}

const struct fixture fixture_udp_told = {
	.name = "udp_told",
	.about = "addresses, hops, traffic classes, flow labels and marks of datagrams that were not read",
	.setup = setup_told,
	.verify = verify_told,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- datagrams that the kernel keeps as one: UDP_GRO ---- */

enum { SEGMENT = 700, SENT = 10 * SEGMENT + 33 };

static int together;

static void fill_together(void)
{
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0)), size = SEGMENT;
	union address to = name_of(together);
	char data[8192];

	must(setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)));
	fx_fill(data, sizeof(data), 3);
	must(sendto(fd, data, SENT, 0, &to.any, size_of(&to)) == SENT ? 0 : -1);
	close(fd);
}

static void setup_together(void)
{
	union address on = loopback4;
	int one = 1;

	together = must(socket(AF_INET, SOCK_DGRAM, 0));
	must(setsockopt(together, IPPROTO_UDP, UDP_GRO, &one, sizeof(one)));
	must(bind(together, &on.any, size_of(&on)));
	fill_together();
}

static int segment_of(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO)
			return *(int *)CMSG_DATA(c);
	return 0;
}

/* Whether they come as one, with a size, or each by itself: they end where they ended. */
static void verify_together(void)
{
	char data[8192], got[SENT], control[CONTROL_MAX];
	size_t have = 0;

	fx_fill(data, sizeof(data), 3);
	while (have < SENT) {
		struct iovec iov = {got, sizeof(got)};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
				     .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(together, &msg, MSG_DONTWAIT), size = segment_of(&msg);
		ssize_t want = SENT - have < SEGMENT ? SENT - have : SEGMENT;

		expect(n == (size ? SENT : want), "%zd bytes at %zu, in segments of %zd", n, have, size);
		expect(!size || size == SEGMENT, "segments of %zd bytes", size);
		if (n <= 0)
			break;
		expect((size_t)n <= SENT - have && !memcmp(got, data + have, n), "content at %zu", have);
		have += n;
	}
	expect(recv(together, got, 1, MSG_DONTWAIT) < 0, "a datagram too many");
	if (!fx_last())
		fill_together();
}

const struct fixture fixture_udp_gro = {
	.name = "udp_gro",
	.about = "datagrams that wait as one packet (UDP_GRO) end where they ended",
	.setup = setup_together,
	.verify = verify_together,
	.flags = FX_ROUNDS,
};
