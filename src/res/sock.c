// SPDX-License-Identifier: GPL-2.0-only
/* sock.c - kinds "socket" and "sock": what sockets of all families have, and who cares for the rest. */
#include "sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "dump.h"
#include "external.h"
#include "log.h"
#include "rec_file.h"
#include "res.h"
#include "restore.h"
#include "sockopt.h"
#include "unix.h"

static const struct field fields[] = {
	FIELD_OWNER(struct rec_socket, file, REC_FILE),
	FIELD_REF(struct rec_socket, sock, REC_SOCK),
	FIELD(struct rec_socket, uid, MUST_MATCH, AS_DEC),
	FIELD(struct rec_socket, gid, MUST_MATCH, AS_DEC),
};

#define R struct rec_sock
static const struct field sock_fields[] = {
	FIELD_ID(R),
	FIELD(R, file, NEVER_SAVED, AS_HEX),
	FIELD(R, netns, MAY_DIFFER, AS_DEC),
	FIELD(R, family, MUST_MATCH, AS_DEC),
	FIELD(R, type, MUST_MATCH, AS_DEC),
	FIELD(R, protocol, MUST_MATCH, AS_DEC),
	FIELD(R, state, MUST_MATCH, AS_DEC),
	FIELD(R, shutdown, MUST_MATCH, AS_DEC),
	FIELD(R, error, MUST_MATCH, AS_DEC),
	FIELD(R, error_soft, MAY_DIFFER, AS_DEC),
	FIELD(R, peek_off, MUST_MATCH, AS_SIGNED),
	FIELD(R, backlog, MUST_MATCH, AS_DEC),
	FIELD(R, waiting, MUST_MATCH, AS_DEC),
	FIELD(R, queued, MAY_DIFFER, AS_DEC), /* what was written apart may be joined */
	FIELD(R, flags, MAY_DIFFER, AS_HEX), /* who is outside is only closed, afterwards */
};

static const struct sock_family *const families[] = { &sock_unix, &sock_inet, &sock_inet6, &sock_netlink,
						  &sock_packet };

static const struct sock_family *find_family(__u16 family)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (families[i]->family == family)
			return families[i];
	return NULL;
}

static const char *family_name(__u16 family)
{
	static const char *const names[AF_MAX] = {
		[AF_UNIX] = "unix",	  [AF_INET] = "IPv4",	    [AF_INET6] = "IPv6",
		[AF_NETLINK] = "netlink", [AF_PACKET] = "packet",   [AF_KEY] = "key",
		[AF_ALG] = "crypto",	  [AF_VSOCK] = "vsock",	    [AF_BLUETOOTH] = "bluetooth",
		[AF_CAN] = "CAN",	  [AF_TIPC] = "TIPC",	    [AF_XDP] = "XDP",
		[AF_SMC] = "SMC",	  [AF_RDS] = "RDS",	    [AF_QIPCRTR] = "qipcrtr",
		[AF_PPPOX] = "pppox",	  [AF_IUCV] = "iucv",	    [AF_NFC] = "nfc",
	};

	return family < AF_MAX ? names[family] : NULL;
}

const char *sock_describe(const struct rec_sock *k, char *buf, size_t len)
{
	static const char *const types[] = {
		[SOCK_STREAM] = "stream", [SOCK_DGRAM] = "datagram",   [SOCK_RAW] = "raw",
		[SOCK_RDM] = "rdm",	  [SOCK_SEQPACKET] = "seqpacket",
	};
	const char *family = family_name(k->family);
	const char *type = k->type < ARRAY_SIZE(types) ? types[k->type] : NULL;
	char number[16], kind[16];

	snprintf(number, sizeof(number), "family %u", k->family);
	snprintf(kind, sizeof(kind), "type %u", k->type);
	snprintf(buf, len, "%s %s socket", family ? family : number, type ? type : kind);
	return buf;
}

__u64 sock_file(const struct snap *s, __u64 sock)
{
	size_t nr;
	void **socket = snap_referring(s, REC_SOCKET, struct rec_socket, sock, sock, &nr);

	return nr ? ((const struct rec_socket *)socket[0])->file : 0;
}

bool sock_is_ours(const struct snap *s, const struct rec_sock *k)
{
	return k->flags & SOCK_F_DEAD || sock_file(s, k->addr) || unix_pending(s, k->addr);
}

static const struct rec_fd *first_slot(const struct snap *s, __u64 sock)
{
	size_t nr;
	void **slot = snap_referring(s, REC_FD, struct rec_fd, file, sock_file(s, sock), &nr);

	return nr ? slot[0] : NULL;
}

/* What a refusal that says of no other way out ends with: the socket can be left out. */
static void add_remedy(const struct check *c, const struct rec_sock *k, char *text, size_t room)
{
	const struct rec_file *f = snap_find(c->snap, REC_FILE, sock_file(c->snap, k->addr));
	size_t len = strlen(text);

	if (f && f->path_len && !strstr(text, "try again") && !strstr(text, "--"))
		snprintf(text + len, room - len, EXTERNAL_REMEDY, f->path, f->path);
}

