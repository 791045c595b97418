// SPDX-License-Identifier: GPL-2.0-only
/* inet.c - kind "inet": sockets of IPv4 and IPv6 of every protocol; connections of TCP are in tcp.c. */
#include "inet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"
#include "dump.h"
#include "log.h"
#include "port_holder.h"
#include "res.h"
#include "restore.h"
#include "sock.h"
#include "sockopt.h"

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

#define R struct rec_inet

static const struct field fields[] = {
	FIELD_OWNER(R, sock, REC_SOCK),
	FIELD(R, saddr, MUST_MATCH, AS_BYTES),
	FIELD(R, daddr, MUST_MATCH, AS_BYTES),
	FIELD(R, sport, MUST_MATCH, AS_DEC),
	FIELD(R, dport, MUST_MATCH, AS_DEC),
	FIELD(R, bound_if, MUST_MATCH, AS_DEC),
	FIELD(R, locks, MAY_DIFFER, AS_HEX),
	FIELD(R, flags, MAY_DIFFER, AS_HEX), /* all of them are refused */
	FIELD(R, received, MAY_DIFFER, AS_DEC),
	FIELD(R, errors, MUST_MATCH, AS_DEC),
	FIELD(R, mcast_if, MUST_MATCH, AS_DEC),
	FIELD(R, mcast_addr, MUST_MATCH, AS_HEX),
	FIELD(R, user_mss, MUST_MATCH, AS_DEC),
};

socklen_t inet_address(const struct rec_sock *k, const __u8 addr[16], __u16 port, __u32 scope,
		       union inet_addr *out)
{
	memset(out, 0, sizeof(*out));
	out->any.sa_family = k->family;
	if (k->family == AF_INET) {
		memcpy(&out->v4.sin_addr, addr, sizeof(out->v4.sin_addr));
		out->v4.sin_port = htons(port);
		return sizeof(out->v4);
	}
	memcpy(&out->v6.sin6_addr, addr, sizeof(out->v6.sin6_addr));
	out->v6.sin6_port = htons(port);
	if (IN6_IS_ADDR_LINKLOCAL(&out->v6.sin6_addr) || IN6_IS_ADDR_MC_LINKLOCAL(&out->v6.sin6_addr))
		out->v6.sin6_scope_id = scope;
	return sizeof(out->v6);
}

const char *inet_text(const struct rec_sock *k, const __u8 addr[16], __u16 port, __u32 scope, char *buf)
{
	char text[INET6_ADDRSTRLEN] = "?", zone[16] = "";
	union inet_addr a;

	inet_address(k, addr, port, scope, &a);
	inet_ntop(k->family, addr, text, sizeof(text));
	if (k->family == AF_INET) {
		snprintf(buf, INET_TEXT, "%s:%u", text, port);
		return buf;
	}
	if (a.v6.sin6_scope_id)
		snprintf(zone, sizeof(zone), "%%%u", a.v6.sin6_scope_id);
	snprintf(buf, INET_TEXT, "[%s%s]:%u", text, zone, port);
	return buf;
}

static bool is_tcp(const struct rec_sock *k)
{
	return k->type == SOCK_STREAM && k->protocol == IPPROTO_TCP;
}

bool inet_is_connection(const struct rec_sock *k)
{
	return is_tcp(k) && k->state != TCP_CLOSE && k->state != TCP_LISTEN;
}

static bool is_ping(const struct rec_sock *k)
{
	return k->type == SOCK_DGRAM && (k->protocol == IPPROTO_ICMP || k->protocol == IPPROTO_ICMPV6);
}

static bool is_zero(const __u8 addr[16])
{
	static const __u8 none[16];

	return !memcmp(addr, none, sizeof(none));
}

/* ---- what is refused ---- */

