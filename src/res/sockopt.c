// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockopt.c - kind "sockopt": all options of a socket that getsockopt(2) tells, in one table.
 *
 * What differs from a fresh socket of the same sort is saved, and set again. An option that the table
 * does not have would be lost: tests/res/sockopt.c asks for every number there is.
 */
#include "sockopt.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dump.h"
#include "log.h"
#include "rec_sockopt.h"
#include "res.h"
#include "restore.h"
#include "sock.h"

#define R struct rec_sockopt
#define VALUE_MAX 2048 /* IPV6_HOPOPTS and the like: net/ipv6/exthdrs.c */
#define FRESH_MAX 64
#define BUF_LOCK 72 /* SO_BUF_LOCK, since 5.14 */
#define FILTER_MAX 4096 /* BPF_MAXINSNS */

enum how {
	PLAIN,
	BUFFER, /* doubled by the kernel; SO_*BUFFORCE is one number of its own */
	FILTER, /* counted in instructions */
};

enum {
	LAST = 1,  /* would be in the way before, or is undone by what comes after */
	NO_STREAM = 4, /* what accept(2) finds there is of no use to anybody */
	NO_CONNECTION = 2, /* a connection's own business as soon as there is one */
	ON_FLAGS = 8,  /* on or off, a bit of sk_flags: the walk tells when all of these are off */
	ON_RXOPT = 16, /* likewise of ipv6_pinfo.rxopt */
};

struct option {
	__u16 level, name, force;
	__u8 how, flags;
	const char *text;
};

#define O(level, number, ...) { level, number, .text = __VA_ARGS__ }

/*
 * Numbers instead of names: the C library's headers are older than the kernels. Left out are aliases
 * of what is here, TCP_MAXSEG, which tells what the kernel made of it (rec_inet has it), what cannot be set (SO_TYPE, TCP_INFO, ...) and what is taken by reading
 * (SO_ERROR, PACKET_STATISTICS).
 */
