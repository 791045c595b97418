/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_ipc.h - records of memory policies, System V and POSIX IPC, AIO contexts. */
#ifndef BPF_CKPT_REC_IPC_H
#define BPF_CKPT_REC_IPC_H

#include "record.h"

enum rec_ipc_tag {
	REC_TASK_POLICY = 0x0a01,
	REC_AREA_POLICY = 0x0a02,
	REC_PKEYS = 0x0644, /* 0x0a03 was of a record that no image could have */
	REC_SHM = 0x0a04,
	REC_SEM = 0x0a05,
	REC_SEM_PID = 0x0a06,
	REC_UNDO_LIST = 0x0a07,
	REC_UNDO = 0x0a08,
	REC_MSGQ = 0x0a09,
	REC_MSG = 0x0a0a,
	REC_SHMFILE = 0x0a0b,
	REC_MQUEUE = 0x0a0c,
	REC_MQ_MESSAGE = 0x0a0d,
	REC_MQ_PART_TAG = 0x0a0e,
	REC_HUGE = 0x0a0f,
	REC_AIO = 0x0a10,
	REC_AIO_RING = 0x0a11,
	REC_SHM_UNRESERVED = 0x0611,
};

#define REC_NODE_WORDS 16 /* 1024 nodes, the most a kernel is built for */

/* struct mempolicy: of a thread (set_mempolicy) or of an area (mbind) */
struct rec_mempolicy {
	struct rec_hdr h;
	__u64 owner;      /* reference: rec_task or rec_mm */
	__u64 start, end; /* of an area; start is the key */
	__u32 mode;       /* MPOL_* */
	__u32 flags;      /* MPOL_F_* that the program gave */
	__s32 home_node;  /* set_mempolicy_home_node(2); -1 for none */
	__u32 reserved;
	__u64 nodes[REC_NODE_WORDS]; /* as the program gave them, where the kernel kept that */
};

/* Protection keys that an address space has allocated, when these are any. */
struct rec_pkeys {
	struct rec_hdr h;
	__u64 mm;
	__u32 map;       /* bits; key 0 always is */
	__s32 exec_only; /* the one that PROT_EXEC without PROT_READ gets, -1: nothing was mapped so */
};

/* struct kern_ipc_perm */
struct rec_ipc_perm {
	__s32 key;
	__u32 uid, gid, cuid, cgid;
	__u32 mode; /* permissions, SHM_DEST, SHM_LOCKED */
};

/* Of the kernel that gave an object its id: /proc/sys/kernel/random/boot_id */
#define REC_BOOT_ID 40

/*
 * A System V shared memory segment. What belongs to the whole tree is the root task's. Times in
 * seconds, pids as the dumper numbers them.
 */
struct rec_shm {
	struct rec_hdr h;
	__u64 task;     /* reference to the root's rec_task */
	__u64 shmid;    /* key */
	__u64 contents; /* object whose extents these are */
	__u64 size;     /* bytes */
	struct rec_ipc_perm perm;
	__u32 nattch;
	__u32 cpid, lpid;
	__u32 huge_shift; /* log2 of the page size of SHM_HUGETLB, else 0 */
	__s64 atime, dtime, ctime;
	char boot[REC_BOOT_ID];
};

/* A segment that was made with SHM_NORESERVE. */
struct rec_shm_unreserved {
	struct rec_hdr h;
	__u64 task;  /* reference to the root's rec_task */
	__u64 shmid; /* key */
};

/* A set of System V semaphores; their values follow. */
struct rec_sem {
	struct rec_hdr h;
	__u64 task;
	__u64 semid; /* key */
	struct rec_ipc_perm perm;
	__u32 nsems;
	__u32 reserved;
	__s64 otime, ctime;
	char boot[REC_BOOT_ID];
	__u16 value[];
};

/* A process of the tree was the last that changed a semaphore: sempid. */
struct rec_sem_pid {
	struct rec_hdr h;
	__u64 task;  /* reference: that process's first thread */
	__u64 semid; /* key */
	__u32 num;   /* key */
	__u32 reserved;
};

