/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_state.h - records that ptrace and system calls give of a frozen task. */
#ifndef BPF_CKPT_REC_STATE_H
#define BPF_CKPT_REC_STATE_H

#include "record.h"

/* What the tree is and where it was: one a image, first record. */
struct rec_tree {
	struct rec_hdr h;
	__u64 root;       /* reference to the rec_pid of the root task */
	__u64 root_pidns; /* reference to its active namespace */
	__u32 root_level; /* level of that namespace: numbers[root_level..] are what is restored */
	__u32 flags;      /* TREE_F_* */
	__u64 clock_monotonic, clock_boottime, clock_realtime; /* ns at the freeze */
	__u64 vdso_sum; /* of the vdso's contents */
	__u64 processes, threads, zombies;
};

enum {
	TREE_F_CONTAINER = 1u << 0, /* root task is pid 1 of its namespace */
	TREE_F_ENTRANTS = 1u << 2,  /* tasks whose parents are outside are the restorer's */
	TREE_F_SHELL_JOB = 1u << 1, /* sessions and groups led from outside are the restorer's */
};

/*
 * Registers: NT_PRSTATUS (struct user_regs_struct on x86-64), then NT_X86_XSTATE, without what the
 * kernel adds for readers at 464, and cut behind the last byte that is not zero.
 */
struct rec_regs {
	struct rec_hdr h;
	__u64 task;     /* reference to rec_task */
	__u64 sigmask;  /* PTRACE_GETSIGMASK */
	__u64 remaining; /* ns left of a timed system call that restarts by its restart_block, else 0 */
	__u32 restart;  /* RESTART_*: which system call that is */
	__u32 gregs_len, xsave_len;
	__u32 reserved;
	__u64 arg[4];    /* of that call, as restart_block.c writes and reads them */
	__u8 data[];    /* gregs, padding to 64, xsave */
};

enum { RESTART_NONE = 0, RESTART_NANOSLEEP, RESTART_POLL, RESTART_FUTEX };

/* One queued signal, in queue order. */
struct rec_siginfo {
	struct rec_hdr h;
	__u64 task;    /* reference to rec_task: whose queue, or whose process's */
	__u32 shared;  /* 1: the process's queue */
	__u32 index;   /* key: place in the queue */
	__u8 info[128]; /* siginfo_t */
};

/* One seccomp filter (classic BPF). Oldest first; a chain is found by next. */
struct rec_seccomp {
	struct rec_hdr h;
	__u64 task;    /* reference to rec_task */
	__u32 index;   /* key: 0 is the oldest */
	__u32 flags;   /* SECCOMP_FILTER_FLAG_LOG */
	__u32 insns;
	__u32 reserved;
	__u64 insn[];  /* struct sock_filter */
};

/* struct sched_attr of a thread: deadline parameters and utilization clamps */
struct rec_sched {
	struct rec_hdr h;
	__u64 task;
	__u32 policy;
	__s32 nice;
	__u64 flags;
	__u32 priority;
	__u32 util_min, util_max;
	__u32 reserved;
	__u64 runtime, deadline, period;
};

/* Unread bytes of a pipe, in order; len is that of one write for packets. */
struct rec_pipe_data {
	struct rec_hdr h;
	__u64 pipe;  /* reference */
	__u32 index; /* key */
	__u32 bytes;
	__u8 data[];
};

/* A mount namespace: the caller's, or a copy of that with other proc mounts. */
struct rec_mntns {
	struct rec_hdr h;
	__u64 addr;  /* identity */
	__u32 inum;
	__u32 flags; /* MNTNS_F_* */
	__u32 pid;   /* here, of a member */
	__u32 reserved;
};

enum {
	MNTNS_F_OWN = 1u << 0,   /* that of the command which made the image; of that which restores it */
	MNTNS_F_SLAVE = 1u << 1, /* mounts of the original appear in it */
};

/* A proc file system in a mount namespace. */
struct rec_mount {
	struct rec_hdr h;
	__u64 mntns; /* reference */
	__u64 pidns; /* reference: the namespace that it shows */
	__u32 index; /* key: order of mounting */
	__u32 flags; /* MS_* of mount(2) */
	__u16 point_len, data_len; /* with their NUL */
	__u32 reserved;
	char text[]; /* mount point, padding to 8, options of the file system */
};

#endif
