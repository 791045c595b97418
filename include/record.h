/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * record.h - what crosses the kernel/user and the memory/disk boundary: typed records.
 *
 * The BPF programs emit these structs, the loader keeps them as they are, and the image holds the
 * same bytes with one change: every field that holds a kernel address (struct field rule
 * IS_REFERENCE or IS_IDENTITY) holds a small object id instead. Little-endian, fixed width,
 * explicit padding, no pointers. A tag is never reused and a struct never changes meaning: a change
 * is a new tag. Tags below REC_OPTIONAL must be understood by a reader; others may be skipped.
 */
#ifndef BPF_CKPT_RECORD_H
#define BPF_CKPT_RECORD_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define REC_ALIGN 8u
#define REC_OPTIONAL 0x8000u
/* One iterator object is one ring-buffer sample; a 4 KiB ring must be able to hold it. */
#define REC_FRAME_MAX 4064u
#define REC_LEN_MAX (4u << 20)

enum rec_tag {
	/* bookkeeping */
	REC_TREE = 0x0001,
	/* identity: bpf/task.bpf.c */
	REC_PIDNS = 0x0101,
	REC_PID = 0x0102,
	REC_TASK = 0x0103,
	REC_PROC = 0x0104,
	/* per-process state: bpf/state.bpf.c */
	REC_SIGHAND = 0x0201,
	REC_FS = 0x0202,
	REC_MM = 0x0203,
	REC_TIMER = 0x0204,
	/* memory: bpf/vma.bpf.c */
	REC_VMA = 0x0301,
	REC_SHMEM = 0x0302,
	REC_GUARD = 0x0303,
	/* descriptors: bpf/file.bpf.c */
	REC_FILE = 0x0401,
	REC_FD = 0x0402,
	REC_PIPE = 0x0403,
	REC_EVENTFD = 0x0404,
	REC_LOCK = 0x0405,
	REC_GHOST = 0x0406,
	REC_HOLDER = 0x0407,
	REC_EPOLL = 0x0408,
	REC_EPOLL_ITEM = 0x0409,
	REC_TIMERFD = 0x040a,
	REC_SIGNALFD = 0x040b,
	/* asked for by ptrace or a system call while frozen: src/res */
	REC_REGS = 0x0501,
	REC_SIGINFO = 0x0502,
	REC_SECCOMP = 0x0503,
	REC_SCHED = 0x0504,
	REC_PIPE_DATA = 0x0505,
	REC_MNTNS = 0x0506,
	REC_MOUNT = 0x0507,
};

struct rec_hdr {
	__u32 tag; /* enum rec_tag */
	__u32 len; /* bytes of the whole record, this header included; multiple of REC_ALIGN */
};

/* An inode as the dumper's kernel knows it: enough to tell whether a path still names it. */
struct rec_inode {
	__u64 dev; /* kernel dev_t of the super block: major << 20 | minor */
	__u64 ino;
	__u64 size;
	__s64 mtime_sec;
	__u32 mtime_nsec;
	__u32 mode;  /* S_IFMT and permission bits */
	__u32 nlink;
	__u32 rdev;  /* kernel dev_t of a device node */
	__u64 magic; /* super_block.s_magic */
};

/* paths: the bytes of d_path() as the walker sees it, NUL included, cut when longer than this */
#define REC_PATH_MAX 1024u

#endif
