// SPDX-License-Identifier: GPL-2.0-only
/* image_test.c - an image comes back as it was written, or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <setjmp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "cleanup.h"
#include "image.h"
#include "log.h"
#include "rec_file.h"
#include "rec_mem.h"

#include <cmocka.h>

#define PAGE 4096ul
#define TAG REC_PIPE_DATA

struct item {
	struct rec_hdr h;
	__u64 key;
	__u64 more[];
};

static char dir[64], path[96];

static int set_up(void **state)
{
	snprintf(dir, sizeof(dir), "/dev/shm/image_test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/image", dir);
	return 0;
}

static int tear_down(void **state)
{
	unlink(path);
	return rmdir(dir);
}

/* Names in the directory of the image; the image itself counts as well. */
static char byte_at(const struct image *img, uint64_t pos)
{
	char c = 0;

	assert_int_equal(image_read_at(img, pos, &c, 1), 0);
	return c;
}

static int count_files(void)
{
	DIR *d _closedir_ = opendir(dir);
	struct dirent *e;
	int nr = 0;

	while ((e = readdir(d)))
		nr += e->d_name[0] != '.' || strlen(e->d_name) > 2;
	return nr;
}

/* What the library says is tested by its value; its words on stderr are looked at by some tests. */
static char said[4096];

