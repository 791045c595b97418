/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_ref.h - records of descriptors that refer to tasks and namespaces. */
#ifndef BPF_CKPT_REC_REF_H
#define BPF_CKPT_REC_REF_H

#include "record.h"

enum {
	REC_PIDFD = 0x0901,
	REC_PROCFS = 0x0902,
	REC_NSFD = 0x0903,
	REC_PROC_VIEW = 0x0610,
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

/* What a file of proc took hold of when it was opened, and of whom: he may have another by now. */
enum {
	VIEW_MEMORY = 1, /* of the task: mem, maps, environ and their like */
	VIEW_MOUNTS = 2, /* its mount namespace and root: mountinfo */
	VIEW_USERNS = 3, /* its user namespace: uid_map */
	VIEW_PIDNS = 4,  /* the opener's pid namespace: proc/sysvipc */
	/* of the credentials that it was opened with; told only when they are not ours, so never in an image */
	VIEW_HIDDEN = 5,  /* they lack what shows frames and addresses */
	VIEW_NUMBERS = 6, /* users are told as their user namespace numbers them */
	VIEW_WRITER = 7,  /* writes are judged by them */
};

enum {
	VIEW_CURRENT = 0, /* what the task has now; VIEW_PIDNS: the initial one */
	VIEW_EMPTY = 1,   /* memory that nobody lives in any more: it reads as empty */
	VIEW_OTHER = 2,
};

struct rec_proc_view {
	struct rec_hdr h;
	__u64 file; /* reference to rec_file */
	__u32 what; /* VIEW_MEMORY ... */
	__u32 state;
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
