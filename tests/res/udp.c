// SPDX-License-Identifier: GPL-2.0-only
/* udp.c - UDP and UDP-Lite, ping and raw sockets: bound, connected, shut down, members of groups. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inet.h"

static int bound(int protocol, const union address *to)
{
	int fd = must(socket(to->any.sa_family, SOCK_DGRAM, protocol));

	must(bind(fd, &to->any, size_of(to)));
	return fd;
}

static bool comes(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};

	return poll(&p, 1, 20000) == 1; /* a busy machine delivers late */
}

/* A datagram from one to the other, and who sent it. */
static void expect_datagram(const char *what, int to, const char *text, const union address *from)
{
	union address sender = {};
	socklen_t len = sizeof(sender);
	char buf[64] = "";
	ssize_t n = comes(to) ? recvfrom(to, buf, sizeof(buf), 0, &sender.any, &len) : -1;

	expect(n == (ssize_t)strlen(text) && !strcmp(buf, text), "%s: got \"%s\" (%zd), not \"%s\"", what, buf, n,
	       text);
	expect(!from || !memcmp(&sender, from, size_of(from)), "%s: it is from another address", what);
}

/* ---- bound and connected ---- */

static struct {
	const char *name;
	int protocol;
	const union address *on;
	int bound, connected;
	union address is, peer;
} pairs[] = {
	{"UDP", IPPROTO_UDP, &loopback4},
	{"UDP over IPv6", IPPROTO_UDP, &loopback6},
	{"UDP-Lite", IPPROTO_UDPLITE, &loopback4},
	{"UDP-Lite over IPv6", IPPROTO_UDPLITE, &loopback6},
};

static void setup(void)
{
	for (size_t i = 0; i < FX_COUNT(pairs); i++) {
		int fd = socket(pairs[i].on->any.sa_family, SOCK_DGRAM, pairs[i].protocol);

		pairs[i].bound = -1;
		if (fd < 0)
			continue; /* UDP-Lite is gone since 6.19 */
		pairs[i].connected = fd;
		pairs[i].bound = bound(pairs[i].protocol, pairs[i].on);
		pairs[i].is = name_of(pairs[i].bound);
		must(connect(fd, &pairs[i].is.any, size_of(&pairs[i].is)));
		pairs[i].peer = name_of(fd);
	}
}

static void verify(void)
{
	for (size_t i = 0; i < FX_COUNT(pairs); i++) {
		union address now;

		if (pairs[i].bound < 0)
			continue;
		now = name_of(pairs[i].bound);
		expect(!memcmp(&now, &pairs[i].is, sizeof(now)), "%s: bound elsewhere", pairs[i].name);
		now = name_of(pairs[i].connected);
		expect(!memcmp(&now, &pairs[i].peer, sizeof(now)), "%s: connected from elsewhere", pairs[i].name);
		expect(send(pairs[i].connected, "there", 5, 0) == 5, "%s: send: %s", pairs[i].name,
		       strerror(errno));
		expect_datagram(pairs[i].name, pairs[i].bound, "there", &pairs[i].peer);
		expect(sendto(pairs[i].bound, "back", 4, 0, &pairs[i].peer.any, size_of(&pairs[i].peer)) == 4,
		       "%s: send back: %s", pairs[i].name, strerror(errno));
		expect_datagram(pairs[i].name, pairs[i].connected, "back", &pairs[i].is);
	}
}

