// SPDX-License-Identifier: GPL-2.0-only
/* pipe.c - kind "pipe": pipes and named fifos with what is in them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "check.h"
#include "dump.h"
#include "external.h"
#include "file.h"
#include "file_reopen.h"
#include "log.h"
#include "path.h"
#include "rec_file.h"
#include "rec_state.h"
#include "res.h"
#include "restore.h"

#define R struct rec_pipe
#define PAGE 4096u
#define FMODE_READ 1u
#define O_LARGEFILE_BIT 0100000 /* glibc defines O_LARGEFILE as 0 on x86-64 */

static const struct field fields[] = {
	FIELD_ID(R),
	FIELD(R, inode, MAY_DIFFER, AS_DEC),
	FIELD(R, bytes, MUST_MATCH, AS_DEC),
	FIELD(R, ring_size, MUST_MATCH, AS_DEC),
	FIELD(R, max_usage, MUST_MATCH, AS_DEC),
	FIELD(R, used, MAY_DIFFER, AS_DEC), /* half-filled slots may be joined */
	FIELD(R, packets, MUST_MATCH, AS_DEC),
	FIELD(R, readers, MUST_MATCH, AS_DEC),
	FIELD(R, writers, MUST_MATCH, AS_DEC),
	FIELD(R, files, MUST_MATCH, AS_DEC),
	FIELD(R, named, MUST_MATCH, AS_DEC),
	FIELD(R, foreign, MAY_DIFFER, AS_DEC),
};

static const struct field data_fields[] = {
	FIELD_OWNER(struct rec_pipe_data, pipe, REC_PIPE),
	FIELD(struct rec_pipe_data, index, IS_KEY, AS_DEC),
	FIELD(struct rec_pipe_data, bytes, MUST_MATCH, AS_DEC),
};

static bool is_end(const struct snap *s, const struct rec_file *f, const struct rec_pipe *p)
{
	enum file_class class = file_class(s, f);

	return (class == FILE_PIPE || class == FILE_FIFO) && f->object == p->addr;
}

/* The open files of a pipe: *nr of them. */
static void **ends_of(const struct snap *s, const struct rec_pipe *p, size_t *nr)
{
	return snap_referring(s, REC_FILE, struct rec_file, object, p->addr, nr);
}

/* Somebody who has one of its open files, or another one of the same pipe. */
static const struct rec_holder *outside_holder(const struct check *c, const struct rec_pipe *p)
{
	const struct rec_holder *h = NULL;
	size_t nr;
	void **end = ends_of(c->snap, p, &nr);

	for (size_t i = 0; i < nr && !h; i++) {
		const struct rec_file *f = end[i];

		if (is_end(c->snap, f, p))
			h = snap_find(c->snap, REC_HOLDER, f->addr) ?: snap_find(c->snap, REC_HOLDER, f->inode);
	}
	return h;
}

/*
 * Leaks: a pipe is only whole when every open file of it, and every descriptor of these, is the
 * tree's. pipe.files counts the former; struct file's count the latter.
 */
static void check_leaks(struct check *c, const struct rec_pipe *p)
{
	const struct rec_holder *h = outside_holder(c, p);
	const struct rec_file *first = NULL;
	unsigned int files = 0;
	bool shared = false;
	size_t nr;
	void **end = ends_of(c->snap, p, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_file *f = end[i];

		if (!is_end(c->snap, f, p) || f->flags & O_PATH)
			continue;
		first = f;
		files++;
		shared |= file_is_shared(c->snap, f);
	}
	if (!first || (files == p->files && !shared))
		return;
	if (c->live && !h) /* the tree itself may have opened or closed one since */
		return;
	if (h)
		check_leak(c, "pipe", "%s is also held by pid %u (%.16s), descriptor %u, outside of "
			   "the tree" EXTERNAL_REMEDY, first->path, h->pid, h->comm, h->fd, first->path,
			   first->path);
	else
		check_leak(c, "pipe", "%s has an end outside of the tree (%u of its %u open files are "
			     "in it); redirect it to a file, or checkpoint both sides" EXTERNAL_REMEDY,
			   first->path, files, p->files, first->path, first->path);
}

static int check(struct check *c, const void *rec)
{
	check_leaks(c, rec);
	return 0;
}

