/* SPDX-License-Identifier: GPL-2.0-only */
/* pages_read.h - the reading half of pages.c: which bytes come next, and how to get at them. */
#ifndef BPF_CKPT_PAGES_READ_H
#define BPF_CKPT_PAGES_READ_H

#include "image.h"
#include "pages.h"

#define BATCH_BYTES (1ull << 20) /* stays in a second-level cache between reading and writing */
#define BATCH_EXTENTS 512        /* not above IOV_MAX */

struct page_batch {
	char *data; /* BATCH_BYTES */
	size_t len;
	struct image_extent ext[BATCH_EXTENTS];
	const struct page_source *src[BATCH_EXTENTS];
	unsigned int nr;
};

struct page_cursor {
	const struct page_source *src;
	size_t nr, source, range;
	__u64 at;   /* next address in that range, 0 at its start */
	__u64 left; /* bytes still to come */
};

/* What all sources hold together, in bytes. */
__u64 pages_total(const struct page_source *src, size_t nr);

/* Lays out the next batch: extents and length, no data yet. False when nothing is left. */
bool cursor_next(struct page_cursor *c, struct page_batch *b);

/* Reads what cursor_next() laid out. Touches nothing else: any number of threads may. */
int batch_read(struct page_batch *b);

/* The ranges of a file that hold data. 0 or -errno, reported. */
int file_ranges(int fd, struct page_ranges *ranges);

#endif
