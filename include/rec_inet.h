/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_inet.h - records of TCP, UDP, ICMP and raw sockets, and of what is in their queues. */
#ifndef BPF_CKPT_REC_INET_H
#define BPF_CKPT_REC_INET_H

#include "record.h"

enum {
	REC_INET = 0x0741,
	REC_MCAST = 0x0742,
	REC_TCP = 0x0743,
	REC_STREAM = 0x0744,
	REC_SKB = 0x0746, /* never in an image */
	REC_MCAST_SOURCE = 0x0747,
	/* 0x0745 was a datagram without what control messages tell of it */
	REC_DATAGRAM = 0x0620,
	REC_DATAGRAM_LEFT = 0x0621, /* never in an image */
};

/* what a socket has that is told by no number of its own */
enum {
	INET_CORKED = 1u << 0,      /* a datagram is being put together */
	INET_REUSE_PROG = 1u << 1,  /* SO_ATTACH_REUSEPORT_CBPF or _EBPF */
	INET_FILTER_EBPF = 1u << 2, /* SO_ATTACH_BPF */
	INET_ULP = 1u << 3,         /* TCP_ULP: kTLS and the like */
	INET_MPTCP = 1u << 4,
	INET_MD5 = 1u << 5,
	INET_AO = 1u << 6,
	INET_FASTOPEN = 1u << 7,    /* a connection that is not complete yet */
	INET_REPAIR = 1u << 8,      /* somebody else is at it */
	INET_URGENT = 1u << 9,      /* urgent data not yet read */
	INET_ANYCAST = 1u << 10,
	INET_FLOWLABEL = 1u << 11,
	INET_PKTINFO = 1u << 12,    /* IPV6_PKTINFO: sticky source address */
	INET_MCAST_MORE = 1u << 13, /* more memberships or sources than the walk follows */
	INET_TXTIME = 1u << 14,     /* SO_TXTIME */
};

/* sk_userlocks */
enum { INET_BIND_ADDR = 4, INET_BIND_PORT = 8 };

/* struct inet_sock: any socket of AF_INET or AF_INET6. Addresses of IPv4 are in the first 4 bytes. */
struct rec_inet {
	struct rec_hdr h;
	__u64 sock;      /* reference to rec_sock */
	__u8 saddr[16];  /* bound to */
	__u8 daddr[16];
	__u16 sport, dport; /* host order; sport: protocol number of raw sockets */
	__u32 bound_if;
	__u32 locks;     /* INET_BIND_* */
	__u32 flags;     /* INET_* */
	__u32 received;  /* packets that were not read yet */
	__u32 errors;    /* in the error queue */
	__u32 mcast_if;  /* IP_MULTICAST_IF: index */
	__u32 mcast_addr;  /* network order */
	__u32 user_mss;    /* TCP_MAXSEG as it was set; 0: not */
	__u32 reserved;
};

/* A multicast group that a socket has joined. */
struct rec_mcast {
	struct rec_hdr h;
	__u64 sock;
	__u32 index;   /* key: order */
	__u32 family;
	__u32 ifindex;
	__u32 mode;    /* MCAST_EXCLUDE 0, MCAST_INCLUDE 1 */
	__u32 sources;   /* that it names: the others, or no others, are let through */
	__u32 reserved;
	__u8 group[16];
};

/* A source that such a membership names. */
struct rec_mcast_source {
	struct rec_hdr h;
	__u64 sock;
	__u32 index;  /* key: of the membership */
	__u32 number; /* key */
	__u8 source[16];
};

/* struct tcp_sock of a connection; numbers as tcp(7) and the kernel have them */
struct rec_tcp {
	struct rec_hdr h;
	__u64 sock;
	__u32 state, shutdown, error;
	__u32 copied_seq, rcv_nxt;       /* between them: received, not read */
	__u32 snd_una, snd_nxt, write_seq; /* between them: sent, not acknowledged; not sent */
	__u32 snd_wl1, snd_wnd, max_window, rcv_wnd, rcv_wup; /* TCP_REPAIR_WINDOW */
	__u32 mss_clamp;
	__u32 snd_wscale, rcv_wscale;
	__u32 options; /* TCP_HAS_* */
	__u32 timestamp; /* the clock of the timestamps it sends, now */
	__u32 unread, unacked; /* bytes in the image, without FIN: from copied_seq, from snd_una */
	__u32 sndbuf, rcvbuf;  /* as the kernel has sized them */
	__u32 moved;  /* its state changed while it was looked at */
	__u32 reserved;
	__u64 lock;   /* names what keeps it quiet until the restore; 0: nothing does */
};

enum { TCP_HAS_TSTAMP = 1, TCP_HAS_SACK = 2, TCP_HAS_WSCALE = 4, TCP_HAS_USEC = 8 };

enum { QUEUE_RECEIVE = 0, QUEUE_SEND = 1 };

/* Bytes of a connection, in order of the stream. */
struct rec_stream {
	struct rec_hdr h;
	__u64 sock;
	__u32 queue;  /* key */
	__u32 offset; /* key: from copied_seq or snd_una */
	__u32 bytes;
	__u32 reserved;
	__u8 data[];
};

/* DATAGRAM_*: what comes with a datagram and cannot be given to it again */
enum {
	DATAGRAM_OPTIONS = 1, /* options of IPv4, extension headers of IPv6 */
	DATAGRAM_DROPS = 2,   /* a count of those that were dropped before it */
	DATAGRAM_ELSEWHERE = 4, /* an interface that is not the one with the address */
};

/* A datagram that was not read. */
struct rec_datagram {
	struct rec_hdr h;
	__u64 sock;
	__u32 index; /* key */
	__u32 bytes;
	__u16 port;  /* of who sent it */
	__u16 port_to;
	__u32 version; /* of IP */
	__u8 from[16];
	__u8 to[16];
	__u32 ifindex;  /* that it came by; 0: of IPv4, as nobody wanted to know */
	__u32 flow;     /* flow label of IPv6 */
	__u8 hops, tos; /* as in its header: hop limit or TTL, traffic class or TOS */
	__u16 reserved;
	__u32 mark, priority;
	__u32 lost;     /* DATAGRAM_* */
	__u8 data[];
};

/* Datagrams that are left out, as they could not be given to their socket alone: to a group, or all. */
struct rec_datagram_left {
	struct rec_hdr h;
	__u64 sock;
	__u32 index; /* of the datagram in the queue */
	__u32 version;
	__u8 to[16];
};

/* A piece of a packet in a queue, as the walk finds it. */
struct rec_skb {
	struct rec_hdr h;
	__u64 sock;
	__u32 queue;
	__u32 index;  /* of the packet */
	__u32 seq;    /* TCP: of the first byte; else its offset in the packet */
	__u32 bytes;
	__u32 total;  /* of the packet */
	__u32 port, port_to;
	__u32 version; /* of IP */
	__u8 from[16];
	__u8 to[16];
	__u32 segment; /* of datagrams that were joined: the bytes of each but the last; else 0 */
	__u32 ifindex, flow, hops, tos, mark, priority, lost; /* as of struct rec_datagram */
	__u8 data[];
};

#endif
