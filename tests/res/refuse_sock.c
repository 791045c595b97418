// SPDX-License-Identifier: GPL-2.0-only
/*
 * refuse_sock.c - sockets with what cannot be saved: each is named. For tests/network, by marks have.WHAT, or
 * lacks.WHAT for what this kernel does not make.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../fixture.h"

static struct sockaddr_in loopback = {AF_INET, 0, {0x0100007f}};

static struct sockaddr_in name_of(int fd)
{
	struct sockaddr_in a = {};
	socklen_t len = sizeof(a);

	must(getsockname(fd, (struct sockaddr *)&a, &len));
	return a;
}

static int udp(void)
{
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0));

	must(bind(fd, (struct sockaddr *)&loopback, sizeof(loopback)));
	return fd;
}

/* Notes that this one was made, or why the kernel cannot. */
static void have(const char *what, bool ok)
{
	if (ok)
		fx_mark("have.%s", what);
	else
		fx_mark("lacks.%s.%s", what, strerror(errno));
}

static void make_udp(void)
{
	struct sock_filter ret = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = {1, &ret};
	struct { clockid_t clock; uint32_t flags; } txtime = {CLOCK_TAI, 0};
	struct sockaddr_in nobody;
	int fd = udp(), yes = 1, closed;

	must(connect(fd, (struct sockaddr *)&loopback, sizeof(loopback)));
	must(setsockopt(fd, IPPROTO_UDP, UDP_CORK, &yes, sizeof(yes)));
	have("cork", send(fd, "x", 1, 0) == 1);
	fd = must(socket(AF_INET, SOCK_DGRAM, 0));
	must(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)));
	must(bind(fd, (struct sockaddr *)&loopback, sizeof(loopback)));
	have("reuseport", !setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)));
	have("txtime", !setsockopt(udp(), SOL_SOCKET, SO_TXTIME, &txtime, sizeof(txtime)));
	closed = udp();
	nobody = name_of(closed);
	close(closed);
	fd = udp();
	must(connect(fd, (struct sockaddr *)&nobody, sizeof(nobody)));
	have("error", send(fd, "x", 1, 0) == 1);
	fd = udp();
	must(setsockopt(fd, SOL_IP, IP_RECVERR, &yes, sizeof(yes)));
	have("queue", sendto(fd, "x", 1, 0, (struct sockaddr *)&nobody, sizeof(nobody)) == 1);
}

static void make_ebpf(void)
{
	struct bpf_insn code[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
	union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insn_cnt = 2,
			       .insns = (uint64_t)code, .license = (uint64_t) "GPL"};
	int prog = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	have("ebpf", prog >= 0 && !setsockopt(udp(), SOL_SOCKET, SO_ATTACH_BPF, &prog, sizeof(prog)));
	close(prog);
}

static void make_ipv6(void)
{
	struct in6_pktinfo sticky = {IN6ADDR_LOOPBACK_INIT, if_nametoindex("lo")};
	struct { struct in6_addr dst; uint32_t label; uint8_t action, share; uint16_t flags, expires, linger;
		 uint32_t pad; } flow = {IN6ADDR_LOOPBACK_INIT, 0, 0, 1, 1, 0, 0, 0};

	have("pktinfo", !setsockopt(must(socket(AF_INET6, SOCK_DGRAM, 0)), SOL_IPV6, IPV6_PKTINFO, &sticky,
				    sizeof(sticky)));
	have("flowlabel", !setsockopt(must(socket(AF_INET6, SOCK_DGRAM, 0)), SOL_IPV6, 32 /* IPV6_FLOWLABEL_MGR */,
				      &flow, sizeof(flow)));
}

