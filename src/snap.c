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
	snap_refs_free(s);
	for (unsigned int i = 0; i < s->nr_lists; i++)
		free(s->list[i].rec);
	while (s->blocks) {
		struct snap_block *next = s->blocks->next;

		free(s->blocks);
		s->blocks = next;
	}
	memset(s, 0, sizeof(*s));
}

void *snap_memory(struct snap *s, size_t len)
{
	struct snap_block *b = s->blocks;
	bool own = len > BLOCK_BYTES / 4;
	size_t size = own ? ALIGN_UP(len, REC_ALIGN) : BLOCK_BYTES;
	void *p;

	len = ALIGN_UP(len, REC_ALIGN);
	if (own || !b || b->size - b->used < len) {
		b = malloc(sizeof(*b) + size);
		if (!b)
			return NULL;
		*b = (struct snap_block){ s->blocks, 0, size };
		if (own && s->blocks) { /* what is left of the current block stays in use */
			b->next = s->blocks->next;
			s->blocks->next = b;
		} else {
			s->blocks = b;
		}
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
	*l = (struct snap_list){ .tag = tag };
	return l;
}

int snap_index(struct snap *s, struct rec_hdr *rec)
{
	struct snap_list *l = get_list(s, rec->tag);

	if (!l)
		return -E2BIG;
	if (l->nr == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		void **v = realloc(l->rec, 2 * cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->rec = v;
		l->cap = cap;
	}
	l->rec[l->nr++] = rec;
	l->version++;
	return 0;
}

void *snap_new(struct snap *s, __u32 tag, size_t len)
{
	struct rec_hdr *h;

	len = ALIGN_UP(len, REC_ALIGN);
	h = snap_memory(s, len);
	if (!h)
		return NULL;
	memset(h, 0, len);
	h->tag = tag;
	h->len = len;
	return snap_index(s, h) ? NULL : h;
}

int snap_add(struct snap *s, const struct rec_hdr *rec)
{
	void *copy = snap_memory(s, rec->len);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, rec, rec->len);
	return snap_index(s, copy);
}

/* Stable. Parts that are in order already cost one comparison. */
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

/* Merge the sorted v[at..nr) into the sorted v[0..at), from the end: a late straggler is cheap. */
static void merge_tail(void **v, void **tmp, size_t at, size_t nr)
{
	size_t tail = nr - at;

	memcpy(tmp, v + at, tail * sizeof(*v));
	while (tail)
		v[--nr] = at && rec_key(v[at - 1]) > rec_key(tmp[tail - 1]) ? v[--at] : tmp[--tail];
}

static struct snap_list *sorted_list(const struct snap *s, __u32 tag)
{
	struct snap_list *l = find_list(s, tag);
	size_t at = l ? l->sorted : 0;

	if (!l)
		return NULL;
	while (at < l->nr && (!at || rec_key(l->rec[at - 1]) <= rec_key(l->rec[at])))
		at++;
	if (at < l->nr) {
		merge_sort(l->rec + at, l->rec + l->cap, l->nr - at);
		merge_tail(l->rec, l->rec + l->cap, at, l->nr);
	}
	l->sorted = l->nr;
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
	to = key == ~0ull ? l->nr : lower_bound(l, key + 1);
	*nr = to - from;
	return l->rec + from;
}

void *snap_find(const struct snap *s, __u32 tag, __u64 key)
{
	struct snap_list *l = sorted_list(s, tag);
	size_t at = l ? lower_bound(l, key) : 0;

	return l && at < l->nr && rec_key(l->rec[at]) == key ? l->rec[at] : NULL;
}

void **snap_all(const struct snap *s, __u32 tag, size_t *nr)
{
	struct snap_list *l = sorted_list(s, tag);

	*nr = l ? l->nr : 0;
	return l ? l->rec : NULL;
}

static void cut(struct snap_list *l, size_t nr)
{
	l->nr = nr;
	l->sorted = nr;
	l->version++;
}

unsigned long snap_version(const struct snap *s, __u32 tag)
{
	const struct snap_list *l = find_list(s, tag);

	return l ? l->version : 0;
}

void snap_unique(struct snap *s, __u32 tag)
{
	struct snap_list *l = sorted_list(s, tag);
	size_t out = 0;

	for (size_t i = 0; l && i < l->nr; i++)
		if (!out || rec_key(l->rec[out - 1]) != rec_key(l->rec[i]))
			l->rec[out++] = l->rec[i];
	if (l)
		cut(l, out);
}

static int by_bytes(const void *a, const void *b)
{
	const struct rec_hdr *x = *(const struct rec_hdr *const *)a;
	const struct rec_hdr *y = *(const struct rec_hdr *const *)b;
	int key = rec_key(x) < rec_key(y) ? -1 : rec_key(x) > rec_key(y);

	if (key)
		return key;
	return x->len != y->len ? (x->len < y->len ? -1 : 1) : memcmp(x, y, x->len);
}

void snap_unique_bytes(struct snap *s, __u32 tag)
{
	struct snap_list *l = sorted_list(s, tag);
	size_t out = 0;

	if (!l)
		return;
	qsort(l->rec, l->nr, sizeof(*l->rec), by_bytes);
	for (size_t i = 0; i < l->nr; i++)
		if (!out || by_bytes(&l->rec[out - 1], &l->rec[i]))
			l->rec[out++] = l->rec[i];
	cut(l, out);
}

void snap_filter(struct snap *s, __u32 tag, bool (*keep)(const void *rec, void *arg), void *arg)
{
	struct snap_list *l = sorted_list(s, tag);
	size_t out = 0;

	for (size_t i = 0; l && i < l->nr; i++)
		if (keep(l->rec[i], arg))
			l->rec[out++] = l->rec[i];
	if (l)
		cut(l, out);
}

void snap_touch(struct snap *s, __u32 tag)
{
	struct snap_list *l = (struct snap_list *)find_list(s, tag);

	if (l)
		l->version++;
}
