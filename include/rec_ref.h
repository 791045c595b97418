/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_ref.h - records of descriptors that refer to tasks and namespaces. */
#ifndef BPF_CKPT_REC_REF_H
#define BPF_CKPT_REC_REF_H

#include "record.h"

enum {
	REC_PIDFD = 0x0901,
	REC_PROCFS = 0x0902,
	REC_NSFD = 0x0903,
};

/* A pidfd. */
struct rec_pidfd {
	struct rec_hdr h;
	__u64 file; /* reference to rec_file */
	__u64 pid;  /* reference to rec_pid, 0 when nobody has it as a number any more */
	__u64 pidns; /* then: reference to rec_pidns, where it lived, or the next one outwards where somebody does */
	__s32 exit_code; /* of whom it stood for then, as wait(2) has it, where the kernel remembers */
	__u32 reserved;
};

/* A file of proc. */
struct rec_procfs {
	struct rec_hdr h;
	__u64 file;  /* reference to rec_file */
	__u64 pidns; /* reference to rec_pidns: whose tasks that proc shows */
	__u64 pid;   /* reference to rec_pid: of whom it tells; 0: of nobody, or of somebody who is gone */
	__u32 gone;  /* somebody who is gone */
	__u32 opener; /* uid: writes are judged by who opened it */
	__u32 depth; /* below the top of that proc */
	__u32 reserved;
	char top[24]; /* name on the way to it that lies directly below the top: "1234", "sys" */
};

/* A file that stands for a namespace. */
struct rec_nsfd {
	struct rec_hdr h;
	__u64 file;  /* reference to rec_file */
	__u64 pidns; /* reference to rec_pidns, when it is one */
	__u64 mntns; /* reference to rec_mntns, when it is one */
	__u32 inum;
	__u32 reserved;
};

#endif
