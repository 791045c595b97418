// SPDX-License-Identifier: GPL-2.0-only
/*
 * inet_test.c - every reason to refuse a socket of IP, from a record that has it: also those that the kernel at
 * hand cannot be brought to.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"
#include "rec_file.h"
#include "rec_inet.h"
#include "rec_sock.h"
#include "res.h"

#include <cmocka.h>

enum { SOCK = 0x1000, FILE_ = 0x2000, NETNS = 77 };

struct world {
	struct snap snap;
	struct users users;
	struct rec_task own;
	struct check check;
	struct rec_sock *sock;
	struct rec_inet *inet;
};

/* A socket that descriptor 5 refers to. */
static void make(struct world *w, int type, int protocol)
{
	struct rec_file *file;
	struct rec_socket *socket;
	struct rec_fd *fd;

	memset(w, 0, sizeof(*w));
	w->own.ns_net = NETNS;
	w->check = (struct check){ .snap = &w->snap, .users = &w->users, .own = &w->own, .tcp = TCP_KEPT };
	w->sock = snap_new(&w->snap, REC_SOCK, sizeof(*w->sock));
	w->sock->addr = SOCK;
	w->sock->netns = NETNS;
	w->sock->family = AF_INET;
	w->sock->type = type;
	w->sock->protocol = protocol;
	w->sock->state = TCP_CLOSE;
	w->inet = snap_new(&w->snap, REC_INET, sizeof(*w->inet));
	w->inet->sock = SOCK;
	file = snap_new(&w->snap, REC_FILE, sizeof(*file) + 16);
	file->addr = FILE_;
	strcpy(file->path, "socket:[123]");
	file->path_len = sizeof("socket:[123]");
	socket = snap_new(&w->snap, REC_SOCKET, sizeof(*socket));
	socket->file = FILE_;
	socket->sock = SOCK;
	fd = snap_new(&w->snap, REC_FD, sizeof(*fd));
	fd->fd = 5;
	fd->file = FILE_;
}

/* Exactly one refusal, which says that; NULL: none. */
static void expect(struct world *w, const char *want)
{
	assert_int_equal(res_type(REC_SOCK)->check(&w->check, w->sock), 0);
	assert_int_equal(res_type(REC_INET)->check(&w->check, w->inet), 0);
	assert_int_equal(w->check.refused, want ? 1 : 0);
	if (want) {
		assert_string_equal(w->check.v[0].kind, "socket");
		if (!strstr(w->check.v[0].text, want))
			fail_msg("'%s' is not in '%s'", want, w->check.v[0].text);
		assert_true(!strncmp(w->check.v[0].text, "descriptor 5, IPv4 ", 19));
		assert_true(strstr(w->check.v[0].text, "try again") ||
			    strstr(w->check.v[0].text, "--external 'socket:[123]'"));
	}
	check_free(&w->check);
	snap_free(&w->snap);
}

static void test_flags(void **state)
{
	static const struct { __u32 flag; int type; const char *want; } flags[] = {
		{ INET_CORKED, SOCK_DGRAM, "a datagram is being put together" },
		{ INET_REUSE_PROG, SOCK_DGRAM, "a program chooses among the sockets of its port" },
		{ INET_FILTER_EBPF, SOCK_DGRAM, "it has an eBPF filter" },
		{ INET_ULP, SOCK_STREAM, "it has an upper layer protocol (TCP_ULP: kTLS or the like)" },
		{ INET_MPTCP, SOCK_STREAM, "multipath TCP is not supported" },
		{ INET_MD5, SOCK_STREAM, "it has MD5 keys" },
		{ INET_AO, SOCK_STREAM, "it has TCP-AO keys" },
		{ INET_FASTOPEN, SOCK_STREAM, "a connection by TCP Fast Open is not complete yet" },
		{ INET_REPAIR, SOCK_STREAM, "somebody has it in repair mode" },
		{ INET_URGENT, SOCK_STREAM, "urgent data wait to be read" },
		{ INET_ANYCAST, SOCK_DGRAM, "it has joined an anycast group" },
		{ INET_FLOWLABEL, SOCK_DGRAM, "it has flow labels of its own" },
		{ INET_PKTINFO, SOCK_DGRAM, "it has a sticky source address" },
		{ INET_MCAST_MORE, SOCK_DGRAM, "it has joined more multicast groups than" },
		{ INET_TXTIME, SOCK_DGRAM, "it sends at chosen times" },
	};
	__u32 all = 0;
	struct world w;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		make(&w, flags[i].type, flags[i].type == SOCK_DGRAM ? IPPROTO_UDP : IPPROTO_TCP);
		w.inet->flags = flags[i].flag;
		all |= flags[i].flag;
		expect(&w, flags[i].want);
	}
	assert_int_equal(all + 1, 1u << 15); /* whoever adds one adds it here */
}

