/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_watch.h - records of inotify instances, fanotify groups and dnotify, and of what they watch. */
#ifndef BPF_CKPT_REC_WATCH_H
#define BPF_CKPT_REC_WATCH_H

#include "record.h"

#define MARK_DEPTH 16
#define MARK_NAME 40

enum {
	REC_INOTIFY = 0x0904,
	REC_WATCH = 0x0905,
	REC_MARK = 0x0906,
	REC_FANOTIFY = 0x0640,
	REC_FAN_MARK = 0x0641,
	REC_FAN_SEEN = 0x0642,
	REC_DNOTIFY = 0x0643,
};

/* Names from an inode up to the top of its file system, innermost first. Never in an image. */
struct rec_names {
	__u32 depth; /* 0: none is known */
	__u32 cut;   /* a name is longer, or there are more */
	char name[MARK_DEPTH][MARK_NAME];
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
	struct rec_names names;
};

/* What is marked: values of FAN_MARK_INODE, FAN_MARK_MOUNT, FAN_MARK_FILESYSTEM in linux/fanotify.h. */
enum fan_type {
	FAN_ON_INODE = 0,
	FAN_ON_MOUNT = 0x10,
	FAN_ON_FS = 0x100,
	FAN_ON_OTHER = 0xffff, /* a mount namespace, or nothing any more */
};

#define FAN_F_UNPRIV 0x80000000 /* fs/notify/fanotify: made without CAP_SYS_ADMIN, is told less */

/* struct fsnotify_group of fanotify */
struct rec_fanotify {
	struct rec_hdr h;
	__u64 file;   /* reference to rec_file */
	__u64 addr;   /* identity of the group */
	__u32 flags;  /* of fanotify_init(2); FAN_F_UNPRIV */
	__u32 event_flags; /* what files are opened with that events tell of */
	__u32 queued; /* events that nobody has read; these are lost, and FAN_Q_OVERFLOW tells it */
	__u32 waiting; /* events that somebody waits for an answer to; 0 in an image */
	__u32 marks;
	__u32 max_queued; /* fs.fanotify.max_queued_events when it was made */
	__u32 uid;    /* who made it, */
	__u32 userns_level; /* how deep his user namespace is */
};

/* One mark. path follows, NUL-terminated; nothing when the inode is that of a rec_ghost. */
struct rec_fan_mark {
	struct rec_hdr h;
	__u64 file;   /* reference to rec_file of the group */
	__u64 inode;  /* identity; of a mount or file system: of its top */
	__u32 index;  /* key: they are in the order in which they were made */
	__u32 type;   /* enum fan_type */
	__u32 flags;  /* FAN_MARK_* */
	__u32 mask, ignored; /* FAN_* */
	__u32 path_len; /* with NUL */
	struct rec_inode id;
	char path[];
};

/* The same as the kernel has it, last one first. Never in an image. */
struct rec_fan_seen {
	struct rec_hdr h;
	__u64 file;
	__u64 inode;
	__u32 index;
	__u32 type;
	__u32 flags;
	__u32 mask, ignored;
	__u32 mount;   /* number of a marked mount, as in mountinfo */
	__u32 writers; /* somebody has the inode open for writing */
	__u32 reserved;
	struct rec_inode id;
	struct rec_names names;
};

/*
 * A table that has a directory open and is told by signals what happens in it: struct dnotify_struct.
 * Whom the signal goes to, and which it is, belongs to the open file (F_SETOWN, F_SETSIG).
 */
struct rec_dnotify {
	struct rec_hdr h;
	__u64 files; /* identity of the descriptor table */
	__u64 file;  /* reference to rec_file */
	__s32 fd;    /* key: of the descriptor that F_NOTIFY was said of, and that signals name */
	__u32 mask;  /* DN_*; ~0 when the kernel's means something else */
};

#endif
