// SPDX-License-Identifier: GPL-2.0-only
/* image_chunks.c - find the chunks of an image and verify their checksums. */
#include "image_chunks.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "cleanup.h"
#include "log.h"

#define PAGE 4096ull
#define THREADS_MAX 4
#define THREAD_BYTES (16ull << 20) /* what a thread must have to do to be worth its making */

int image_bad(const char *path, uint64_t at, const char *what)
{
	return fail(-ERR_IMAGE, "%s: damaged or truncated image: %s at offset %llu", path, what,
		    (unsigned long long)at);
}

static int add_chunk(struct chunks *all, const struct image_chunk *h, uint64_t pos)
{
	if (all->nr == all->cap) {
		size_t cap = all->cap ? all->cap * 2 : 64;
		struct chunk *v = realloc(all->v, cap * sizeof(*v));

		if (!v)
			return fail(-ENOMEM, "%s", all->path);
		all->v = v;
		all->cap = cap;
	}
	all->v[all->nr++] = (struct chunk){ .h = *h, .pos = pos };
	return 0;
}

/* How much of the payload has to be looked at, not only hashed; or what is wrong with the header. */
static const char *measure(struct chunk *c, struct image_trailer *sums)
{
	if (!c->h.count || !c->h.len || c->h.len % REC_ALIGN)
		return "a chunk of impossible length";
	if (c->h.type == CHUNK_RECORDS) {
		c->head_len = c->h.len;
		sums->records += c->h.count;
		return c->h.len > REC_LEN_MAX ? "a chunk of impossible length" : NULL;
	}
	if (c->h.type != CHUNK_PAGES)
		return "a chunk of unknown type";
	if (c->h.count > c->h.len / sizeof(struct image_extent))
		return "a table of extents is out of bounds";
	c->head_len = c->h.count * sizeof(struct image_extent);
	sums->extents += c->h.count;
	sums->pages += (c->pos + c->h.len - ALIGN_UP(c->pos + c->head_len, PAGE)) / PAGE;
	return NULL;
}

static int check_trailer(const struct chunks *all, const struct image_chunk *h, uint64_t at,
			 const struct image_trailer *want)
{
	const struct image *img = all->img;
	struct image_trailer t;

	if (h->len != sizeof(t) || h->count != 1)
		return image_bad(all->path, at, "a trailer of the wrong size");
	memcpy(&t, img->map + at, sizeof(t));
	if (XXH3_64bits(&t, sizeof(t)) != h->sum)
		return image_bad(all->path, at, "wrong checksum of the trailer");
	if (memcmp(&t, want, sizeof(t)))
		return image_bad(all->path, at, "the trailer does not fit what precedes it");
	if (img->size != at + sizeof(t))
		return image_bad(all->path, at + sizeof(t), "bytes behind the trailer");
	return 0;
}

/* The header at *at, and where its payload begins. */
static int read_head(const struct chunks *all, uint64_t *at, struct image_chunk *h)
{
	const struct image *img = all->img;

	if (img->size - *at < sizeof(*h))
		return image_bad(all->path, img->size, "the file ends");
	memcpy(h, img->map + *at, sizeof(*h));
	if (XXH3_64bits(h, offsetof(struct image_chunk, head_sum)) != h->head_sum)
		return image_bad(all->path, *at, "wrong checksum of the header of a chunk");
	if (h->index != all->nr)
		return image_bad(all->path, *at, "a chunk is out of place");
	*at += sizeof(*h);
	return h->len > img->size - *at ? image_bad(all->path, img->size, "the file ends") : 0;
}

int chunks_find(struct chunks *all)
{
	XXH3_state_t *digest = XXH3_createState();
	struct image_trailer sums = {};
	struct image_chunk h = {};
	uint64_t at = sizeof(struct image_header);
	int err = digest ? 0 : fail(-ENOMEM, "%s", all->path);

	if (digest)
		XXH3_64bits_reset(digest);
	while (!err) {
		const char *what;

		err = read_head(all, &at, &h);
		if (err || h.type == CHUNK_TRAILER)
			break;
		err = add_chunk(all, &h, at);
		what = err ? NULL : measure(&all->v[all->nr - 1], &sums);
		if (what)
			err = image_bad(all->path, at - sizeof(h), what);
		XXH3_64bits_update(digest, &h, sizeof(h));
		at += h.len;
	}
	sums.chunks = all->nr;
	sums.total = at + h.len;
	sums.digest = digest ? XXH3_64bits_digest(digest) : 0;
	XXH3_freeState(digest);
	return err ? err : check_trailer(all, &h, at, &sums);
}

/* Heads are bounded by the size of the file: chunks_find() saw that they are in it. */
static int allocate_heads(struct chunks *all)
{
	size_t bytes = 0, at = 0;

	for (size_t i = 0; i < all->nr; i++)
		bytes += all->v[i].h.type == CHUNK_PAGES ? all->v[i].head_len : 0;
	all->tables = malloc(bytes + 1);
	for (size_t i = 0; i < all->nr && all->tables; i++) {
		struct chunk *c = &all->v[i];

		if (c->h.type == CHUNK_PAGES) {
			c->head = all->tables + at;
			at += c->head_len;
		} else {
			c->head = snap_memory(&all->img->snap, c->head_len);
		}
		if (!c->head)
			return fail(-ENOMEM, "%s", all->path);
	}
	return all->tables ? 0 : fail(-ENOMEM, "%s", all->path);
}

/* A thread takes one chunk after the other; the copy is hashed, not what it was made from. */
struct verifier {
	struct chunks *all;
	size_t *next;
	pthread_t thread;
};

static void *verify(void *arg)
{
	const struct verifier *v = arg;
	XXH3_state_t *state = XXH3_createState();
	size_t i;

	while ((i = __atomic_fetch_add(v->next, 1, __ATOMIC_RELAXED)) < v->all->nr) {
		struct chunk *c = &v->all->v[i];
		const char *from = v->all->img->map + c->pos;

		c->bad = true;
		if (!state)
			continue;
		memcpy(c->head, from, c->head_len);
		XXH3_64bits_reset(state);
		XXH3_64bits_update(state, c->head, c->head_len);
		XXH3_64bits_update(state, from + c->head_len, c->h.len - c->head_len);
		c->bad = XXH3_64bits_digest(state) != c->h.sum;
	}
	XXH3_freeState(state);
	return NULL;
}

static unsigned int count_threads(const struct chunks *all)
{
	unsigned long nr = all->img->size / THREAD_BYTES + 1;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (nr > THREADS_MAX)
		nr = THREADS_MAX;
	if (cpus > 0 && nr > (unsigned long)cpus)
		nr = cpus;
	return nr;
}

int chunks_verify(struct chunks *all)
{
	unsigned int nr = count_threads(all), started = 0;
	struct verifier v[THREADS_MAX];
	size_t next = 0;
	int err = allocate_heads(all);

	if (err)
		return err;
	for (unsigned int i = 0; i < THREADS_MAX; i++)
		v[i] = (struct verifier){ .all = all, .next = &next };
	while (started + 1 < nr && !pthread_create(&v[started].thread, NULL, verify, &v[started]))
		started++;
	verify(&v[THREADS_MAX - 1]);
	for (unsigned int i = 0; i < started; i++)
		pthread_join(v[i].thread, NULL);
	for (size_t i = 0; i < all->nr; i++)
		if (all->v[i].bad)
			return image_bad(all->path, all->v[i].pos, "wrong checksum of a chunk");
	return 0;
}

void chunks_free(struct chunks *all)
{
	free(all->v);
	free(all->tables);
}
