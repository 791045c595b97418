// SPDX-License-Identifier: GPL-2.0-only
/* image_read.c - open an image: nothing of it is believed before every byte was checked. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "cleanup.h"
#include "image.h"
#include "log.h"

#define PAGE 4096u


static int bad(const char *path, uint64_t at, const char *what)
{
	return fail(-ERR_IMAGE, "%s: damaged or truncated image: %s at offset %llu", path, what,
		    (unsigned long long)at);
}

/* A pipe cannot be read twice: copy it to a file that has no name. */
static int spool(int from)
{
	int to _close_ = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char *buf _free_ = malloc(1 << 20);
	ssize_t n;

	if (to < 0)
		to = memfd_create("bpf-ckpt image", MFD_CLOEXEC);
	if (to < 0 || !buf)
		return fail(-errno, "copy the image from standard input");
	while ((n = read(from, buf, 1 << 20)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(-errno, "read the image");
		for (ssize_t done = 0, m; done < n; done += m) {
			m = write(to, buf + done, n - done);
			if (m < 0)
				return fail(-errno, "copy the image from standard input");
		}
	}
	return take_fd(&to);
}

static int open_file(struct image *img, const char *path)
{
	struct stat st;

	if (!strcmp(path, "-"))
		img->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		img->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (img->fd < 0 || fstat(img->fd, &st))
		return fail(-errno, "open %s", path);
	if (S_ISDIR(st.st_mode))
		return fail(-EISDIR, "read %s", path);
	if (!S_ISREG(st.st_mode)) {
		int copy = spool(img->fd);

		if (copy < 0)
			return copy;
		close(img->fd);
		img->fd = copy;
		if (fstat(copy, &st))
			return fail(-errno, "read %s", path);
	}
	img->size = st.st_size;
	if (!img->size)
		return fail(-ERR_IMAGE, "%s: empty file, not an image", path);
	img->map = mmap(NULL, img->size, PROT_READ, MAP_PRIVATE, img->fd, 0);
	if (img->map == MAP_FAILED) {
		img->map = NULL;
		return fail(-errno, "map %s", path);
	}
	madvise((void *)img->map, img->size, MADV_SEQUENTIAL);
	return 0;
}

static int check_header(struct image *img, const char *path)
{
	if (img->size < sizeof(img->header)) {
		if (img->size >= 8 && !memcmp(img->map, IMAGE_MAGIC, 8))
			return bad(path, img->size, "the header ends");
		return fail(-ERR_IMAGE, "%s: not an image of bpf-ckpt", path);
	}
	memcpy(&img->header, img->map, sizeof(img->header));
	if (memcmp(img->header.magic, IMAGE_MAGIC, sizeof(img->header.magic)))
		return fail(-ERR_IMAGE, "%s: not an image of bpf-ckpt", path);
	if (XXH3_64bits(&img->header, offsetof(struct image_header, sum)) != img->header.sum)
		return bad(path, 0, "wrong checksum of the header");
	if (img->header.version != IMAGE_VERSION || img->header.header_len != sizeof(img->header) ||
	    img->header.features)
		return fail(-ERR_IMAGE, "%s: image version %u with features %#llx, this program reads "
			    "version %u", path, img->header.version, img->header.features,
			    IMAGE_VERSION);
	if (img->header.arch != IMAGE_ARCH_X86_64 || img->header.page_size != PAGE)
		return fail(-ERR_IMAGE, "%s: image of another processor architecture (%u, %u byte pages)",
			    path, img->header.arch, img->header.page_size);
	return 0;
}

static int read_records(struct image *img, const char *path, const struct image_chunk *c, uint64_t at)
{
	uint64_t off = 0;

	for (__u32 i = 0; i < c->count; i++) {
		const struct rec_hdr *h = (const void *)(img->map + at + off);

		if (c->len - off < sizeof(*h) || h->len < 16 || h->len % REC_ALIGN ||
		    h->len > c->len - off)
			return bad(path, at + off, "a record is out of bounds");
		if (snap_add(&img->snap, h))
			return fail(-ENOMEM, "%s: too many records", path);
		off += h->len;
	}
	return off == c->len ? 0 : bad(path, at + off, "bytes behind the last record");
}

static int add_run(struct image *img, const struct image_extent *e, uint64_t pos)
{
	struct image_page_run *last = img->nr_runs ? &img->runs[img->nr_runs - 1] : NULL;

	if (last && last->ext.tag == e->tag && last->ext.id == e->id &&
	    last->ext.offset + last->ext.len == e->offset && last->pos + last->ext.len == pos) {
		last->ext.len += e->len;
		return 0;
	}
	if (!(img->nr_runs & (img->nr_runs - 1))) {
		size_t cap = img->nr_runs ? img->nr_runs * 2 : 64;
		struct image_page_run *v = realloc(img->runs, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		img->runs = v;
	}
	img->runs[img->nr_runs++] = (struct image_page_run){ *e, pos };
	return 0;
}

static int read_extents(struct image *img, const char *path, const struct image_chunk *c, uint64_t at)
{
	const struct image_extent *e = (const void *)(img->map + at);
	uint64_t pos, end = at + c->len;

	if (c->count > c->len / sizeof(*e))
		return bad(path, at, "a table of extents is out of bounds");
	pos = ALIGN_UP(at + c->count * sizeof(*e), (uint64_t)PAGE);
	for (__u32 i = 0; i < c->count; i++) {
		if (!e[i].len || e[i].len % PAGE || e[i].offset % PAGE || e[i].reserved ||
		    e[i].offset + e[i].len < e[i].offset || pos > end || e[i].len > end - pos)
			return bad(path, at + i * sizeof(*e), "an extent is out of bounds");
		if (add_run(img, &e[i], pos))
			return fail(-ENOMEM, "%s: too many extents", path);
		pos += e[i].len;
	}
	return pos == end ? 0 : bad(path, pos, "bytes behind the last extent");
}

static int check_trailer(const struct image *img, const char *path, const struct image_chunk *c,
			 uint64_t at, const struct image_trailer *want)
{
	struct image_trailer t;

	if (c->len != sizeof(t))
		return bad(path, at, "a trailer of the wrong size");
	memcpy(&t, img->map + at, sizeof(t));
	if (memcmp(&t, want, sizeof(t)))
		return bad(path, at, "the trailer does not fit what precedes it");
	return img->size == at + sizeof(t) ? 0 : bad(path, at + sizeof(t), "bytes behind the trailer");
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

static int check_overlap(struct image *img, const char *path)
{
	qsort(img->runs, img->nr_runs, sizeof(*img->runs), by_place);
	for (size_t i = 1; i < img->nr_runs; i++) {
		const struct image_extent *a = &img->runs[i - 1].ext, *b = &img->runs[i].ext;

		if (a->tag == b->tag && a->id == b->id && a->offset + a->len > b->offset)
			return bad(path, img->runs[i].pos, "the same pages twice");
	}
	return 0;
}

/* One chunk at *at; moves it behind. done: it was the trailer. */
static int read_chunk(struct image *img, const char *path, uint64_t *at, struct image_trailer *sums,
		      XXH3_state_t *digest, bool *done)
{
	struct image_chunk c;
	uint64_t body = *at + sizeof(c);
	int err;

	if (img->size - *at < sizeof(c))
		return bad(path, *at, "the file ends");
	memcpy(&c, img->map + *at, sizeof(c));
	if (XXH3_64bits(&c, offsetof(struct image_chunk, head_sum)) != c.head_sum)
		return bad(path, *at, "wrong checksum of a chunk's header");
	if (c.index != sums->chunks || c.len > img->size - body)
		return bad(path, *at, "a chunk is out of place");
	if (XXH3_64bits(img->map + body, c.len) != c.sum)
		return bad(path, body, "wrong checksum of a chunk");
	*at = body + c.len;
	if (c.type == CHUNK_TRAILER) {
		sums->digest = XXH3_64bits_digest(digest);
		sums->total = *at;
		*done = true;
		return check_trailer(img, path, &c, body, sums);
	}
	XXH3_64bits_update(digest, &c, sizeof(c));
	sums->chunks++;
	if (c.type == CHUNK_RECORDS) {
		sums->records += c.count;
		return read_records(img, path, &c, body);
	}
	if (c.type != CHUNK_PAGES)
		return bad(path, body, "a chunk of unknown type");
	err = read_extents(img, path, &c, body);
	sums->extents += c.count;
	sums->pages += (*at - ALIGN_UP(body + c.count * sizeof(struct image_extent),
				       (uint64_t)PAGE)) / PAGE;
	return err;
}

static int read_all(struct image *img, const char *path)
{
	struct image_trailer sums = {};
	uint64_t at = sizeof(struct image_header);
	XXH3_state_t *digest = XXH3_createState();
	bool done = false;
	int err = digest ? 0 : fail(-ENOMEM, "image");

	if (digest)
		XXH3_64bits_reset(digest);
	while (!err && !done)
		err = read_chunk(img, path, &at, &sums, digest, &done);
	XXH3_freeState(digest);
	return err ? err : check_overlap(img, path);
}

int image_open(struct image *img, const char *path)
{
	int err;

	*img = (struct image){ .fd = -1 };
	err = open_file(img, path);
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
	if (img->map)
		munmap((void *)img->map, img->size);
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
	for (first = lo; lo < img->nr_runs && img->runs[lo].ext.tag == tag && img->runs[lo].ext.id == id;)
		lo++;
	*nr = lo - first;
	return img->runs + first;
}
