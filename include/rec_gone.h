/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_gone.h - records of what has lost the name that it was opened by. */
#ifndef BPF_CKPT_REC_GONE_H
#define BPF_CKPT_REC_GONE_H

#include "record.h"

enum {
	REC_HANDLE = 0x0907,
	REC_GONE_DIR = 0x0908,
	REC_BUILD_ID = 0x090c,
};

#define HANDLE_MAX 128 /* include/uapi/linux/fcntl.h: MAX_HANDLE_SZ */

/* A file without this name, but with others: name_to_handle_at(2). */
struct rec_handle {
	struct rec_hdr h;
	__u64 file; /* reference to rec_file */
	__u32 type, bytes;
	__u8 handle[HANDLE_MAX];
};

/* What the linker has called a file that is executed or mapped with code. */
struct rec_build_id {
	struct rec_hdr h;
	__u64 inode; /* as rec_file.inode */
	__u32 bytes, reserved;
	__u8 id[32];
};

/* A directory that was removed, of a descriptor or a task. */
struct rec_gone_dir {
	struct rec_hdr h;
	__u64 user; /* the rec_file or rec_fs that has it */
	__u64 dev, ino;
	__u32 uid, gid;
};

#endif