static const struct option table[] = {
	O(SOL_SOCKET, 1, "SO_DEBUG", .flags = ON_FLAGS),
	O(SOL_SOCKET, 2, "SO_REUSEADDR", .flags = LAST),
	O(SOL_SOCKET, 15, "SO_REUSEPORT"),
	O(SOL_SOCKET, 5, "SO_DONTROUTE", .flags = ON_FLAGS),
	O(SOL_SOCKET, 6, "SO_BROADCAST", .flags = ON_FLAGS),
	O(SOL_SOCKET, 18, "SO_RCVLOWAT"), /* may enlarge the buffer */
	O(SOL_SOCKET, 7, "SO_SNDBUF", .force = 32, .how = BUFFER, .flags = LAST),
	O(SOL_SOCKET, 8, "SO_RCVBUF", .force = 33, .how = BUFFER, .flags = LAST),
	O(SOL_SOCKET, BUF_LOCK, "SO_BUF_LOCK", .flags = LAST),
	O(SOL_SOCKET, 9, "SO_KEEPALIVE"),
	O(SOL_SOCKET, 10, "SO_OOBINLINE", .flags = ON_FLAGS),
	O(SOL_SOCKET, 11, "SO_NO_CHECK"),
	O(SOL_SOCKET, 12, "SO_PRIORITY", .flags = LAST), /* IP_TOS sets it */
	O(SOL_SOCKET, 13, "SO_LINGER"),
	O(SOL_SOCKET, 16, "SO_PASSCRED", .flags = LAST),
	O(SOL_SOCKET, 20, "SO_RCVTIMEO"),
	O(SOL_SOCKET, 21, "SO_SNDTIMEO"),
	O(SOL_SOCKET, 25, "SO_BINDTODEVICE"),
	O(SOL_SOCKET, 26, "SO_ATTACH_FILTER", .how = FILTER, .flags = LAST),
	O(SOL_SOCKET, 44, "SO_LOCK_FILTER", .flags = LAST | ON_FLAGS),
	O(SOL_SOCKET, 29, "SO_TIMESTAMP", .flags = ON_FLAGS),
	O(SOL_SOCKET, 35, "SO_TIMESTAMPNS", .flags = ON_FLAGS),
	O(SOL_SOCKET, 37, "SO_TIMESTAMPING"),
	O(SOL_SOCKET, 63, "SO_TIMESTAMP_NEW", .flags = ON_FLAGS),
	O(SOL_SOCKET, 64, "SO_TIMESTAMPNS_NEW", .flags = ON_FLAGS),
	O(SOL_SOCKET, 65, "SO_TIMESTAMPING_NEW"),
	O(SOL_SOCKET, 34, "SO_PASSSEC"),
	O(SOL_SOCKET, 36, "SO_MARK"),
	O(SOL_SOCKET, 40, "SO_RXQ_OVFL", .flags = ON_FLAGS),
	O(SOL_SOCKET, 41, "SO_WIFI_STATUS", .flags = ON_FLAGS),
	O(SOL_SOCKET, 42, "SO_PEEK_OFF", .flags = LAST),
	O(SOL_SOCKET, 43, "SO_NOFCS", .flags = ON_FLAGS),
	O(SOL_SOCKET, 45, "SO_SELECT_ERR_QUEUE", .flags = ON_FLAGS),
	O(SOL_SOCKET, 46, "SO_BUSY_POLL"),
	O(SOL_SOCKET, 47, "SO_MAX_PACING_RATE"),
	O(SOL_SOCKET, 49, "SO_INCOMING_CPU", .flags = NO_CONNECTION),
	O(SOL_SOCKET, 60, "SO_ZEROCOPY", .flags = ON_FLAGS),
	O(SOL_SOCKET, 61, "SO_TXTIME"),
	O(SOL_SOCKET, 69, "SO_PREFER_BUSY_POLL"),
	O(SOL_SOCKET, 70, "SO_BUSY_POLL_BUDGET"),
	O(SOL_SOCKET, 73, "SO_RESERVE_MEM"),
	O(SOL_SOCKET, 74, "SO_TXREHASH"),
	O(SOL_SOCKET, 75, "SO_RCVMARK", .flags = ON_FLAGS),
	O(SOL_SOCKET, 76, "SO_PASSPIDFD", .flags = LAST),
	O(SOL_SOCKET, 82, "SO_RCVPRIORITY"),
	O(SOL_SOCKET, 83, "SO_PASSRIGHTS", .flags = LAST),
	O(SOL_SOCKET, 84, "SO_INQ"),

	O(SOL_IP, 1, "IP_TOS"),
	O(SOL_IP, 2, "IP_TTL"),
	O(SOL_IP, 3, "IP_HDRINCL"),
	O(SOL_IP, 4, "IP_OPTIONS"),
	O(SOL_IP, 6, "IP_RECVOPTS"),
	O(SOL_IP, 7, "IP_RETOPTS"),
	O(SOL_IP, 8, "IP_PKTINFO"),
	O(SOL_IP, 10, "IP_MTU_DISCOVER"),
	O(SOL_IP, 11, "IP_RECVERR"),
	O(SOL_IP, 12, "IP_RECVTTL"),
	O(SOL_IP, 13, "IP_RECVTOS"),
	O(SOL_IP, 15, "IP_FREEBIND"),
	O(SOL_IP, 18, "IP_PASSSEC"),
	O(SOL_IP, 19, "IP_TRANSPARENT"),
	O(SOL_IP, 20, "IP_RECVORIGDSTADDR"),
	O(SOL_IP, 21, "IP_MINTTL", .flags = LAST),
	O(SOL_IP, 22, "IP_NODEFRAG"),
	O(SOL_IP, 23, "IP_CHECKSUM"),
	O(SOL_IP, 24, "IP_BIND_ADDRESS_NO_PORT"),
	O(SOL_IP, 25, "IP_RECVFRAGSIZE"),
	O(SOL_IP, 26, "IP_RECVERR_RFC4884"),
	O(SOL_IP, 33, "IP_MULTICAST_TTL", .flags = NO_STREAM),
	O(SOL_IP, 34, "IP_MULTICAST_LOOP"),
	O(SOL_IP, 49, "IP_MULTICAST_ALL"),
	O(SOL_IP, 50, "IP_UNICAST_IF"),
	O(SOL_IP, 51, "IP_LOCAL_PORT_RANGE"),

	O(SOL_IPV6, 2, "IPV6_2292PKTINFO", .flags = ON_RXOPT),
	O(SOL_IPV6, 3, "IPV6_2292HOPOPTS", .flags = ON_RXOPT),
	O(SOL_IPV6, 4, "IPV6_2292DSTOPTS", .flags = ON_RXOPT),
	O(SOL_IPV6, 5, "IPV6_2292RTHDR", .flags = ON_RXOPT),
	O(SOL_IPV6, 8, "IPV6_2292HOPLIMIT", .flags = ON_RXOPT),
	O(SOL_IPV6, 11, "IPV6_FLOWINFO", .flags = ON_RXOPT),
	O(SOL_IPV6, 16, "IPV6_UNICAST_HOPS"),
	O(SOL_IPV6, 17, "IPV6_MULTICAST_IF", .flags = NO_STREAM),
	O(SOL_IPV6, 18, "IPV6_MULTICAST_HOPS", .flags = NO_STREAM),
	O(SOL_IPV6, 19, "IPV6_MULTICAST_LOOP"),
	O(SOL_IPV6, 23, "IPV6_MTU_DISCOVER"),
	O(SOL_IPV6, 25, "IPV6_RECVERR"),
	O(SOL_IPV6, 26, "IPV6_V6ONLY"),
	O(SOL_IPV6, 29, "IPV6_MULTICAST_ALL"),
	O(SOL_IPV6, 30, "IPV6_ROUTER_ALERT_ISOLATE"),
	O(SOL_IPV6, 31, "IPV6_RECVERR_RFC4884"),
	O(SOL_IPV6, 33, "IPV6_FLOWINFO_SEND"),
	O(SOL_IPV6, 36, "IPV6_HDRINCL"),
	O(SOL_IPV6, 49, "IPV6_RECVPKTINFO", .flags = ON_RXOPT),
	O(SOL_IPV6, 51, "IPV6_RECVHOPLIMIT", .flags = ON_RXOPT),
	O(SOL_IPV6, 53, "IPV6_RECVHOPOPTS", .flags = ON_RXOPT),
	O(SOL_IPV6, 54, "IPV6_HOPOPTS"),
	O(SOL_IPV6, 55, "IPV6_RTHDRDSTOPTS"),
	O(SOL_IPV6, 56, "IPV6_RECVRTHDR", .flags = ON_RXOPT),
	O(SOL_IPV6, 57, "IPV6_RTHDR"),
	O(SOL_IPV6, 58, "IPV6_RECVDSTOPTS", .flags = ON_RXOPT),
	O(SOL_IPV6, 59, "IPV6_DSTOPTS"),
	O(SOL_IPV6, 60, "IPV6_RECVPATHMTU", .flags = ON_RXOPT),
	O(SOL_IPV6, 62, "IPV6_DONTFRAG"),
	O(SOL_IPV6, 66, "IPV6_RECVTCLASS", .flags = ON_RXOPT),
	O(SOL_IPV6, 67, "IPV6_TCLASS"),
	O(SOL_IPV6, 70, "IPV6_AUTOFLOWLABEL"),
	O(SOL_IPV6, 72, "IPV6_ADDR_PREFERENCES"),
	O(SOL_IPV6, 73, "IPV6_MINHOPCOUNT", .flags = LAST),
	O(SOL_IPV6, 74, "IPV6_RECVORIGDSTADDR", .flags = ON_RXOPT),
	O(SOL_IPV6, 75, "IPV6_TRANSPARENT"),
	O(SOL_IPV6, 76, "IPV6_UNICAST_IF"),
	O(SOL_IPV6, 77, "IPV6_RECVFRAGSIZE", .flags = ON_RXOPT),
	O(SOL_IPV6, 78, "IPV6_FREEBIND"),

	O(SOL_TCP, 1, "TCP_NODELAY"),
	O(SOL_TCP, 3, "TCP_CORK", .flags = LAST),
	O(SOL_TCP, 4, "TCP_KEEPIDLE"),
	O(SOL_TCP, 5, "TCP_KEEPINTVL"),
	O(SOL_TCP, 6, "TCP_KEEPCNT"),
	O(SOL_TCP, 7, "TCP_SYNCNT"),
	O(SOL_TCP, 8, "TCP_LINGER2"),
	O(SOL_TCP, 9, "TCP_DEFER_ACCEPT"),
	O(SOL_TCP, 10, "TCP_WINDOW_CLAMP", .flags = NO_CONNECTION),
	O(SOL_TCP, 12, "TCP_QUICKACK", .flags = NO_CONNECTION),
	O(SOL_TCP, 13, "TCP_CONGESTION"),
	O(SOL_TCP, 16, "TCP_THIN_LINEAR_TIMEOUTS"),
	O(SOL_TCP, 17, "TCP_THIN_DUPACK"),
	O(SOL_TCP, 18, "TCP_USER_TIMEOUT"),
	O(SOL_TCP, 23, "TCP_FASTOPEN", .flags = NO_CONNECTION),
	O(SOL_TCP, 25, "TCP_NOTSENT_LOWAT"),
	O(SOL_TCP, 27, "TCP_SAVE_SYN"),
	O(SOL_TCP, 30, "TCP_FASTOPEN_CONNECT", .flags = NO_CONNECTION),
	O(SOL_TCP, 33, "TCP_FASTOPEN_KEY", .flags = NO_CONNECTION),
	O(SOL_TCP, 34, "TCP_FASTOPEN_NO_COOKIE", .flags = NO_CONNECTION),
	O(SOL_TCP, 36, "TCP_INQ"),
	O(SOL_TCP, 37, "TCP_TX_DELAY"),
	O(SOL_TCP, 44, "TCP_RTO_MAX_MS"),
	O(SOL_TCP, 45, "TCP_RTO_MIN_US"),
	O(SOL_TCP, 46, "TCP_DELACK_MAX_US"),

	O(IPPROTO_UDP, 100, "UDP_ENCAP"),
	O(IPPROTO_UDP, 101, "UDP_NO_CHECK6_TX"),
	O(IPPROTO_UDP, 102, "UDP_NO_CHECK6_RX"),
	O(IPPROTO_UDP, 103, "UDP_SEGMENT"),
	O(IPPROTO_UDP, 104, "UDP_GRO"),
	O(IPPROTO_UDPLITE, 10, "UDPLITE_SEND_CSCOV"),
	O(IPPROTO_UDPLITE, 11, "UDPLITE_RECV_CSCOV"),

	O(IPPROTO_RAW, 1, "ICMP_FILTER", .flags = LAST),
	O(IPPROTO_RAW, 7, "IPV6_CHECKSUM"), /* SOL_IPV6 says EINVAL for ICMPv6 */
	O(IPPROTO_ICMPV6, 1, "ICMPV6_FILTER", .flags = LAST),

	O(SOL_PACKET, 10, "PACKET_VERSION"),
	O(SOL_PACKET, 12, "PACKET_RESERVE"),
	O(SOL_PACKET, 15, "PACKET_VNET_HDR"),
	O(SOL_PACKET, 24, "PACKET_VNET_HDR_SZ"),
	O(SOL_PACKET, 8, "PACKET_AUXDATA"),
	O(SOL_PACKET, 9, "PACKET_ORIGDEV"),
	O(SOL_PACKET, 14, "PACKET_LOSS"),
	O(SOL_PACKET, 17, "PACKET_TIMESTAMP"),
	O(SOL_PACKET, 19, "PACKET_TX_HAS_OFF"),
	O(SOL_PACKET, 20, "PACKET_QDISC_BYPASS"),
	O(SOL_PACKET, 23, "PACKET_IGNORE_OUTGOING"),

	O(SOL_NETLINK, 3, "NETLINK_PKTINFO"),
	O(SOL_NETLINK, 4, "NETLINK_BROADCAST_ERROR"),
	O(SOL_NETLINK, 5, "NETLINK_NO_ENOBUFS"),
	O(SOL_NETLINK, 8, "NETLINK_LISTEN_ALL_NSID"),
	O(SOL_NETLINK, 10, "NETLINK_CAP_ACK"),
	O(SOL_NETLINK, 11, "NETLINK_EXT_ACK"),
	O(SOL_NETLINK, 12, "NETLINK_GET_STRICT_CHK"),
};

