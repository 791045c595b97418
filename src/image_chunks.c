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
#define STEP (128u << 10) /* stays in the cache while it is hashed */
#define THREAD_BYTES (16ull << 20) /* what a thread must have to do to be worth its making */

int image_bad(const char *path, uint64_t at, const char *what)
{
	return fail(-ERR_IMAGE, "%s: damaged or truncated image: %s at offset %llu", path, what,
		    (unsigned long long)at);
}

static int unreadable(const char *path, uint64_t pos, int err)
{
	return err == -ENODATA ? image_bad(path, pos, "the file ends") : fail(err, "read %s", path);
}

int image_take(const struct image *img, const char *path, uint64_t pos, void *buf, size_t len)
{
	int err = image_read_at(img, pos, buf, len);

	return err ? unreadable(path, pos, err) : 0;
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
	int err;

	if (h->len != sizeof(t) || h->count != 1)
		return image_bad(all->path, at, "a trailer of the wrong size");
	err = image_take(img, all->path, at, &t, sizeof(t));
	if (err)
		return err;
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
	int err;

	if (img->size - *at < sizeof(*h))
		return image_bad(all->path, img->size, "the file ends");
	err = image_take(img, all->path, *at, h, sizeof(*h));
	if (err)
		return err;
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

/* A thread takes one chunk after the other. */
struct verifier {
	struct chunks *all;
	size_t *next;
	pthread_t thread;
};

/* The head is hashed as it is kept, so that nobody can change it between the two. */
static int verify_chunk(const struct image *img, struct chunk *c, XXH3_state_t *state, char *buf)
{
	int err = image_read_at(img, c->pos, c->head, c->head_len);

	XXH3_64bits_reset(state);
	XXH3_64bits_update(state, c->head, c->head_len);
	for (uint64_t at = c->head_len, len; at < c->h.len && !err; at += len) {
		len = c->h.len - at < STEP ? c->h.len - at : STEP;
		err = image_read_at(img, c->pos + at, buf, len);
		if (!err)
			XXH3_64bits_update(state, buf, len);
	}
	return err ?: XXH3_64bits_digest(state) == c->h.sum ? 0 : -ERR_IMAGE;
}

static void *verify(void *arg)
{
	const struct verifier *v = arg;
	XXH3_state_t *state = XXH3_createState();
	char *buf _free_ = malloc(STEP);
	size_t i;

	while ((i = __atomic_fetch_add(v->next, 1, __ATOMIC_RELAXED)) < v->all->nr)
		v->all->v[i].err = state && buf ? verify_chunk(v->all->img, &v->all->v[i], state, buf) : -ENOMEM;
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
	for (size_t i = 0; i < all->nr && !err; i++) {
		const struct chunk *c = &all->v[i];

		if (c->err == -ERR_IMAGE)
			err = image_bad(all->path, c->pos, "wrong checksum of a chunk");
		else if (c->err)
			err = unreadable(all->path, c->pos, c->err);
	}
	return err;
}

void chunks_free(struct chunks *all)
{
	free(all->v);
	free(all->tables);
}