static int muted(int (*call)(struct image *, const char *), struct image *img, const char *from)
{
	int out = dup(STDERR_FILENO), mem = memfd_create("stderr", 0), err;
	ssize_t n;

	dup2(mem, STDERR_FILENO);
	err = call(img, from);
	dup2(out, STDERR_FILENO);
	close(out);
	n = pread(mem, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = 0;
	close(mem);
	return err;
}

static int try_open(const char *from)
{
	struct image img;
	int err = muted(image_open, &img, from);

	if (!err)
		image_close(&img);
	return err;
}

static void append(struct image_writer *w, __u32 tag, __u64 key, size_t words)
{
	struct item *it _free_ = calloc(1, sizeof(*it) + words * 8);

	it->h = (struct rec_hdr){ tag, sizeof(*it) + words * 8 };
	it->key = key;
	for (size_t i = 0; i < words; i++)
		it->more[i] = key * 1000 + i;
	assert_int_equal(image_append(w, &it->h), 0);
}

static void append_pages(struct image_writer *w, __u64 id, __u64 offset, size_t pages, int fill)
{
	struct image_extent e = { REC_MM, 0, id, offset, pages * PAGE };
	char *data _free_ = aligned_alloc(PAGE, pages * PAGE);

	memset(data, fill, pages * PAGE);
	assert_int_equal(image_append_pages(w, &e, 1, data, pages * PAGE), 0);
}

/* A little of everything. */
static void write_small(const char *to)
{
	struct image_writer *w;

	assert_int_equal(image_create(&w, to), 0);
	append(w, TAG, 1, 0);
	append(w, TAG, 2, 3);
	append(w, REC_MM, 3, 1);
	append_pages(w, 3, 0x10000, 2, 'a');
	append(w, TAG, 4, 1);
	append_pages(w, 3, 0x30000, 1, 'b');
	assert_int_equal(image_commit(w), 0);
}

static char *slurp(const char *from, size_t *len)
{
	int fd _close_ = open(from, O_RDONLY);
	struct stat st;
	char *p;

	assert_int_equal(fstat(fd, &st), 0);
	p = malloc(st.st_size + 1);
	assert_int_equal(pread(fd, p, st.st_size, 0), st.st_size);
	*len = st.st_size;
	return p;
}

static void spill(const char *to, const void *p, size_t len)
{
	int fd _close_ = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(pwrite(fd, p, len, 0), len);
}

/* ---- what comes back ---- */

static void test_empty(void **state)
{
	struct image_writer *w;
	struct image img;
	struct stat st;
	size_t nr;

	assert_int_equal(image_create(&w, path), 0);
	assert_int_equal(count_files(), 0);
	assert_int_equal(image_commit(w), 0);
	assert_int_equal(count_files(), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(image_open(&img, path), 0);
	assert_int_equal(img.snap.nr_lists, 0);
	assert_int_equal(img.nr_runs, 0);
	assert_int_equal(img.header.page_size, PAGE);
	image_runs(&img, REC_MM, 1, &nr);
	assert_int_equal(nr, 0);
	image_close(&img);
}

static void check_small(const char *from)
{
	const struct image_page_run *run;
	struct image img;
	struct item *it;
	char page[PAGE];
	size_t nr;

	assert_int_equal(image_open(&img, from), 0);
	snap_all(&img.snap, TAG, &nr);
	assert_int_equal(nr, 3);
	it = snap_find(&img.snap, TAG, 2);
	assert_int_equal(it->h.len, sizeof(*it) + 24);
	assert_int_equal(it->more[2], 2002);
	assert_non_null(snap_find(&img.snap, TAG, 4));
	run = image_runs(&img, REC_MM, 3, &nr);
	assert_int_equal(nr, 2);
	assert_int_equal(run[0].ext.offset, 0x10000);
	assert_int_equal(run[0].ext.len, 2 * PAGE);
	assert_int_equal(run[1].ext.offset, 0x30000);
	assert_int_equal(run[0].pos % PAGE, 0);
	assert_int_equal(pread(img.fd, page, PAGE, run[0].pos + PAGE), PAGE);
	assert_int_equal(page[0], 'a');
	assert_int_equal(byte_at(&img, run[1].pos + PAGE - 1), 'b');
	image_runs(&img, REC_SHMEM, 3, &nr);
	assert_int_equal(nr, 0);
	image_close(&img);
}

static void test_round_trip(void **state)
{
	write_small(path);
	check_small(path);
}

/* More than is kept in memory, records of all sizes, the largest one included. */
static void test_many_records(void **state)
{
	struct image_writer *w;
	struct image img;
	size_t nr, words = 0, bytes = 0;

	assert_int_equal(image_create(&w, path), 0);
	for (__u64 i = 1; i <= 200000; i++) {
		size_t n = i % 25 + (i % 20000 ? 0 : 100000);

		append(w, TAG, i, n);
		words += n;
		if (i % 70000 == 0)
			append_pages(w, 1, i * PAGE, 1, i);
	}
	append(w, TAG + 1, 1, (REC_LEN_MAX - sizeof(struct item)) / 8);
	append(w, TAG + 1, 2, 0);
	assert_int_equal(image_commit(w), 0);
	assert_int_equal(image_open(&img, path), 0);
	snap_for_each(&img.snap, TAG, const struct item, it) {
		size_t n = it->key % 25 + (it->key % 20000 ? 0 : 100000);

		assert_int_equal(it->h.len, sizeof(*it) + n * 8);
		if (n)
			assert_int_equal(it->more[n - 1], it->key * 1000 + n - 1);
		bytes += n * 8;
	}
	assert_int_equal(bytes, words * 8);
	snap_all(&img.snap, TAG, &nr);
	assert_int_equal(nr, 200000);
	snap_all(&img.snap, TAG + 1, &nr);
	assert_int_equal(nr, 2);
	assert_int_equal(img.nr_runs, 2);
	image_close(&img);
}

static int append_odd_record(struct image *img, const char *to)
{
	static const __u32 odd[] = { REC_LEN_MAX + 8, 8, 20, 0 };
	struct image_writer *w;
	int refused = 0;

	assert_int_equal(image_create(&w, to), 0);
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
		refused += image_append(w, &(struct rec_hdr){ TAG, odd[i] }) == -EMSGSIZE;
	image_abort(w);
	return refused;
}

static void test_refuses_odd_records(void **state)
{
	assert_int_equal(muted(append_odd_record, NULL, path), 4);
}

/* Extents of several objects in one batch; what continues is joined, also across chunks. */
static void test_extents(void **state)
{
	struct image_extent e[4] = {
		{ REC_MM, 0, 2, 8 * PAGE, PAGE }, { REC_MM, 0, 1, 4 * PAGE, PAGE },
		{ REC_MM, 0, 1, 5 * PAGE, 2 * PAGE }, { REC_GHOST, 0, 1, 0, PAGE },
	};
	char *data = aligned_alloc(PAGE, 5 * PAGE);
	const struct image_page_run *run;
	struct image_writer *w;
	struct image img;
	size_t nr;

	for (int i = 0; i < 5; i++)
		memset(data + i * PAGE, 'A' + i, PAGE);
	assert_int_equal(image_create(&w, path), 0);
	assert_int_equal(image_append_pages(w, NULL, 0, NULL, 0), 0);
	assert_int_equal(image_append_pages(w, e, 4, data, 5 * PAGE), 0);
	append_pages(w, 1, 7 * PAGE, 1, 'z');
	append_pages(w, 1, 0, 1, 'y');
	assert_int_equal(image_commit(w), 0);
	assert_int_equal(image_open(&img, path), 0);
	assert_int_equal(img.nr_runs, 5);
	run = image_runs(&img, REC_MM, 1, &nr);
	assert_int_equal(nr, 3);
	assert_int_equal(run[0].ext.offset, 0);
	assert_int_equal(byte_at(&img, run[0].pos), 'y');
	assert_int_equal(run[1].ext.len, 3 * PAGE);
	assert_int_equal(byte_at(&img, run[1].pos), 'B');
	assert_int_equal(byte_at(&img, run[1].pos + 2 * PAGE), 'D');
	assert_int_equal(byte_at(&img, run[2].pos), 'z');
	run = image_runs(&img, REC_GHOST, 1, &nr);
	assert_int_equal(nr, 1);
	assert_int_equal(byte_at(&img, run[0].pos), 'E');
	image_runs(&img, REC_MM, 3, &nr);
	assert_int_equal(nr, 0);
	image_close(&img);
	free(data);
}

/* ---- what is refused ---- */

static void test_truncated_anywhere(void **state)
{
	size_t len;
	char *p;

	write_small(path);
	p = slurp(path, &len);
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(truncate(path, cut), 0);
		assert_int_equal(try_open(path), -ERR_IMAGE);
		spill(path, p, len);
	}
	assert_int_equal(try_open(path), 0);
	free(p);
}

static void test_any_byte_flipped(void **state)
{
	size_t len;
	char *p;

	write_small(path);
	p = slurp(path, &len);
	for (size_t i = 0; i < len; i++) {
		int fd _close_ = open(path, O_WRONLY);
		char flipped = p[i] ^ (1 << i % 8);

		assert_int_equal(pwrite(fd, &flipped, 1, i), 1);
		if (try_open(path) != -ERR_IMAGE)
			fail_msg("byte %zu of %zu was flipped and not seen", i, len);
		assert_int_equal(pwrite(fd, p + i, 1, i), 1);
	}
	assert_int_equal(try_open(path), 0);
	free(p);
}

static void test_bytes_behind(void **state)
{
	size_t len;
	char *p;

	write_small(path);
	p = slurp(path, &len);
	p[len] = 0;
	spill(path, p, len + 1);
	assert_int_equal(try_open(path), -ERR_IMAGE);
	assert_non_null(strstr(said, "behind the trailer"));
	free(p);
}

static void refuse(const void *p, size_t len, const char *words)
{
	spill(path, p, len);
	assert_int_equal(try_open(path), -ERR_IMAGE);
	if (!strstr(said, words))
		fail_msg("\"%s\" does not say \"%s\"", said, words);
}

static void sum_header(struct image_header *h)
{
	h->sum = XXH3_64bits(h, offsetof(struct image_header, sum));
}

static void test_says_what_it_is(void **state)
{
	struct image_header *h;
	size_t len;

	refuse("", 0, "empty file");
	refuse("#!/bin/sh\n", 10, "not an image");
	refuse("BPFC", 4, "the header ends");
	write_small(path);
	h = (void *)slurp(path, &len);
	h->version = 7;
	refuse(h, len, "version 7");
	h->version = IMAGE_VERSION;
	h->arch = 183;
	sum_header(h);
	refuse(h, len, "another processor architecture");
	h->arch = IMAGE_ARCH_X86_64;
	h->features = 4;
	sum_header(h);
	refuse(h, len, "features 0x4");
	free(h);
}

/* ---- images whose sums are right and whose contents are not ---- */

/* The chunk headers of an image, in order. */
static size_t find_chunks(char *p, struct image_chunk **c, size_t max)
{
	char *at = p + sizeof(struct image_header);
	size_t nr = 0;

	do {
		c[nr] = (void *)at;
		at += sizeof(**c) + c[nr]->len;
	} while (c[nr++]->type != CHUNK_TRAILER && nr < max);
	return nr;
}

/* Make every checksum right again; counts of the trailer are taken from the chunks. */
static void forge(char *p)
{
	XXH3_state_t *digest = XXH3_createState();
	struct image_chunk *c[16];
	size_t nr = find_chunks(p, c, 16);
	struct image_trailer *t = (void *)(c[nr - 1] + 1);

	XXH3_64bits_reset(digest);
	t->records = t->extents = 0;
	for (size_t i = 0; i < nr; i++) {
		if (i == nr - 1)
			t->digest = XXH3_64bits_digest(digest);
		t->records += c[i]->type == CHUNK_RECORDS ? c[i]->count : 0;
		t->extents += c[i]->type == CHUNK_PAGES ? c[i]->count : 0;
		c[i]->sum = XXH3_64bits(c[i] + 1, c[i]->len);
		c[i]->head_sum = XXH3_64bits(c[i], offsetof(struct image_chunk, head_sum));
		XXH3_64bits_update(digest, c[i], sizeof(**c));
	}
	XXH3_freeState(digest);
}

static void try_forged(const char *good, size_t len, size_t chunk, size_t at, __u64 value, size_t size,
		       const char *words)
{
	char *p _free_ = malloc(len);
	struct image_chunk *c[16];

	memcpy(p, good, len);
	find_chunks(p, c, 16);
	memcpy((char *)c[chunk] + at, &value, size);
	forge(p);
	refuse(p, len, words);
}

static void test_forged(void **state)
{
	const size_t body = sizeof(struct image_chunk);
	struct image_chunk *c[16];
	size_t len;
	char *p;

	write_small(path);
	p = slurp(path, &len);
	assert_int_equal(find_chunks(p, c, 16), 5);
	forge(p);
	spill(path, p, len);
	assert_int_equal(try_open(path), 0);
#define TRY(chunk, at, value, size, words) try_forged(p, len, chunk, at, value, size, words)
	TRY(0, offsetof(struct image_chunk, count), 2, 4, "behind the last record");
	TRY(0, offsetof(struct image_chunk, count), 4, 4, "out of bounds");
	TRY(0, offsetof(struct image_chunk, count), 0, 4, "impossible length");
	TRY(0, offsetof(struct image_chunk, count), ~0u, 4, "out of bounds");
	TRY(0, offsetof(struct image_chunk, index), 1, 8, "out of place");
	TRY(0, offsetof(struct image_chunk, type), 9, 4, "unknown type");
	TRY(1, offsetof(struct image_chunk, count), ~0u, 4, "out of bounds");
	TRY(1, offsetof(struct image_chunk, count), 2, 4, "out of bounds");
	TRY(0, body + 4, 0, 4, "out of bounds");
	TRY(0, body + 4, 12, 4, "out of bounds");
	TRY(0, body + 4, 0xfffffff8, 4, "out of bounds");
	TRY(1, body + offsetof(struct image_extent, tag), REC_VMA, 4, "out of bounds");
	TRY(1, body + offsetof(struct image_extent, reserved), 1, 4, "out of bounds");
	TRY(1, body + offsetof(struct image_extent, offset), 0x10001, 8, "out of bounds");
	TRY(1, body + offsetof(struct image_extent, offset), -2 * PAGE, 8, "out of bounds");
	TRY(1, body + offsetof(struct image_extent, len), PAGE, 8, "behind the last extent");
	TRY(1, body + offsetof(struct image_extent, len), 0, 8, "out of bounds");
	TRY(1, body + offsetof(struct image_extent, len), -PAGE, 8, "out of bounds");
	TRY(1, body + offsetof(struct image_extent, len), 3 * PAGE, 8, "out of bounds");
	TRY(3, body + offsetof(struct image_extent, offset), 0x11000, 8, "same pages twice");
	TRY(4, body + offsetof(struct image_trailer, pages), 4, 8, "does not fit");
	TRY(4, body + offsetof(struct image_trailer, total), 4, 8, "does not fit");
	TRY(4, body + offsetof(struct image_trailer, chunks), 3, 8, "does not fit");
	TRY(4, offsetof(struct image_chunk, count), 2, 4, "trailer of the wrong size");
	free(p);
}

/* Random forgeries: whatever it is, it is no crash. Run it under ASan. */
static void test_forged_at_random(void **state)
{
	int refused = 0;
	size_t len;
	char *p;

	write_small(path);
	p = slurp(path, &len);
	srandom(time(NULL));
	for (int round = 0; round < 3000; round++) {
		char *q _free_ = malloc(len);
		struct image_chunk *c[16];
		size_t nr, chunk, at;

		memcpy(q, p, len);
		nr = find_chunks(q, c, 16);
		chunk = random() % nr;
		at = random() % (sizeof(**c) + (c[chunk]->type == CHUNK_PAGES ? 32 : c[chunk]->len));
		if (at >= offsetof(struct image_chunk, len) && at < offsetof(struct image_chunk, sum))
			continue; /* forge() itself follows the lengths */
		((char *)c[chunk])[at] = random();
		if (c[nr - 1]->type != CHUNK_TRAILER)
			continue;
		forge(q);
		spill(path, q, len);
		refused += try_open(path) == -ERR_IMAGE;
	}
	assert_true(refused > 100);
	free(p);
}

/* ---- where it goes, and where it comes from ---- */

static void test_old_one_stays_until_commit(void **state)
{
	struct image_writer *w;
	struct image img;

	write_small(path);
	assert_int_equal(image_create(&w, path), 0);
	append(w, TAG, 77, 0);
	append_pages(w, 1, 0, 1, 'x');
	check_small(path);
	image_abort(w);
	check_small(path);
	assert_int_equal(count_files(), 1);
	assert_int_equal(image_create(&w, path), 0);
	append(w, TAG, 77, 0);
	assert_int_equal(image_commit(w), 0);
	assert_int_equal(count_files(), 1);
	assert_int_equal(image_open(&img, path), 0);
	assert_non_null(snap_find(&img.snap, TAG, 77));
	image_close(&img);
}

static void test_abort_leaves_nothing(void **state)
{
	struct image_writer *w;

	assert_int_equal(image_create(&w, path), 0);
	append_pages(w, 1, 0, 100, 'x');
	image_abort(w);
	image_abort(NULL);
	assert_int_equal(count_files(), 0);
}

static void test_killed_leaves_nothing(void **state)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct image_writer *w;

		image_create(&w, path);
		append_pages(w, 1, 0, 100, 'x');
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(count_files(), 0);
}

