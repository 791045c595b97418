/* SPDX-License-Identifier: GPL-2.0-only */
/* image_chunks.h - inside of reading: get hold of the file, find its chunks, verify their sums. */
#ifndef BPF_CKPT_IMAGE_CHUNKS_H
#define BPF_CKPT_IMAGE_CHUNKS_H

#include "image.h"

struct chunk {
	struct image_chunk h;
	uint64_t pos;    /* of its payload in the file */
	char *head;      /* private copy of the records, or of the table of extents */
	size_t head_len;
	int err;         /* -ERR_IMAGE: its checksum is wrong; or as image_read_at() */
};

struct chunks {
	struct image *img;
	const char *path;
	struct chunk *v; /* in the order of the file, without the trailer */
	size_t nr, cap;
	char *tables;    /* memory of the heads of PAGES chunks; records live in the snap */
};

/* "damaged or truncated image: WHAT at offset AT"; -ERR_IMAGE */
int image_bad(const char *path, uint64_t at, const char *what);

/* Open a file; what cannot be read twice ("-", a pipe) is copied to a file without a name. */
int image_get(struct image *img, const char *path);

/* image_read_at() with its error reported: -ERR_IMAGE when the file ends too early. */
int image_take(const struct image *img, const char *path, uint64_t pos, void *buf, size_t len);

/* Follow the headers up to the trailer, and compare that with what was found. Reads no payload. */
int chunks_find(struct chunks *all);

/* Copy the heads, and check every payload; in threads when there is much. */
int chunks_verify(struct chunks *all);

void chunks_free(struct chunks *all);

#endif
