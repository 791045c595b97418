/* SPDX-License-Identifier: GPL-2.0-only */
/* mm.h - the part of an address space that is set when everything else is in place. */
#ifndef BPF_CKPT_MM_H
#define BPF_CKPT_MM_H

#include "machine.h"
#include "rec_mem.h"

struct restore;

/* Append PR_SET_MM_MAP (executable, brk, arguments, auxv) and what governs later mappings. */
void mm_join_map(struct restore *r, struct batch *b, const struct rec_mm *mm);

#endif
