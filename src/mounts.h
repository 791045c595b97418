/* SPDX-License-Identifier: GPL-2.0-only */
/* mounts.h - how the mounts that a task sees differ from ours: proc_pid_mountinfo(5). */
#ifndef BPF_CKPT_MOUNTS_H
#define BPF_CKPT_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A proc file system that is mounted there and not here. */
struct proc_mount {
	char *point;         /* absolute, as the task sees it */
	char *data;          /* options of the file system, "" for none */
	unsigned long flags; /* MS_* */
	unsigned int pidns;  /* inode number of the pid namespace that it shows */
};

struct mount_diff {
	char why[512];       /* a difference that is not one of proc mounts; empty: there is none */
	bool slave;          /* mounts of ours go there as well (MS_SLAVE); else it is private */
	struct proc_mount *proc;
	size_t nr;
};

/*
 * Compare what pid sees with what this process sees. 0, -ENOMEM, or -errno when the lists cannot be
 * read. mounts_diff_free() in any case.
 */
int mounts_diff(struct mount_diff *d, pid_t pid);
void mounts_diff_free(struct mount_diff *d);

#endif
