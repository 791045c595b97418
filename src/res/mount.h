/* SPDX-License-Identifier: GPL-2.0-only */
/* mount.h - proc file systems, for the mount namespaces that have them. */
#ifndef BPF_CKPT_MOUNT_H
#define BPF_CKPT_MOUNT_H

#include "rec_task.h"
#include "snap.h"

struct dump;
struct proc_mount;

/* The pid namespace of that inode number, or NULL. */
const struct rec_pidns *mount_pidns(const struct snap *s, unsigned int inum);

/* Somebody of the pid namespace who is in that mount namespace, or can go there to mount it; or NULL. */
const struct rec_task *mount_mounter(const struct snap *s, __u64 mntns, __u64 pidns);

/* Note the index-th proc mount of a mount namespace in the snap. 0 or a reported error. */
int mount_add(struct dump *d, __u64 mntns, const struct proc_mount *p, unsigned int index);

#endif