const struct fixture fixture_udp = {
	.name = "udp",
	.about = "UDP and UDP-Lite sockets, one bound, one connected to it",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- whose ports the kernel chose, and takes back when they are disconnected ---- */

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

static struct {
	const char *name;
	const union address *on;
	bool own; /* the program asked for that port */
	bool bound; /* and, or, for the address */
	bool connected;
	int fd;
} leases[] = {
	{"connected", &loopback4, false, false, true},
	{"connected, IPv6", &loopback6, false, false, true},
	{"bound to an address, connected", &loopback4, false, true, true},
	{"bound to an address", &loopback4, false, true, false},
	{"bound to a port", &loopback4, true, true, true},
	{"bound to a port, IPv6", &loopback6, true, true, true},
};
static int target4, target6;
static bool can_choose;

/* A free port, as a number: somebody else may take it in between, which is tried again. */
static int bound_to_port(const union address *on)
{
	for (int i = 0; i < 20; i++) {
		int fd = bound(IPPROTO_UDP, on), again = must(socket(on->any.sa_family, SOCK_DGRAM, 0));
		union address a = name_of(fd);

		close(fd);
		if (!bind(again, &a.any, size_of(&a)))
			return again;
		close(again);
	}
	fx_die("no port is free");
}

static void setup_chosen(void)
{
	unsigned int all = 0;

	target4 = bound(IPPROTO_UDP, &loopback4);
	target6 = bound(IPPROTO_UDP, &loopback6);
	can_choose = !setsockopt(target4, SOL_IP, IP_LOCAL_PORT_RANGE, &all, sizeof(all));
	for (size_t i = 0; i < FX_COUNT(leases); i++) {
		union address to = name_of(leases[i].on == &loopback4 ? target4 : target6);

		leases[i].fd = leases[i].own ? bound_to_port(leases[i].on) :
			       leases[i].bound ? bound(IPPROTO_UDP, leases[i].on) :
						 must(socket(leases[i].on->any.sa_family, SOCK_DGRAM, 0));
		if (leases[i].connected)
			must(connect(leases[i].fd, &to.any, size_of(&to)));
	}
}

static void verify_chosen(void)
{
	for (size_t i = 0; i < FX_COUNT(leases) && fx_last(); i++) {
		union address before = name_of(leases[i].fd), now;
		bool kept;

		must(connect(leases[i].fd, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr)));
		now = name_of(leases[i].fd);
		kept = now.v4.sin_port == before.v4.sin_port; /* at the same place for IPv6 */
		expect(before.v4.sin_port, "%s: it has no port", leases[i].name);
		if (leases[i].own || can_choose)
			expect(leases[i].own ? kept : !now.v4.sin_port, "%s: the port after it was disconnected is %d",
			       leases[i].name, ntohs(now.v4.sin_port));
	}
}

const struct fixture fixture_udp_chosen = {
	.name = "udp_chosen",
	.about = "UDP sockets with ports of their own and with such that the kernel chose",
	.setup = setup_chosen,
	.verify = verify_chosen,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- addresses of all sorts ---- */

static int wild, both, only6, mapped, shut, one, two, fresh;
static union address wild_is, both_is, one_is;

static void setup_bound(void)
{
	union address any4 = {.v4 = {AF_INET}}, any6 = {.v6 = {AF_INET6}}, map = {.v6 = {AF_INET6}};
	int yes = 1;

	wild = bound(0, &any4);
	wild_is = name_of(wild);
	both = bound(0, &any6);
	both_is = name_of(both);
	/* the same port, but of IPv6 alone */
	only6 = must(socket(AF_INET6, SOCK_DGRAM, 0));
	must(setsockopt(only6, SOL_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)));
	any6.v6.sin6_port = wild_is.v4.sin_port;
	must(bind(only6, &any6.any, sizeof(any6.v6)));
	must(inet_pton(AF_INET6, "::ffff:127.0.0.1", &map.v6.sin6_addr));
	mapped = bound(0, &map);
	shut = bound(0, &loopback4);
	wild_is.v4.sin_addr = loopback4.v4.sin_addr;
	must(connect(shut, &wild_is.any, sizeof(wild_is.v4)));
	must(shutdown(shut, SHUT_WR));
	/* two on one port */
	one = must(socket(AF_INET, SOCK_DGRAM, 0));
	two = must(socket(AF_INET, SOCK_DGRAM, 0));
	must(setsockopt(one, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)));
	must(setsockopt(two, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)));
	must(bind(one, &loopback4.any, sizeof(loopback4.v4)));
	one_is = name_of(one);
	must(bind(two, &one_is.any, sizeof(one_is.v4)));
	fresh = must(socket(AF_INET, SOCK_DGRAM, 0));
}

