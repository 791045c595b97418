// SPDX-License-Identifier: GPL-2.0-only
/* image_write.c - write an image in one pass: header, records, pages, trailer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>
#include <xxhash.h>

#include "cleanup.h"
#include "image.h"
#include "image_file.h"
#include "log.h"

#define BLOCK_BYTES (1u << 20)
#define BLOCKS_MAX 16
#define PAGE 4096u

/* Records that wait: a chunk in the making. */
struct record_block {
	struct record_block *next;
	size_t used, size;
	unsigned int count;
	char data[];
};

struct image_writer {
	struct image_file file;
	struct record_block *first, *last;
	unsigned int blocks;
	struct image_trailer sums; /* of the chunks that were placed, written or not */
	XXH3_state_t *digest;      /* of their headers */
};

static int write_header(struct image_writer *w)
{
	struct image_header h = { .magic = IMAGE_MAGIC, .version = IMAGE_VERSION,
				  .arch = IMAGE_ARCH_X86_64, .page_size = PAGE,
				  .header_len = sizeof(h) };
	struct iovec part = { &h, sizeof(h) };
	struct timespec now;
	struct utsname un;

	clock_gettime(CLOCK_REALTIME, &now);
	h.created = now.tv_sec * 1000000000ull + now.tv_nsec;
	uname(&un);
	memcpy(h.release, un.release, sizeof(h.release) - 1);
	h.sum = XXH3_64bits(&h, offsetof(struct image_header, sum));
	w->sums.total = sizeof(h);
	return image_file_write(&w->file, &part, 1);
}

int image_create(struct image_writer **out, const char *path)
{
	struct image_writer *w = calloc(1, sizeof(*w));
	int err;

	*out = NULL;
	if (!w)
		return fail(-ENOMEM, "write %s", path);
	w->file.fd = w->file.dir = -1;
	w->digest = XXH3_createState();
	if (!w->digest) {
		image_abort(w);
		return fail(-ENOMEM, "write %s", path);
	}
	XXH3_64bits_reset(w->digest);
	err = image_file_create(&w->file, path);
	if (!err)
		err = write_header(w);
	if (err)
		image_abort(w);
	else
		*out = w;
	return err;
}

void image_reserve(struct image_writer *w, uint64_t bytes)
{
	image_file_reserve(&w->file, bytes);
}

/* The next chunk of the file, without its checksums. */
static struct image_chunk place_chunk(struct image_writer *w, __u32 type, __u32 count, size_t len)
{
	struct image_chunk c = { .type = type, .count = count, .index = w->sums.chunks, .len = len };

	w->sums.chunks++;
	w->sums.total += sizeof(c) + len;
	return c;
}

static int hash_chunk(struct image_chunk *c, const struct iovec *part, int parts)
{
	XXH3_state_t *state = XXH3_createState();

	if (!state)
		return fail(-ENOMEM, "hash a part of the image");
	XXH3_64bits_reset(state);
	for (int i = 0; i < parts; i++)
		XXH3_64bits_update(state, part[i].iov_base, part[i].iov_len);
	c->sum = XXH3_64bits_digest(state);
	c->head_sum = XXH3_64bits(c, offsetof(struct image_chunk, head_sum));
	XXH3_freeState(state);
	return 0;
}

static int write_chunk(struct image_writer *w, __u32 type, __u32 count, void *data, size_t len)
{
	struct image_chunk c = place_chunk(w, type, count, len);
	struct iovec part[2] = { { &c, sizeof(c) }, { data, len } };

	int err = hash_chunk(&c, part + 1, 1);

	XXH3_64bits_update(w->digest, &c, sizeof(c));
	return err ? err : image_file_write(&w->file, part, 2);
}

static int flush_records(struct image_writer *w)
{
	int err = 0;

	while (w->first && !err) {
		struct record_block *b = w->first;

		err = write_chunk(w, CHUNK_RECORDS, b->count, b->data, b->used);
		w->sums.records += b->count;
		w->first = b->next;
		free(b);
	}
	if (!w->first) {
		w->last = NULL;
		w->blocks = 0;
	}
	return err;
}