static const char *unknown_protocol(const struct rec_sock *k)
{
	if (k->type == SOCK_STREAM && k->protocol == 262 /* IPPROTO_MPTCP */)
		return "multipath TCP is not supported; have the program use plain TCP";
	if (is_tcp(k) || k->type == SOCK_RAW)
		return NULL;
	if (k->type == SOCK_DGRAM && (k->protocol == IPPROTO_UDP || k->protocol == IPPROTO_UDPLITE ||
				      k->protocol == IPPROTO_ICMP || k->protocol == IPPROTO_ICMPV6))
		return NULL;
	return "sockets of this protocol are not supported";
}

static const char *refusal(const struct snap *s, const struct rec_sock *k, char *buf, size_t len)
{
	const R *i = snap_find(s, REC_INET, k->addr);

	if (!i)
		return "it could not be read";
	return unknown_protocol(k);
}

static const struct { __u32 flag; const char *why; } flag_refusals[] = {
	{ INET_CORKED, "a datagram is being put together (UDP_CORK, MSG_MORE); try again when it was sent" },
	{ INET_REUSE_PROG, "a program chooses among the sockets of its port (SO_ATTACH_REUSEPORT_*), which "
			   "cannot be read back" },
	{ INET_FILTER_EBPF, "it has an eBPF filter (SO_ATTACH_BPF), which cannot be read back" },
	{ INET_ULP, "it has an upper layer protocol (TCP_ULP: kTLS or the like), which is not supported" },
	{ INET_MPTCP, "multipath TCP is not supported; have the program use plain TCP" },
	{ INET_MD5, "it has MD5 keys (TCP_MD5SIG), which cannot be read back" },
	{ INET_AO, "it has TCP-AO keys, which are not supported" },
	{ INET_FASTOPEN, "a connection by TCP Fast Open is not complete yet; try again" },
	{ INET_REPAIR, "somebody has it in repair mode (TCP_REPAIR)" },
	{ INET_URGENT, "urgent data wait to be read, which is not supported; try again when they were read" },
	{ INET_ANYCAST, "it has joined an anycast group, which is not supported" },
	{ INET_FLOWLABEL, "it has flow labels of its own (IPV6_FLOWLABEL_MGR), which are not supported" },
	{ INET_PKTINFO, "it has a sticky source address (IPV6_PKTINFO), which is not supported" },
	{ INET_MCAST_MORE, "it has joined more multicast groups than this program follows" },
	{ INET_TXTIME, "it sends at chosen times (SO_TXTIME), which is not supported" },
};

static void check_connection(struct check *c, const struct rec_sock *k, const R *i)
{
	char from[INET_TEXT], to[INET_TEXT];

	inet_text(k, i->saddr, i->sport, i->bound_if, from);
	inet_text(k, i->daddr, i->dport, i->bound_if, to);
	if (inet_is_connection(k) && c->tcp != TCP_ENDED && !tcp_state_kept(k->state))
		sock_refuse(c, k, "the connection from %s to %s is being made or ended; try again", from, to);
	else if (inet_is_connection(k) && c->tcp == TCP_REFUSED)
		sock_refuse(c, k, "it is connected, from %s to %s; --tcp-established keeps the connection, "
			    "--tcp-close ends it", from, to);
	if (k->state != TCP_LISTEN || !k->waiting)
		return;
	if (c->tcp == TCP_ENDED || c->runs_on)
		sock_warn(c, k, "%u connections that wait to be accepted on %s are not in the image", k->waiting, from);
	else
		sock_refuse(c, k, "%u connections wait to be accepted on %s; try again when they were, or end "
			    "them with --tcp-close", k->waiting, from);
}

