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
 * the sequence of chunk headers and the total length. Nothing may follow the trailer. No chunk is
 * empty; a RECORDS chunk is at most REC_LEN_MAX long.
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
 * Start an image. path "-" is standard output; a terminal is refused. A regular file is made without
 * a name where the file system can do that, under a hidden temporary one in the same directory where
 * not, mode 0600, and gets its name only in image_commit(): a SIGKILL leaves nothing of the former
 * kind behind. What exists and is no regular file (a fifo, a device) is written to. Errors name path
 * and reason. *out is NULL on failure, else freed by image_commit() or image_abort().
 */
int image_create(struct image_writer **out, const char *path);

/*
 * Allocate space for about that many bytes, where the file system can. To be called before the
 * target is stopped: pages of a tmpfs cost as much to allocate as to read, copy and hash.
 */
void image_reserve(struct image_writer *w, uint64_t bytes);

/*
 * Append a record of at most REC_LEN_MAX bytes, as it is. Records are kept in memory until there are
 * 16 MiB of them, or pages come, so that the pause does not depend on a disk.
 */
int image_append(struct image_writer *w, const struct rec_hdr *rec);

/* A batch of pages with its place and checksums, ready to be written. */
struct image_pages {
	const struct image_extent *ext;
	unsigned int nr;
	const void *data; /* their bytes, one after the other */
	size_t len;
	struct image_chunk head;
	uint32_t padding;
};

/*
 * Append pages in three steps: set ext, nr, data and len. image_place_pages() gives them their place,
 * in the order of its calls; the first one also writes the records. image_hash_pages() needs the data
 * and touches nothing but its argument, so any thread may. image_write_pages() must come in the order
 * of placing. Placing and writing may be done by two threads at a time. image_append_pages() is all
 * three.
 */
int image_place_pages(struct image_writer *w, struct image_pages *p);
int image_hash_pages(struct image_pages *p);
int image_write_pages(struct image_writer *w, const struct image_pages *p);
int image_append_pages(struct image_writer *w, const struct image_extent *ext, unsigned int nr,
		       const void *data, size_t len);

/* Write the trailer, bring all to disk, and give the image its name: an old one is replaced. */
int image_commit(struct image_writer *w);
/* Throw away: nothing remains under any name. NULL is allowed. */
void image_abort(struct image_writer *w);
/* Bytes of the image so far, without records that are still kept. */
uint64_t image_bytes(const struct image_writer *w);

/* ---- reading ---- */

struct image_page_run {
	struct image_extent ext;
	uint64_t pos; /* of its bytes in the file */
};

struct image {
	int fd;             /* seekable: a pipe was copied to an unnamed file first */
	size_t size;        /* when it was opened: somebody may cut it since */
	struct image_header header;
	struct snap snap;   /* all records; keys are ids */
	struct image_page_run *runs; /* sorted by tag, id, offset; do not overlap; joined */
	size_t nr_runs, cap_runs;
};

/*
 * Open and check everything that the format itself promises: magic, version, checksums, lengths,
 * chunk order, trailer, records in bounds, extents apart. -ERR_IMAGE with one line that says what is
 * wrong and at which offset; -errno when the file cannot be read. What tags and records mean is
 * checked by image_validate(). Records, extents and lengths are copied before they are looked at, so
 * a file that changes under us cannot make them differ later; pages stay in the file.
 */
int image_open(struct image *img, const char *path);
void image_close(struct image *img);

/* Every field, reference and cross reference; -ERR_IMAGE with one line. No task is made. */
int image_validate(const struct image *img);

/* Bytes of the file into buf. 0 or -errno, unreported; -ENODATA: it was cut since it was opened. */
int image_read_at(const struct image *img, uint64_t pos, void *buf, size_t len);

/* The runs of one object: pointer to *nr of them in order of offset. */
const struct image_page_run *image_runs(const struct image *img, __u32 tag, __u64 id, size_t *nr);

#endif
