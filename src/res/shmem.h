/* SPDX-License-Identifier: GPL-2.0-only */
/* shmem.h - shared anonymous memory that only one area has: made by its task. */
#ifndef BPF_CKPT_SHMEM_H
#define BPF_CKPT_SHMEM_H

#include <stdbool.h>

#include "machine.h"
#include "rec_mem.h"

struct dump;
struct rec_file;
struct restore;
struct snap;

/* The object that is this area's alone and as large as it, or NULL. */
const struct rec_shmem *shmem_of_area(const struct snap *s, const struct rec_vma *v);
/* The same, asked for its file. */
bool shmem_is_own(const struct snap *s, const struct rec_file *f);

/* Save its contents through that area: there may be more of them than descriptors. */
int shmem_add_source(struct dump *d, const struct rec_vma *v, const struct rec_file *f);

/* Append what reads its contents into the area. 0 or a reported error. */
int shmem_join_fill(struct restore *r, struct batch *b, const struct rec_shmem *shm, const struct rec_vma *v);

#endif
