// SPDX-License-Identifier: GPL-2.0-only
/* image_write.c - write an image in one pass, under no name until it is complete. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>
#include <xxhash.h>

#include "cleanup.h"
#include "image.h"
#include "log.h"

#define CHUNK_BYTES (1u << 20)
#define PAGE 4096u

struct image_writer {
	int fd, dir;
	char *path, *dirname, *basename;
	char temp[64];     /* name in dir when the file system knows no O_TMPFILE; "" otherwise */
	bool regular;      /* a file of our own, that gets its name at the end */
	char *records;     /* the chunk under construction */
	size_t used;
	unsigned int count;
	struct image_trailer sums;
	XXH3_state_t *digest;
};

static int write_all(struct image_writer *w, const void *buf, size_t len)
{
	const char *p = buf;

	while (len) {
		ssize_t n = write(w->fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(-errno, "write %s", w->path);
		p += n;
		len -= n;
		w->sums.total += n;
	}
	return 0;
}

static int write_header(struct image_writer *w)
{
	struct image_header h = { .magic = IMAGE_MAGIC, .version = IMAGE_VERSION,
				  .arch = IMAGE_ARCH_X86_64, .page_size = PAGE,
				  .header_len = sizeof(h) };
	struct timespec now;
	struct utsname un;

	clock_gettime(CLOCK_REALTIME, &now);
	h.created = now.tv_sec * 1000000000ull + now.tv_nsec;
	uname(&un);
	memcpy(h.release, un.release, sizeof(h.release) - 1);
	h.sum = XXH3_64bits(&h, offsetof(struct image_header, sum));
	return write_all(w, &h, sizeof(h));
}

/* A file without a name where that exists, else one with a name that nobody looks for. */
static int open_temp(struct image_writer *w)
{
	w->dir = open(w->dirname, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->dir < 0)
		return fail(-errno, "open directory %s", w->dirname);
	w->fd = openat(w->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (w->fd >= 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return fail(-errno, "create a file in %s", w->dirname);
	snprintf(w->temp, sizeof(w->temp), ".bpf-ckpt.%d.tmp", getpid());
	w->fd = openat(w->dir, w->temp, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	return w->fd < 0 ? fail(-errno, "create %s/%s", w->dirname, w->temp) : 0;
}

static int open_target(struct image_writer *w)
{
	struct stat st;

	if (!strcmp(w->path, "-")) {
		if (isatty(STDOUT_FILENO))
			return fail(-ERR_USAGE, "an image is not for a terminal: give -o FILE, or a pipe");
		w->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		return w->fd < 0 ? fail(-errno, "standard output") : 0;
	}
	if (!stat(w->path, &st) && S_ISDIR(st.st_mode))
		return fail(-EISDIR, "write %s", w->path);
	if (!stat(w->path, &st) && !S_ISREG(st.st_mode)) {
		w->fd = open(w->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return w->fd < 0 ? fail(-errno, "open %s", w->path) : 0;
	}
	w->regular = true;
	return open_temp(w);
}

int image_create(struct image_writer **out, const char *path)
{
	struct image_writer *w = calloc(1, sizeof(*w));
	char *a _free_ = strdup(path), *b _free_ = strdup(path);
	int err;

	if (!w || !a || !b)
		return fail(-ENOMEM, "image");
	w->fd = w->dir = -1;
	w->path = strdup(path);
	w->dirname = strdup(dirname(a));
	w->basename = strdup(basename(b));
	w->records = malloc(CHUNK_BYTES);
	w->digest = XXH3_createState();
	*out = w;
	if (!w->path || !w->dirname || !w->basename || !w->records || !w->digest)
		return fail(-ENOMEM, "image");
	XXH3_64bits_reset(w->digest);
	err = open_target(w);
	return err ? err : write_header(w);
}

/* Chunk header and the parts of its payload, hashed and written in order. */
static int write_chunk(struct image_writer *w, __u32 type, __u32 count, const struct iovec *part,
		       int parts)
{
	struct image_chunk c = { .type = type, .count = count, .index = w->sums.chunks };
	XXH3_state_t *state = XXH3_createState();
	int err = 0;

	if (!state)
		return fail(-ENOMEM, "image");
	XXH3_64bits_reset(state);
	for (int i = 0; i < parts; i++) {
		XXH3_64bits_update(state, part[i].iov_base, part[i].iov_len);
		c.len += part[i].iov_len;
	}
	c.sum = XXH3_64bits_digest(state);
	XXH3_freeState(state);
	c.head_sum = XXH3_64bits(&c, offsetof(struct image_chunk, head_sum));
	XXH3_64bits_update(w->digest, &c, sizeof(c));
	w->sums.chunks++;
	err = write_all(w, &c, sizeof(c));
	for (int i = 0; i < parts && !err; i++)
		err = write_all(w, part[i].iov_base, part[i].iov_len);
	return err;
}

static int flush_records(struct image_writer *w)
{
	struct iovec part = { w->records, w->used };
	int err;

	if (!w->count)
		return 0;
	err = write_chunk(w, CHUNK_RECORDS, w->count, &part, 1);
	w->sums.records += w->count;
	w->used = 0;
	w->count = 0;
	return err;
}

int image_append(struct image_writer *w, const struct rec_hdr *rec)
{
	struct iovec whole = { (void *)rec, rec->len };
	int err = 0;

	if (w->used + rec->len > CHUNK_BYTES)
		err = flush_records(w);
	if (err)
		return err;
	if (rec->len > CHUNK_BYTES) {
		w->sums.records++;
		return write_chunk(w, CHUNK_RECORDS, 1, &whole, 1);
	}
	memcpy(w->records + w->used, rec, rec->len);
	w->used += rec->len;
	w->count++;
	return 0;
}

int image_append_pages(struct image_writer *w, const struct image_extent *ext, unsigned int nr,
		       const void *data, size_t len)
{
	static const char zero[PAGE];
	struct iovec part[3];
	int err = flush_records(w);
	__u64 at;

	if (err)
		return err;
	at = w->sums.total + sizeof(struct image_chunk) + nr * sizeof(*ext);
	part[0] = (struct iovec){ (void *)ext, nr * sizeof(*ext) };
	part[1] = (struct iovec){ (void *)zero, ALIGN_UP(at, PAGE) - at };
	part[2] = (struct iovec){ (void *)data, len };
	w->sums.extents += nr;
	w->sums.pages += len / PAGE;
	return write_chunk(w, CHUNK_PAGES, nr, part, 3);
}

static int write_trailer(struct image_writer *w)
{
	struct image_trailer t;
	struct iovec part = { &t, sizeof(t) };

	t = w->sums;
	t.digest = XXH3_64bits_digest(w->digest);
	t.total += sizeof(struct image_chunk) + sizeof(t);
	return write_chunk(w, CHUNK_TRAILER, 1, &part, 1);
}

/* Give the finished file its name; an older image of that name is there until this very moment. */
static int name_file(struct image_writer *w)
{
	char fd_path[32];

	if (!w->temp[0]) {
		snprintf(fd_path, sizeof(fd_path), "/proc/self/fd/%d", w->fd);
		if (!linkat(AT_FDCWD, fd_path, w->dir, w->basename, AT_SYMLINK_FOLLOW))
			return 0;
		if (errno != EEXIST)
			return fail(-errno, "name the image %s", w->path);
		snprintf(w->temp, sizeof(w->temp), ".bpf-ckpt.%d.tmp", getpid());
		if (linkat(AT_FDCWD, fd_path, w->dir, w->temp, AT_SYMLINK_FOLLOW))
			return fail(-errno, "name the image %s/%s", w->dirname, w->temp);
	}
	if (renameat(w->dir, w->temp, w->dir, w->basename))
		return fail(-errno, "rename the image to %s", w->path);
	w->temp[0] = 0;
	return 0;
}

static int commit(struct image_writer *w)
{
	int err = flush_records(w);

	if (!err)
		err = write_trailer(w);
	if (err || !w->regular)
		return err;
	if (fsync(w->fd))
		return fail(-errno, "write %s to disk", w->path);
	err = name_file(w);
	if (!err && fsync(w->dir))
		err = fail(-errno, "write directory %s to disk", w->dirname);
	return err;
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
	if (w->temp[0])
		unlinkat(w->dir, w->temp, 0);
	cleanup_close(&w->fd);
	cleanup_close(&w->dir);
	free(w->path);
	free(w->dirname);
	free(w->basename);
	free(w->records);
	XXH3_freeState(w->digest);
	free(w);
}

uint64_t image_bytes(const struct image_writer *w)
{
	return w->sums.total;
}