static void test_protocols(void **state)
{
	static const struct { int type, protocol; const char *want; } sockets[] = {
		{ SOCK_STREAM, IPPROTO_TCP, NULL },
		{ SOCK_DGRAM, IPPROTO_UDP, NULL },
		{ SOCK_DGRAM, IPPROTO_UDPLITE, NULL },
		{ SOCK_DGRAM, IPPROTO_ICMP, NULL },
		{ SOCK_RAW, 253, NULL },
		{ SOCK_STREAM, 262 /* IPPROTO_MPTCP */, "multipath TCP is not supported" },
		{ SOCK_STREAM, IPPROTO_SCTP, "sockets of this protocol are not supported" },
		{ SOCK_SEQPACKET, IPPROTO_SCTP, "sockets of this protocol are not supported" },
		{ SOCK_STREAM, 256 /* IPPROTO_SMC */, "sockets of this protocol are not supported" },
		{ SOCK_DGRAM, 115 /* L2TP */, "sockets of this protocol are not supported" },
	};
	struct world w;

	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		make(&w, sockets[i].type, sockets[i].protocol);
		expect(&w, sockets[i].want);
	}
}

static void test_states(void **state)
{
	struct world w;

	make(&w, SOCK_STREAM, IPPROTO_TCP);
	w.sock->state = TCP_SYN_SENT;
	expect(&w, "is being made or ended; try again");
	make(&w, SOCK_STREAM, IPPROTO_TCP);
	w.inet->received = 1;
	expect(&w, "its connection has ended, and there is still something to be read");
	make(&w, SOCK_DGRAM, IPPROTO_UDP);
	w.sock->error = 111;
	expect(&w, "an error is pending (Connection refused)");
	make(&w, SOCK_DGRAM, IPPROTO_UDP);
	w.inet->errors = 3;
	expect(&w, "3 messages are in its error queue");
	make(&w, SOCK_DGRAM, IPPROTO_UDP);
	w.sock->netns++;
	expect(&w, "it belongs to a network namespace other than this command's");
	make(&w, SOCK_DGRAM, IPPROTO_UDP);
	w.sock->flags = SOCK_F_POLICIES;
	expect(&w, "it has IPsec policies of its own");
	make(&w, SOCK_RAW, 2);
	w.sock->flags = SOCK_F_ALERT;
	expect(&w, "it gets packets with a router alert");
	make(&w, SOCK_DGRAM, 0);
	w.sock->family = AF_INET;
	w.inet->sock = SOCK + 1; /* the walk did not tell of it */
	assert_int_equal(res_type(REC_SOCK)->check(&w.check, w.sock), 0);
	assert_int_equal(w.check.refused, 1);
	assert_non_null(strstr(w.check.v[0].text, "it could not be read"));
	check_free(&w.check);
	snap_free(&w.snap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_states),
	};

	return cmocka_run_group_tests_name("inet", tests, NULL, NULL);
}
