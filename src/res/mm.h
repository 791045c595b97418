/* SPDX-License-Identifier: GPL-2.0-only */
/* mm.h - the part of an address space that is set when everything else is in place. */
#ifndef BPF_CKPT_MM_H
#define BPF_CKPT_MM_H

#include <stdbool.h>

#include "machine.h"
#include "rec_mem.h"

struct image_page_run;
struct restore;

/* include/linux/mm_types.h: bits of mm_struct.flags that are the program's */
#define MMF_DUMPABLE 0x3ull
#define MMF_DUMP_FILTER 0x7fcull
#define MMF_THP_IF_ADVISED (1ull << 23) /* 6.18; before, the kernel's own */
#define MMF_DISABLE_THP (1ull << 24)
#define MMF_MDWE (1ull << 28)
#define MMF_MDWE_NO_INHERIT (1ull << 29)
#define MMF_MERGE_ANY (1ull << 30)
#define MMF_COMPARED (MMF_DUMPABLE | MMF_DUMP_FILTER | MMF_DISABLE_THP | MMF_MDWE | \
		      MMF_MDWE_NO_INHERIT | MMF_MERGE_ANY)

/* Is all of its memory offered to KSM, prctl PR_SET_MEMORY_MERGE? */
static inline bool mm_merges_all(const struct rec_mm *mm)
{
	return mm->flags & MMF_MERGE_ANY;
}

/*
 * Append what reads pages of the image into memory, one preadv() by the task itself for each stretch of
 * the file that is in one piece. base: what their offsets count from.
 */
int mm_join_fill(struct restore *r, struct batch *b, const struct image_page_run *run, size_t nr, __u64 base);

/*
 * Append what governs later mappings and all that exist: mlockall(), huge pages, membarrier(), seals,
 * and the ban on new code.
 */
void mm_join_last(struct restore *r, struct batch *b, const struct rec_mm *mm);

#endif