#define OPTIONS ARRAY_SIZE(table)

static const struct field fields[] = {
	FIELD_OWNER(R, sock, REC_SOCK),
	FIELD(R, level, IS_KEY, AS_DEC),
	FIELD(R, name, IS_KEY, AS_DEC),
	FIELD(R, len, MUST_MATCH, AS_DEC),
	FIELD(R, text, MAY_DIFFER, AS_TEXT),
};

/* What fresh sockets of one sort have; a length of -1: such sockets do not have that option. */
struct sockopt_sort {
	struct sockopt_sort *next;
	int domain, type, protocol;
	struct { int len; unsigned char value[FRESH_MAX]; } fresh[OPTIONS];
};

/* Length, or -1 when the socket does not have it. */
static int get(int fd, const struct option *o, void *value, socklen_t room)
{
	socklen_t len = o->how == FILTER ? room / sizeof(struct sock_filter) : room;

	memset(value, 0, room < FRESH_MAX ? room : FRESH_MAX);
	if (getsockopt(fd, o->level, o->name, value, &len))
		return -1;
	return o->how == FILTER ? len * sizeof(struct sock_filter) : len;
}

static struct sockopt_sort *new_sort(const struct rec_sock *k)
{
	struct sockopt_sort *s = calloc(1, sizeof(*s));
	int fd _close_ = socket(k->family, k->type | SOCK_CLOEXEC, k->protocol);