/* "descriptor 5, unix stream socket: ...", for whoever has it first, or has it in a backlog. */
static void note(struct check *c, const struct rec_sock *k, bool warning, const char *fmt, va_list ap)
{
	const struct rec_unix_pending *p = unix_pending(c->snap, k->addr);
	const struct rec_fd *slot = first_slot(c->snap, p ? p->listener : k->addr);
	char text[512], what[64], which[64] = "in flight, ";

	vsnprintf(text, sizeof(text), fmt, ap);
	sock_describe(k, what, sizeof(what));
	if (slot)
		snprintf(which, sizeof(which), "%sdescriptor %u, ", p ? "in the backlog of " : "", slot->fd);
	if (warning) {
		check_warn_user(c, slot ? slot->files : 0, "socket", "%s%s: %s", which, what, text);
		return;
	}
	add_remedy(c, k, text, sizeof(text));
	check_refuse(c, slot ? slot->files : 0, "socket", "%s%s: %s", which, what, text);
}

void sock_leak(struct check *c, const struct rec_sock *k, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(c, k, c->leaks_warn, fmt, ap);
	va_end(ap);
}

void sock_warn(struct check *c, const struct rec_sock *k, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(c, k, true, fmt, ap);
	va_end(ap);
}

void sock_refuse(struct check *c, const struct rec_sock *k, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(c, k, false, fmt, ap);
	va_end(ap);
}

static int check_sock(struct check *c, const void *rec)
{
	const struct rec_sock *k = rec;
	const struct sock_family *family = find_family(k->family);
	char buf[256];
	const char *why = "sockets of this family are not supported";

	if (!sock_is_ours(c->snap, k))
		return 0;
	if (family)
		why = family->refusal ? family->refusal(c->snap, k, buf, sizeof(buf)) : NULL;
	if (k->netns != c->own->ns_net)
		why = "it belongs to a network namespace other than this command's, which is not supported yet";
	else if (k->flags & SOCK_F_POLICIES)
		why = "it has IPsec policies of its own (IP_XFRM_POLICY), which cannot be read";
	else if (k->flags & SOCK_F_ALERT)
		why = "it gets packets with a router alert (IP_ROUTER_ALERT), which is not supported";
	if (why)
		sock_refuse(c, k, "%s", why);
	else if (k->family == AF_INET6 && k->type == SOCK_RAW && k->protocol == IPPROTO_RAW)
		sock_warn(c, k, "as a raw socket for sending it may have asked for router alerts (IPV6_ROUTER_ALERT); "
			  "the kernel does not tell, and they would be lost");
	return 0;
}

int sock_getfd(struct dump *d, const struct rec_sock *k)
{
	int fd = dump_reach(d, sock_file(&d->snap, k->addr));
	char what[64];

	return fd < 0 && fd != -ENOENT ? fail(fd, "reach a %s", sock_describe(k, what, sizeof(what))) : fd;
}

int sock_meminfo(int fd, __u32 *info)
{
	socklen_t len = SK_MEMINFO_VARS * sizeof(*info);

	return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) ? fail(-errno, "read SO_MEMINFO of a socket") : 0;
}

static int collect_sock(struct dump *d, void *rec)
{
	const struct rec_sock *k = rec;
	int fd _close_ = -1;

	if (k->family == AF_UNIX)
		return 0; /* that family does, by the way */
	fd = sock_getfd(d, k);
	if (fd == -ENOENT)
		return 0; /* waits to be accepted, or is on its way */
	return fd < 0 ? fd : sockopt_collect(d, k, fd);
}

static int read_socket(const struct image *img, const void *rec)
{
	const struct rec_socket *socket = rec;
	size_t nr;

	snap_referring(&img->snap, REC_SOCKET, struct rec_socket, sock, socket->sock, &nr);
	if (!socket->sock || nr != 1)
		return fail(-ERR_IMAGE, "image: the socket of file %llu is impossible", socket->file);
	return 0;
}

static int read_sock(const struct image *img, const void *rec)
{
	const struct rec_sock *k = rec;

	if (!find_family(k->family) || k->shutdown > 3 || k->flags & ~(SOCK_F_DEAD | SOCK_F_OUTSIDE))
		return fail(-ERR_IMAGE, "image: socket %llu is of an impossible type", k->addr);
	return 0;
}

int sock_keep(struct restore *r, const struct rec_sock *k, int fd)
{
	const struct rec_file *f = snap_find(&r->image.snap, REC_FILE, sock_file(&r->image.snap, k->addr));
	const struct rec_socket *socket = f ? snap_find(&r->image.snap, REC_SOCKET, f->addr) : NULL;
	char what[64];

	if (!f || fchown(fd, socket->uid, socket->gid) || fchmod(fd, f->id.mode & 07777) ||
	    fcntl(fd, F_SETFL, f->flags & O_NONBLOCK)) {
		close(fd);
		return fail(f ? -errno : -ERR_IMAGE, "give a %s its owner, mode and flags",
			    sock_describe(k, what, sizeof(what)));
	}
	return restore_keep(r, f->addr, fd, -1);
}

const struct res_type res_socket = {
	.name = "socket", .tag = REC_SOCKET, .size = sizeof(struct rec_socket), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.read = read_socket,
};

const struct res_type res_sock = {
	.name = "sock", .tag = REC_SOCK, .size = sizeof(R),
	.fields = sock_fields, .nr_fields = sizeof(sock_fields) / sizeof(sock_fields[0]),
	.check = check_sock, .collect = collect_sock, .read = read_sock,
};