/* Read what a private copy of the pipe holds: everything, or a packet a read. */
static int take_data(struct dump *d, const struct rec_pipe *p, int copy)
{
	char *buf _free_ = malloc(p->bytes + PAGE);
	__u64 left = p->bytes;

	if (!buf)
		return fail(-ENOMEM, "pipe");
	for (__u32 index = 0; left; index++) {
		ssize_t n = read(copy, buf, p->bytes + PAGE);
		struct rec_pipe_data *r;

		if (n <= 0)
			return fail(n ? -errno : -EIO, "copy what is in a pipe (%llu bytes left)", left);
		r = snap_new(&d->snap, REC_PIPE_DATA, sizeof(*r) + n);
		if (!r)
			return fail(-ENOMEM, "pipe");
		r->pipe = p->addr;
		r->index = index;
		r->bytes = n;
		memcpy(r->data, buf, n);
		left -= (__u64)n < left ? (__u64)n : left;
	}
	return 0;
}

/* tee(2) reads without taking: the target never knows. */
static int copy_data(struct dump *d, const struct rec_pipe *p, int fd)
{
	int copy[2], err = 0;
	ssize_t n;

	if (pipe2(copy, O_CLOEXEC | (p->packets ? O_DIRECT : 0)))
		return fail(-errno, "pipe");
	if (fcntl(copy[1], F_SETPIPE_SZ, p->ring_size * PAGE) < 0)
		err = fail(-errno, "make a pipe of %u bytes", p->ring_size * PAGE);
	n = err ? 0 : tee(fd, copy[1], p->bytes, SPLICE_F_NONBLOCK);
	if (!err && n != (ssize_t)p->bytes)
		err = fail(n < 0 ? -errno : -EIO, "copy %llu bytes out of a pipe", p->bytes);
	close(copy[1]);
	if (!err)
		err = take_data(d, p, copy[0]);
	close(copy[0]);
	return err;
}

/* A read end to copy from: a duplicate of the tree's, or one opened anew when only writers remain. */
static int open_reader(struct dump *d, const struct rec_pipe *p)
{
	size_t nr;
	void **end = ends_of(&d->snap, p, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_file *f = end[i];
		int fd _close_ = is_end(&d->snap, f, p) ? dump_reach(d, f->addr) : -ENOENT, again;

		if (fd == -ENOENT)
			continue;
		if (fd >= 0 && f->mode & FMODE_READ)
			return take_fd(&fd);
		again = fd < 0 ? fd : file_reopen(fd, O_RDONLY | O_NONBLOCK);
		return again < 0 ? fail(again, "reach a pipe") : again;
	}
	return fail(-ENOENT, "no open end of a pipe");
}

static int collect(struct dump *d, void *rec)
{
	struct rec_pipe *p = rec;
	int fd _close_ = open_reader(d, p), unread = 0;

	if (fd < 0)
		return fd;
	if (!ioctl(fd, FIONREAD, &unread))
		p->bytes = unread; /* the walk follows a bounded number of slots */
	return p->bytes ? copy_data(d, p, fd) : 0;
}

static int read_pipe(const struct image *img, const void *rec)
{
	const struct rec_pipe *p = rec;
	__u64 bytes = 0;
	size_t nr;
	void **data = snap_range(&img->snap, REC_PIPE_DATA, p->addr, &nr);

	for (size_t i = 0; i < nr; i++)
		bytes += ((const struct rec_pipe_data *)data[i])->bytes;
	if (!p->ring_size || p->ring_size & (p->ring_size - 1) || p->ring_size > 1u << 19 ||
	    bytes != p->bytes || p->bytes > (__u64)p->ring_size * PAGE)
		return fail(-ERR_IMAGE, "image: pipe %llu is impossible", p->addr);
	return 0;
}

static int read_data(const struct image *img, const void *rec)
{
	const struct rec_pipe_data *d = rec;

	if (d->bytes > d->h.len - sizeof(*d))
		return fail(-ERR_IMAGE, "image: data of pipe %llu is out of bounds", d->pipe);
	return 0;
}