	if (!s || fd < 0) {
		fail(-errno, "make a socket (domain %d, type %d, protocol %d) to compare with", k->family,
		     k->type, k->protocol);
		free(s);
		return NULL;
	}
	s->domain = k->family;
	s->type = k->type;
	s->protocol = k->protocol;
	for (size_t i = 0; i < OPTIONS; i++)
		s->fresh[i].len = get(fd, &table[i], s->fresh[i].value, FRESH_MAX);
	return s;
}

static const struct sockopt_sort *find_sort(struct dump *d, const struct rec_sock *k)
{
	struct sockopt_sort *s = d->sockopts;

	while (s && (s->domain != k->family || s->type != k->type || s->protocol != k->protocol))
		s = s->next;
	if (s)
		return s;
	s = new_sort(k);
	if (s) {
		s->next = d->sockopts;
		d->sockopts = s;
	}
	return s;
}

void sockopt_free(struct sockopt_sort *s)
{
	while (s) {
		struct sockopt_sort *next = s->next;

		free(s);
		s = next;
	}
}

static int save(struct dump *d, __u64 sock, const struct option *o, const void *value, int len)
{
	R *r = snap_new(&d->snap, REC_SOCKOPT, sizeof(*r) + len);

	if (!r)
		return fail(-ENOMEM, "sockopt");
	r->sock = sock;
	r->level = o->level;
	r->name = o->name;
	r->len = len;
	snprintf(r->text, sizeof(r->text), "%s", o->text);
	memcpy(r->value, value, len);
	return 0;
}

