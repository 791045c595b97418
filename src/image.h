/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image.h - the image file: written in one pass without seeking, read back only after every byte of
 * it was checked.
 *
 *   header, chunk*, trailer
 *
 * A chunk is a header and a payload. RECORDS chunks hold records; PAGES chunks hold a table of
 * extents, padding up to the next page boundary of the file, and the pages themselves, so that a
 * restored task reads them straight into place. Every byte of the file is under a checksum (XXH3):
 * headers cover themselves, chunk headers cover their payload with its padding, the trailer covers
 * the sequence of chunk headers and the total length. Nothing may follow the trailer.
 */
#ifndef BPF_CKPT_IMAGE_H
#define BPF_CKPT_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "snap.h"

#define IMAGE_MAGIC "BPFCKPT\x1a"
#define IMAGE_VERSION 1u
#define IMAGE_ARCH_X86_64 62u /* EM_X86_64 */

struct image_header {
	char magic[8];
	__u32 version;
	__u32 arch;
	__u32 page_size;
	__u32 header_len;
	__u64 created;     /* CLOCK_REALTIME, ns */
	__u64 features;    /* required feature bits; none yet */
	char release[64];  /* uname(2) */
	__u8 reserved[24];
	__u64 sum;         /* XXH3 of all of the above */
};

enum image_chunk_type { CHUNK_RECORDS = 1, CHUNK_PAGES = 2, CHUNK_TRAILER = 3 };

struct image_chunk {
	__u32 type;
	__u32 count; /* records or extents */
	__u64 len;   /* payload bytes that follow, padding included */
	__u64 sum;   /* XXH3 of the payload */
	__u64 index; /* position of this chunk, 0-based */
	__u64 head_sum; /* XXH3 of the members above */
};

/* Payload of the trailer. */
struct image_trailer {
	__u64 chunks, records, extents, pages;
	__u64 total; /* bytes of the whole file */
	__u64 digest; /* XXH3 over all chunk headers before the trailer's */
};

/* Bytes of an object: of memory (offset is the address) or of a file without a name. */
struct image_extent {
	__u32 tag;    /* REC_MM, REC_SHMEM or REC_GHOST */
	__u32 reserved;
	__u64 id;     /* of that object in the image */
	__u64 offset; /* page aligned */
	__u64 len;    /* bytes, a multiple of the page size */
};

/* ---- writing ---- */

struct image_writer;

/*
 * Start an image. path "-" is standard output (refused when a terminal). A file is written under a
 * temporary name in the same directory, mode 0600, and gets its name only in image_commit(). Errors
 * name path and reason. *out is freed by image_commit() or image_abort().
 */
int image_create(struct image_writer **out, const char *path);

/* Append a record; buffered into chunks of about 1 MiB. rec->len bytes are taken as they are. */
int image_append(struct image_writer *w, const struct rec_hdr *rec);

/*
 * Append pages: nr extents whose bytes follow each other in data. data must be page aligned in
 * length; hashing and writing are the caller's thread's work. Not thread safe.
 */
int image_append_pages(struct image_writer *w, const struct image_extent *ext, unsigned int nr,
		       const void *data, size_t len);

/* Close the last chunk, write the trailer, fsync, rename into place, fsync the directory. */
int image_commit(struct image_writer *w);
/* Throw away: nothing remains under any name. NULL is allowed. */
void image_abort(struct image_writer *w);
/* Bytes written so far. */
uint64_t image_bytes(const struct image_writer *w);

/* ---- reading ---- */

struct image_page_run {
	struct image_extent ext;
	uint64_t pos; /* of its bytes in the file */
};

struct image {
	int fd;             /* seekable: a pipe was copied to an unnamed file first */
	const char *map;    /* the whole file, read only */
	size_t size;
	struct image_header header;
	struct snap snap;   /* all records; keys are ids */
	struct image_page_run *runs; /* sorted by tag, id, offset; do not overlap */
	size_t nr_runs;
};

/*
 * Open and check everything that the format itself promises: magic, version, checksums, lengths,
 * chunk order, trailer, records in bounds and of known tags. -ERR_IMAGE with one line that says what
 * is wrong and at which offset; -errno when the file cannot be read. What records mean is checked by
 * image_validate().
 */
int image_open(struct image *img, const char *path);
void image_close(struct image *img);

/* Every field, reference and cross reference; -ERR_IMAGE with one line. No task is made. */
int image_validate(const struct image *img);

/* The runs of one object: pointer to *nr of them in order of offset. */
const struct image_page_run *image_runs(const struct image *img, __u32 tag, __u64 id, size_t *nr);

#endif