static void test_reserve(void **state)
{
	struct image_writer *w;
	struct stat st;

	assert_int_equal(image_create(&w, path), 0);
	image_reserve(w, 16 << 20);
	append_pages(w, 1, 0, 100, 'x');
	image_reserve(w, 1ull << 60);
	assert_int_equal(image_commit(w), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_blocks * 512 < 2 << 20);
	assert_int_equal(try_open(path), 0);
}

static int create_with_little_space(struct image *img, const char *to)
{
	struct image_extent e = { REC_MM, 0, 1, 0, 512 * PAGE };
	static char data[512 * PAGE];
	struct image_writer *w;
	int err = image_create(&w, to);

	for (int i = 0; i < 4 && !err; i++, e.offset += e.len)
		err = image_append_pages(w, &e, 1, data, sizeof(data));
	if (!err)
		return image_commit(w);
	image_abort(w);
	return err;
}

static void test_no_space(void **state)
{
	struct rlimit old, little = { 5 << 20, RLIM_INFINITY };
	int err;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	write_small(path);
	setrlimit(RLIMIT_FSIZE, &little);
	err = muted(create_with_little_space, NULL, path);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(err, -EFBIG);
	assert_int_equal(count_files(), 1);
	check_small(path);
	assert_int_equal(muted(create_with_little_space, NULL, "/dev/full"), -ENOSPC);
	assert_int_equal(muted(create_with_little_space, NULL, "/dev/null"), 0);
}

