/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snap.h - a set of records: what one walk brought, or what one image holds.
 *
 * The first u64 of every record after its header is its key: the identity of an object (a kernel
 * address in a walk, a small id in an image), or the identity of the owner for a record that only
 * belongs to one (struct res_type.owned). So one index serves both: snap_find() gives an object,
 * snap_range() the records of an owner in the order they were added.
 *
 * Lists are put in order by the first look into them, so a record's key must be final by then, and
 * a const snap may still be reordered: one thread only. Whoever holds an array of snap_all() or
 * snap_range(), or is in snap_for_each(), must not add records of that tag.
 */
#ifndef BPF_CKPT_SNAP_H
#define BPF_CKPT_SNAP_H

#include <stdbool.h>
#include <stddef.h>

#include "record.h"

struct snap_list {
	__u32 tag;
	void **rec;    /* nr of them, and room for cap more behind cap to sort with */
	size_t nr, cap;
	size_t sorted; /* this many are in order of their key; the others are as added */
	unsigned long version; /* counts changes */
};

/* An index of snap_refs(); made again when the list has changed. */
struct snap_refs {
	__u32 tag;
	size_t offset, nr;
	void **rec;
	unsigned long version;
};

#define SNAP_REFS 32

struct snap {
	struct snap_list list[128];
	unsigned int nr_lists;
	struct snap_refs refs[SNAP_REFS];
	struct snap_block *blocks; /* memory of the records, freed at once */
};

/* Free all records; the snap is empty and usable afterwards. A zeroed struct is an empty snap. */
void snap_free(struct snap *s);

/* Append a zeroed record of len bytes (rounded up to REC_ALIGN); owned by the snap. NULL: ENOMEM. */
void *snap_new(struct snap *s, __u32 tag, size_t len);

/*
 * Append a copy of a whole record as it came from a ring or an image. 0, -ENOMEM, or -E2BIG when
 * there are more kinds of records than a snap holds. The tag need not be a known one.
 */
int snap_add(struct snap *s, const struct rec_hdr *rec);

/* The two halves of snap_add() for many records at once: memory that lives as long as the snap, */
void *snap_memory(struct snap *s, size_t len);
/* and the entry for a record that lies in it. */
int snap_index(struct snap *s, struct rec_hdr *rec);

/* The key of a record: its identity, or that of its owner. */
static inline __u64 rec_key(const void *rec)
{
	return *(const __u64 *)((const char *)rec + sizeof(struct rec_hdr));
}

/* The first record of that tag and key, or NULL. */
void *snap_find(const struct snap *s, __u32 tag, __u64 key);

/* All records of that tag and key: a pointer to *nr of them, in the order they were added. */
void **snap_range(const struct snap *s, __u32 tag, __u64 key, size_t *nr);

/*
 * All records of a tag whose u64 at that offset is key: who refers to an object. An index over all of
 * them is made by the first call and kept, so that loops over objects stay linear; the field must be
 * final by then.
 */
void **snap_refs(const struct snap *s, __u32 tag, size_t offset, __u64 key, size_t *nr);
#define snap_referring(s, tag, type, member, key, nr)                                             \
	snap_refs(s, tag, offsetof(type, member), key, nr)
void snap_refs_free(struct snap *s); /* of snap_free() */
unsigned long snap_version(const struct snap *s, __u32 tag);

/* All records of a tag, sorted by key, ties in the order they were added. */
void **snap_all(const struct snap *s, __u32 tag, size_t *nr);

/* Fields of records of that tag were changed: what is indexed by them is made again. */
void snap_touch(struct snap *s, __u32 tag);

/* Keep only the first record of each key: a walk emits an object once for each of its users. */
void snap_unique(struct snap *s, __u32 tag);

/*
 * Keep only one of records that are equal in every byte: told once for each of several users. Puts the
 * records of one key in the order of their bytes.
 */
void snap_unique_bytes(struct snap *s, __u32 tag);

/* Drop the records for which keep() says false. */
void snap_filter(struct snap *s, __u32 tag, bool (*keep)(const void *rec, void *arg), void *arg);

/* The end of snap_all(). */
static inline void **snap_end(const struct snap *s, __u32 tag)
{
	size_t nr;
	void **all = snap_all(s, tag, &nr);

	return all ? all + nr : NULL;
}

/* One loop, so break and continue do what they say; and one declaration, so it needs no block. */
#define snap_for_each(s, tag, type, var)                                                          \
	for (type **at_##var##_ = (type **)snap_all((s), (tag), &(size_t){ 0 }),                   \
		  **end_##var##_ = (type **)snap_end((s), (tag)), *var;                            \
	     at_##var##_ < end_##var##_ && (var = *(void **)at_##var##_, true); at_##var##_++)

#endif
