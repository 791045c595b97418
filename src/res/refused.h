/* SPDX-License-Identifier: GPL-2.0-only */
/* refused.h - what cannot be brought back, by its own name, and what its user can do. */
#ifndef BPF_CKPT_REFUSED_H
#define BPF_CKPT_REFUSED_H

#include <stddef.h>
#include <linux/types.h>

/* Files without a file system, by the name of their dentry: "[io_uring]", "bpf-map". Never NULL. */
const char *refused_anon(const char *name, char *buf, size_t len);

/* Character and block devices, by the kernel's dev_t. */
const char *refused_device(__u32 rdev, int block, char *buf, size_t len);

/* Files on the kernel's own file systems, by their magic; NULL for what is none of them. */
const char *refused_fs(__u64 magic);

#endif