static void test_bad_targets(void **state)
{
	char name[400];

	assert_int_equal(muted(create_with_little_space, NULL, dir), -EISDIR);
	assert_int_equal(muted(create_with_little_space, NULL, ""), -ENOENT);
	assert_int_equal(muted(create_with_little_space, NULL, "/nowhere/image"), -ENOENT);
	assert_non_null(strstr(said, "/nowhere"));
	snprintf(name, sizeof(name), "%s/", path);
	assert_int_equal(muted(create_with_little_space, NULL, name), -EISDIR);
	snprintf(name, sizeof(name), "%s/%0300d", dir, 1);
	assert_int_equal(muted(create_with_little_space, NULL, name), -ENAMETOOLONG);
	assert_int_equal(try_open("/nowhere/image"), -ENOENT);
	assert_int_equal(try_open(dir), -EISDIR);
	assert_int_equal(count_files(), 0);
}

/* The link stays a link, and a relative name works. */
static void test_symlink(void **state)
{
	char link[128];
	struct stat st;

	snprintf(link, sizeof(link), "%s/link", dir);
	assert_int_equal(chdir(dir), 0);
	write_small("image");
	assert_int_equal(symlink("image", link), 0);
	write_small(link);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	check_small(path);
	unlink(path);
	assert_int_equal(muted(create_with_little_space, NULL, link), -ENOENT);
	unlink(link);
	/* out of the directory, to a file that is there */
	assert_int_equal(symlink("/proc/self/../version", link), 0);
	assert_int_equal(muted(create_with_little_space, NULL, link), -ELOOP);
	assert_non_null(strstr(said, "link out of its directory, to one in /proc"));
	unlink(link);
	assert_int_equal(chdir("/"), 0);
}

