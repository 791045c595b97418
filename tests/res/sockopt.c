// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockopt.c - every option number that there could be: what getsockopt(2) tells must be told again.
 *
 * The numbers are tried, not listed, so that an option that the program does not know of shows here.
 */
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../fixture.h"

#define NUMBERS	  128
#define VALUE_MAX 64

static const int levels[] = {SOL_SOCKET,       SOL_IP,	      SOL_IPV6,	  SOL_TCP, IPPROTO_UDP,
			     IPPROTO_UDPLITE, IPPROTO_RAW, IPPROTO_ICMPV6, SOL_PACKET, SOL_NETLINK};

enum { LEVELS = FX_COUNT(levels) };

static struct {
	const char *name;
	int domain, type, protocol;
	bool change;
	int fd;
	struct { int len; unsigned char value[VALUE_MAX]; } was[LEVELS][NUMBERS];
} sockets[] = {
	{"fresh TCP", AF_INET, SOCK_STREAM, 0},
	{"fresh UDP over IPv6", AF_INET6, SOCK_DGRAM, 0},
	{"TCP", AF_INET, SOCK_STREAM, 0, .change = true},
	{"TCP over IPv6", AF_INET6, SOCK_STREAM, 0, .change = true},
	{"UDP", AF_INET, SOCK_DGRAM, 0, .change = true},
	{"UDP over IPv6", AF_INET6, SOCK_DGRAM, 0, .change = true},
	{"UDP-Lite", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, .change = true},
	{"raw ICMP", AF_INET, SOCK_RAW, IPPROTO_ICMP, .change = true},
	{"raw", AF_INET, SOCK_RAW, 254, .change = true},
	{"raw ICMPv6", AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, .change = true},
};

/* Told once only, or another thing each time it is asked for. */
static bool is_volatile(int level, int name)
{
	static const int unsteady[][2] = {
		{SOL_SOCKET, 4 /* SO_ERROR */},	      {SOL_SOCKET, 55 /* SO_MEMINFO */},
		{SOL_SOCKET, 57 /* SO_COOKIE */},     {SOL_SOCKET, 77 /* SO_PEERPIDFD */},
		{SOL_TCP, 11 /* TCP_INFO */},	      {SOL_TCP, 24 /* TCP_TIMESTAMP */},
		{SOL_TCP, 26 /* TCP_CC_INFO */},      {SOL_TCP, 28 /* TCP_SAVED_SYN */},
		{SOL_TCP, 35 /* TCP_ZEROCOPY_RECEIVE */}, {SOL_PACKET, 6 /* PACKET_STATISTICS */},
	};

	for (size_t i = 0; i < FX_COUNT(unsteady); i++)
		if (unsteady[i][0] == level && unsteady[i][1] == name)
			return true;
	return false;
}

/* What would turn the socket into something else. */
static bool is_action(int level, int name)
{
	static const int actions[][2] = {
		{SOL_SOCKET, 26 /* SO_ATTACH_FILTER */}, {SOL_SOCKET, 44 /* SO_LOCK_FILTER */},
		{SOL_SOCKET, 25 /* SO_BINDTODEVICE */},	 {SOL_SOCKET, 61 /* SO_TXTIME */},
		{SOL_SOCKET, 33 /* SO_RCVBUFFORCE */},	 {SOL_SOCKET, 32 /* SO_SNDBUFFORCE */},
		{SOL_IPV6, 1 /* IPV6_ADDRFORM */},	 {SOL_TCP, 19 /* TCP_REPAIR */},
		{SOL_TCP, 31 /* TCP_ULP */},		 {IPPROTO_UDP, 1 /* UDP_CORK */},
		{IPPROTO_UDPLITE, 1 /* UDP_CORK */},
		{SOL_IP, 16 /* IP_IPSEC_POLICY */},	 {SOL_IPV6, 34 /* IPV6_IPSEC_POLICY */},
		{SOL_IP, 5 /* IP_ROUTER_ALERT */},	 {SOL_IPV6, 22 /* IPV6_ROUTER_ALERT */},
	};

	for (size_t i = 0; i < FX_COUNT(actions); i++)
		if (actions[i][0] == level && actions[i][1] == name)
			return true;
	return false;
}

