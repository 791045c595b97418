/* SPDX-License-Identifier: GPL-2.0-only */
/* nameless.h - contents of files that only the image has. */
#ifndef BPF_CKPT_NAMELESS_H
#define BPF_CKPT_NAMELESS_H

#include <linux/types.h>

struct restore;

/* Give fd the size and the contents of object (tag, id). 0 or a reported error. */
int nameless_fill(struct restore *r, int fd, __u32 tag, __u64 id, __u64 size);
/* The same into memory of that many bytes that is zero. */
int nameless_copy(struct restore *r, char *to, __u32 tag, __u64 id, __u64 size);

#endif
