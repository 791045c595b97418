/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_sock.h - records of sockets: what all families have, and what unix sockets have beside. */
#ifndef BPF_CKPT_REC_SOCK_H
#define BPF_CKPT_REC_SOCK_H

#include "record.h"

enum {
	REC_SOCKET = 0x0701,
	REC_SOCK = 0x0702,
	REC_UNIX = 0x0703,
};

/* struct socket: what a descriptor refers to. */
struct rec_socket {
	struct rec_hdr h;
	__u64 file; /* reference to rec_file */
	__u64 sock; /* reference to rec_sock */
	__u32 uid, gid; /* of its inode: fstat(2), and what netfilter sees */
};

/* struct sock: what every family has of one. It may outlive its socket, or not have one yet. */
struct rec_sock {
	struct rec_hdr h;
	__u64 addr;     /* identity */
	__u32 netns;    /* inode number */
	__u16 family;   /* AF_* */
	__u16 type;     /* SOCK_* */
	__u16 protocol;
	__u8 state;     /* TCP_*, whatever the family */
	__u8 shutdown;  /* SHUT_RD + 1 | SHUT_WR + 1 */
	__u32 error;    /* what SO_ERROR would tell, and take away */
	__u32 error_soft;
	__s32 peek_off; /* SO_PEEK_OFF */
	__u32 backlog;  /* of listen(2); of datagram sockets: how many messages may wait */
	__u32 waiting;  /* connections that nobody has accepted yet */
	__u32 queued;   /* messages or segments in its receive queue */
	__u64 flags;    /* SOCK_* of the kernel's enum sock_flags */
};

/* struct unix_sock */
struct rec_unix {
	struct rec_hdr h;
	__u64 sock; /* reference to rec_sock */
	__u64 peer; /* reference to rec_sock: whom it is connected with; 0 for nobody */
	__u64 name; /* identity of its address, which those that accept(2) made share; 0: unnamed */
};

#endif