/* From here on the kernel knows no O_TMPFILE. */
static void forget_tmpfile(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_TMPFILE & ~O_DIRECTORY, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { ARRAY_SIZE(f), f };

	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), 0);
}

/* In a child, for which failed assertions are an exit status. */
static void test_without_tmpfile(void **state)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct image_writer *w;

		forget_tmpfile();
		assert_int_equal(image_create(&w, path), 0);
		assert_int_equal(count_files(), 1);
		assert_int_equal(access(path, F_OK), -1);
		image_abort(w);
		assert_int_equal(count_files(), 0);
		write_small(path);
		write_small(path);
		check_small(path);
		assert_int_equal(count_files(), 1);
		_exit(42);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
}

static void run_in_child(void (*what)(void), int in, int out)
{
	pid_t pid = fork();

	if (pid)
		return;
	if (in >= 0)
		dup2(in, STDIN_FILENO);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	what();
	_exit(0);
}

static void write_to_stdout(void)
{
	struct image_writer *w;

	if (image_create(&w, "-"))
		_exit(1);
	append(w, TAG, 1, 0);
	append_pages(w, 3, 0x10000, 1000, 'q');
	_exit(!!image_commit(w));
}

/* Piece by piece, through a pipe that does not block. */
static void test_pipe_to_pipe(void **state)
{
	int p[2], keep = dup(STDIN_FILENO), status, err;
	struct image img;

	assert_int_equal(pipe2(p, O_NONBLOCK | O_CLOEXEC), 0);
	run_in_child(write_to_stdout, -1, p[1]);
	close(p[1]);
	dup2(p[0], STDIN_FILENO);
	err = image_open(&img, "-");
	wait(&status);
	dup2(keep, STDIN_FILENO);
	assert_int_equal(err, 0);
	assert_int_equal(status, 0);
	assert_int_equal(img.nr_runs, 1);
	assert_int_equal(byte_at(&img, img.runs[0].pos + 999 * PAGE), 'q');
	image_close(&img);
	close(p[0]);
	close(keep);
}

