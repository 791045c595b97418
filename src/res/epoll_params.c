// SPDX-License-Identifier: GPL-2.0-only
/* epoll_params.c - kind "epoll_params": how an epoll instance polls network devices (6.9 and newer). */
#include <errno.h>
#include <sys/ioctl.h>

#include "log.h"
#include "rec_file.h"
#include "rec_place.h"
#include "res.h"
#include "restore.h"

#define R struct rec_epoll_params

static const struct field fields[] = {
	FIELD_OWNER(R, file, REC_FILE),
	FIELD(R, usecs, MUST_MATCH, AS_DEC),
	FIELD(R, budget, MUST_MATCH, AS_DEC),
	FIELD(R, prefer, MUST_MATCH, AS_DEC),
};

/* linux/eventpoll.h of 6.9 */
struct params {
	__u32 usecs;
	__u16 budget;
	__u8 prefer, pad;
};
#define SET_PARAMS _IOW(0x8a, 0x01, struct params)

static int read_params(const struct image *img, const void *rec)
{
	const R *p = rec;

	if (!snap_find(&img->snap, REC_EPOLL, p->file) || p->prefer > 1)
		return fail(-ERR_IMAGE, "image: parameters of epoll instance %llu are impossible", p->file);
	return 0;
}

static int restore_params(struct restore *r, const void *rec)
{
	const R *p = rec;
	struct params set = { p->usecs, p->budget, p->prefer, 0 };
	int fd;

	if (restore_kept(r, p->file, &fd, NULL))
		return fail(-ERR_IMAGE, "image: epoll instance %llu was not made", p->file);
	return ioctl(fd, SET_PARAMS, &set) ? fail(-errno, "set how an epoll instance polls network devices") : 0;
}

const struct res_type res_epoll_params = {
	.name = "epoll_params", .tag = REC_EPOLL_PARAMS, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.read = read_params, .restore = restore_params,
};
