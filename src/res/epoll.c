// SPDX-License-Identifier: GPL-2.0-only
/*
 * epoll.c - kinds "epoll" and "epoll_item": an instance and what it watches.
 *
 * An item names an open file, and the number it had when it was added; by now the number may be
 * another file's, or closed. So a task that has the instance adds the items before it gets its own
 * descriptors: each file is put on the number of its item for that moment. What is ready then is found
 * anew: an edge that was told may be told once more, which epoll(7) asks programs to bear with.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "check.h"
#include "log.h"
#include "rec_file.h"
#include "res.h"
#include "restore.h"

#define R struct rec_epoll_item
/* fs/eventpoll.c: EP_PRIVATE_BITS; nothing else is left of a one-shot item that has fired */
#define PRIVATE_BITS (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
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

static int check_item(struct check *c, const void *rec)
{
	const struct rec_epoll_item *item = rec;

	if (!snap_find(c->snap, REC_FILE, item->file))
		check_refuse(c, 0, "epoll", "an epoll instance watches what was descriptor %u: nobody in "
			     "the tree has that file open any more", item->fd);
	else if (!(item->events & ~PRIVATE_BITS))
		check_refuse(c, 0, "epoll", "an epoll instance watches descriptor %u with EPOLLONESHOT, and "
			     "is waiting to be told to go on, which is not supported yet", item->fd);
	return 0;
}

static int read_item(const struct image *img, const void *rec)
{
	const struct rec_epoll_item *item = rec;

	if (!snap_find(&img->snap, REC_EPOLL, item->epoll) || item->fd >= FD_MAX)
		return fail(-ERR_IMAGE, "image: an item of epoll instance %llu is impossible", item->epoll);
	return 0;
}

static int join_item(struct restore *r, const void *rec)
{
	const struct rec_epoll_item *item = rec;
	struct epoll_event ev = { .events = item->events, .data.u64 = item->data };
	size_t nr;
	void **slot = snap_referring(&r->image.snap, REC_FD, struct rec_fd, file, item->epoll, &nr);
	int epoll, file;
	struct batch *b;

	if (!nr || restore_kept(r, item->epoll, &epoll, NULL) || restore_kept(r, item->file, &file, NULL))
		return fail(-ERR_IMAGE, "image: a file of an epoll instance was not opened");
	b = restore_batch(r, ((const struct rec_fd *)slot[0])->files);
	batch_op(b, SYS_dup3, file, item->fd, O_CLOEXEC);
	batch_op(b, SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, item->fd,
		 machine_dup(&r->machine, &ev, sizeof(ev)));
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
	.phase = PHASE_PROCESS, .check = check_item, .read = read_item, .join = join_item,
};