/* The list of semaphore adjustments that a thread has, maybe with others: CLONE_SYSVSEM */
struct rec_undo_list {
	struct rec_hdr h;
	__u64 task; /* reference */
	__u64 list; /* identity */
	__u32 users; /* tasks that have it */
	__u32 flags; /* UNDO_F_* */
};

enum {
	UNDO_F_APART = 1u << 0,  /* a thread that has another list than the first one of its process, or none */
	UNDO_F_SHARED = 1u << 1, /* processes have one list: CLONE_SYSVSEM without CLONE_THREAD */
	UNDO_F_OUTSIDE = 1u << 2, /* and one that is not of the tree */
};

/* One adjustment, by SEM_UNDO, of a semaphore at the end of who has the list. */
struct rec_undo {
	struct rec_hdr h;
	__u64 task;  /* reference */
	__u64 semid; /* key */
	__u32 num;   /* key */
	__s32 adj;
};

/* A System V message queue */
struct rec_msgq {
	struct rec_hdr h;
	__u64 task;
	__u64 msqid; /* key */
	__u64 qbytes, qnum;
	struct rec_ipc_perm perm;
	__u32 lspid, lrpid; /* who sent and who received last */
	__s64 stime, rtime, ctime;
	char boot[REC_BOOT_ID];
};

/* A message in it; its text follows. */
struct rec_msg {
	struct rec_hdr h;
	__u64 task;
	__u64 msqid; /* key */
	__s64 type;
	__u32 index; /* key */
	__u32 bytes;
	char text[];
};

/* A file in /dev/shm that the tree has open or mapped; its path follows. */
struct rec_shmfile {
	struct rec_hdr h;
	__u64 inode; /* as that of rec_file */
	__u64 size;
	__u64 dev, ino;
	__u32 mode, uid, gid;
	__u32 path_len; /* with NUL */
	char path[];
};

/* A POSIX message queue that the tree has open; its name follows. */
struct rec_mqueue {
	struct rec_hdr h;
	__u64 inode; /* as that of rec_file */
	__u64 maxmsg, msgsize, curmsgs;
	__u64 owner; /* reference to the rec_pid of who asked for a notification, or 0 */
	__u64 value; /* of that: struct sigevent */
	__u32 notify, signo;
	__u32 uid, gid, mode;
	__u32 linked;   /* 0: its name was removed */
	__u32 opens;    /* references to its name: open descriptions, and one while it is linked */
	__u32 name_len; /* with NUL */
	char name[];
};

/* A message in it; its text follows. */
struct rec_mq_message {
	struct rec_hdr h;
	__u64 inode;
	__u32 index; /* key: in the order in which they will be received */
	__u32 priority;
	__u32 bytes;
	__u32 reserved;
	char text[];
};

/* Part of that, as it comes from the kernel. Never in an image. */
#define REC_MQ_PART 1024u
struct rec_mq_part {
	struct rec_hdr h;
	__u64 inode;
	__u64 total, done; /* bytes of the message; of these before this part */
	__u32 index, priority, bytes, reserved;
	char text[];
};

/* Shared memory in huge pages: MAP_SHARED | MAP_HUGETLB */
struct rec_huge {
	struct rec_hdr h;
	__u64 addr; /* identity: struct inode */
	__u64 size;
	__u32 shift; /* log2 of the page size */
	__u32 reserved;
};

/* struct kioctx: a context of io_setup(2) */
struct rec_aio {
	struct rec_hdr h;
	__u64 mm;   /* reference */
	__u64 ring; /* key: address, which is its name to the program */
	__u64 ring_len;
	__u32 slot; /* in the table of contexts */
	__u32 max_reqs;
	__u32 events; /* that fit into the ring */
	__u32 tail;   /* where the kernel puts the next one */
	__u32 busy;   /* requests that are not complete */
	__u32 reserved;
};

/* The ring itself: struct aio_ring and its events, read or not. */
struct rec_aio_ring {
	struct rec_hdr h;
	__u64 mm;
	__u64 ring; /* key */
	__u64 bytes;
	char data[];
};

#endif