/* What is of an interface: a group that anybody of its members gets packets of, and more groups than are followed. */
static void make_groups(void)
{
	struct ipv6_mreq any = {.ipv6mr_interface = if_nametoindex("near")}, group = {.ipv6mr_interface = if_nametoindex("lo")};
	int fd = must(socket(AF_INET6, SOCK_DGRAM, 0)), joined = 0;

	must(inet_pton(AF_INET6, "fe80::77:1", &any.ipv6mr_multiaddr));
	have("anycast", !setsockopt(fd, SOL_IPV6, 27 /* IPV6_JOIN_ANYCAST */, &any, sizeof(any)));
	fd = must(socket(AF_INET6, SOCK_DGRAM, 0));
	must(inet_pton(AF_INET6, "ff11::77:0", &group.ipv6mr_multiaddr));
	while (joined < 40 && !setsockopt(fd, SOL_IPV6, IPV6_JOIN_GROUP, &group, sizeof(group))) {
		group.ipv6mr_multiaddr.s6_addr[15]++;
		joined++;
	}
	have("groups", joined == 40);
}

/* Both ends of a connection. */
static void connect_ends(int *a, int *b)
{
	int listener = must(socket(AF_INET, SOCK_STREAM, 0));
	struct sockaddr_in to;

	must(bind(listener, (struct sockaddr *)&loopback, sizeof(loopback)));
	must(listen(listener, 1));
	to = name_of(listener);
	*a = must(socket(AF_INET, SOCK_STREAM, 0));
	must(connect(*a, (struct sockaddr *)&to, sizeof(to)));
	*b = must(accept(listener, NULL, NULL));
	close(listener);
}

static void make_connected(void)
{
	struct { struct sockaddr_storage addr; uint32_t more[64]; } ao = {}; /* struct tcp_ao_add: linux/tcp.h */
	int a, b, on = 1, bytes = 0;

	connect_ends(&a, &b);
	must(send(a, "xy", 2, MSG_OOB));
	have("urgent", true);
	connect_ends(&a, &b);
	have("repair", !setsockopt(must(socket(AF_INET, SOCK_STREAM, 0)), SOL_TCP, TCP_REPAIR, &on, sizeof(on)));
	have("ulp", !setsockopt(a, SOL_TCP, TCP_ULP, "tls", 3));
	have("ao", !setsockopt(b, SOL_TCP, 38 /* TCP_AO_ADD_KEY */, &ao, sizeof(ao)));
	/* ended on both sides, and one has not read all */
	connect_ends(&a, &b);
	must(send(a, "left", 4, 0));
	must(close(a));
	must(shutdown(b, SHUT_WR));
	for (struct tcp_info info = {}; info.tcpi_state != TCP_CLOSE; fx_nap()) {
		socklen_t len = sizeof(info);

		must(getsockopt(b, SOL_TCP, TCP_INFO, &info, &len));
	}
	have("unread", !ioctl(b, FIONREAD, &bytes) && bytes == 4);
}

static pid_t waits;

/* A child that waits in sendto(2) for somebody who does not answer. Who is stopped there is not in it any more. */
static void make_fastopen(const struct sockaddr_in *deaf)
{
	waits = must(fork());
	if (waits)
		return;
	must(prctl(PR_SET_PDEATHSIG, SIGKILL));
	have("fastopen", true);
	sendto(must(socket(AF_INET, SOCK_STREAM, 0)), "x", 1, MSG_FASTOPEN, (const struct sockaddr *)deaf, sizeof(*deaf));
	_exit(0);
}

static void make_tcp(void)
{
	struct tcp_md5sig key = {.tcpm_keylen = 3, .tcpm_key = "abc"};
	int listener = must(socket(AF_INET, SOCK_STREAM, 0)), fd = -1;
	struct sockaddr_in to;

	*(struct sockaddr_in *)&key.tcpm_addr = loopback;
	fd = must(socket(AF_INET, SOCK_STREAM, 0));
	have("md5", !setsockopt(fd, SOL_TCP, TCP_MD5SIG, &key, sizeof(key)));
	have("mptcp", socket(AF_INET, SOCK_STREAM, 262 /* IPPROTO_MPTCP */) >= 0);
	must(bind(listener, (struct sockaddr *)&loopback, sizeof(loopback)));
	must(listen(listener, 0));
	to = name_of(listener);
	for (int i = 0; i < 4; i++) { /* the first fill the backlog, the last gets no answer */
		fd = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
		connect(fd, (struct sockaddr *)&to, sizeof(to));
		fx_nap();
	}
	have("connecting", true);
	make_fastopen(&to);
}

