/* SPDX-License-Identifier: GPL-2.0-only */
/* gone_dir.h - directories that were removed. */
#ifndef BPF_CKPT_GONE_DIR_H
#define BPF_CKPT_GONE_DIR_H

#include "record.h"

struct dump;
struct rec_gone_dir;
struct snap;

/* Note who owns it: user is the rec_file or rec_fs that has it. 0 or a reported error. */
int gone_dir_add(struct dump *d, __u64 user, const struct rec_inode *id, int fd);

/* The record of that directory, or NULL. */
const struct rec_gone_dir *gone_dir_of(const struct snap *s, const struct rec_inode *id);

#endif
