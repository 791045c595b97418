// SPDX-License-Identifier: GPL-2.0-only
/* external.c - kind "external": an open file that restore is handed, by --inherit-fd. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

#include "check.h"
#include "dump.h"
#include "external.h"
#include "file.h"
#include "file_reopen.h"
#include "log.h"
#include "path.h"
#include "rec_external.h"
#include "rec_mem.h"
#include "res.h"
#include "restore.h"

#define R struct rec_external
#define FLAGS_SET (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME) /* that F_SETFL can change */

static const struct field fields[] = {
	FIELD_OWNER(R, file, REC_FILE),
	FIELD(R, domain, MUST_MATCH, AS_DEC),
	FIELD(R, type, MUST_MATCH, AS_DEC),
	FIELD(R, protocol, MUST_MATCH, AS_DEC),
	FIELD(R, terminal, MUST_MATCH, AS_DEC),
};

static void describe(R *e, int fd)
{
	socklen_t len = sizeof(int);

	e->terminal = isatty(fd);
	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &e->domain, &len);
	getsockopt(fd, SOL_SOCKET, SO_TYPE, &e->type, &len);
	getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &e->protocol, &len);
}

static int check(struct check *c, const void *rec)
{
	const R *e = rec;
	const struct rec_file *f = snap_find(c->snap, REC_FILE, e->file);
	size_t areas, programs;

	snap_referring(c->snap, REC_VMA, struct rec_vma, file, e->file, &areas);
	snap_referring(c->snap, REC_MM, struct rec_mm, exe, e->file, &programs);
	if (areas + programs)
		check_refuse(c, 0, "external", "%s is mapped into memory; only a descriptor can be provided from "
			     "outside", f->path);
	return 0;
}

static int collect(struct dump *d, void *rec)
{
	R *e = rec;
	int fd _close_ = dump_reach(d, e->file);

	if (fd < 0)
		return fail(fd, "reach a file that is provided from outside");
	describe(e, fd);
	return 0;
}

static int read_external(const struct image *img, const void *rec)
{
	const R *e = rec;
	const struct rec_file *f = snap_find(&img->snap, REC_FILE, e->file);
	size_t room = f->h.len - sizeof(*f);

	if (e->terminal > 1 || !f->path_len || f->path_len > room || strnlen(f->path, room) != f->path_len - 1)
		return fail(-ERR_IMAGE, "image: file %llu from outside is impossible", e->file);
	return 0;
}

/* Some open file of that name was open in this way: who was for another is opened anew from it. */
static bool had_mode(const struct restore *r, const char *key, int mode)
{
	snap_for_each(&r->image.snap, REC_EXTERNAL, const R, e) {
		const struct rec_file *f = snap_find(&r->image.snap, REC_FILE, e->file);

		if ((int)(f->flags & O_ACCMODE) == mode && !strcmp(f->path, key))
			return true;
	}
	return false;
}

/* Of the same type, and open in a way that serves. */
static int check_type(const struct restore *r, const R *e, const struct rec_file *f, const struct external *in)
{
	int flags = fcntl(in->fd, F_GETFL), mode = f->flags & O_ACCMODE;
	R have = {};
	char differs[200] = "it is not";

	describe(&have, in->fd);
	if (e->domain != have.domain || e->type != have.type || e->protocol != have.protocol)
		return fail(-EINVAL, "--inherit-fd %d:%s: it was a socket (%u, %u, %u), and is (%u, %u, %u) now", in->fd,
			    in->key, e->domain, e->type, e->protocol, have.domain, have.type, have.protocol);
	if (e->terminal != have.terminal)
		return fail(-EINVAL, "--inherit-fd %d:%s: it %s a terminal, and it %s now", in->fd, in->key,
			    e->terminal ? "was" : "was not", have.terminal ? "is" : "is not");
	if (!e->terminal && !path_same(in->fd, &f->id, false, differs, sizeof(differs)))
		return fail(-EINVAL, "--inherit-fd %d:%s: %s", in->fd, in->key, differs);
	if ((flags ^ f->flags) & O_PATH ||
	    ((flags & O_ACCMODE) != O_RDWR && !had_mode(r, in->key, flags & O_ACCMODE)))
		return fail(-EINVAL, "--inherit-fd %d:%s: the tree had it open for %s, which that descriptor is not",
			    in->fd, in->key, mode == O_RDWR ? "reading and writing" : mode ? "writing" : "reading");
	return 0;
}

/*
 * The description itself is handed on, so that what is the outside's stays shared with it; what the
 * tree had opened further on its own, a second time or another end of a pipe, is opened anew.
 */
static int restore_external(struct restore *r, const void *rec)
{
	const R *e = rec;
	const struct rec_file *f = snap_find(&r->image.snap, REC_FILE, e->file);
	struct external *in = externals_find(&r->opts->inherit, f->path);
	int flags = fcntl(in->fd, F_GETFL), fd _close_ = -1, err;

	err = check_type(r, e, f, in);
	if (err)
		return err;
	if (e->domain || (!in->given && (flags & O_ACCMODE) == (f->flags & O_ACCMODE))) {
		in->given = true;
		fd = fcntl(in->fd, F_DUPFD_CLOEXEC, 3);
		fd = fd < 0 ? -errno : fd;
		if (!(f->flags & O_PATH) && (flags ^ f->flags) & FLAGS_SET)
			fcntl(fd, F_SETFL, (flags & ~FLAGS_SET) | (f->flags & FLAGS_SET));
	} else {
		fd = file_reopen(in->fd, f->flags);
	}
	if (fd < 0)
		return fail(fd, "hand on descriptor %d for %s", in->fd, in->key);
	return restore_keep(r, e->file, take_fd(&fd), -1);
}

const struct res_type res_external = {
	.name = "external", .tag = REC_EXTERNAL, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.check = check, .collect = collect, .read = read_external, .restore = restore_external,
};