/* linux/xfrm.h does not go with netinet/in.h: struct xfrm_userpolicy_info, all zero but what follows */
static void make_raw(void)
{
	struct { uint8_t selector[56]; uint64_t limits[8], current[4]; uint32_t priority, index; uint8_t dir, action, flags,
		 share; } policy = {.dir = 1 /* XFRM_POLICY_OUT */};
	int yes = 1;

	policy.selector[40] = AF_INET;
	have("policy", !setsockopt(udp(), SOL_IP, 17 /* IP_XFRM_POLICY */, &policy, sizeof(policy)));
	have("alert", !setsockopt(must(socket(AF_INET, SOCK_RAW, IPPROTO_IGMP)), SOL_IP, IP_ROUTER_ALERT, &yes, sizeof(yes)));
}

/* Groups of Ethernet, more than are followed; an interface that is down; a group that sends more than fits. */
static void make_crowded(void)
{
	struct packet_mreq group = {(int)if_nametoindex("lo"), PACKET_MR_MULTICAST, ETH_ALEN, {1, 0, 0x5e}};
	struct sockaddr_ll off = {AF_PACKET, htons(0x88b5), (int)if_nametoindex("off")};
	struct sockaddr_nl all = {AF_NETLINK, 0, 0, 1};
	struct pollfd full = {.events = POLLIN};
	int fd = must(socket(AF_PACKET, SOCK_RAW, 0)), joined = 0, room = 1, out;

	while (joined < 20 && !setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &group, sizeof(group))) {
		group.mr_address[5]++;
		joined++;
	}
	have("members", joined == 20);
	errno = ENODEV;
	have("down", off.sll_ifindex && !bind(must(socket(AF_PACKET, SOCK_RAW, 0)), (struct sockaddr *)&off, sizeof(off)));
	have("old", socket(AF_PACKET, SOCK_PACKET, htons(0x88b5)) >= 0);
	fd = must(socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK));
	out = must(socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK));
	must(bind(fd, (struct sockaddr *)&all, sizeof(all)));
	must(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)));
	for (int i = 0; i < 200; i++) /* says ECONNREFUSED, as the kernel does not listen */
		sendto(out, &all, sizeof(all), 0, (struct sockaddr *)&all, sizeof(all));
	full.fd = fd;
	have("overrun", poll(&full, 1, 0) == 1 && full.revents & POLLERR);
}

/* A socket that was made in a network that nobody lives in any more. */
static void make_elsewhere(void)
{
	int home = must(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	bool ok = !unshare(CLONE_NEWNET);

	if (ok)
		must(socket(AF_INET, SOCK_DGRAM, 0));
	have("netns", ok);
	must(setns(home, CLONE_NEWNET));
	close(home);
}

static void make_link(void)
{
	struct tpacket_req ring = {4096, 1, 4096, 1};
	struct { struct nlmsghdr h; struct ifinfomsg i; } q = {
		{sizeof(q), RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0}, {}};
	int fd = must(socket(AF_PACKET, SOCK_RAW, 0)), fanout = 0x1234;
	struct sockaddr_ll on = {AF_PACKET, htons(0x88b5), (int)if_nametoindex("lo")};

	have("ring", !setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)));
	fd = must(socket(AF_PACKET, SOCK_RAW, 0));
	must(bind(fd, (struct sockaddr *)&on, sizeof(on)));
	have("fanout", !setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &fanout, sizeof(fanout)));
	have("netfilter", socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) >= 0);
	fd = must(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	have("answer", send(fd, &q, sizeof(q), 0) == sizeof(q));
}

static void setup(void)
{
	make_udp();
	make_ebpf();
	make_ipv6();
	make_groups();
	make_connected();
	make_tcp();
	make_raw();
	make_link();
	make_crowded();
	make_elsewhere();
}

static void verify(void)
{
	must(kill(waits, SIGKILL));
}

const struct fixture fixture_refuse_sock = {
	.name = "refuse_sock",
	.about = "sockets with what can't be checkpointed",
	.setup = setup,
	.verify = verify,
	.flags = FX_LEAVE_ONLY,
};
