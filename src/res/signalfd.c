// SPDX-License-Identifier: GPL-2.0-only
/* signalfd.c - kind "signalfd": the set of signals that it takes; whose, is up to the reader. */
#include <errno.h>
#include <fcntl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

#include "log.h"
#include "rec_file.h"
#include "res.h"
#include "restore.h"

#define R struct rec_signalfd

static const struct field fields[] = {
	FIELD_OWNER(R, file, REC_FILE),
	FIELD(R, addr, NEVER_SAVED, AS_HEX),
	FIELD(R, mask, MUST_MATCH, AS_HEX),
};

static int restore_signalfd(struct restore *r, const void *rec)
{
	const struct rec_signalfd *s = rec;
	const struct rec_file *f = snap_find(&r->image.snap, REC_FILE, s->file);
	/* not glibc's: its sigset_t has 1024 bits */
	int fd = syscall(SYS_signalfd4, -1, &s->mask, sizeof(s->mask),
			 SFD_CLOEXEC | (f->flags & O_NONBLOCK ? SFD_NONBLOCK : 0));

	return fd < 0 ? fail(-errno, "signalfd") : restore_keep(r, s->file, fd, -1);
}

const struct res_type res_signalfd = {
	.name = "signalfd", .tag = REC_SIGNALFD, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.restore = restore_signalfd,
};