static int check(struct check *c, const void *rec)
{
	const R *i = rec;
	const struct rec_sock *k = snap_find(c->snap, REC_SOCK, i->sock);

	if (!k || unknown_protocol(k))
		return 0; /* said already */
	if (inet_is_connection(k) && c->tcp == TCP_ENDED)
		return 0; /* nothing of it is kept */
	for (size_t n = 0; n < ARRAY_SIZE(flag_refusals); n++)
		if (i->flags & flag_refusals[n].flag)
			sock_refuse(c, k, "%s", flag_refusals[n].why);
	check_connection(c, k, i);
	if (k->error)
		sock_refuse(c, k, "an error is pending (%s); try again when the program has seen it",
			    strerror(k->error));
	if (i->errors)
		sock_refuse(c, k, "%u messages are in its error queue (MSG_ERRQUEUE), which is not supported; "
			    "try again when they were read", i->errors);
	if (i->received && (k->type == SOCK_RAW || is_ping(k)))
		sock_warn(c, k, "%u packets that it has received and its program has not read are not in the image",
			  i->received);
	if (is_tcp(k) && k->state == TCP_CLOSE && i->received)
		sock_refuse(c, k, "its connection has ended, and there is still something to be read");
	return 0;
}

/* The count of what was dropped, which SO_RXQ_OVFL tells and nobody can set: include/uapi/linux/sock_diag.h */
static int tell_drops(struct dump *d, const struct rec_sock *k)
{
	__u32 info[SK_MEMINFO_VARS];
	int fd _close_ = -1, err;

	if (!sockopt_saved(&d->snap, k->addr, SOL_SOCKET, SO_RXQ_OVFL, NULL))
		return 0;
	fd = sock_getfd(d, k);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = sock_meminfo(fd, info);
	if (err)
		return err;
	if (info[SK_MEMINFO_DROPS])
		sock_warn(&d->check, k, "it has dropped %u packets, which SO_RXQ_OVFL tells; after a restore it "
			  "counts from 0 on", info[SK_MEMINFO_DROPS]);
	return 0;
}

/* A connection that has ended still has its addresses, but its peer's is told to nobody, and the port is free. */
static int collect(struct dump *d, void *rec)
{
	R *i = rec;
	struct rec_sock *k = snap_find(&d->snap, REC_SOCK, i->sock);

	if (inet_is_connection(k) && d->opts->tcp == TCP_ENDED)
		tcp_end_record(k, i);
	if (is_tcp(k))
		i->mcast_if = i->mcast_addr = 0; /* accept(2) leaves the interface there */
	if (k->state != TCP_LISTEN)
		k->backlog = k->waiting = 0; /* accept(2) leaves them as the listener's */
	if (is_tcp(k) && k->state == TCP_CLOSE) {
		memset(i->daddr, 0, sizeof(i->daddr));
		i->dport = 0;
	}
	if (is_tcp(k) && k->state == TCP_CLOSE && k->shutdown == 3) {
		memset(i->saddr, 0, sizeof(i->saddr));
		i->sport = 0;
	}
	return tell_drops(d, k);
}

static int read_inet(const struct image *img, const void *rec)
{
	const R *i = rec;
	const struct rec_sock *k = snap_find(&img->snap, REC_SOCK, i->sock);

	if ((k->family != AF_INET && k->family != AF_INET6) || unknown_protocol(k) || i->flags || k->error ||
	    !sock_file(&img->snap, i->sock))
		return fail(-ERR_IMAGE, "image: IP socket %llu is impossible", i->sock);
	return 0;
}

/* ---- restore ---- */

static int report_bind(struct restore *r, const struct rec_sock *k, const R *i, int err)
{
	char text[INET_TEXT], what[64], who[128];

	inet_text(k, i->saddr, i->sport, i->bound_if, text);
	sock_describe(k, what, sizeof(what));
	if (err != -EADDRINUSE)
		return fail(err, "bind %s to %s", what, text);
	if (port_holder(k, i, who, sizeof(who)))
		return fail(-ERR_TAKEN, "%s: address %s is taken: by %s", what, text, who);
	return fail(-ERR_TAKEN, "%s: address %s is taken", what, text);
}

/* Who connected without an address got one for that; the next connect(2) chooses anew. */
static bool chosen_by_connect(const struct rec_sock *k, const R *i)
{
	return !is_tcp(k) && k->state == TCP_ESTABLISHED && !(i->locks & INET_BIND_ADDR);
}

