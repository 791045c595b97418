/* SPDX-License-Identifier: GPL-2.0-only */
/* path.h - which files can be found again by their path, and whether they are still the same. */
#ifndef BPF_CKPT_PATH_H
#define BPF_CKPT_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include <sys/types.h>

#include "record.h"

#define DELETED " (deleted)"
#define MEMFD "memfd:" /* mm/memfd.c: what names of these files begin with */

/* Why a file with that path and inode cannot be opened again by its path, or NULL. */
const char *path_refusal(const char *path, const struct rec_inode *id);

/* The name of a file system where paths do not lead to what is open; NULL for the others. */
const char *path_pseudo_fs(__u64 magic);

/* d_path() ended it with " (deleted)" and the inode has no link. */
bool path_deleted(const char *path, const struct rec_inode *id);

/* From an image: len bytes in room, absolute, NUL at the end and nowhere before. */
bool path_ok(const char *path, size_t room, size_t len);

/* The kernel's dev_t is major << 20 | minor; stat(2) gives another encoding. */
__u64 path_kernel_dev(dev_t dev);

/*
 * Compare what a descriptor refers to now with what was recorded. Writes what differs ("size 12
 * instead of 10") into buf and returns false when it is another or a changed file. content: also
 * size and modification time count.
 */
bool path_same(int fd, const struct rec_inode *id, bool content, char *buf, size_t len);

#endif
