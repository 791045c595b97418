/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_file.h - records of descriptors and what they refer to. */
#ifndef BPF_CKPT_REC_FILE_H
#define BPF_CKPT_REC_FILE_H

#include "record.h"

/* struct fs_struct. Two NUL-terminated strings follow: cwd, then, 8-aligned, root. */
struct rec_fs {
	struct rec_hdr h;
	__u64 addr; /* identity */
	__u32 umask;
	__u16 cwd_len, root_len; /* with NUL; 0: could not be told */
	struct rec_inode cwd, root;
	char paths[];
};

/*
 * struct file: an open file description, also one that is only mapped or executed. path follows,
 * NUL-terminated, with " (deleted)" as d_path() says it.
 */
struct rec_file {
	struct rec_hdr h;
	__u64 addr;   /* identity */
	__u64 inode;  /* identity of the inode: equal for separate opens of one file */
	__u64 f_op;
	__u64 object; /* reference to rec_pipe; 0 for what is no pipe */
	__u32 flags;  /* O_* */
	__u32 mode;   /* FMODE_* */
	__u64 pos;
	__u64 count;  /* references, without those of the walk */
	__u64 owner;  /* reference to rec_pid: F_SETOWN, 0 for none */
	__u32 owner_type; /* enum pid_type: 0 thread, 1 process, 2 group */
	__u32 owner_signum;
	__u32 owner_uid, owner_euid;
	struct rec_inode id;
	char name[32]; /* last component of the dentry: "[eventfd]", "memfd:x" */
	__u32 path_len; /* with NUL; 0: could not be told */
	__u32 inode_flags; /* INODE_F_* */
	char path[];
};

enum {
	INODE_F_LINKABLE = 1u << 0, /* made with O_TMPFILE: linkat(2) may give it a name */
	INODE_F_UNRESERVED = 1u << 1, /* System V shared memory of SHM_NORESERVE */
};

/* one slot of a descriptor table */
struct rec_fd {
	struct rec_hdr h;
	__u64 files; /* reference: files_struct; key */
	__u64 file;  /* reference to rec_file */
	__u32 fd;    /* key */
	__u32 cloexec;
};

/* struct pipe_inode_info */
struct rec_pipe {
	struct rec_hdr h;
	__u64 addr;  /* identity */
	__u64 inode; /* ino on pipefs, or of the named fifo */
	__u64 bytes; /* unread */
	__u32 ring_size; /* slots of a page each: F_GETPIPE_SZ / page size */
	__u32 max_usage;
	__u32 used;      /* slots in use */
	__u32 packets;   /* slots written with O_DIRECT (message borders) */
	__u32 readers, writers, files;
	__u32 named;     /* a fifo in a file system */
	__u32 foreign;   /* slots that hold something else than plain pages of the pipe */
	__u32 reserved;
};

struct rec_eventfd {
	struct rec_hdr h;
	__u64 file;  /* reference to rec_file */
	__u64 addr;  /* identity of the eventfd_ctx */
	__u64 count;
	__u32 flags; /* EFD_SEMAPHORE */
	__u32 reserved;
};

struct rec_epoll {
	struct rec_hdr h;
	__u64 file; /* reference to rec_file */
	__u64 addr; /* identity of the eventpoll */
};

/* struct epitem: what an epoll instance watches. The number may be another file's by now, or nobody's. */
struct rec_epoll_item {
	struct rec_hdr h;
	__u64 epoll;  /* reference to the rec_file of the epoll instance */
	__u64 file;   /* reference to the rec_file that is watched */
	__u64 data;   /* of struct epoll_event */
	__u32 fd;     /* as epoll_ctl(2) was given it */
	__u32 events; /* EPOLL* */
};

/* struct timerfd_ctx */
struct rec_timerfd {
	struct rec_hdr h;
	__u64 file;     /* reference to rec_file */
	__u64 addr;     /* identity of the timerfd_ctx */
	__u64 expires;  /* ns on the clock base: the next expiry, or the last one when that is unread */
	__u64 interval; /* ns */
	__u64 ticks;    /* counted so far; those since expires are only counted by read(2) */
	__u32 clockid;
	__u32 base;     /* the clock that counts: CLOCK_MONOTONIC for a relative CLOCK_REALTIME one */
	__u32 flags;    /* TFD_TIMER_* as last set */
	__u32 armed;
	__u32 cancelled; /* the clock was set, which is still to be told (ECANCELED) */
	__u32 reserved;
};

struct rec_signalfd {
	struct rec_hdr h;
	__u64 file; /* reference to rec_file */
	__u64 addr; /* identity of the signalfd_ctx */
	__u64 mask;
};

/*
 * What a file is that is known by its file_operations alone: the loader learns their addresses from
 * exemplars of its own, as not every kernel's kallsyms has them.
 */
enum anon_kind { ANON_EVENTFD, ANON_EPOLL, ANON_TIMERFD, ANON_SIGNALFD, ANON_KINDS };

/* Which files of its own the loader is shown: none; all; none but those that were asked for; all, and nobody else's. */
enum show_self { SELF_HIDDEN, SELF_ALL, SELF_HELD, SELF_ALONE };

/*
 * LOCK_MORE: the inode has more locks than the walk follows. LOCK_BREAKING: a lease whose holder was told
 * to give it up
 */
enum { LOCK_POSIX = 0, LOCK_OFD = 1, LOCK_FLOCK = 2, LOCK_LEASE = 3, LOCK_MORE = 4, LOCK_BREAKING = 5 };

/* a lock on the inode of an open file */
struct rec_lock {
	struct rec_hdr h;
	__u64 file;  /* reference to the rec_file it was taken through */
	__u64 owner; /* POSIX: reference to files_struct; else the file */
	__u64 start, end; /* bytes; end is inclusive, OFFSET_MAX for to the end of file */
	__u32 kind;  /* LOCK_* */
	__u32 type;  /* F_RDLCK 0, F_WRLCK 1 */
	__u64 inode;
};

/* A file without a name: contents are in the image as extents of this object. */
struct rec_ghost {
	struct rec_hdr h;
	__u64 addr; /* identity: struct inode */
	__u64 size;
	__u32 mode, uid, gid;
	__u32 memfd; /* 1: made by memfd_create(2) */
	__u32 seals; /* of that: F_GET_SEALS */
	__u32 huge_shift; /* of that: log2 of the page size of MFD_HUGETLB, else 0 */
};

/* Somebody outside of the tree who holds a file of the tree. Never in an image. */
struct rec_holder {
	struct rec_hdr h;
	__u64 file; /* that is the tree's; or the inode of a pipe of the tree, and it has another end */
	__u32 pid; /* level 0 */
	__u32 fd;
	char comm[16];
};

#endif
