// SPDX-License-Identifier: GPL-2.0-only
/* image_read.c - open an image: nothing of it is believed before every byte was checked. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "cleanup.h"
#include "image.h"
#include "image_chunks.h"
#include "log.h"
#include "rec_ipc.h"
#include "rec_file.h"
#include "rec_mem.h"

#define PAGE 4096ull

static int check_header(struct image *img, const char *path)
{
	struct image_header *h = &img->header;
	size_t there = img->size < sizeof(*h) ? img->size : sizeof(*h);
	size_t magic = there < sizeof(h->magic) ? there : sizeof(h->magic);
	int err;

	if (!img->size)
		return fail(-ERR_IMAGE, "%s: empty file, not an image", path);
	err = image_take(img, path, 0, h, there);
	if (err)
		return err;
	if (memcmp(h->magic, IMAGE_MAGIC, magic))
		return fail(-ERR_IMAGE, "%s: not an image of bpf-ckpt", path);
	if (there < sizeof(*h))
		return image_bad(path, img->size, "the header ends");
	/* first: what follows the version may look different in another one */
	if (h->version != IMAGE_VERSION)
		return fail(-ERR_IMAGE, "%s: image of version %u, this program reads version %u", path,
			    h->version, IMAGE_VERSION);
	if (XXH3_64bits(h, offsetof(struct image_header, sum)) != h->sum)
		return image_bad(path, 0, "wrong checksum of the header");
	if (h->arch != IMAGE_ARCH_X86_64 || h->page_size != PAGE)
		return fail(-ERR_IMAGE, "%s: image of another processor architecture (ELF machine %u, "
			    "pages of %u bytes)", path, h->arch, h->page_size);
	if (h->features || h->header_len != sizeof(*h))
		return fail(-ERR_IMAGE, "%s: image with features %#llx that this program does not know",
			    path, h->features);
	return 0;
}

static int index_records(struct image *img, const char *path, const struct chunk *c)
{
	uint64_t off = 0;

	for (__u32 i = 0; i < c->h.count; i++) {
		struct rec_hdr *h = (void *)(c->head + off);
		int err;

		if (c->h.len - off < 2 * sizeof(*h) || h->len < 2 * sizeof(*h) ||
		    h->len % REC_ALIGN || h->len > c->h.len - off)
			return image_bad(path, c->pos + off, "a record is out of bounds");
		err = snap_index(&img->snap, h);
		if (err == -E2BIG)
			return image_bad(path, c->pos + off, "too many kinds of records");
		if (err)
			return fail(err, "%s: too many records", path);
		off += h->len;
	}
	return off == c->h.len ? 0 : image_bad(path, c->pos + off, "bytes behind the last record");
}

static int add_run(struct image *img, const struct image_extent *e, uint64_t pos)
{
	if (img->nr_runs == img->cap_runs) {
		size_t cap = img->cap_runs ? img->cap_runs * 2 : 64;
		struct image_page_run *v = realloc(img->runs, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		img->runs = v;
		img->cap_runs = cap;
	}
	img->runs[img->nr_runs++] = (struct image_page_run){ *e, pos };
	return 0;
}

static bool is_sane(const struct image_extent *e)
{
	return (e->tag == REC_MM || e->tag == REC_SHMEM || e->tag == REC_GHOST || e->tag == REC_SHM ||
		e->tag == REC_SHMFILE || e->tag == REC_HUGE) &&
	       !e->reserved &&
	       e->len && e->len % PAGE == 0 && e->offset % PAGE == 0 &&
	       e->len <= INT64_MAX && e->offset <= INT64_MAX - e->len;
}

static int index_extents(struct image *img, const char *path, const struct chunk *c)
{
	const struct image_extent *e = (const void *)c->head;
	uint64_t end = c->pos + c->h.len, pos = ALIGN_UP(c->pos + c->head_len, PAGE);

	for (__u32 i = 0; i < c->h.count; i++) {
		if (!is_sane(&e[i]) || pos > end || e[i].len > end - pos)
			return image_bad(path, c->pos + i * sizeof(*e), "an extent is out of bounds");
		if (add_run(img, &e[i], pos))
			return fail(-ENOMEM, "%s: too many extents", path);
		pos += e[i].len;
	}
	return pos == end ? 0 : image_bad(path, pos, "bytes behind the last extent");
}

static int by_place(const void *a, const void *b)
{
	const struct image_extent *x = &((const struct image_page_run *)a)->ext;
	const struct image_extent *y = &((const struct image_page_run *)b)->ext;

	if (x->tag != y->tag)
		return x->tag < y->tag ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static bool same_object(const struct image_extent *a, const struct image_extent *b)
{
	return a->tag == b->tag && a->id == b->id;
}

/* In order, and what continues in the object and in the file is one run. */
static int join_runs(struct image *img, const char *path)
{
	size_t out = 0;

	if (img->nr_runs)
		qsort(img->runs, img->nr_runs, sizeof(*img->runs), by_place);
	for (size_t i = 0; i < img->nr_runs; i++) {
		struct image_page_run *last = out ? &img->runs[out - 1] : NULL, *r = &img->runs[i];
		uint64_t end = last ? last->ext.offset + last->ext.len : 0;

		if (!last || !same_object(&last->ext, &r->ext)) {
			img->runs[out++] = *r;
			continue;
		}
		if (r->ext.offset < end)
			return image_bad(path, r->pos, "the same pages twice");
		if (r->ext.offset == end && r->pos == last->pos + last->ext.len)
			last->ext.len += r->ext.len;
		else
			img->runs[out++] = *r;
	}
	img->nr_runs = out;
	return 0;
}

static int read_all(struct image *img, const char *path)
{
	struct chunks all = { .img = img, .path = path };
	int err = chunks_find(&all);

	if (!err)
		err = chunks_verify(&all);
	for (size_t i = 0; i < all.nr && !err; i++)
		err = all.v[i].h.type == CHUNK_RECORDS ? index_records(img, path, &all.v[i]) :
							 index_extents(img, path, &all.v[i]);
	chunks_free(&all);
	return err ? err : join_runs(img, path);
}

int image_open(struct image *img, const char *path)
{
	int err;

	*img = (struct image){ .fd = -1 };
	err = image_get(img, path);
	if (!err)
		err = check_header(img, path);
	if (!err)
		err = read_all(img, path);
	if (err)
		image_close(img);
	return err;
}

void image_close(struct image *img)
{
	cleanup_close(&img->fd);
	snap_free(&img->snap);
	free(img->runs);
	*img = (struct image){ .fd = -1 };
}

const struct image_page_run *image_runs(const struct image *img, __u32 tag, __u64 id, size_t *nr)
{
	struct image_page_run key = { .ext = { .tag = tag, .id = id } };
	size_t lo = 0, hi = img->nr_runs, first;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (by_place(&img->runs[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (first = lo; lo < img->nr_runs && same_object(&img->runs[lo].ext, &key.ext);)
		lo++;
	*nr = lo - first;
	return img->runs + first;
}