static int get(int fd, int level, int name, void *value)
{
	socklen_t len = VALUE_MAX;

	memset(value, 0, VALUE_MAX);
	if (is_volatile(level, name) || getsockopt(fd, level, name, value, &len))
		return -1;
	return len;
}

/* Another value than it has, if any is taken. */
static bool change(int fd, int level, int name)
{
	unsigned char value[VALUE_MAX], now[VALUE_MAX];
	int len = get(fd, level, name, value);

	if (len <= 0 || is_action(level, name) || (level == IPPROTO_UDPLITE && name >= 100))
		return false; /* the last would undo what was done at level IPPROTO_UDP */
	for (int delta = 1; delta <= 64; delta <<= 1) {
		unsigned char other[VALUE_MAX];

		memcpy(other, value, sizeof(other));
		other[0] ^= delta;
		if (!setsockopt(fd, level, name, other, len) && get(fd, level, name, now) == len &&
		    memcmp(now, value, len))
			return true;
	}
	return false;
}

/* What needs more than a number. */
static void change_more(int fd)
{
	struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_RET | BPF_A, 0)};
	struct sock_fprog filter = {2, code};
	struct linger linger = {1, 7};
	struct timeval time = {3, 500000};
	unsigned char options[] = {7, 7, 4, 0, 0, 0, 0, 0}; /* record route */
	int one = 1;

	must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	must(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)));
	must(setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)));
	must(setsockopt(fd, SOL_SOCKET, SO_MARK, &(int){0x1234}, sizeof(int)));
	setsockopt(fd, SOL_IP, IP_OPTIONS, options, sizeof(options));
	setsockopt(fd, SOL_TCP, TCP_CONGESTION, "reno", 4);
}

static void setup(void)
{
	for (size_t i = 0; i < FX_COUNT(sockets); i++) {
		int fd = sockets[i].fd = socket(sockets[i].domain, sockets[i].type, sockets[i].protocol);

		if (fd < 0)
			continue; /* this kernel has no such protocol */
		for (int l = 0; l < LEVELS && sockets[i].change; l++)
			for (int n = 0; n < NUMBERS; n++)
				change(fd, levels[l], n);
		if (sockets[i].change)
			change_more(fd);
		for (int l = 0; l < LEVELS; l++)
			for (int n = 0; n < NUMBERS; n++)
				sockets[i].was[l][n].len =
					get(fd, levels[l], n, sockets[i].was[l][n].value);
	}
}

static void verify(void)
{
	unsigned char now[VALUE_MAX];

	for (size_t i = 0; i < FX_COUNT(sockets); i++)
		for (int l = 0; l < LEVELS && sockets[i].fd >= 0; l++)
			for (int n = 0; n < NUMBERS; n++) {
				int was = sockets[i].was[l][n].len;
				int len = get(sockets[i].fd, levels[l], n, now);

				expect(len == was && (len < 0 || !memcmp(now, sockets[i].was[l][n].value, len)),
				       "%s: option %d at level %d is %08x (%d bytes), was %08x (%d bytes)",
				       sockets[i].name, n, levels[l], *(int *)now, len,
				       *(int *)sockets[i].was[l][n].value, was);
			}
}

const struct fixture fixture_sockopt = {
	.name = "sockopt",
	.about = "every socket option that can be changed, on sockets of each protocol",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS,
};

/* ---- each option on a socket of its own: dump asks for some only where no other socket with the same word did ---- */

