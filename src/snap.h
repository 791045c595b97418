/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snap.h - a set of records: what one walk brought, or what one image holds.
 *
 * The first u64 of every record after its header is its key: the identity of an object (a kernel
 * address in a walk, a small id in an image), or the identity of the owner for a record that only
 * belongs to one (struct res_type.owned). So one index serves both: snap_find() gives an object,
 * snap_range() the records of an owner in the order they were added.
 */
#ifndef BPF_CKPT_SNAP_H
#define BPF_CKPT_SNAP_H

#include <stdbool.h>
#include <stddef.h>

#include "record.h"

struct snap_list {
	__u32 tag;
	bool sorted;
	void **rec; /* by key once sorted, else as added */
	size_t nr, cap;
};

struct snap {
	struct snap_list list[48];
	unsigned int nr_lists;
	struct snap_block *blocks; /* memory of the records, freed at once */
};

/* Free all records; the snap is empty and usable afterwards. A zeroed struct is an empty snap. */
void snap_free(struct snap *s);

/* Append a zeroed record of len bytes (rounded up to REC_ALIGN); owned by the snap. NULL: ENOMEM. */
void *snap_new(struct snap *s, __u32 tag, size_t len);

/* Append a copy of a whole record as it came from a ring or an image. 0 or -ENOMEM. */
int snap_add(struct snap *s, const struct rec_hdr *rec);

/* The key of a record: its identity, or that of its owner. */
static inline __u64 rec_key(const void *rec)
{
	return *(const __u64 *)((const char *)rec + sizeof(struct rec_hdr));
}

/* The first record of that tag and key, or NULL. */
void *snap_find(const struct snap *s, __u32 tag, __u64 key);

/* All records of that tag and key: a pointer to *nr of them, in the order they were added. */
void **snap_range(const struct snap *s, __u32 tag, __u64 key, size_t *nr);

/* All records of a tag, sorted by key, ties in the order they were added. */
void **snap_all(const struct snap *s, __u32 tag, size_t *nr);

/* Keep only the first record of each key: a walk emits an object once for each of its users. */
void snap_unique(struct snap *s, __u32 tag);

/* Keep only the first of records that are equal in every byte: told once for each of several users. */
void snap_unique_bytes(struct snap *s, __u32 tag);

/* Drop the records for which keep() says false. */
void snap_filter(struct snap *s, __u32 tag, bool (*keep)(const void *rec, void *arg), void *arg);

#define snap_for_each(s, tag, type, var)                                                          \
	for (size_t nr_##var##_, i_##var##_ = 0, once_##var##_ = 1; once_##var##_; once_##var##_ = 0)  \
		for (void **all_##var##_ = snap_all((s), (tag), &nr_##var##_);                         \
		     i_##var##_ < nr_##var##_; i_##var##_++)                                          \
			for (type *var = all_##var##_[i_##var##_]; var; var = NULL)

#endif
