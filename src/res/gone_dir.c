// SPDX-License-Identifier: GPL-2.0-only
/* gone_dir.c - kind "gone_dir": who owned a directory that was removed, while somebody still has it. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "dump.h"
#include "gone_dir.h"
#include "log.h"
#include "rec_gone.h"
#include "res.h"
#include "restore.h"

#define R struct rec_gone_dir

static const struct field fields[] = {
	FIELD_OWNER(R, user, 0),
	FIELD(R, dev, MAY_DIFFER, AS_HEX),
	FIELD(R, ino, MAY_DIFFER, AS_DEC),
	FIELD(R, uid, MUST_MATCH, AS_DEC),
	FIELD(R, gid, MUST_MATCH, AS_DEC),
};

int gone_dir_add(struct dump *d, __u64 user, const struct rec_inode *id, int fd)
{
	struct stat st;
	R *r;

	if (fstat(fd, &st))
		return fail(-errno, "examine a removed directory");
	r = snap_new(&d->snap, REC_GONE_DIR, sizeof(*r));
	if (!r)
		return fail(-ENOMEM, "dump");
	r->user = user;
	r->dev = id->dev;
	r->ino = id->ino;
	r->uid = st.st_uid;
	r->gid = st.st_gid;
	return 0;
}

const struct rec_gone_dir *gone_dir_of(const struct snap *s, const struct rec_inode *id)
{
	snap_for_each(s, REC_GONE_DIR, const R, r)
		if (r->dev == id->dev && r->ino == id->ino)
			return r;
	return NULL;
}

const struct res_type res_gone_dir = {
	.name = "gone_dir", .tag = REC_GONE_DIR, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
};
