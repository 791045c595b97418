// SPDX-License-Identifier: GPL-2.0-only
/* records_mutate.c - one step of a fuzzer through records, by their field tables. */
#include "records.h"

#include <stdlib.h>
#include <string.h>

#include "res.h"

#define RECORDS_MAX 4096u

struct records {
	uint8_t *data;
	size_t size, max;
	struct { size_t at, len; } v[RECORDS_MAX];
	unsigned int nr;
	unsigned int seed;
};

static unsigned int below(struct records *r, unsigned int n)
{
	return n ? rand_r(&r->seed) % n : 0;
}

static struct rec_hdr *record(struct records *r, unsigned int i)
{
	return (void *)(r->data + r->v[i].at);
}

static void find(struct records *r)
{
	struct rec_hdr h;

	r->nr = 0;
	for (size_t at = 0; r->nr < RECORDS_MAX && r->size - at >= 2 * sizeof(h); at += h.len) {
		memcpy(&h, r->data + at, sizeof(h));
		if (h.len < 2 * sizeof(h) || h.len % REC_ALIGN || h.len > r->size - at)
			return;
		r->v[r->nr].at = at;
		r->v[r->nr++].len = h.len;
	}
}

/* A value that somebody may not have thought of. */
static uint64_t value(struct records *r)
{
	static const uint64_t odd[] = {
		0, 1, 2, 7, 32, 33, 63, 64, 255, 4095, 4096, 1 << 22, INT32_MAX, UINT32_MAX,
		1ull << 31, 1ull << 47, 0x7ffffffff000, INT64_MAX, UINT64_MAX, -4096ull, 1ull << 63,
	};
	uint64_t key;

	switch (below(r, 3)) {
	case 0:
		return odd[below(r, sizeof(odd) / sizeof(*odd))];
	case 1: /* the id of another object */
		memcpy(&key, record(r, below(r, r->nr)) + 1, sizeof(key));
		return key;
	default:
		return below(r, 64);
	}
}

static void set_field(struct records *r, unsigned int i)
{
	struct rec_hdr *h = record(r, i);
	const struct res_type *type = res_type(h->tag);
	const struct field *f;
	uint64_t v = value(r);

	if (!type || !type->nr_fields)
		return;
	f = &type->fields[below(r, type->nr_fields)];
	if ((size_t)f->offset + f->size * f->count > h->len)
		return;
	if (f->size <= sizeof(v))
		memcpy((char *)h + f->offset + f->size * below(r, f->count), &v, f->size);
	else
		LLVMFuzzerMutate((uint8_t *)h + f->offset, f->size, f->size);
}

static void copy_record(struct records *r, unsigned int i)
{
	size_t len = r->v[i].len, at = r->v[below(r, r->nr)].at;
	uint8_t *copy;

	if (r->size + len > r->max)
		return;
	copy = malloc(len);
	if (!copy)
		return;
	memcpy(copy, record(r, i), len);
	memmove(r->data + at + len, r->data + at, r->size - at);
	memcpy(r->data + at, copy, len);
	free(copy);
	r->size += len;
}

static void drop_record(struct records *r, unsigned int i)
{
	size_t at = r->v[i].at, len = r->v[i].len;

	memmove(r->data + at, r->data + at + len, r->size - at - len);
	r->size -= len;
}

/* Shorter or longer by a few words, with the header saying so. */
static void resize_record(struct records *r, unsigned int i)
{
	struct rec_hdr *h = record(r, i);
	size_t end = r->v[i].at + r->v[i].len, by = (1 + below(r, 8)) * REC_ALIGN;

	if (below(r, 2) && h->len > by + sizeof(*h)) {
		h->len -= by;
		memmove(r->data + end - by, r->data + end, r->size - end);
		r->size -= by;
	} else if (r->size + by <= r->max) {
		h->len += by;
		memmove(r->data + end + by, r->data + end, r->size - end);
		memset(r->data + end, below(r, 256), by);
		r->size += by;
	}
}

static void mutate_once(struct records *r)
{
	unsigned int i = below(r, r->nr);
	struct rec_hdr *h = record(r, i);

	switch (below(r, 10)) {
	case 0:
		copy_record(r, i);
		break;
	case 1:
		drop_record(r, i);
		break;
	case 2:
		resize_record(r, i);
		break;
	case 3:
		h->tag = res_types[below(r, nr_res_types)]->tag;
		break;
	case 4:
		LLVMFuzzerMutate((uint8_t *)(h + 1), h->len - sizeof(*h), h->len - sizeof(*h));
		break;
	default:
		set_field(r, i);
	}
}

size_t records_mutate(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	static struct records r; /* too large for a stack; a fuzzer has one thread */

	r = (struct records){ .data = data, .size = size, .max = max, .seed = seed };
	for (unsigned int n = 1 + below(&r, 3); n; n--) {
		find(&r);
		if (!r.nr)
			return LLVMFuzzerMutate(data, r.size, max);
		mutate_once(&r);
	}
	return r.size;
}