/*
 * bind(2) to an address of IPv6 makes a socket one of IPv6 only, and that can be set before it only. Who has such
 * an address without that has got it by connect(2) or accept(2): net/ipv6/af_inet6.c, __inet6_bind().
 */
static bool would_be_only(const struct rec_sock *k, const R *i, int fd)
{
	int only = 0;
	socklen_t len = sizeof(only);

	return k->family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(i->saddr) &&
	       !getsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &only, &len) && !only;
}

bool inet_is_udp(const struct rec_sock *k)
{
	return k->type == SOCK_DGRAM && (k->protocol == IPPROTO_UDP || k->protocol == IPPROTO_UDPLITE);
}

static bool has_port(const struct rec_sock *k, int fd, __u16 port)
{
	union inet_addr a = {};
	socklen_t len = sizeof(a);

	return !getsockname(fd, &a.any, &len) && port == ntohs(k->family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
}

/*
 * The kernel chose the port, and takes it back when the socket is disconnected (SOCK_BINDPORT_LOCK in
 * net/ipv4/udp.c): so it has to choose again, of this one (since 6.3). False: it did not.
 */
static bool bind_as_chosen(struct restore *r, const struct rec_sock *k, const R *i, int fd,
			   const union inet_addr *to, socklen_t len)
{
	__u32 only = (__u32)i->sport << 16 | i->sport;
	union inet_addr a = *to;
	int saved = 0;
	bool done;

	if (setsockopt(fd, SOL_IP, IP_LOCAL_PORT_RANGE, &only, sizeof(only)))
		return false;
	*(k->family == AF_INET ? &a.v4.sin_port : &a.v6.sin6_port) = 0;
	done = !bind(fd, &a.any, len) && has_port(k, fd, i->sport);
	if (!done && connect(fd, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr)))
		return false;
	sockopt_saved(&r->image.snap, k->addr, SOL_IP, IP_LOCAL_PORT_RANGE, &saved);
	setsockopt(fd, SOL_IP, IP_LOCAL_PORT_RANGE, &saved, sizeof(saved));
	return done;
}

int inet_bind(struct restore *r, const struct rec_sock *k, const R *i, bool by_route, int fd)
{
	static const __u8 none[16];
	bool any = chosen_by_connect(k, i) || (by_route && would_be_only(k, i, fd)), raw = k->type == SOCK_RAW;
	union inet_addr a;
	socklen_t len = inet_address(k, any ? none : i->saddr, raw ? 0 : i->sport, i->bound_if, &a);

	if ((raw || !i->sport) && (any || is_zero(i->saddr)))
		return 0;
	if (inet_is_udp(k) && i->sport && !(i->locks & INET_BIND_PORT)) {
		if (bind_as_chosen(r, k, i, fd, &a, len))
			return 0;
		warn("port %u, which the kernel chose for a socket, stays its own when that is disconnected "
		     "(IP_LOCAL_PORT_RANGE of Linux 6.3 is needed)", i->sport);
	}
	return bind(fd, &a.any, len) ? report_bind(r, k, i, -errno) : 0;
}

int inet_make(struct restore *r, const struct rec_sock *k, const R *i, bool by_route)
{
	int fd _close_ = socket(k->family, k->type | SOCK_CLOEXEC, k->protocol), one = 1, err;
	char what[64];

	if (fd < 0)
		return fail(-errno, "make %s", sock_describe(k, what, sizeof(what)));
	/* a raw socket has no address to wait for: filters must be there when packets come */
	err = k->type == SOCK_RAW ? sockopt_restore_all(r, k->addr, fd) : sockopt_restore(r, k->addr, fd);
	if (!err && i->user_mss && setsockopt(fd, SOL_TCP, TCP_MAXSEG, &i->user_mss, sizeof(i->user_mss)))
		err = fail(-errno, "set TCP_MAXSEG");
	/*
	 * What is left of old connections is not in the way, nor, in repair mode, is who has the port; the
	 * program's own choice is set in the end.
	 */
	if (!err && inet_is_connection(k) && setsockopt(fd, SOL_TCP, TCP_REPAIR, &one, sizeof(one)))
		err = fail(-errno, "set TCP_REPAIR");
	else if (!err && is_tcp(k) && !inet_is_connection(k) &&
		 setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)))
		err = fail(-errno, "set SO_REUSEADDR");
	if (!err)
		err = inet_bind(r, k, i, by_route, fd);
	return err ? err : take_fd(&fd);
}

