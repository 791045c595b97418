// SPDX-License-Identifier: GPL-2.0-only
/*
 * datagram_lost.c - what a restored tree will not be told of datagrams that wait to be read, by name; of messages
 * of unix sockets too, as far as only their options say it.
 *
 * One line for each thing that is lost, with the first socket: ten thousand of them may have it in common.
 */
#include "datagram.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "dump.h"
#include "rec_inet.h"
#include "sock.h"
#include "sockopt.h"

/* An option that a program asks with, of those that a packet cannot answer again. Numbers: sockopt_table.c. */
static const struct option_lost {
	int level, name;
	__u32 when; /* DATAGRAM_*: only of such; 0: of all */
	const char *text, *what;
} options[] = {
	{ SOL_SOCKET, 29, 0, "SO_TIMESTAMP", "when they came" },
	{ SOL_SOCKET, 35, 0, "SO_TIMESTAMPNS", "when they came" },
	{ SOL_SOCKET, 63, 0, "SO_TIMESTAMP_NEW", "when they came" },
	{ SOL_SOCKET, 64, 0, "SO_TIMESTAMPNS_NEW", "when they came" },
	{ SOL_SOCKET, 37, 0, "SO_TIMESTAMPING", "when they came" },
	{ SOL_SOCKET, 65, 0, "SO_TIMESTAMPING_NEW", "when they came" },
	{ SOL_SOCKET, 34, 0, "SO_PASSSEC", "their security labels" },
	{ SOL_SOCKET, 40, DATAGRAM_DROPS, "SO_RXQ_OVFL", "how many were dropped before them" },
	{ SOL_IP, 6, DATAGRAM_OPTIONS, "IP_RECVOPTS", "their options" },
	{ SOL_IP, 7, DATAGRAM_OPTIONS, "IP_RETOPTS", "their options" },
	{ SOL_IP, 8, DATAGRAM_ELSEWHERE, "IP_PKTINFO", "the interface that they came by" },
	{ SOL_IP, 18, 0, "IP_PASSSEC", "their security labels" },
	{ SOL_IP, 23, 0, "IP_CHECKSUM", "their checksums" },
	{ SOL_IP, 25, 0, "IP_RECVFRAGSIZE", "the size of fragments that they came in" },
	{ SOL_IPV6, 2, DATAGRAM_ELSEWHERE, "IPV6_2292PKTINFO", "the interface that they came by" },
	{ SOL_IPV6, 3, DATAGRAM_OPTIONS, "IPV6_2292HOPOPTS", "their extension headers" },
	{ SOL_IPV6, 4, DATAGRAM_OPTIONS, "IPV6_2292DSTOPTS", "their extension headers" },
	{ SOL_IPV6, 5, DATAGRAM_OPTIONS, "IPV6_2292RTHDR", "their extension headers" },
	{ SOL_IPV6, 49, DATAGRAM_ELSEWHERE, "IPV6_RECVPKTINFO", "the interface that they came by" },
	{ SOL_IPV6, 53, DATAGRAM_OPTIONS, "IPV6_RECVHOPOPTS", "their extension headers" },
	{ SOL_IPV6, 56, DATAGRAM_OPTIONS, "IPV6_RECVRTHDR", "their extension headers" },
	{ SOL_IPV6, 58, DATAGRAM_OPTIONS, "IPV6_RECVDSTOPTS", "their extension headers" },
	{ SOL_IPV6, 77, 0, "IPV6_RECVFRAGSIZE", "the size of fragments that they came in" },
};

struct tally {
	__u64 first; /* struct sock */
	__u64 last;
	size_t sockets, datagrams;
};

static void count(struct tally *t, __u64 sock)
{
	if (!t->sockets)
		t->first = sock;
	t->sockets += t->last != sock; /* they come in order */
	t->last = sock;
	t->datagrams++;
}

static void tell_options(struct dump *d)
{
	struct tally tally[ARRAY_SIZE(options)] = {};

	snap_for_each(&d->snap, REC_DATAGRAM, const struct rec_datagram, r)
		for (size_t i = 0; i < ARRAY_SIZE(options); i++)
			if ((!options[i].when || options[i].when & r->lost) &&
			    sockopt_saved(&d->snap, r->sock, options[i].level, options[i].name, NULL))
				count(&tally[i], r->sock);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (tally[i].sockets)
			sock_warn(&d->check, snap_find(&d->snap, REC_SOCK, tally[i].first),
				  "%s (%s) is not in the image of %zu datagrams that wait in %zu sockets like it",
				  options[i].what, options[i].text, tally[i].datagrams, tally[i].sockets);
}

/* A label is that of the sending task, and it is another one that sends again: net/unix/af_unix.c */
static void tell_labels(struct dump *d)
{
	struct tally tally = {};

	snap_for_each(&d->snap, REC_UNIX_MSG, const struct rec_unix_msg, m)
		if (sockopt_saved(&d->snap, m->sock, SOL_SOCKET, 34 /* SO_PASSSEC */, NULL))
			count(&tally, m->sock);
	if (tally.sockets)
		sock_warn(&d->check, snap_find(&d->snap, REC_SOCK, tally.first),
			  "the security label of who sent them (SO_PASSSEC) is not in the image of %zu messages that "
			  "wait in %zu sockets like it", tally.datagrams, tally.sockets);
}

static void tell_left(struct dump *d)
{
	const struct rec_datagram_left *first = NULL;
	struct tally tally = {};
	char text[INET6_ADDRSTRLEN] = "?";

	snap_for_each(&d->snap, REC_DATAGRAM_LEFT, const struct rec_datagram_left, r) {
		first = first ? first : r;
		count(&tally, r->sock);
	}
	if (!first)
		return;
	inet_ntop(first->version == 4 ? AF_INET : AF_INET6, first->to, text, sizeof(text));
	sock_warn(&d->check, snap_find(&d->snap, REC_SOCK, tally.first),
		  "%zu datagrams that wait in %zu sockets like it were sent to a group, to all or to another host's "
		  "address (the first one to %s) and are not in the image: sent again, others would get them, too",
		  tally.datagrams, tally.sockets, text);
}

void datagram_tell_losses(struct dump *d)
{
	tell_options(d);
	tell_labels(d);
	tell_left(d);
}
