/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_sock.h - records of sockets: what all families have, and what unix sockets have beside. */
#ifndef BPF_CKPT_REC_SOCK_H
#define BPF_CKPT_REC_SOCK_H

#include "record.h"

enum {
	REC_SOCKET = 0x0701,
	REC_SOCK = 0x0702,
	REC_UNIX = 0x0703,
	REC_UNIX_PENDING = 0x0704,
	REC_UNIX_PATH = 0x0705,
	REC_UNIX_MSG = 0x0706,
	REC_UNIX_FILE = 0x0707,
	/* of a walk only, never in an image */
	REC_UNIX_SKB = 0x0708,
	REC_UNIX_RIGHTS = 0x0709,
	REC_UNIX_BYTES = 0x070a,
};

/* struct socket: what a descriptor refers to. */
struct rec_socket {
	struct rec_hdr h;
	__u64 file; /* reference to rec_file */
	__u64 sock; /* reference to rec_sock */
	__u32 uid, gid; /* of its inode: fstat(2), and what netfilter sees */
};

enum {
	SOCK_F_DEAD = 1,    /* its last descriptor is closed; a peer or a message still refers to it */
	SOCK_F_OUTSIDE = 2, /* not of the tree (--leaks=warn): stands for somebody to connect with */
	SOCK_F_POLICIES = 4, /* IP_XFRM_POLICY: IPsec policies of its own */
	SOCK_F_ALERT = 8,   /* IP_ROUTER_ALERT */
};

/* struct sock: what every family has of one. It may outlive its socket, or not have one yet. */
struct rec_sock {
	struct rec_hdr h;
	__u64 addr;     /* identity */
	__u64 file;     /* address of its struct file, whoever has that */
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
	__u32 flags;    /* SOCK_F_* */
};

#define UNIX_NAME_MAX 108u /* sizeof(sockaddr_un.sun_path) */
#define UNIX_GROUPS_MAX 32u

/* struct unix_sock */
struct rec_unix {
	struct rec_hdr h;
	__u64 sock;     /* reference to rec_sock */
	__u64 peer;     /* reference to rec_sock: whom it is connected with; 0 for nobody */
	__u64 address;  /* identity of its address, which those that accept(2) made share; 0: unnamed */
	__u64 cred_pid; /* reference to rec_pid: SO_PEERCRED; 0 for nobody of the tree */
	__u32 cred_nr;  /* its number at level 0; 0: there are no such credentials */
	__u32 cred_uid, cred_gid, cred_ngroups;
	__u32 name_len; /* of what getsockname(2) tells behind sun_family */
	__u32 oob;      /* 1: an out-of-band byte waits */
	__u32 bound;    /* 1: by itself; 0 with a name: accept(2) gave it that of the listening socket */
	__u32 other_names; /* 1: its file has names that it was not bound to. Refused, so 0 in an image */
	__u8 name[UNIX_NAME_MAX];
	__u32 cred_groups[UNIX_GROUPS_MAX];
};

/* A connection that waits in the backlog of a listening socket. */
struct rec_unix_pending {
	struct rec_hdr h;
	__u64 listener; /* reference to rec_sock */
	__u64 sock;     /* reference to rec_sock: what accept(2) will give a socket */
	__u32 index;
	__u32 reserved;
};

/* The file that a socket is bound to. */
struct rec_unix_path {
	struct rec_hdr h;
	__u64 sock;   /* reference to rec_sock */
	struct rec_inode id;
	__u32 uid, gid;
	__u32 exists; /* 0: it was unlinked, or another one has its name */
	__u32 path_len; /* with NUL */
	char path[];
};

/*
 * What waits in a receive queue: a message, or all of a stream that was sent with the same credentials.
 * The bytes follow.
 */
struct rec_unix_msg {
	struct rec_hdr h;
	__u64 sock;   /* reference to rec_sock: the receiver */
	__u64 sender; /* reference to rec_sock: whose name recvfrom(2) tells, 0 for one without */
	__u64 pid;    /* reference to rec_pid: of its credentials */
	__u32 index;
	__u32 creds;  /* 1: it has them */
	__u32 uid, gid;
	__u32 files;  /* how many descriptors come with it */
	__u32 bytes;
	char data[];
};

/* A descriptor in flight: it came with a message that nobody has received yet. */
struct rec_unix_file {
	struct rec_hdr h;
	__u64 sock;  /* reference to rec_sock: the receiver */
	__u64 file;  /* reference to rec_file */
	__u32 msg;   /* index of the message */
	__u32 index; /* place in it */
};

enum { SKB_F_PAGED = 1, SKB_F_OOB = 2, SKB_F_NAMED = 4, SKB_F_STAMPED = 8 };

/* struct sk_buff in the receive queue of a unix socket */
struct rec_unix_skb {
	struct rec_hdr h;
	__u64 sock;   /* the receiver */
	__u64 sender; /* struct sock */
	__u64 pid;    /* struct pid of the credentials, 0 for none */
	__u32 pid_nr; /* at level 0 */
	__u32 uid, gid;
	__u32 index;
	__u32 bytes;  /* not read yet */
	__u32 files;
	__u32 flags;  /* SKB_F_* */
	__u32 reserved;
};

#define UNIX_RIGHTS_MAX 16u
/* Some of the files of a sk_buff. */
struct rec_unix_rights {
	struct rec_hdr h;
	__u64 sock;
	__u32 index; /* of the sk_buff */
	__u32 first; /* place of file[0] in it */
	__u32 nr;
	__u32 reserved;
	__u64 file[UNIX_RIGHTS_MAX];
};

#define UNIX_BYTES_MAX 1024u
/* Some of the bytes of a sk_buff that nobody has a descriptor for. */
struct rec_unix_bytes {
	struct rec_hdr h;
	__u64 sock;
	__u32 index;  /* of the sk_buff */
	__u32 offset; /* in it */
	__u32 bytes;
	__u32 reserved;
	char data[UNIX_BYTES_MAX];
};

#endif
