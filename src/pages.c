// SPDX-License-Identifier: GPL-2.0-only
/* pages.c - copy pages into an image: the caller reads, a thread writes once there is much of it. */
#include "pages.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "cleanup.h"
#include "image.h"
#include "log.h"
#include "rec_mem.h"

#define PAGE 4096ull
#define BATCH_BYTES (2ull << 20)
#define BATCHES 12 /* POOL_BYTES / BATCH_BYTES */
#define EXTENTS_MAX 1024 /* of a batch: also the most iovecs of one process_vm_readv() */

struct batch_buf {
	char *data; /* BATCH_BYTES, page aligned */
	size_t len;
	struct image_extent ext[EXTENTS_MAX];
	unsigned int nr;
};

struct copy {
	struct image_writer *image;
	struct batch_buf *buf[BATCHES];
	unsigned int filled, written; /* buf[n % BATCHES]; filled by the reader, written by the writer */
	bool threaded, last;
	int err;                      /* of the writer */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct batch_buf *now;        /* being filled */
	/* the reads of one address space that are collected for a system call */
	struct iovec local[EXTENTS_MAX], remote[EXTENTS_MAX];
	unsigned int nr_iov;
	struct pages_stats *stats;
};

static int write_batch(struct copy *c, struct batch_buf *b)
{
	int err = image_append_pages(c->image, b->ext, b->nr, b->data, b->len);

	c->stats->pages += b->len / PAGE;
	c->stats->extents += b->nr;
	b->len = b->nr = 0;
	return err;
}

static void *writer(void *arg)
{
	struct copy *c = arg;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		struct batch_buf *b;
		int err = c->err;

		while (c->written == c->filled && !c->last)
			pthread_cond_wait(&c->cond, &c->lock);
		if (c->written == c->filled)
			break;
		b = c->buf[c->written % BATCHES];
		pthread_mutex_unlock(&c->lock);
		err = err ? err : write_batch(c, b);
		pthread_mutex_lock(&c->lock);
		c->err = err;
		c->written++;
		pthread_cond_broadcast(&c->cond);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static struct batch_buf *new_buf(void)
{
	struct batch_buf *b = malloc(sizeof(*b));

	if (!b)
		return NULL;
	b->data = mmap(NULL, BATCH_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	b->len = b->nr = 0;
	if (b->data == MAP_FAILED) {
		free(b);
		return NULL;
	}
	return b;
}

/* A buffer to fill. When all are full a thread begins to write; small trees never need one. */
static int next_buf(struct copy *c)
{
	unsigned int i = c->filled % BATCHES;
	int err;

	if (c->filled >= BATCHES) {
		if (!c->threaded && pthread_create(&c->thread, NULL, writer, c))
			return fail(-EAGAIN, "start a writer thread");
		c->threaded = true;
		pthread_mutex_lock(&c->lock);
		while (c->filled - c->written == BATCHES)
			pthread_cond_wait(&c->cond, &c->lock);
		err = c->err;
		pthread_mutex_unlock(&c->lock);
		if (err)
			return err;
	} else {
		c->buf[i] = new_buf();
		if (!c->buf[i])
			return fail(-ENOMEM, "page buffers");
	}
	c->now = c->buf[i];
	return 0;
}

static void hand_over(struct copy *c)
{
	if (!c->now)
		return;
	pthread_mutex_lock(&c->lock);
	c->filled++;
	c->now = NULL;
	pthread_cond_broadcast(&c->cond);
	pthread_mutex_unlock(&c->lock);
}

/* /proc/PID/mem does not ask for the protection of an area, as process_vm_readv() does. */
static int read_protected(pid_t pid, const struct iovec *local, const struct iovec *remote)
{
	char path[48];
	int fd _close_ = -1;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, local->iov_base, local->iov_len, (off_t)remote->iov_base) !=
			      (ssize_t)local->iov_len)
		return fail(-errno, "read memory of process %d at %p", pid, remote->iov_base);
	return 0;
}

static int flush_reads(struct copy *c, const struct page_source *s)
{
	unsigned int at = 0;

	while (at < c->nr_iov) {
		ssize_t n = process_vm_readv(s->pid, c->local + at, c->nr_iov - at, c->remote + at,
					     c->nr_iov - at, 0);

		if (n <= 0) {
			int err = read_protected(s->pid, &c->local[at], &c->remote[at]);

			if (err)
				return err;
			at++;
			continue;
		}
		for (; n && at < c->nr_iov; at++) {
			if ((size_t)n < c->local[at].iov_len) {
				c->local[at].iov_base = (char *)c->local[at].iov_base + n;
				c->local[at].iov_len -= n;
				c->remote[at].iov_base = (char *)c->remote[at].iov_base + n;
				c->remote[at].iov_len -= n;
				break;
			}
			n -= c->local[at].iov_len;
		}
	}
	c->nr_iov = 0;
	return 0;
}