static int connect_it(const struct rec_sock *k, const R *i, int fd)
{
	union inet_addr a;
	socklen_t len = inet_address(k, i->daddr, i->dport, i->bound_if, &a);
	char text[INET_TEXT];

	if (k->state != TCP_ESTABLISHED)
		return 0;
	if (connect(fd, &a.any, len))
		return fail(-errno, "connect to %s", inet_text(k, i->daddr, i->dport, i->bound_if, text));
	return 0;
}

static int set_mcast_if(const struct rec_sock *k, const R *i, int fd)
{
	struct ip_mreqn m = { .imr_address.s_addr = i->mcast_addr, .imr_ifindex = i->mcast_if };

	if ((i->mcast_addr || i->mcast_if) && setsockopt(fd, SOL_IP, IP_MULTICAST_IF, &m, sizeof(m)))
		return fail(-errno, "set IP_MULTICAST_IF of a socket to interface %u", i->mcast_if);
	return 0;
}

static int reset_reuse(struct restore *r, const struct rec_sock *k, int fd)
{
	int value = 0;

	sockopt_saved(&r->image.snap, k->addr, SOL_SOCKET, SO_REUSEADDR, &value);
	if (is_tcp(k) && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, sizeof(value)))
		return fail(-errno, "set SO_REUSEADDR");
	return 0;
}

static int complete(struct restore *r, const struct rec_sock *k, const R *i, int fd)
{
	int err = set_mcast_if(k, i, fd);

	if (!err)
		err = connect_it(k, i, fd);
	if (!err && k->state == TCP_LISTEN && listen(fd, k->backlog))
		err = errno == EADDRINUSE ? report_bind(r, k, i, -errno) : fail(-errno, "listen");
	/* of a socket without a connection it takes effect, and says ENOTCONN */
	if (!err && k->shutdown && shutdown(fd, k->shutdown - 1) && errno != ENOTCONN)
		err = fail(-errno, "shut a socket down");
	return err ? err : reset_reuse(r, k, fd);
}

static int restore_inet(struct restore *r, const void *rec)
{
	const R *i = rec;
	const struct rec_sock *k = snap_find(&r->image.snap, REC_SOCK, i->sock);
	int fd _close_ = -1, err;

	if (inet_is_connection(k))
		return 0; /* kind "tcp" */
	fd = inet_make(r, k, i, false);
	if (fd < 0)
		return fd;
	err = complete(r, k, i, fd);
	return err ? err : sock_keep(r, k, take_fd(&fd));
}

int inet_preflight(struct restore *r)
{
	int err = 0;

	snap_for_each(&r->image.snap, REC_INET, const R, i) {
		const struct rec_sock *k = snap_find(&r->image.snap, REC_SOCK, i->sock);
		int fd _close_ = -1;

		if (inet_is_connection(k) || !i->sport || k->type == SOCK_RAW)
			continue;
		fd = inet_make(r, k, i, false);
		if (fd < 0)
			err = fd; /* all that are taken are told */
		if (err && err != -ERR_TAKEN)
			break;
	}
	return err;
}

const struct sock_family sock_inet = { .family = AF_INET, .refusal = refusal };
const struct sock_family sock_inet6 = { .family = AF_INET6, .refusal = refusal };

const struct res_type res_inet = {
	.name = "inet", .tag = REC_INET, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.check = check, .collect = collect, .read = read_inet, .restore = restore_inet,
};
