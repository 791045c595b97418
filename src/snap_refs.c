// SPDX-License-Identifier: GPL-2.0-only
/* snap_refs.c - who refers to an object: an index over one reference of all records of a kind. */
#include <stdlib.h>
#include <string.h>

#include "snap.h"

static __u64 ref_at(const void *rec, size_t offset)
{
	__u64 v;

	memcpy(&v, (const char *)rec + offset, sizeof(v));
	return v;
}

/* Stable: records of one object stay in the order of snap_all(). */
static void sort(void **v, void **tmp, size_t nr, size_t offset)
{
	size_t mid = nr / 2, i = 0, j = mid, k = 0;

	if (nr < 2)
		return;
	sort(v, tmp, mid, offset);
	sort(v + mid, tmp, nr - mid, offset);
	memcpy(tmp, v, mid * sizeof(*v));
	while (i < mid && j < nr)
		v[k++] = ref_at(v[j], offset) < ref_at(tmp[i], offset) ? v[j++] : tmp[i++];
	memcpy(v + k, tmp + i, (mid - i) * sizeof(*v));
}

static struct snap_refs *find_index(struct snap *s, __u32 tag, size_t offset)
{
	struct snap_refs *free_one = &s->refs[0];

	for (unsigned int i = 0; i < SNAP_REFS; i++) {
		struct snap_refs *x = &s->refs[i];

		if (x->rec && x->tag == tag && x->offset == offset)
			return x;
		if (!x->rec)
			free_one = x;
	}
	free(free_one->rec);
	*free_one = (struct snap_refs){ .tag = tag, .offset = offset };
	return free_one;
}

static struct snap_refs *get_index(const struct snap *s, __u32 tag, size_t offset)
{
	struct snap_refs *x = find_index((struct snap *)s, tag, offset);
	size_t nr;
	void **all = snap_all(s, tag, &nr);
	unsigned long version = snap_version(s, tag);
	void **v;

	if (x->rec && x->version == version)
		return x;
	v = realloc(x->rec, (nr + nr / 2 + 1) * sizeof(*v));
	if (!v)
		abort(); /* as a wrong answer would be: something held by others, taken for free */
	if (nr)
		memcpy(v, all, nr * sizeof(*v));
	sort(v, v + nr, nr, offset);
	x->rec = v;
	x->nr = nr;
	x->version = version;
	return x;
}

void **snap_refs(const struct snap *s, __u32 tag, size_t offset, __u64 key, size_t *nr)
{
	const struct snap_refs *x = get_index(s, tag, offset);
	size_t lo = 0, hi = x->nr, end;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (ref_at(x->rec[mid], offset) < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (end = lo; end < x->nr && ref_at(x->rec[end], offset) == key; end++)
		;
	*nr = end - lo;
	return x->rec + lo;
}

void snap_refs_free(struct snap *s)
{
	for (unsigned int i = 0; i < SNAP_REFS; i++)
		free(s->refs[i].rec);
}
