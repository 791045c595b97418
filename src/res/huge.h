/* SPDX-License-Identifier: GPL-2.0-only */
/* huge.h - memory in huge pages of a fixed size: MAP_HUGETLB, MFD_HUGETLB. */
#ifndef BPF_CKPT_HUGE_H
#define BPF_CKPT_HUGE_H

#include <stdbool.h>

#include "rec_file.h"
#include "rec_mem.h"

#define HUGE_SHIFT 26 /* MAP_HUGE_SHIFT, MFD_HUGE_SHIFT, SHM_HUGE_SHIFT */

struct dump;
struct restore;

/* log2 of the page size of an area, 0 for an ordinary one. */
static inline unsigned int huge_shift(const struct rec_vma *v)
{
	return v->kind & VMA_F_HUGETLB ? v->kind >> VMA_HUGE_SHIFT : 0;
}

/* The file behind shared memory of mmap(2) in huge pages. */
bool huge_is_shared(const struct rec_file *f);

/* Save the object behind an area of such memory, once. 0 or a reported error. */
int huge_collect(struct dump *d, const struct rec_vma *v, const struct rec_file *f);

/* Before anything is made: are there as many huge pages as the tree reserves? */
int huge_places(const struct restore *r);

/* Give a file of the kernel's own hugetlbfs, which cannot be written, its size and contents. */
int huge_fill(struct restore *r, int fd, __u32 tag, __u64 id, __u64 size);

#endif
