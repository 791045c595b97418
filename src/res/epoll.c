// SPDX-License-Identifier: GPL-2.0-only
/*
 * epoll.c - kinds "epoll" and "epoll_item": an instance and what it watches.
 *
 * An item names an open file, and the number it had when it was added; by now the number may be
 * another file's, or closed. So the items are added by a thread of the coordinator with a descriptor
 * table of its own, where every number is free for the moment (epoll_add.c). What is ready then is
 * found anew: an edge that was told may be told once more, which epoll(7) asks programs to bear with.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>

#include "check.h"
#include "epoll.h"
#include "log.h"
#include "reach.h"
#include "rec_file.h"
#include "res.h"
#include "restore.h"

#define R struct rec_epoll_item
#define FD_MAX (1u << 30)

static const struct field fields[] = {
	FIELD_OWNER(struct rec_epoll, file, REC_FILE),
	FIELD(struct rec_epoll, addr, NEVER_SAVED, AS_HEX),
};

static const struct field item_fields[] = {
	FIELD_OWNER(R, epoll, REC_FILE),
	FIELD_REF(R, file, REC_FILE),
	FIELD(R, data, IS_KEY, AS_HEX),
	FIELD(R, fd, IS_KEY, AS_DEC),
	FIELD(R, events, MUST_MATCH, AS_HEX),
};

static int restore_epoll(struct restore *r, const void *rec)
{
	const struct rec_epoll *e = rec;
	int fd = epoll_create1(EPOLL_CLOEXEC);

	return fd < 0 ? fail(-errno, "epoll_create") : restore_keep(r, e->file, fd, -1);
}

/* A file that is ready for something now is so when it has been made again. */
static bool is_ready(const struct check *c, const struct rec_file *f)
{
	int fd _close_ = reach_file(c->snap, c->users, f->addr);
	struct pollfd p = { .fd = fd, .events = EPOLL_READY };

	return fd >= 0 && poll(&p, 1, 0) == 1;
}

/* An item that has fired is only to be had by letting it fire: epoll_add.c can, or cannot. */
static void check_fired(struct check *c, const struct rec_epoll_item *item, const struct rec_file *f)
{
	if (snap_find(c->snap, REC_EPOLL, f->addr))
		check_refuse(c, 0, "epoll", "an epoll instance watches another one (descriptor %u) with "
			     "EPOLLONESHOT, and was told: that state cannot be made again; let the program "
			     "arm it with EPOLL_CTL_MOD", item->fd);
	else if (!epoll_can_wake(c->snap, f) && !is_ready(c, f))
		check_refuse(c, 0, "epoll", "an epoll instance watches descriptor %u (%s) with EPOLLONESHOT, and "
			     "was told: that state cannot be made again while the file is not ready for "
			     "anything; try again later", item->fd, f->path_len ? f->path : f->name);
}

static int check_item(struct check *c, const void *rec)
{
	const struct rec_epoll_item *item = rec;
	const struct rec_file *f = snap_find(c->snap, REC_FILE, item->file);

	if (!f)
		check_refuse(c, 0, "epoll", "an epoll instance watches what was descriptor %u: nobody in "
			     "the tree has that file open any more", item->fd);
	else if (epoll_has_fired(item))
		check_fired(c, item, f);
	return 0;
}

static int read_item(const struct image *img, const void *rec)
{
	const struct rec_epoll_item *item = rec;

	if (!snap_find(&img->snap, REC_EPOLL, item->epoll) || item->fd >= FD_MAX)
		return fail(-ERR_IMAGE, "image: an item of epoll instance %llu is impossible", item->epoll);
	return 0;
}

const struct res_type res_epoll = {
	.name = "epoll", .tag = REC_EPOLL, .size = sizeof(struct rec_epoll), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.restore = restore_epoll,
};

const struct res_type res_epoll_item = {
	.name = "epoll_item", .tag = REC_EPOLL_ITEM, .size = sizeof(R), .owned = true,
	.fields = item_fields, .nr_fields = sizeof(item_fields) / sizeof(item_fields[0]),
	.check = check_item, .read = read_item,
};