static void test_fifo(void **state)
{
	int status;
	pid_t pid;

	assert_int_equal(mkfifo(path, 0600), 0);
	pid = fork();
	if (!pid) {
		write_small(path);
		_exit(0);
	}
	check_small(path);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

/* An image behind something else that was read from the same descriptor. */
static void test_stdin_in_the_middle(void **state)
{
	int keep = dup(STDIN_FILENO), fd;
	size_t len;
	char *p;

	write_small(path);
	p = slurp(path, &len);
	fd = open(path, O_RDWR | O_TRUNC);
	assert_int_equal(write(fd, "line\n", 5), 5);
	assert_int_equal(write(fd, p, len), len);
	lseek(fd, 5, SEEK_SET);
	dup2(fd, STDIN_FILENO);
	check_small("-");
	dup2(keep, STDIN_FILENO);
	close(fd);
	close(keep);
	free(p);
}

static void test_terminal(void **state)
{
	int tty = posix_openpt(O_RDWR | O_NOCTTY), keep_in = dup(0), keep_out = dup(1), out, in;

	if (tty < 0)
		skip();
	dup2(tty, STDOUT_FILENO);
	out = muted(create_with_little_space, NULL, "-");
	dup2(keep_out, STDOUT_FILENO);
	dup2(tty, STDIN_FILENO);
	in = try_open("-");
	dup2(keep_in, STDIN_FILENO);
	assert_int_equal(out, -ERR_USAGE);
	assert_int_equal(in, -ERR_USAGE);
	close(tty);
	close(keep_in);
	close(keep_out);
}

/* Printed, not judged. */
static void test_speed(void **state)
{
	const size_t step = 2 << 20, total = 512ul << 20;
	struct image_extent e = { REC_MM, 0, 1, 0, step };
	struct timespec t[4];
	struct image_writer *w;
	struct image img;
	char *data = aligned_alloc(PAGE, step);

	memset(data, 7, step);
	assert_int_equal(image_create(&w, path), 0);
	clock_gettime(CLOCK_MONOTONIC, &t[0]);
	image_reserve(w, total + (1 << 20));
	clock_gettime(CLOCK_MONOTONIC, &t[1]);
	for (size_t at = 0; at < total; at += step, e.offset += step)
		assert_int_equal(image_append_pages(w, &e, 1, data, step), 0);
	assert_int_equal(image_commit(w), 0);
	clock_gettime(CLOCK_MONOTONIC, &t[2]);
	assert_int_equal(image_open(&img, path), 0);
	clock_gettime(CLOCK_MONOTONIC, &t[3]);
	assert_int_equal(img.nr_runs, total / step);
#define MS(i) ((t[i + 1].tv_sec - t[i].tv_sec) * 1e3 + (t[i + 1].tv_nsec - t[i].tv_nsec) / 1e6)
	print_message("  512 MiB on tmpfs: reserve %.0f ms, write %.0f ms, verify %.0f ms\n", MS(0),
		      MS(1), MS(2));
	image_close(&img);
	free(data);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_empty), T(test_round_trip), T(test_many_records), T(test_refuses_odd_records),
		T(test_extents), T(test_truncated_anywhere), T(test_any_byte_flipped),
		T(test_bytes_behind), T(test_says_what_it_is), T(test_forged),
		T(test_forged_at_random), T(test_old_one_stays_until_commit),
		T(test_abort_leaves_nothing), T(test_killed_leaves_nothing), T(test_reserve),
		T(test_no_space), T(test_bad_targets), T(test_symlink), T(test_without_tmpfile),
		T(test_pipe_to_pipe), T(test_fifo), T(test_stdin_in_the_middle), T(test_terminal),
		T(test_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
