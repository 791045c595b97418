// SPDX-License-Identifier: GPL-2.0-only
/*
 * image.c - libFuzzer target: the file format. Mutations are made in the file and all checksums put
 * right again most of the time, so that what lies behind them is reached.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "image.h"
#include "records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct image img;
	char path[32];

	if (fd < 0)
		fd = memfd_create("fuzz", 0);
	if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (image_open(&img, path))
		return 0;
	image_validate(&img);
	image_close(&img);
	return 0;
}

static void sum_trailer(uint8_t *data, size_t at, const struct image_trailer *sums)
{
	struct image_chunk *h = (void *)(data + at);
	struct image_trailer t = *sums;

	memcpy(h + 1, &t, sizeof(t));
	h->sum = XXH3_64bits(&t, sizeof(t));
	h->head_sum = XXH3_64bits(h, offsetof(struct image_chunk, head_sum));
}

/* Every checksum and total as image_chunks.c wants it, as far as the chunks can be followed. */
static void sum_all(uint8_t *data, size_t size)
{
	struct image_header *head = (void *)data;
	struct image_trailer sums = {};
	XXH3_state_t *digest = XXH3_createState();
	size_t at = sizeof(*head);

	XXH3_64bits_reset(digest);
	head->sum = XXH3_64bits(head, offsetof(struct image_header, sum));
	while (size - at >= sizeof(struct image_chunk)) {
		struct image_chunk *h = (void *)(data + at);
		size_t body = at + sizeof(*h);

		if (h->len > size - body || h->len % REC_ALIGN)
			break;
		if (h->type == CHUNK_TRAILER) {
			sums.total = body + h->len;
			sums.digest = XXH3_64bits_digest(digest);
			if (h->len == sizeof(sums))
				sum_trailer(data, at, &sums);
			break;
		}
		h->index = sums.chunks++;
		h->sum = XXH3_64bits(data + body, h->len);
		h->head_sum = XXH3_64bits(h, offsetof(struct image_chunk, head_sum));
		XXH3_64bits_update(digest, h, sizeof(*h));
		if (h->type == CHUNK_RECORDS)
			sums.records += h->count;
		else {
			size_t table = (body + h->count * sizeof(struct image_extent) + 4095) & ~4095ull;

			sums.extents += h->count;
			sums.pages += (body + h->len - table) / 4096;
		}
		at = body + h->len;
	}
	XXH3_freeState(digest);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	struct image_chunk *first = (void *)(data + sizeof(struct image_header));
	size_t body = sizeof(struct image_header) + sizeof(*first);

	/* mostly inside of the first records, whose length must stay */
	if (seed % 4 && size > body && first->type == CHUNK_RECORDS && first->len <= size - body) {
		size_t len = records_mutate(data + body, first->len, first->len, seed);

		if (len < first->len)
			memset(data + body + len, 0, first->len - len);
	} else {
		size = LLVMFuzzerMutate(data, size, max);
	}
	if (seed % 16 && size >= sizeof(struct image_header))
		sum_all(data, size);
	return size;
}
