// SPDX-License-Identifier: GPL-2.0-only
/* link.c - netlink and packet sockets: ports, groups, options, filters, promiscuous mode. */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../fixture.h"

static int route, members, user[2], fresh;
static struct sockaddr_nl route_is, user_is;

static struct sockaddr_nl nl_name(int fd)
{
	struct sockaddr_nl a = {};
	socklen_t len = sizeof(a);

	must(getsockname(fd, (struct sockaddr *)&a, &len));
	return a;
}

static int netlink(int protocol)
{
	struct sockaddr_nl any = {.nl_family = AF_NETLINK};
	int fd = must(socket(AF_NETLINK, SOCK_RAW, protocol));

	must(bind(fd, (struct sockaddr *)&any, sizeof(any)));
	return fd;
}

static void setup(void)
{
	int yes = 1, group = RTNLGRP_IPV6_ROUTE, high = RTNLGRP_NEXTHOP, to = 0;

	route = netlink(NETLINK_ROUTE);
	route_is = nl_name(route);
	must(setsockopt(route, SOL_NETLINK, NETLINK_EXT_ACK, &yes, sizeof(yes)));
	must(setsockopt(route, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &yes, sizeof(yes)));
	members = netlink(NETLINK_ROUTE);
	must(setsockopt(members, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)));
	must(setsockopt(members, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &high, sizeof(high)));
	must(setsockopt(members, SOL_NETLINK, NETLINK_NO_ENOBUFS, &yes, sizeof(yes)));
	for (to = 0; to < 2; to++)
		user[to] = netlink(NETLINK_USERSOCK);
	user_is = nl_name(user[1]);
	must(connect(user[0], (struct sockaddr *)&user_is, sizeof(user_is)));
	fresh = must(socket(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT));
}

/* The kernel tells of the loopback interface. */
static void ask(void)
{
	struct { struct nlmsghdr h; struct ifinfomsg i; } q = {
		{sizeof(q), RTM_GETLINK, NLM_F_REQUEST, 77, 0}, {.ifi_index = if_nametoindex("lo")}};
	char answer[8192];
	struct nlmsghdr *h = (void *)answer;
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t n;

	expect(sendto(route, &q, sizeof(q), 0, (struct sockaddr *)&kernel, sizeof(kernel)) == sizeof(q), "%s",
	       strerror(errno));
	n = recv(route, answer, sizeof(answer), 0);
	expect(n > (ssize_t)sizeof(*h) && h->nlmsg_type == RTM_NEWLINK && h->nlmsg_seq == 77 &&
		       h->nlmsg_pid == route_is.nl_pid, "the answer of the kernel: %zd, type %d", n, h->nlmsg_type);
}

static void verify(void)
{
	struct sockaddr_nl now = nl_name(route);
	unsigned int groups[4] = {};
	socklen_t len = sizeof(groups);
	char text[8] = "";
	int on = 0;

	expect(now.nl_pid == route_is.nl_pid, "port %u, was %u", now.nl_pid, route_is.nl_pid);
	ask();
	expect(!getsockopt(members, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, groups, &len) &&
		       groups[0] == (1u << (RTNLGRP_IPV6_ROUTE - 1) | 1u << (RTNLGRP_NEXTHOP - 1)) && !groups[1],
	       "groups %x %x", groups[0], groups[1]);
	len = sizeof(on);
	expect(!getsockopt(route, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, &len) && on, "an option is lost");
	expect(send(user[0], "hi", 2, 0) == 2, "to another program: %s", strerror(errno));
	expect(recv(user[1], text, sizeof(text), MSG_DONTWAIT) == 2 && !strcmp(text, "hi"), "it got %s", text);
	now = nl_name(fresh);
	expect(!now.nl_pid, "a fresh socket has port %u", now.nl_pid);
}

const struct fixture fixture_netlink = {
	.name = "netlink",
	.about = "netlink sockets: bound, members of groups, connected",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS,
};

