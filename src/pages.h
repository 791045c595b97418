/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pages.h - copy pages of frozen address spaces and contents of files into an image, in large
 * batches; while one batch is written the next is read.
 */
#ifndef BPF_CKPT_PAGES_H
#define BPF_CKPT_PAGES_H

#include <sys/types.h>
#include <linux/types.h>

#include "pagemap.h"

struct image_writer;

/* What to copy: page ranges of an address space or of a file. */
struct page_source {
	__u32 tag;  /* REC_MM, REC_SHMEM or REC_GHOST */
	__u64 id;   /* in the image */
	pid_t pid;  /* REC_MM: a thread of it; also of a file that only this task has mapped, at base */
	__u64 base; /* of REC_MM: 0 */
	int fd;     /* else: the file; -1 for these */
	struct page_ranges ranges; /* what exists and must be saved */
};

struct pages_stats {
	__u64 pages, extents;
};

struct page_pool;

/* Buffers: 24 MiB, whatever the size of a target. -ENOMEM; free it in either case. */
int pages_pool_create(struct page_pool **out);
/* Have the memory in place for about that many bytes: to be done before a target is stopped. */
void pages_pool_warm(struct page_pool *p, __u64 expected);
void pages_pool_free(struct page_pool *p);

/*
 * Copy all sources, once a pool. all_read() is called once, by the calling thread, when the last byte
 * was read and only writing remains: a target may run from there on. 0 or -errno, reported with pid
 * and address.
 */
int pages_copy(struct page_pool *p, struct image_writer *w, const struct page_source *src, size_t nr,
	       void (*all_read)(void *arg), void *arg, struct pages_stats *stats);

#endif
