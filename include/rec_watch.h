/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_watch.h - records of inotify instances and what they watch. */
#ifndef BPF_CKPT_REC_WATCH_H
#define BPF_CKPT_REC_WATCH_H

#include "record.h"

#define MARK_DEPTH 16
#define MARK_NAME 40

enum {
	REC_INOTIFY = 0x0904,
	REC_WATCH = 0x0905,
	REC_MARK = 0x0906,
};

/* struct fsnotify_group of an inotify instance */
struct rec_inotify {
	struct rec_hdr h;
	__u64 file;   /* reference to rec_file */
	__u64 addr;   /* identity of the group */
	__u32 next_wd; /* the next watch gets at least this */
	__u32 queued; /* events that nobody has read; these are lost, and IN_Q_OVERFLOW tells it */
	__u32 marks;
	__u32 reserved;
};

/* One watch. path follows, NUL-terminated; nothing when the inode is that of a rec_ghost. */
struct rec_watch {
	struct rec_hdr h;
	__u64 file;  /* reference to rec_file of the instance */
	__u64 inode; /* identity */
	__s32 wd;    /* key */
	__u32 mask;  /* IN_* */
	struct rec_inode id;
	__u32 path_len; /* with NUL */
	__u32 reserved;
	char path[];
};

/* The same as the kernel has it: an inode, and one of its names where it has such. Never in an image. */
struct rec_mark {
	struct rec_hdr h;
	__u64 file;
	__u64 inode;
	__s32 wd;
	__u32 mask;
	struct rec_inode id;
	__u32 depth; /* names from the inode up to the top of its file system; 0: not known */
	__u32 cut;   /* a name is longer, or there are more */
	char name[MARK_DEPTH][MARK_NAME]; /* innermost first */
};

#endif