/* ---- packet sockets ---- */

static int all, on_lo, cooked, silent;

static void setup_packet(void)
{
	/* only of protocol 0x88b6, for experiments */
	struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
				     BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x88b6, 0, 1),
				     BPF_STMT(BPF_RET | BPF_K, 0xffff), BPF_STMT(BPF_RET | BPF_K, 0)};
	struct sock_fprog filter = {4, code};
	struct sockaddr_ll a = {AF_PACKET, htons(ETH_P_ALL), (int)if_nametoindex("lo")};
	struct packet_mreq promisc = {a.sll_ifindex, PACKET_MR_PROMISC, 0, {0}};
	struct packet_mreq group = {a.sll_ifindex, PACKET_MR_MULTICAST, 6, {1, 0, 0x5e, 1, 2, 3}};
	int yes = 1, two = 2;

	silent = must(socket(AF_PACKET, SOCK_RAW, 0));
	all = must(socket(AF_PACKET, SOCK_RAW, 0));
	must(setsockopt(all, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)));
	must(setsockopt(all, SOL_PACKET, PACKET_VERSION, &two, sizeof(two)));
	must(setsockopt(all, SOL_PACKET, PACKET_AUXDATA, &yes, sizeof(yes)));
	must(setsockopt(all, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc, sizeof(promisc)));
	must(setsockopt(all, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &group, sizeof(group)));
	must(bind(all, (struct sockaddr *)&a, sizeof(a)));
	on_lo = must(socket(AF_PACKET, SOCK_RAW, 0));
	a.sll_protocol = htons(0x88b5);
	must(bind(on_lo, (struct sockaddr *)&a, sizeof(a)));
	cooked = must(socket(AF_PACKET, SOCK_DGRAM, 0));
	a.sll_ifindex = 0;
	must(bind(cooked, (struct sockaddr *)&a, sizeof(a)));
}

static void drain(int fd)
{
	char buf[256];

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		;
}

static void expect_frame(const char *what, int fd, size_t skip, const char *text)
{
	struct pollfd p = {fd, POLLIN, 0};
	char buf[256] = "";
	ssize_t n = poll(&p, 1, 2000) == 1 ? recv(fd, buf, sizeof(buf), MSG_DONTWAIT) : -1;

	expect(n >= (ssize_t)(skip + strlen(text)) && !memcmp(buf + skip, text, strlen(text)), "%s: %zd bytes", what,
	       n);
}

static void verify_packet(void)
{
	struct sockaddr_ll to = {AF_PACKET, htons(0x88b5), (int)if_nametoindex("lo"), .sll_halen = 6};
	char frame[64] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x88 - 256, 0xb5 - 256, 's', 'e', 'e', 'n'};
	int value = 0;
	socklen_t len = sizeof(value);

	drain(all);
	drain(on_lo);
	drain(cooked);
	expect(!getsockopt(all, SOL_PACKET, PACKET_VERSION, &value, &len) && value == 2, "version %d", value);
	expect(sendto(silent, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)) == sizeof(frame), "%s",
	       strerror(errno));
	expect_frame("raw", on_lo, 14, "seen");
	expect_frame("cooked", cooked, 0, "seen");
	frame[13] = (char)0xb6;
	to.sll_protocol = htons(0x88b6);
	expect(sendto(silent, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)) == sizeof(frame), "%s",
	       strerror(errno));
	expect_frame("filtered", all, 14, "seen");
	drain(all);
	drain(on_lo);
	drain(cooked);
	expect(recv(silent, frame, sizeof(frame), MSG_DONTWAIT) < 0, "a socket without a protocol has received");
}

const struct fixture fixture_packet = {
	.name = "packet",
	.about = "packet sockets: raw, cooked, with a filter and memberships",
	.setup = setup_packet,
	.verify = verify_packet,
	.flags = FX_ROUNDS,
};
