/* SPDX-License-Identifier: GPL-2.0-only */
/* shm.h - areas of System V shared memory: attached, not mapped. */
#ifndef BPF_CKPT_SHM_H
#define BPF_CKPT_SHM_H

#include "machine.h"
#include "rec_mem.h"

struct restore;
struct snap;

/* Why an area cannot be attached again, or NULL. */
const char *shm_area_refusal(const struct snap *s, const struct rec_vma *v);

/* What the area has of itself when it was attached: PROT_*. */
int shm_area_protection(const struct rec_vma *v);

/* Append what attaches the area, unless the lowest area of the same segment does so for all. */
int shm_join_area(struct restore *r, struct batch *b, const struct rec_vma *v);

#endif