static void verify_bound(void)
{
	struct pollfd either[] = {{one, POLLIN, 0}, {two, POLLIN, 0}};
	union address now = name_of(only6);
	char text[8];
	int out = must(socket(AF_INET, SOCK_DGRAM, 0));

	expect(now.v6.sin6_port == wild_is.v4.sin_port, "the port of IPv6 alone");
	now = name_of(fresh);
	expect(!now.v4.sin_port, "a fresh socket is bound");
	expect(sendto(out, "wild", 4, 0, &wild_is.any, sizeof(wild_is.v4)) == 4, "%s", strerror(errno));
	expect_datagram("any address", wild, "wild", NULL);
	now = loopback4;
	now.v4.sin_port = both_is.v6.sin6_port;
	expect(sendto(out, "both", 4, 0, &now.any, sizeof(now.v4)) == 4, "%s", strerror(errno));
	expect_datagram("any address of IPv6", both, "both", NULL);
	now.v4.sin_port = name_of(mapped).v6.sin6_port;
	expect(sendto(out, "mapped", 6, 0, &now.any, sizeof(now.v4)) == 6, "%s", strerror(errno));
	expect_datagram("mapped address", mapped, "mapped", NULL);
	expect(send(shut, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE, "a socket that was shut down sends");
	expect(sendto(out, "one", 3, 0, &one_is.any, sizeof(one_is.v4)) == 3, "%s", strerror(errno));
	expect(poll(either, 2, 2000) == 1, "two sockets of one port: neither has it");
	expect(recv(either[0].revents ? one : two, text, sizeof(text), 0) == 3, "two sockets of one port");
	close(out);
}

const struct fixture fixture_udp_bound = {
	.name = "udp_bound",
	.about = "wildcards, IPv6 with and without IPv4, mapped, shut down, two on one port",
	.setup = setup_bound,
	.verify = verify_bound,
	.flags = FX_ROUNDS,
};

/* ---- multicast ---- */

static int member4, member6, picky;
static union address group4 = {.v4 = {AF_INET}}, group6 = {.v6 = {AF_INET6}};

static void setup_mcast(void)
{
	struct ip_mreqn on = {.imr_ifindex = if_nametoindex("lo")};
	struct ipv6_mreq on6 = {.ipv6mr_interface = on.imr_ifindex};
	struct group_source_req from = {.gsr_interface = on.imr_ifindex};
	struct sockaddr_in *a = (void *)&from.gsr_group;

	member4 = bound(0, &group4);
	group4.v4.sin_port = name_of(member4).v4.sin_port;
	must(inet_pton(AF_INET, "239.1.2.3", &group4.v4.sin_addr));
	on.imr_multiaddr = group4.v4.sin_addr;
	must(setsockopt(member4, SOL_IP, IP_ADD_MEMBERSHIP, &on, sizeof(on)));
	must(setsockopt(member4, SOL_IP, IP_MULTICAST_IF, &on, sizeof(on)));
	member6 = bound(0, &group6);
	group6.v6.sin6_port = name_of(member6).v6.sin6_port;
	must(inet_pton(AF_INET6, "ff11::1234", &group6.v6.sin6_addr));
	on6.ipv6mr_multiaddr = group6.v6.sin6_addr;
	must(setsockopt(member6, SOL_IPV6, IPV6_ADD_MEMBERSHIP, &on6, sizeof(on6)));
	must(setsockopt(member6, SOL_IPV6, IPV6_MULTICAST_IF, &on.imr_ifindex, sizeof(int)));
	/* one group from one source, one from all but one */
	picky = must(socket(AF_INET, SOCK_DGRAM, 0));
	*a = (struct sockaddr_in){AF_INET, 0, {inet_addr("239.1.2.4")}};
	*(struct sockaddr_in *)&from.gsr_source = (struct sockaddr_in){AF_INET, 0, {inet_addr("10.1.1.1")}};
	must(setsockopt(picky, SOL_IP, MCAST_JOIN_SOURCE_GROUP, &from, sizeof(from)));
	a->sin_addr.s_addr = inet_addr("239.1.2.5");
	must(setsockopt(picky, SOL_IP, MCAST_JOIN_GROUP, &(struct group_req){on.imr_ifindex, from.gsr_group},
			sizeof(struct group_req)));
	must(setsockopt(picky, SOL_IP, MCAST_BLOCK_SOURCE, &from, sizeof(from)));
}

static void expect_sources(const char *group, unsigned int mode, const char *source)
{
	struct ip_msfilter f = {.imsf_multiaddr.s_addr = inet_addr(group), .imsf_numsrc = 1};
	socklen_t len = sizeof(f);

	f.imsf_interface.s_addr = htonl(INADDR_LOOPBACK);
	expect(!getsockopt(picky, SOL_IP, IP_MSFILTER, &f, &len), "group %s: %s", group, strerror(errno));
	expect(f.imsf_fmode == mode && f.imsf_numsrc == 1 && f.imsf_slist[0].s_addr == inet_addr(source),
	       "group %s: mode %u, %u sources", group, f.imsf_fmode, f.imsf_numsrc);
}

static void verify_mcast(void)
{
	struct group_filter f = {.gf_interface = if_nametoindex("lo")};
	socklen_t len = sizeof(f);

	expect(sendto(member4, "group", 5, 0, &group4.any, sizeof(group4.v4)) == 5, "%s", strerror(errno));
	expect_datagram("group of IPv4", member4, "group", NULL);
	*(struct sockaddr_in6 *)&f.gf_group = group6.v6; /* "lo" has no route for it */
	expect(!getsockopt(member6, SOL_IPV6, MCAST_MSFILTER, &f, &len) && f.gf_fmode == MCAST_EXCLUDE &&
	       !f.gf_numsrc, "group of IPv6: %s", strerror(errno));
	expect_sources("239.1.2.4", MCAST_INCLUDE, "10.1.1.1");
	expect_sources("239.1.2.5", MCAST_EXCLUDE, "10.1.1.1");
}

const struct fixture fixture_udp_mcast = {
	.name = "udp_mcast",
	.about = "members of multicast groups, some with sources",
	.setup = setup_mcast,
	.verify = verify_mcast,
	.flags = FX_ROUNDS,
};

/* ---- raw and ping ---- */

static int raw_icmp, raw_bound, raw_self, raw6;

static void setup_raw(void)
{
	struct { uint32_t mask; } filter = {~(1u << ICMP_ECHOREPLY)};

	raw_icmp = must(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	must(setsockopt(raw_icmp, SOL_RAW, 1 /* ICMP_FILTER */, &filter, sizeof(filter)));
	must(connect(raw_icmp, &loopback4.any, sizeof(loopback4.v4)));
	raw_bound = must(socket(AF_INET, SOCK_RAW, 253));
	must(bind(raw_bound, &loopback4.any, sizeof(loopback4.v4)));
	raw_self = must(socket(AF_INET, SOCK_RAW, IPPROTO_RAW)); /* sends whole packets */
	raw6 = must(socket(AF_INET6, SOCK_RAW, 253));
	must(bind(raw6, &loopback6.any, sizeof(loopback6.v6)));
}

static void verify_raw(void)
{
	struct icmphdr echo = {.type = ICMP_ECHO, .un.echo.id = htons(77)};
	unsigned char packet[128] = {0x45, 0, 0, 24, 0, 0, 0, 0, 64, 253, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1,
				     'r', 'a', 'w', '!'};
	ssize_t n;

	/* others send such packets, too */
	while (recv(raw_icmp, packet + 32, 64, MSG_DONTWAIT) > 0 || recv(raw_bound, packet + 32, 64, MSG_DONTWAIT) > 0 ||
	       recv(raw6, packet + 32, 64, MSG_DONTWAIT) > 0)
		;
	echo.checksum = ~(htons(ICMP_ECHO << 8) + htons(77)) & 0xffff;
	expect(send(raw_icmp, &echo, sizeof(echo), 0) == sizeof(echo), "ping: %s", strerror(errno));
	n = comes(raw_icmp) ? recv(raw_icmp, packet + 32, sizeof(packet) - 32, 0) : -1;
	expect(n == 28 && packet[32 + 20] == ICMP_ECHOREPLY, "no answer to a ping (%zd)", n);
	expect(sendto(raw_self, packet, 24, 0, &loopback4.any, sizeof(loopback4.v4)) == 24, "%s", strerror(errno));
	n = comes(raw_bound) ? recv(raw_bound, packet + 32, 64, 0) : -1;
	expect(n == 24 && !memcmp(packet + 32 + 20, "raw!", 4), "raw packet (%zd)", n);
	expect(sendto(raw6, "six", 3, 0, &loopback6.any, sizeof(loopback6.v6)) == 3, "%s", strerror(errno));
	n = comes(raw6) ? recv(raw6, packet, 64, 0) : -1;
	expect(n == 3 && !memcmp(packet, "six", 3), "raw packet over IPv6 (%zd)", n);
}

const struct fixture fixture_raw = {
	.name = "raw",
	.about = "raw sockets: ICMP with a filter, connected; bound; whole packets",
	.setup = setup_raw,
	.verify = verify_raw,
	.flags = FX_ROUNDS,
};

/* ---- what was not read ---- */

static int queued, queued6, group_of_two[2], asked;
static union address queued_is, queued6_is, pair_is, asked_is;
static const int sizes[] = {1, 0, 1000, 9000, 40000};

static void send_some(int to, const union address *address, const char *seed)
{
	static char data[65536];
	int out = bound(0, address->any.sa_family == AF_INET ? &loopback4 : &loopback6);

	for (size_t i = 0; i < FX_COUNT(sizes); i++) {
		fx_fill(data, sizeof(data), *seed + i);
		must(sendto(out, data, sizes[i], 0, &address->any, size_of(address)) == sizes[i] ? 0 : -1);
	}
	close(out);
}

static void expect_some(const char *what, int fd, const char *seed)
{
	static char data[65536], want[65536];

	for (size_t i = 0; i < FX_COUNT(sizes); i++) {
		ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);

		fx_fill(want, sizeof(want), *seed + i);
		expect(n == sizes[i], "%s: datagram %zu has %zd bytes, had %d", what, i, n, sizes[i]);
		expect(n < 0 || !memcmp(data, want, n), "%s: content of datagram %zu", what, i);
	}
	expect(recv(fd, data, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN, "%s: a datagram too many", what);
}

static void fill_queues(void)
{
	send_some(queued, &queued_is, "a");
	send_some(queued6, &queued6_is, "b");
	send_some(group_of_two[0], &pair_is, "c");
	must(sendto(asked, "asked", 5, 0, &queued_is.any, sizeof(queued_is.v4)));
}

static void setup_queue(void)
{
	int yes = 1;

	queued = bound(0, &loopback4);
	queued_is = name_of(queued);
	queued6 = bound(0, &loopback6);
	queued6_is = name_of(queued6);
	asked = bound(0, &loopback4);
	asked_is = name_of(asked);
	/* two of one port: each has what it has got */
	for (int i = 0; i < 2; i++) {
		group_of_two[i] = must(socket(AF_INET, SOCK_DGRAM, 0));
		must(setsockopt(group_of_two[i], SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)));
		must(bind(group_of_two[i], i ? &pair_is.any : &loopback4.any, sizeof(loopback4.v4)));
		pair_is = name_of(group_of_two[0]);
	}
	fill_queues();
}

static void verify_queue(void)
{
	char text[16] = "", mine[2][16] = {};
	union address from = {};
	socklen_t len = sizeof(from);
	static char data[65536];

	/* the last one is of another sender */
	for (size_t i = 0; i < FX_COUNT(sizes); i++) {
		ssize_t n = recv(queued, data, sizeof(data), MSG_DONTWAIT);

		expect(n == sizes[i], "datagram %zu has %zd bytes, had %d", i, n, sizes[i]);
	}
	expect(recvfrom(queued, text, sizeof(text), MSG_DONTWAIT, &from.any, &len) == 5 && !strcmp(text, "asked") &&
		       !memcmp(&from, &asked_is, sizeof(from.v4)), "the datagram that is answered: %s", text);
	expect_some("IPv6", queued6, "b");
	for (int i = 0; i < 2; i++)
		while (recv(group_of_two[i], data, sizeof(data), MSG_DONTWAIT) >= 0)
			mine[i][0]++;
	expect(mine[0][0] + mine[1][0] == FX_COUNT(sizes), "two of one port: %d and %d datagrams", mine[0][0],
	       mine[1][0]);
	if (!fx_last())
		fill_queues();
}

const struct fixture fixture_udp_queue = {
	.name = "udp_queue",
	.about = "datagrams that were not read yet, and who sent them",
	.setup = setup_queue,
	.verify = verify_queue,
	.flags = FX_ROUNDS | FX_NESTED,
};
