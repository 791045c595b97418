/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_ns.h - records of user namespaces, and of what they own. */
#ifndef BPF_CKPT_REC_NS_H
#define BPF_CKPT_REC_NS_H

#include "record.h"

#define USERNS_LEVEL_MAX 32 /* kernel/user_namespace.c: create_user_ns() */
#define USERNS_RANGES_MAX 96 /* of one map; the kernel takes 340 */
#define USERNS_LIMITS 12 /* enum ucount_type: user.max_*_namespaces and the like */
#define USERNS_RLIMITS 4 /* enum rlimit_type: NPROC, MSGQUEUE, SIGPENDING, MEMLOCK */

enum ns_tag {
	REC_USERNS = 0x0601,
	REC_OWNERS = 0x0602,
};

enum { MAP_UID, MAP_GID, MAP_PROJID, USERNS_MAPS };

/* Ids from inside on are those from outside on in the initial user namespace. */
struct rec_idrange {
	__u32 inside, outside, count;
};

/* struct user_namespace. Of the initial one only identity, inode and level are told. */
struct rec_userns {
	struct rec_hdr h;
	__u64 addr;   /* identity */
	__u64 parent; /* reference, 0 for the initial one */
	__u32 level;
	__u32 inum;
	__u32 owner, group; /* of who made it, as the initial namespace numbers them */
	__u32 flags;        /* USERNS_F_* */
	__u32 nr[USERNS_MAPS]; /* ranges of each map; in order behind the record */
	__s64 limit[USERNS_LIMITS];
	__s64 rlimit[USERNS_RLIMITS];
	struct rec_idrange range[];
};

enum {
	USERNS_F_SETGROUPS = 1u << 0, /* setgroups(2) is allowed */
	USERNS_F_SETFCAP = 1u << 1,   /* its maker had CAP_SETFCAP */
	USERNS_F_CUT = 1u << 31,      /* a map has more ranges than fit: they are not here */
};

/* In which user namespaces a task and its other namespaces are. */
struct rec_owners {
	struct rec_hdr h;
	__u64 task;     /* reference to rec_task */
	__u64 user;     /* the task's own; references to rec_userns, 0 when there is none */
	__u64 pid;      /* that owns its active pid namespace, */
	__u64 children; /* that of its children, */
	__u64 mnt;      /* its mount namespace */
};

#endif
