/* SPDX-License-Identifier: GPL-2.0-only */
/* procfs.h - files of proc that refer to tasks. */
#ifndef BPF_CKPT_RES_PROCFS_H
#define BPF_CKPT_RES_PROCFS_H

struct restore;

/*
 * Go to where they were read to. The kernel makes the text up to there for that (fs/seq_file.c, traverse()),
 * and the rest is what will be read: so once the tasks are as they were, limits and all. 0 or a reported error.
 */
int procfs_seek_all(struct restore *r);

#endif
