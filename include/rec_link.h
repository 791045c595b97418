/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_link.h - records of netlink and packet sockets. */
#ifndef BPF_CKPT_REC_LINK_H
#define BPF_CKPT_REC_LINK_H

#include "record.h"

enum {
	REC_NETLINK = 0x0750,
	REC_NETLINK_GROUP = 0x0751,
	REC_PACKET = 0x0752,
	REC_PACKET_MEMBER = 0x0753,
};

/* struct netlink_sock */
struct rec_netlink {
	struct rec_hdr h;
	__u64 sock;       /* reference to rec_sock */
	__u32 portid;     /* 0: not bound */
	__u32 dst_portid; /* connect(2) */
	__u32 dst_group;
	__u32 dumping;    /* an answer of several messages is not complete */
};

/* A group that it is a member of: NETLINK_ADD_MEMBERSHIP. */
struct rec_netlink_group {
	struct rec_hdr h;
	__u64 sock;
	__u32 group; /* key */
	__u32 reserved;
};

enum { PACKET_HAS_RING = 1, PACKET_HAS_FANOUT = 2, PACKET_MORE_MEMBERS = 4 };

/* struct packet_sock */
struct rec_packet {
	struct rec_hdr h;
	__u64 sock;
	__u32 protocol; /* ETH_P_*, host order; 0: nothing is received */
	__u32 ifindex;  /* 0: all */
	__u32 copy_thresh;
	__u32 flags;    /* PACKET_* */
	char ifname[16];
};

/* PACKET_ADD_MEMBERSHIP: promiscuous mode and the like */
struct rec_packet_member {
	struct rec_hdr h;
	__u64 sock;
	__u32 index; /* key */
	__u32 ifindex;
	__u16 type, len;
	__u32 count;
	__u8 addr[32];
};

#endif
