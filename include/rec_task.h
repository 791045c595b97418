/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_task.h - records of tasks: pid namespaces, pid objects, threads, processes, signals, timers. */
#ifndef BPF_CKPT_REC_TASK_H
#define BPF_CKPT_REC_TASK_H

#include "record.h"

#define PIDNS_LEVEL_MAX 32 /* kernel/pid_namespace.c: MAX_PID_NS_LEVEL */
#define PID_NUMBERS_MAX (PIDNS_LEVEL_MAX + 1)
#define REC_GROUPS_MAX 320
#define REC_CPU_WORDS 16 /* 1024 CPUs */
#define REC_RLIMITS 16

/* struct pid_namespace, emitted for every namespace on the chain of a task's own. */
struct rec_pidns {
	struct rec_hdr h;
	__u64 addr;      /* identity */
	__u64 parent;    /* reference, 0 for the initial one */
	__u64 reaper;    /* reference to the rec_pid of child_reaper, 0 when it has none */
	__u32 level;
	__u32 inum;
	__u32 owner_inum; /* user namespace that owns it */
	__u32 owner_level;
	__u32 allocated; /* pid_allocated without PIDNS_ADDING */
	__u32 adding;    /* 1: new pids may be made; 0: the init died */
	__u32 idr_next;  /* cursor: the next fork tries this number */
	__u32 pid_max;   /* 0 when the limit is global (before 6.14) */
};

/* struct pid: a chain of numbers, outermost (level 0) first, as the kernel's numbers[]. */
struct rec_pid {
	struct rec_hdr h;
	__u64 addr; /* identity */
	__u64 ns;   /* reference: active namespace, that of the innermost number */
	__u64 ino;  /* pidfs inode, unique for one boot; 0 on kernels without it */
	__u32 level;
	__u32 alive; /* some task, maybe a zombie, has it as its own number; else it is a ghost */
	__s32 numbers[]; /* level + 1 of them, then padding */
};

/* flags of rec_task.flags */
enum {
	TASK_F_KTHREAD = 1u << 0,
	TASK_F_LEADER = 1u << 1,
	TASK_F_TRACED = 1u << 2,     /* somebody ptraces it */
	TASK_F_VFORK = 1u << 3,      /* a vfork parent waits for it */
	TASK_F_EXITING = 1u << 4,    /* PF_EXITING */
	TASK_F_IO_URING = 1u << 5,
	TASK_F_KEYRING = 1u << 6,    /* thread or process keyring */
	TASK_F_USER_DISPATCH = 1u << 7,
	TASK_F_COMPAT = 1u << 8,     /* 32-bit */
	TASK_F_RESET_ON_FORK = 1u << 9,
	TASK_F_SHSTK = 1u << 10,     /* user shadow stack */
	TASK_F_SLICE = 1u << 11,     /* sched_setattr(2) gave it a time slice of its own: since 6.12 */
};

/* The part of struct restart_block that its fn says is valid; kernel/restart_block.h */
struct rec_restart {
	__u64 fn; /* kernel text address; a name from kallsyms tells the variant */
	__u32 clockid;
	__u32 type;
	__u64 rmtp;
	__u64 expires; /* ns, absolute, in clockid */
	__u64 uaddr;
	__u32 val;
	__u32 futex_flags;
	__u64 futex_time; /* ns, absolute MONOTONIC (or REALTIME by flag) */
	__u32 bitset;
	__u32 nfds;
	__u64 ufds;
	__u32 has_timeout;
	__u32 reserved;
	__u64 tv_sec, tv_nsec; /* absolute MONOTONIC end of poll() */
};

