// SPDX-License-Identifier: GPL-2.0-only
/* eventfd.c - kind "eventfd": the 64-bit counter and its semaphore flag. */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>

#include "log.h"
#include "rec_file.h"
#include "res.h"
#include "restore.h"

#define R struct rec_eventfd

static const struct field fields[] = {
	FIELD_OWNER(R, file, REC_FILE),
	FIELD(R, addr, NEVER_SAVED, AS_HEX),
	FIELD(R, count, MUST_MATCH, AS_DEC),
	FIELD(R, flags, MUST_MATCH, AS_HEX),
};

static int read_eventfd(const struct image *img, const void *rec)
{
	const struct rec_eventfd *e = rec;

	if (e->flags & ~EFD_SEMAPHORE || e->count == ~0ull)
		return fail(-ERR_IMAGE, "image: eventfd of file %llu is impossible", e->file);
	return 0;
}

static int restore_eventfd(struct restore *r, const void *rec)
{
	const struct rec_eventfd *e = rec;
	const struct rec_file *f = snap_find(&r->image.snap, REC_FILE, e->file);
	int fd _close_ = eventfd(0, EFD_CLOEXEC | (e->flags & EFD_SEMAPHORE));

	if (fd < 0)
		return fail(-errno, "eventfd");
	if (e->count && write(fd, &e->count, sizeof(e->count)) != sizeof(e->count))
		return fail(-errno, "set an eventfd to %llu", e->count);
	if (fcntl(fd, F_SETFL, f->flags & O_NONBLOCK))
		return fail(-errno, "set flags of an eventfd");
	return restore_keep(r, e->file, take_fd(&fd), -1);
}

const struct res_type res_eventfd = {
	.name = "eventfd", .tag = REC_EVENTFD, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.read = read_eventfd, .restore = restore_eventfd,
};
