/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * rec_audit.h - what the audit programs tell: events as they happen, and tasks as a walk sees them.
 *
 * Processes are known by the address of their signal_struct, which survives an exec by another
 * thread than the first; threads by that of their task_struct. An address is one object's from its
 * "born" to its "free"; start_ns tells it from a later object at the same place.
 */
#ifndef BPF_CKPT_REC_AUDIT_H
#define BPF_CKPT_REC_AUDIT_H

#include "rec_task.h"

enum {
	REC_AUDIT_BORN = 0x0c01,
	REC_AUDIT_SEEN = 0x0c02,   /* by a walk: struct rec_audit_born as well */
	REC_AUDIT_EXEC = 0x0c03,
	REC_AUDIT_EXIT = 0x0c04,
	REC_AUDIT_FREE = 0x0c05,   /* struct rec_audit alone: the kernel forgets the task */
	REC_AUDIT_RENAME = 0x0c06, /* struct rec_audit alone: comm is the new name */
	REC_AUDIT_CALL = 0x0c07,   /* setns, unshare or clone of a pid namespace, maybe refused */
	REC_AUDIT_NSFREE = 0x0c08, /* struct rec_audit alone: key is a pid namespace that ends */
};
#define AUDIT_TYPES 9 /* index of counters: tag & 0xff */
#define AUDIT_NUMBERS_SHORT 4
#define AUDIT_CGROUP_V1 (1ULL << 63) /* the kernfs id is one of the pids controller's hierarchy */

/* Why an event did not reach the ring. */
enum { AUDIT_LOST_RING, AUDIT_LOST_REASONS };

/* Bits of rec_audit.flags */
enum {
	AUDIT_F_KTHREAD = 1u << 0,
	AUDIT_F_THREAD = 1u << 1,     /* not the first of its process */
	AUDIT_F_GROUP_DEAD = 1u << 2, /* the last thread of the process */
	AUDIT_F_DEAD = 1u << 3,       /* a walk: nothing of the process runs any more */
	AUDIT_F_SUBREAPER_FAR = 1u << 4, /* exit: who takes the children was not found */
};

struct rec_audit {
	struct rec_hdr h;
	__u64 key;      /* signal_struct, or task_struct of a thread; pid_namespace for NSFREE */
	__u64 boot_ns;  /* CLOCK_BOOTTIME */
	__u64 start_ns; /* start_boottime of the process or thread */
	__u32 cpu;
	__u32 flags;    /* AUDIT_F_* */
	__s32 pid;      /* level-0 numbers of the process and its thread */
	__s32 tid;
	__u32 uid;      /* as the initial user namespace sees it */
	__u32 reserved;
	__u64 cgroup;   /* kernfs id in the unified hierarchy, or with AUDIT_CGROUP_V1 */
	char comm[16];
};

/* A pid namespace; all levels above are known from its members or its own record. */
struct rec_audit_ns {
	__u64 addr;      /* 0: none */
	__u64 parent;    /* address */
	__u64 id;        /* ns_common.ns_id, never used again before a reboot; 0 before 6.18 */
	__u64 init;      /* key of the process that is its child_reaper, 0: none (yet, or any more) */
	__u64 init_start;
	__u32 level;
	__u32 inum;
	__u32 owner_inum, owner_level; /* user namespace that owns it */
	__u32 allocated; /* numbers in use, by all tasks and leaders of groups and sessions */
	__u32 pid_max;   /* 0: one limit for all (before 6.14) */
	__u32 adding;    /* 0: its init died */
	__u32 reserved;
};

/* What else a task is in, beside what the init of its pid namespace is in: inode numbers. */
struct rec_audit_place {
	__u32 mnt, init_mnt;       /* mount namespace; 0: has none any more */
	__u32 cgroup, init_cgroup; /* cgroup namespace */
	__u32 root_mnt;            /* the mount namespace that its root directory lies in */
	__u32 user, user_level;    /* user namespace of its credentials */
	__u32 reserved;
};

/* The tightest limit of numbers on a task's way out: at its own level or above. */
struct rec_audit_room {
	__u32 ns_level, ns_used, ns_max; /* of a pid namespace; ns_max 0: none */
	__u32 reserved;
	__u64 cgroup, cg_used, cg_max;   /* of a pids controller; cg_max 0: none */
};

struct rec_audit_born {
	struct rec_audit a;
	__u64 clone_flags; /* 0 in a walk */
	__u64 parent;      /* key of the process that is its real_parent */
	__u64 parent_start;
	__u64 by;          /* key of who called fork: differs from parent for CLONE_PARENT */
	__u64 by_pidns;    /* the active namespace of that one, address */
	__u64 pidns_children; /* where its own children go, address */
	__s32 ppid;        /* of parent, level 0 */
	__s32 ppid_seen;   /* as getppid() says in the child: 0 when it is outside */
	__s32 by_pid;
	__u32 by_level;
	__u64 exit_ns;     /* walk of a dead one: 0, not known */
	struct rec_audit_ns ns;       /* with inum only in a walk, and of an init */
	struct rec_audit_ns children; /* addr 0 when it is the own one */
	struct rec_audit_place place;
	struct rec_audit_room room;
	__u32 level;
	__s32 exit_code;
	__s32 numbers[AUDIT_NUMBERS_SHORT]; /* level + 1; PID_NUMBERS_MAX of them when deeper */
};

struct rec_audit_exec {
	struct rec_audit a;
	__u64 task;        /* its thread's own key until now */
	__u64 pidns_children;
	__s32 old_tid;     /* of the thread that called; tid is now that of the process */
	__u32 reserved;
	struct rec_audit_place place;
	char file[256];    /* as given to execve(2): NUL-terminated, cut when longer */
};

struct rec_audit_exit {
	struct rec_audit a;
	__u64 heir;        /* key of who gets its children; 0: it has none */
	__u64 heir_start;
	__s32 heir_pid;
	__s32 exit_code;   /* as wait(2) encodes it */
	__u32 level;
	__s32 own_nr;      /* its number in its own namespace: 1 is the init */
	__u64 pidns;
};

enum audit_call { AUDIT_SETNS, AUDIT_UNSHARE, AUDIT_CLONE };

struct rec_audit_call {
	struct rec_audit a;
	__u32 call;        /* enum audit_call */
	__s32 ret;         /* 0, or -errno: refused */
	__u64 call_flags;  /* of unshare and clone; nstype of setns */
	__u64 from;        /* active namespace of the caller, address */
	struct rec_audit_ns to; /* where its children go now, or what it asked for; addr 0: not known */
};

#endif