/* struct task_struct: one a thread. Process-wide state is in rec_proc. */
struct rec_task {
	struct rec_hdr h;
	__u64 addr;   /* identity: task_struct */
	__u64 pid;    /* reference to the rec_pid of this thread */
	__u64 tgid;   /* reference to the rec_pid of its thread group leader */
	__u64 parent; /* reference to the rec_pid (tgid) of real_parent */
	__u64 mm, files, fs, sighand, signal, nsproxy; /* references; 0 once exited */
	__u64 pidns_children; /* reference to rec_pidns: where its children go */
	__u64 seccomp_filter; /* identity of the filter chain's newest */
	__u32 flags;          /* TASK_F_* */
	__u32 pf;             /* task_struct.flags, PF_* */
	__u32 state;          /* __state */
	__u32 exit_state;
	__s32 exit_code;      /* as wait(2) encodes it */
	__s32 exit_signal;    /* -1 for a thread that is not a leader */
	__u64 jobctl;
	__u64 start_boottime; /* ns since boot */
	char comm[16];
	__u32 pdeath_signal;
	__u32 personality;
	/* namespaces by inode number, 0 when the task has exited */
	__u64 mntns;     /* reference to a rec_mntns */
	__u32 ns_mnt, ns_uts, ns_ipc, ns_net, ns_cgroup, ns_time, ns_time_children, ns_user;
	__u64 cgroup; /* kernfs id in the unified hierarchy */
	/* credentials, numbers as the initial user namespace sees them */
	__u32 uid, gid, suid, sgid, euid, egid, fsuid, fsgid;
	__u64 cap_inheritable, cap_permitted, cap_effective, cap_bounding, cap_ambient;
	__u32 securebits;
	__u32 no_new_privs;
	__u32 seccomp_mode; /* 0 off, 1 strict, 2 filter */
	__u32 seccomp_count;
	__u32 ngroups; /* as the kernel has them; more than REC_GROUPS_MAX are not all here */
	__u32 ioprio;
	__u32 groups[REC_GROUPS_MAX];
	/* scheduling */
	__u32 policy;
	__s32 nice;
	__u32 rt_priority;
	__u32 reserved;
	__u64 timer_slack; /* ns */
	__u64 cpus[REC_CPU_WORDS];
	/* signals and threads */
	__u64 blocked, pending;
	__u64 altstack_sp, altstack_size;
	__u32 altstack_flags;
	__u32 rseq_len;
	__u64 robust_list, clear_child_tid, rseq;
	__u32 rseq_sig;
	__u32 ptracer; /* level-0 number of who ptraces it, 0 for nobody */
	struct rec_restart restart;
};

enum {
	PROC_F_SUBREAPER = 1u << 0,
	PROC_F_HAS_SUBREAPER = 1u << 1,
	PROC_F_SESSION_LEADER = 1u << 2,
	PROC_F_TTY = 1u << 3,
	PROC_F_ITIMER_REAL = 1u << 4, /* armed */
};

struct rec_itimer {
	__u64 value;    /* ns left (ITIMER_REAL) or CPU time left; 0: off */
	__u64 interval; /* ns */
};

/* struct signal_struct: what the threads of a process share. */
struct rec_proc {
	struct rec_hdr h;
	__u64 addr;      /* identity: signal_struct */
	__u64 tgid;      /* reference to rec_pid */
	__u64 pgid, sid; /* references to rec_pid: also dead leaders (ghosts) */
	__u32 flags;     /* PROC_F_* */
	__u32 signal_flags; /* signal_struct.flags, SIGNAL_* */
	__u32 nr_threads;
	__s32 group_exit_code; /* stop or exit status not yet collected by wait(2) */
	__u64 pending;   /* shared pending mask */
	__s32 oom_score_adj;
	__s32 oom_score_adj_min;
	struct rec_itimer itimer[3]; /* by ITIMER_REAL, VIRTUAL, PROF */
	__u64 utime, stime;          /* ns, of dead and living threads as accounted at the walk */
	struct { __u64 cur, max; } rlimit[REC_RLIMITS];
	char tty[16];
};

struct rec_sigaction {
	__u64 handler, flags, restorer, mask;
};

/* struct sighand_struct; action[i] is of signal i + 1 */
struct rec_sighand {
	struct rec_hdr h;
	__u64 addr; /* identity */
	struct rec_sigaction action[64];
};

enum { TIMER_MORE = 2 };

/* struct k_itimer: a POSIX timer */
struct rec_timer {
	struct rec_hdr h;
	__u64 signal;     /* reference: rec_proc that owns it */
	__s32 id;
	__s32 clock;      /* clockid_t */
	__s32 notify;     /* sigev_notify as stored: SIGEV_* flags */
	__s32 signo;
	__u64 sival;
	__u64 target;     /* reference to rec_pid of the thread or process that is signalled */
	__u64 interval;   /* ns */
	__u64 value;      /* ns left at the walk, 0: disarmed */
	__s64 overrun;
	__u32 armed; /* 0, 1, or TIMER_MORE: the process has more than the walk follows */
	__u32 requeue;    /* fired, and its signal is not yet delivered */
};

#endif
