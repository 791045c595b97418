/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mark_path.h - the way to what inotify and fanotify watch. The kernel holds inodes, not paths. They are
 * found by the file handles that /proc/PID/fdinfo tells, or by the names that the walk has seen.
 */
#ifndef BPF_CKPT_MARK_PATH_H
#define BPF_CKPT_MARK_PATH_H

#include <stdbool.h>

#include "inode_path.h"
#include "rec_watch.h"

struct check;
struct mark_info;
struct restore;
struct snap;
struct users;

/* What is needed to find the paths of one group's marks. */
struct mark_finder {
	struct mount_points mounts;
	struct mark_info *info; /* by dev and number */
	size_t nr;
};

/* One of them, as a walk has seen it. */
struct marked {
	__u64 dev, number; /* as fdinfo tells them apart: of a watch 0 and its number, else of the inode */
	__u64 inode;       /* identity */
	const struct rec_inode *id;
	const struct rec_names *names;
};

/* 0 or -errno. mark_finder_close() in any case. */
int mark_finder_open(struct mark_finder *f, const struct snap *s, const struct users *u, __u64 file);
void mark_finder_close(struct mark_finder *f);

/* 0 with a path, or with none for an inode without a name that the tree has open; -errno. */
int mark_find_path(const struct mark_finder *f, const struct snap *s, const struct marked *m, char *path, size_t len);

/* Whose mark it is, for a refusal. */
struct mark_owner {
	const char *kind;
	__u64 user;      /* as check_refuse() takes it; 0: the tree */
	char what[48];   /* "watch 3" */
	const char *remedy;
};

/* Refuses what cannot be found. */
void mark_check(struct check *c, const struct mark_finder *f, const struct marked *m, const struct mark_owner *o);

/* From an image: is there a path in room bytes of len, or a file without a name with that identity? */
bool mark_place_ok(const struct snap *s, const char *path, size_t room, size_t len, __u64 inode);

/* What a mark of an image is on, found again. */
struct mark_place {
	int fd;           /* O_PATH; keep it open until the mark is made */
	const char *name; /* to be given to a call, in the mount namespace that we are in */
	bool is_link;     /* and the call must not follow it */
	char buf[32];
};

/* 0, or a reported error. path: NULL for a file without a name. kind: "inotify". */
int mark_open(struct restore *r, struct mark_place *p, __u64 file, const char *path, __u64 inode,
	      const struct rec_inode *id, const char *kind);

#endif
