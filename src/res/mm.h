/* SPDX-License-Identifier: GPL-2.0-only */
/* mm.h - the part of an address space that is set when everything else is in place. */
#ifndef BPF_CKPT_MM_H
#define BPF_CKPT_MM_H

#include "machine.h"
#include "rec_mem.h"

/* Append what governs later mappings and all that exist: mlockall(), huge pages, membarrier(). */
void mm_join_last(struct batch *b, const struct rec_mm *mm);

#endif