static int add_block(struct image_writer *w, size_t len)
{
	size_t size = len > BLOCK_BYTES ? len : BLOCK_BYTES;
	struct record_block *b;
	int err = w->blocks == BLOCKS_MAX ? flush_records(w) : 0;

	if (err)
		return err;
	b = malloc(sizeof(*b) + size);
	if (!b)
		return fail(-ENOMEM, "write %s", w->file.path);
	*b = (struct record_block){ .size = size };
	if (w->last)
		w->last->next = b;
	else
		w->first = b;
	w->last = b;
	w->blocks++;
	return 0;
}

int image_append(struct image_writer *w, const struct rec_hdr *rec)
{
	struct record_block *b = w->last;
	int err;

	if (rec->len > REC_LEN_MAX || rec->len < 2 * sizeof(*rec) || rec->len % REC_ALIGN)
		return fail(-EMSGSIZE, "write %s: a record of kind %#x has %u bytes", w->file.path,
			    rec->tag, rec->len);
	if (!b || b->size - b->used < rec->len) {
		err = add_block(w, rec->len);
		if (err)
			return err;
		b = w->last;
	}
	memcpy(b->data + b->used, rec, rec->len);
	b->used += rec->len;
	b->count++;
	return 0;
}

static const char zero[PAGE];

int image_place_pages(struct image_writer *w, struct image_pages *p)
{
	size_t table = p->nr * sizeof(*p->ext);
	int err = flush_records(w);

	if (err)
		return err;
	p->padding = -(w->sums.total + sizeof(struct image_chunk) + table) % PAGE;
	p->head = place_chunk(w, CHUNK_PAGES, p->nr, table + p->padding + p->len);
	w->sums.extents += p->nr;
	w->sums.pages += p->len / PAGE;
	return 0;
}

int image_hash_pages(struct image_pages *p)
{
	const struct iovec part[] = {
		{ (void *)p->ext, p->nr * sizeof(*p->ext) },
		{ (void *)zero, p->padding },
		{ (void *)p->data, p->len },
	};

	return hash_chunk(&p->head, part, ARRAY_SIZE(part));
}

int image_write_pages(struct image_writer *w, const struct image_pages *p)
{
	struct iovec part[] = {
		{ (void *)&p->head, sizeof(p->head) },
		{ (void *)p->ext, p->nr * sizeof(*p->ext) },
		{ (void *)zero, p->padding },
		{ (void *)p->data, p->len },
	};

	XXH3_64bits_update(w->digest, &p->head, sizeof(p->head));
	return image_file_write(&w->file, part, ARRAY_SIZE(part));
}

int image_append_pages(struct image_writer *w, const struct image_extent *ext, unsigned int nr,
		       const void *data, size_t len)
{
	struct image_pages p = { .ext = ext, .nr = nr, .data = data, .len = len };
	int err = nr ? image_place_pages(w, &p) : 0;

	if (!err && nr)
		err = image_hash_pages(&p);
	return err || !nr ? err : image_write_pages(w, &p);
}

static int commit(struct image_writer *w)
{
	struct image_trailer t;
	int err = flush_records(w);

	if (err)
		return err;
	t = w->sums;
	t.digest = XXH3_64bits_digest(w->digest);
	t.total += sizeof(struct image_chunk) + sizeof(t);
	err = write_chunk(w, CHUNK_TRAILER, 1, &t, sizeof(t));
	return err ? err : image_file_commit(&w->file, t.total);
}

int image_commit(struct image_writer *w)
{
	int err = commit(w);

	image_abort(w);
	return err;
}

void image_abort(struct image_writer *w)
{
	if (!w)
		return;
	image_file_close(&w->file);
	for (struct record_block *b = w->first, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	XXH3_freeState(w->digest);
	free(w);
}

uint64_t image_bytes(const struct image_writer *w)
{
	return w->sums.total;
}
