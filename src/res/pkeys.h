/* SPDX-License-Identifier: GPL-2.0-only */
/* pkeys.h - protection keys, for the areas that have one. */
#ifndef BPF_CKPT_PKEYS_H
#define BPF_CKPT_PKEYS_H

#include <stdbool.h>

struct rec_vma;
struct restore;
struct snap;

/* Why the key of an area cannot be had again, or NULL. */
const char *pkeys_area_refusal(const struct snap *s, const struct rec_vma *v);

/* Has the program chosen its key, pkey_mprotect(2), and not the kernel? */
bool pkeys_is_chosen(const struct restore *r, const struct rec_vma *v);

#endif