/* Or was, and has ended. */
static bool is_connected(const struct rec_sock *k)
{
	return k->state != TCP_LISTEN && (k->state != TCP_CLOSE || k->shutdown);
}

/* Options that say nothing of the program, whatever they are. */
static bool is_of_no_use(const struct option *o, const struct rec_sock *k)
{
	if (o->flags & NO_STREAM && k->type == SOCK_STREAM)
		return true;
	if (!is_connected(k))
		return false;
	/* bind(2) to an address sets it, accept(2) does not, and a connection does not ask */
	return o->flags & NO_CONNECTION ||
	       (o->level == SOL_IPV6 && o->name == IPV6_V6ONLY && k->type == SOCK_STREAM);
}

/* Buffers that the kernel sizes as it likes: those of a connection, unless the program did it. */
static bool is_automatic(const struct option *o, const struct rec_sock *k, int fd)
{
	int locked = 0;
	socklen_t len = sizeof(locked);

	if (o->how != BUFFER || !is_connected(k))
		return false;
	getsockopt(fd, SOL_SOCKET, BUF_LOCK, &locked, &len);
	return !(locked & (o->name == SO_SNDBUF ? 1 : 2));
}

/* On or off, off as of a fresh socket, and off as the walk has seen. */
static bool is_off(const struct option *o, const struct sockopt_sort *s, const struct rec_sock *k)
{
	static const unsigned char off[sizeof(int)];
	size_t i = o - table;

	return ((o->flags & ON_FLAGS && k->off & SOCK_FLAGS_OFF) ||
		(o->flags & ON_RXOPT && k->off & SOCK_RXOPT_OFF)) &&
	       s->fresh[i].len == sizeof(off) && !memcmp(s->fresh[i].value, off, sizeof(off));
}

int sockopt_collect(struct dump *d, const struct rec_sock *k, int fd)
{
	const struct sockopt_sort *s = find_sort(d, k);
	unsigned char value[FILTER_MAX * sizeof(struct sock_filter)];
	bool buffer = false; /* setting one locks it: what was so is said then in any case */
	int err = 0;

	if (!s)
		return -EIO;
	for (size_t i = 0; i < OPTIONS && !err; i++) {
		const struct option *o = &table[i];
		int len, fresh = s->fresh[i].len;

		if (fresh < 0 || is_of_no_use(o, k) || is_off(o, s, k))
			continue;
		len = get(fd, o, value, o->how == FILTER ? sizeof(value) : VALUE_MAX);
		if (len < 0) {
			err = fail(-errno, "read %s of a socket", o->text);
		} else if (((len != fresh || memcmp(value, s->fresh[i].value, len)) && !is_automatic(o, k, fd)) ||
			   (o->name == BUF_LOCK && o->level == SOL_SOCKET && buffer)) {
			err = save(d, k->addr, o, value, len);
			buffer |= o->how == BUFFER;
		}
	}
	return err;
}