static int open_ends(struct restore *r, const struct rec_pipe *p, int end[2])
{
	size_t nr;
	int err;
	void **file = ends_of(&r->image.snap, p, &nr);

	if (!p->named)
		return pipe2(end, O_CLOEXEC) ? fail(-errno, "pipe") : 0;
	for (size_t i = 0; i < nr; i++) {
		const struct rec_file *f = file[i];
		char differs[200];

		if (!is_end(&r->image.snap, f, p))
			continue;
		err = restore_go_to(r, restore_mounts_of_file(r, f->addr));
		if (err)
			return err;
		/* read and write: does not wait for anybody on the other side */
		end[0] = open(f->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (end[0] < 0)
			return fail(-errno, "open %s", f->path);
		if (!path_same(end[0], &f->id, false, differs, sizeof(differs)))
			return fail(-ESTALE, "%s is not what it was: %s", f->path, differs);
		end[1] = fcntl(end[0], F_DUPFD_CLOEXEC, 3);
		return end[1] < 0 ? fail(-errno, "open %s", f->path) : 0;
	}
	return fail(-ERR_IMAGE, "image: nobody has fifo %llu open", p->addr);
}

static int put_data(const struct restore *r, const struct rec_pipe *p, int fd)
{
	size_t nr;
	void **rec = snap_range(&r->image.snap, REC_PIPE_DATA, p->addr, &nr);

	if (fcntl(fd, F_SETPIPE_SZ, p->ring_size * PAGE) < 0)
		return fail(-errno, "make a pipe of %u bytes", p->ring_size * PAGE);
	if (p->packets && fcntl(fd, F_SETFL, O_DIRECT))
		return fail(-errno, "set a pipe to packets");
	for (size_t i = 0; i < nr; i++) {
		const struct rec_pipe_data *d = rec[i];

		if (write(fd, d->data, d->bytes) != (ssize_t)d->bytes)
			return fail(-errno, "write %u bytes to a pipe", d->bytes);
	}
	return 0;
}

/*
 * The ends as pipe2() made them serve the files that were made by it, told by O_LARGEFILE, which
 * only open() sets; every further open file is opened anew through /proc.
 */
static int restore_end(struct restore *r, const struct rec_file *f, int end[2])
{
	int side = f->mode & FMODE_READ ? 0 : 1, fd;

	if (f->flags & O_LARGEFILE_BIT || end[side] < 0) {
		int from = end[side] >= 0 ? end[side] : end[2 + side];

		/* through /proc there is no O_NOFOLLOW, but a fifo that was opened with it has a name */
		fd = f->flags & O_NOFOLLOW ? file_open(f, f->path) : file_reopen(from, f->flags);
		return fd < 0 ? fail(fd, "open an end of a pipe") : restore_keep(r, f->addr, fd, -1);
	}
	if (fcntl(end[side], F_SETFL, f->flags & (O_NONBLOCK | O_DIRECT)))
		return fail(-errno, "set flags of a pipe");
	/* restore_keep() takes it over; a duplicate stays for further ones */
	end[2 + side] = fcntl(end[side], F_DUPFD_CLOEXEC, 3);
	fd = end[side];
	end[side] = -1;
	return restore_keep(r, f->addr, fd, -1);
}

static int restore_pipe(struct restore *r, const void *rec)
{
	const struct rec_pipe *p = rec;
	int end[4] = { -1, -1, -1, -1 }; /* read, write, and a duplicate of each once it is given away */
	int err = open_ends(r, p, end);
	size_t nr;
	void **file = ends_of(&r->image.snap, p, &nr);

	if (!err)
		err = put_data(r, p, end[1]);
	for (size_t i = 0; i < nr && !err; i++)
		if (is_end(&r->image.snap, file[i], p))
			err = restore_end(r, file[i], end);
	for (int i = 0; i < 4; i++)
		cleanup_close(&end[i]);
	return err;
}

const struct res_type res_pipe = {
	.name = "pipe", .tag = REC_PIPE, .size = sizeof(R),
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.check = check, .collect = collect, .read = read_pipe, .restore = restore_pipe,
};

const struct res_type res_pipe_data = {
	.name = "pipe_data", .tag = REC_PIPE_DATA, .size = sizeof(struct rec_pipe_data), .owned = true,
	.fields = data_fields, .nr_fields = sizeof(data_fields) / sizeof(data_fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_BYTES, .read = read_data,
};
