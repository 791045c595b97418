/* SPDX-License-Identifier: GPL-2.0-only */
/* inode_path.h - a path of an inode that somebody holds without one. */
#ifndef BPF_CKPT_INODE_PATH_H
#define BPF_CKPT_INODE_PATH_H

#include <stddef.h>
#include <sys/types.h>

#include "record.h"

/* Where file systems are mounted. */
struct mount_points {
	struct mount_point { unsigned int id; __u64 dev; char *root, *point; } *v;
	size_t nr;
};

/* What is known of the inode besides its record. Either may be missing. */
struct inode_hint {
	const char *inside;       /* its path in its file system, or NULL */
	unsigned int handle_type, handle_len; /* name_to_handle_at(2) */
	unsigned char handle[128];
};

/* As that process sees them, 0: as we do. 0 or -errno. */
int mount_points_read(struct mount_points *m, pid_t pid);
void mount_points_free(struct mount_points *m);

/* An absolute path that leads to the inode here and now. 0, -ENOENT when there is none, -ENAMETOOLONG. */
int inode_path(const struct mount_points *m, const struct rec_inode *id, const struct inode_hint *hint,
	       char *path, size_t len);

#endif