static const struct option *find_option(const R *r)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (table[i].level == r->level && table[i].name == r->name)
			return &table[i];
	return NULL;
}

static int read_sockopt(const struct image *img, const void *rec)
{
	const R *r = rec;
	const struct option *o = find_option(r);
	__u32 max = o && o->how == FILTER ? FILTER_MAX * sizeof(struct sock_filter) : VALUE_MAX;

	if (!o || r->len > max || r->len > r->h.len - sizeof(*r) ||
	    (o->how == BUFFER && r->len != sizeof(int)) ||
	    (o->how == FILTER && r->len % sizeof(struct sock_filter)))
		return fail(-ERR_IMAGE, "image: option %u at level %u of socket %llu is impossible", r->name,
			    r->level, r->sock);
	return 0;
}

static int set(int fd, const struct option *o, const R *r)
{
	struct sock_fprog prog = { r->len / sizeof(struct sock_filter), (void *)r->value };
	int half = r->len == sizeof(int) ? *(const int *)r->value / 2 : 0, err;

	if (o->how == FILTER)
		err = setsockopt(fd, o->level, o->name, &prog, sizeof(prog));
	else if (o->how == BUFFER)
		err = setsockopt(fd, o->level, o->force, &half, sizeof(half));
	else
		err = setsockopt(fd, o->level, o->name, r->value, r->len);
	return err ? fail(-errno, "set %s of a socket", o->text) : 0;
}

int sockopt_restore(struct restore *r, __u64 sock, int fd)
{
	size_t nr;
	void **rec = snap_range(&r->image.snap, REC_SOCKOPT, sock, &nr);
	int err = 0;

	for (size_t i = 0; i < nr && !err; i++) {
		const struct option *o = find_option(rec[i]);

		if (!(o->flags & LAST) || o->how == BUFFER || (o->level == SOL_SOCKET && o->name == SO_REUSEADDR))
			err = set(fd, o, rec[i]);
	}
	return err;
}

int sockopt_restore_all(struct restore *r, __u64 sock, int fd)
{
	size_t nr;
	void **rec = snap_range(&r->image.snap, REC_SOCKOPT, sock, &nr);
	int err = 0;

	for (size_t i = 0; i < nr && !err; i++)
		err = set(fd, find_option(rec[i]), rec[i]);
	return err;
}

/* In the order of the table, once all else of the socket is as it was. */
static int restore_option(struct restore *r, const void *rec)
{
	const R *o = rec;
	const struct rec_sock *k = snap_find(&r->image.snap, REC_SOCK, o->sock);
	int fd _close_ = -1;

	if (k->family == AF_UNIX || k->family == AF_PACKET || (k->type == SOCK_RAW && k->family != AF_NETLINK))
		return 0; /* unix_make_all() does, later; of the others all were set before packets came */
	if (!(find_option(o)->flags & LAST) && (k->family == AF_INET || k->family == AF_INET6))
		return 0; /* inet_make() did, and some cannot be set any more */
	fd = restore_borrow(r, sock_file(&r->image.snap, o->sock));
	if (fd < 0)
		return fail(-ERR_IMAGE, "image: socket %llu was not made", o->sock);
	return set(fd, find_option(o), o);
}

bool sockopt_saved(const struct restore *r, __u64 sock, int level, int name, int *value)
{
	size_t nr;
	void **rec = snap_range(&r->image.snap, REC_SOCKOPT, sock, &nr);

	for (size_t i = 0; i < nr; i++) {
		const R *o = rec[i];

		if ((int)o->level != level || (int)o->name != name)
			continue;
		if (value && o->len >= sizeof(int))
			*value = *(const int *)o->value;
		return true;
	}
	return false;
}

const struct res_type res_sockopt = {
	.name = "sockopt", .tag = REC_SOCKOPT, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_BYTES, .read = read_sockopt, .restore = restore_option,
};