/* Room for at least a page in the current buffer, and an extent to describe it. */
static int make_room(struct copy *c, const struct page_source *s)
{
	int err = 0;

	if (c->now && (c->now->len == BATCH_BYTES || c->now->nr == EXTENTS_MAX)) {
		err = flush_reads(c, s);
		hand_over(c);
	}
	if (!err && !c->now)
		err = next_buf(c);
	return err;
}

static int copy_memory(struct copy *c, const struct page_source *s)
{
	int err = 0;

	for (size_t i = 0; i < s->ranges.nr && !err; i++) {
		const struct page_range *r = &s->ranges.v[i];

		for (__u64 at = r->start; at < r->end && !err;) {
			struct batch_buf *b;
			size_t len = r->end - at;

			err = make_room(c, s);
			if (err)
				break;
			b = c->now;
			if (len > BATCH_BYTES - b->len)
				len = BATCH_BYTES - b->len;
			b->ext[b->nr++] = (struct image_extent){ s->tag, 0, s->id, at, len };
			c->local[c->nr_iov] = (struct iovec){ b->data + b->len, len };
			c->remote[c->nr_iov++] = (struct iovec){ (void *)at, len };
			b->len += len;
			at += len;
		}
	}
	return err ? err : flush_reads(c, s);
}

static int read_file(const struct page_source *s, char *to, size_t len, off_t at)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(s->fd, to + done, len - done, at + done);

		if (n < 0)
			return fail(-errno, "read contents of a file without a name");
		if (!n)
			break;
		done += n;
	}
	memset(to + done, 0, len - done); /* behind the end of the file */
	return 0;
}

static int copy_data(struct copy *c, const struct page_source *s, off_t from, off_t to)
{
	int err = 0;

	for (off_t at = from & ~(PAGE - 1); at < to && !err;) {
		size_t len = ALIGN_UP((__u64)to, PAGE) - at;
		struct batch_buf *b;

		err = make_room(c, s);
		if (err)
			break;
		b = c->now;
		if (len > BATCH_BYTES - b->len)
			len = BATCH_BYTES - b->len;
		b->ext[b->nr++] = (struct image_extent){ s->tag, 0, s->id, at, len };
		err = read_file(s, b->data + b->len, len, at);
		b->len += len;
		at += len;
	}
	return err;
}

static int copy_file(struct copy *c, const struct page_source *s)
{
	off_t at = 0, hole;
	int err = 0;

	while (!err) {
		at = lseek(s->fd, at, SEEK_DATA);
		if (at < 0)
			return errno == ENXIO ? 0 : fail(-errno, "find the data of a file");
		hole = lseek(s->fd, at, SEEK_HOLE);
		if (hole < 0)
			return fail(-errno, "find the data of a file");
		hole = ALIGN_UP((__u64)hole, PAGE);
		err = copy_data(c, s, at, hole);
		at = hole;
	}
	return err;
}

static int finish(struct copy *c, int err)
{
	hand_over(c);
	if (c->threaded) {
		pthread_mutex_lock(&c->lock);
		c->last = true;
		pthread_cond_broadcast(&c->cond);
		pthread_mutex_unlock(&c->lock);
		pthread_join(c->thread, NULL);
		err = err ? err : c->err;
	}
	for (; c->written < c->filled && !err; c->written++)
		err = write_batch(c, c->buf[c->written % BATCHES]);
	for (int i = 0; i < BATCHES && c->buf[i]; i++) {
		munmap(c->buf[i]->data, BATCH_BYTES);
		free(c->buf[i]);
	}
	return err;
}

int pages_copy(struct image_writer *w, const struct page_source *src, size_t nr,
	       void (*all_read)(void *arg), void *arg, struct pages_stats *stats)
{
	struct copy *c _free_ = calloc(1, sizeof(*c));
	int err = 0;

	if (!c)
		return fail(-ENOMEM, "page buffers");
	c->image = w;
	c->stats = stats;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->cond, NULL);
	for (size_t i = 0; i < nr && !err; i++)
		err = src[i].fd >= 0 ? copy_file(c, &src[i]) : copy_memory(c, &src[i]);
	if (!err)
		all_read(arg);
	return finish(c, err);
}
