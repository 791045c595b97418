// SPDX-License-Identifier: GPL-2.0-only
/* snap.c - a set of records: what one walk brought, or what one image holds. */
#include "snap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define BLOCK_BYTES (1u << 20)

struct snap_block {
	struct snap_block *next;
	size_t used, size;
	char data[] __attribute__((aligned(16)));
};

void snap_free(struct snap *s)
{
	for (unsigned int i = 0; i < s->nr_lists; i++)
		free(s->list[i].rec);
	while (s->blocks) {
		struct snap_block *next = s->blocks->next;

		free(s->blocks);
		s->blocks = next;
	}
	memset(s, 0, sizeof(*s));
}

static void *take_memory(struct snap *s, size_t len)
{
	struct snap_block *b = s->blocks;
	size_t size = len > BLOCK_BYTES ? len : BLOCK_BYTES;
	void *p;

	if (!b || b->size - b->used < len) {
		b = malloc(sizeof(*b) + size);
		if (!b)
			return NULL;
		*b = (struct snap_block){ s->blocks, 0, size };
		s->blocks = b;
	}
	p = b->data + b->used;
	b->used += len;
	return p;
}

static struct snap_list *find_list(const struct snap *s, __u32 tag)
{
	for (unsigned int i = 0; i < s->nr_lists; i++)
		if (s->list[i].tag == tag)
			return (struct snap_list *)&s->list[i];
	return NULL;
}

static struct snap_list *get_list(struct snap *s, __u32 tag)
{
	struct snap_list *l = find_list(s, tag);

	if (l || s->nr_lists == ARRAY_SIZE(s->list))
		return l;
	l = &s->list[s->nr_lists++];
	*l = (struct snap_list){ .tag = tag, .sorted = true };
	return l;
}

/* The list keeps the order of arrival; it stays sorted as long as keys arrive ascending. */
static int list_push(struct snap_list *l, void *rec)
{
	if (l->nr == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		void **v = realloc(l->rec, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->rec = v;
		l->cap = cap;
	}
	if (l->nr && rec_key(l->rec[l->nr - 1]) > rec_key(rec))
		l->sorted = false;
	l->rec[l->nr++] = rec;
	return 0;
}

static void *insert(struct snap *s, const struct rec_hdr *from, __u32 tag, size_t len)
{
	struct snap_list *l = get_list(s, tag);
	struct rec_hdr *h = l ? take_memory(s, ALIGN_UP(len, REC_ALIGN)) : NULL;

	if (!h)
		return NULL;
	if (from) {
		memcpy(h, from, len);
	} else {
		memset(h, 0, ALIGN_UP(len, REC_ALIGN));
		h->tag = tag;
		h->len = ALIGN_UP(len, REC_ALIGN);
	}
	return list_push(l, h) ? NULL : h;
}

void *snap_new(struct snap *s, __u32 tag, size_t len)
{
	struct snap_list *l;
	void *rec = insert(s, NULL, tag, len);

	/* its key is still zero: the caller fills it in, so the order is unknown */
	l = rec ? find_list(s, tag) : NULL;
	if (l)
		l->sorted = l->nr == 1;
	return rec;
}

int snap_add(struct snap *s, const struct rec_hdr *rec)
{
	return insert(s, rec, rec->tag, rec->len) ? 0 : -ENOMEM;
}

/* Stable: a merge sort on runs that are mostly in order already. */
static void merge_sort(void **v, void **tmp, size_t nr)
{
	size_t mid = nr / 2, i = 0, j = mid, k = 0;

	if (nr < 2)
		return;
	merge_sort(v, tmp, mid);
	merge_sort(v + mid, tmp, nr - mid);
	if (rec_key(v[mid - 1]) <= rec_key(v[mid]))
		return;
	memcpy(tmp, v, mid * sizeof(*v));
	while (i < mid && j < nr)
		v[k++] = rec_key(v[j]) < rec_key(tmp[i]) ? v[j++] : tmp[i++];
	memcpy(v + k, tmp + i, (mid - i) * sizeof(*v));
}

static struct snap_list *sorted_list(const struct snap *s, __u32 tag)
{
	struct snap_list *l = find_list(s, tag);

	if (l && !l->sorted) {
		void **tmp = malloc((l->nr / 2 + 1) * sizeof(*tmp));

		if (!tmp)
			abort();
		merge_sort(l->rec, tmp, l->nr);
		free(tmp);
		l->sorted = true;
	}
	return l;
}

/* Index of the first record whose key is not below. */
static size_t lower_bound(const struct snap_list *l, __u64 key)
{
	size_t lo = 0, hi = l->nr;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (rec_key(l->rec[mid]) < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void **snap_range(const struct snap *s, __u32 tag, __u64 key, size_t *nr)
{
	struct snap_list *l = sorted_list(s, tag);
	size_t from, to;

	*nr = 0;
	if (!l)
		return NULL;
	from = lower_bound(l, key);
	for (to = from; to < l->nr && rec_key(l->rec[to]) == key; to++)
		;
	*nr = to - from;
	return l->rec + from;
}

void *snap_find(const struct snap *s, __u32 tag, __u64 key)
{
	size_t nr;
	void **v = snap_range(s, tag, key, &nr);

	return nr ? v[0] : NULL;
}

void **snap_all(const struct snap *s, __u32 tag, size_t *nr)
{
	struct snap_list *l = sorted_list(s, tag);

	*nr = l ? l->nr : 0;
	return l ? l->rec : NULL;
}

void snap_unique(struct snap *s, __u32 tag)
{
	struct snap_list *l = sorted_list(s, tag);
	size_t out = 0;

	for (size_t i = 0; l && i < l->nr; i++)
		if (!out || rec_key(l->rec[out - 1]) != rec_key(l->rec[i]))
			l->rec[out++] = l->rec[i];
	if (l)
		l->nr = out;
}

static bool is_repeated(void *const *kept, size_t nr, const struct rec_hdr *rec)
{
	while (nr-- && rec_key(kept[nr]) == rec_key(rec))
		if (!memcmp(kept[nr], rec, rec->len))
			return true;
	return false;
}

void snap_unique_bytes(struct snap *s, __u32 tag)
{
	struct snap_list *l = sorted_list(s, tag);
	size_t out = 0;

	for (size_t i = 0; l && i < l->nr; i++)
		if (!is_repeated(l->rec, out, l->rec[i]))
			l->rec[out++] = l->rec[i];
	if (l)
		l->nr = out;
}

void snap_filter(struct snap *s, __u32 tag, bool (*keep)(const void *rec, void *arg), void *arg)
{
	struct snap_list *l = find_list(s, tag);
	size_t out = 0;

	for (size_t i = 0; l && i < l->nr; i++)
		if (keep(l->rec[i], arg))
			l->rec[out++] = l->rec[i];
	if (l)
		l->nr = out;
}
