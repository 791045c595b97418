// SPDX-License-Identifier: GPL-2.0-only
/* pages_read.c - pages of stopped address spaces and contents of files, batch by batch. */
#include "pages_read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

#define PAGE 4096ull

__u64 pages_total(const struct page_source *src, size_t nr)
{
	__u64 total = 0;

	for (size_t i = 0; i < nr; i++)
		for (size_t j = 0; j < src[i].ranges.nr; j++)
			total += src[i].ranges.v[j].end - src[i].ranges.v[j].start;
	return total;
}

bool cursor_next(struct page_cursor *c, struct page_batch *b)
{
	b->len = b->nr = 0;
	while (c->source < c->nr && b->len < BATCH_BYTES && b->nr < BATCH_EXTENTS) {
		const struct page_source *s = &c->src[c->source];
		__u64 at, len;

		if (c->range == s->ranges.nr) {
			c->source++;
			c->range = 0;
			continue;
		}
		at = c->at ? c->at : s->ranges.v[c->range].start;
		len = s->ranges.v[c->range].end - at;
		if (len > BATCH_BYTES - b->len)
			len = BATCH_BYTES - b->len;
		b->src[b->nr] = s;
		b->ext[b->nr++] = (struct image_extent){ s->tag, 0, s->id, at, len };
		b->len += len;
		c->left -= len;
		c->at = at + len;
		if (c->at == s->ranges.v[c->range].end) {
			c->range++;
			c->at = 0;
		}
	}
	return b->nr;
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

/* Leave out the first n bytes; returns how many iovecs are done with. */
static unsigned int advance(struct iovec *local, struct iovec *remote, unsigned int nr, size_t n)
{
	unsigned int at = 0;

	for (; n && at < nr && n >= local[at].iov_len; at++)
		n -= local[at].iov_len;
	if (n && at < nr) {
		local[at].iov_base = (char *)local[at].iov_base + n;
		local[at].iov_len -= n;
		remote[at].iov_base = (char *)remote[at].iov_base + n;
		remote[at].iov_len -= n;
	}
	return at;
}

static int read_memory(pid_t pid, struct iovec *local, struct iovec *remote, unsigned int nr)
{
	for (unsigned int at = 0; at < nr;) {
		ssize_t n = process_vm_readv(pid, local + at, nr - at, remote + at, nr - at, 0);

		if (n > 0) {
			at += advance(local + at, remote + at, nr - at, n);
		} else {
			int err = read_protected(pid, &local[at], &remote[at]);

			if (err)
				return err;
			at++;
		}
	}
	return 0;
}

static int read_file(int fd, char *to, size_t len, off_t at)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, to + done, len - done, at + done);

		if (n < 0)
			return fail(-errno, "read contents of a file without a name");
		if (!n)
			break;
		done += n;
	}
	memset(to + done, 0, len - done); /* behind the end of the file */
	return 0;
}

int batch_read(struct page_batch *b)
{
	struct iovec local[BATCH_EXTENTS], remote[BATCH_EXTENTS];
	char *to = b->data;
	int err = 0;

	for (unsigned int i = 0; i < b->nr && !err;) {
		const struct page_source *s = b->src[i];
		unsigned int nr = 0;

		if (s->fd >= 0) {
			err = read_file(s->fd, to, b->ext[i].len, b->ext[i].offset);
			to += b->ext[i++].len;
			continue;
		}
		for (; i < b->nr && b->src[i] == s; i++, nr++) {
			local[nr] = (struct iovec){ to, b->ext[i].len };
			remote[nr] = (struct iovec){ (void *)(s->base + b->ext[i].offset), b->ext[i].len };
			to += b->ext[i].len;
		}
		err = read_memory(s->pid, local, remote, nr);
	}
	return err;
}

int file_ranges(int fd, struct page_ranges *ranges)
{
	off_t at = 0, hole;
	int err = 0;

	while (!err) {
		at = lseek(fd, at, SEEK_DATA);
		if (at < 0)
			return errno == ENXIO ? 0 : fail(-errno, "find the data of a file");
		hole = lseek(fd, at, SEEK_HOLE);
		if (hole < 0)
			return fail(-errno, "find the data of a file");
		hole = ALIGN_UP((__u64)hole, PAGE);
		err = ranges_add(ranges, at & ~(PAGE - 1), hole);
		at = hole;
	}
	return fail(err, "find the data of a file");
}