static const struct { const char *name; int domain, type, protocol; } sorts[] = {
	{"unix", AF_UNIX, SOCK_DGRAM, 0},	 {"TCP", AF_INET, SOCK_STREAM, 0},
	{"TCP over IPv6", AF_INET6, SOCK_STREAM, 0}, {"UDP over IPv6", AF_INET6, SOCK_DGRAM, 0},
	{"raw", AF_INET, SOCK_RAW, 254},
};
enum { SORTS = FX_COUNT(sorts), SO_LOCK = 44 /* SO_LOCK_FILTER */ };

static struct { int fd, len; unsigned char value[VALUE_MAX]; } alone[SORTS][LEVELS][NUMBERS];

/* Options that take no other number, or none at all. */
static const struct { int level, name, len; const void *value; } given[] = {
	{SOL_SOCKET, SO_LOCK, 4, &(int){1}},
	{SOL_SOCKET, SO_BINDTODEVICE, 3, "lo"},
	{SOL_SOCKET, SO_ATTACH_FILTER, sizeof(struct sock_fprog),
	 &(struct sock_fprog){1, &(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 1500)}},
	{SOL_IP, IP_OPTIONS, 4, "\1\1\1\0"}, /* no operation, and the end */
	{SOL_IP, IP_UNICAST_IF, 4, "\0\0\0\1"},
	{SOL_IPV6, IPV6_UNICAST_IF, 4, "\0\0\0\1"},
	{SOL_IPV6, IPV6_HOPOPTS, 8, "\0\0\1\4\0\0\0\0"}, /* padding */
	{SOL_IPV6, IPV6_RTHDRDSTOPTS, 8, "\0\0\1\4\0\0\0\0"},
	{SOL_IPV6, IPV6_DSTOPTS, 8, "\0\0\1\4\0\0\0\0"},
	{SOL_IPV6, 72 /* IPV6_ADDR_PREFERENCES */, 4, &(int){1 /* IPV6_PREFER_SRC_TMP */}},
	{SOL_TCP, TCP_CONGESTION, 4, "reno"},
	{SOL_TCP, 45 /* TCP_RTO_MIN_US */, 4, &(int){90000}},
	{SOL_TCP, 46 /* TCP_DELACK_MAX_US */, 4, &(int){90000}},
};

static bool change_one(int fd, int level, int name)
{
	for (size_t i = 0; i < FX_COUNT(given); i++)
		if (given[i].level == level && given[i].name == name)
			return !setsockopt(fd, level, name, given[i].value, given[i].len);
	return change(fd, level, name);
}

static void setup_alone(void)
{
	int nr = 0;

	for (int s = 0; s < SORTS; s++)
		for (int l = 0; l < LEVELS; l++)
			for (int n = 0; n < NUMBERS; n++) {
				int fd = must(socket(sorts[s].domain, sorts[s].type, sorts[s].protocol));

				alone[s][l][n].fd = -1;
				if (!change_one(fd, levels[l], n)) {
					close(fd);
					continue;
				}
				alone[s][l][n].fd = fd;
				alone[s][l][n].len = get(fd, levels[l], n, alone[s][l][n].value);
				nr++;
			}
	expect(nr > 200, "only %d options could be changed", nr);
}

static void verify_alone(void)
{
	unsigned char now[VALUE_MAX];

	for (int s = 0; s < SORTS; s++)
		for (int l = 0; l < LEVELS; l++)
			for (int n = 0; n < NUMBERS; n++) {
				int fd = alone[s][l][n].fd, len;

				if (fd < 0)
					continue;
				len = get(fd, levels[l], n, now);
				expect(len == alone[s][l][n].len && !memcmp(now, alone[s][l][n].value, len),
				       "%s, with nothing else: option %d at level %d is %08x, was %08x",
				       sorts[s].name, n, levels[l], *(int *)now,
				       *(int *)alone[s][l][n].value);
			}
}

const struct fixture fixture_sockopt_alone = {
	.name = "sockopt-alone",
	.about = "every socket option that can be changed, each on a socket that has nothing else changed",
	.setup = setup_alone,
	.verify = verify_alone,
	.flags = FX_ROUNDS,
};
