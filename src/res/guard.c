// SPDX-License-Identifier: GPL-2.0-only
/* guard.c - kind "guard": guard regions inside areas, MADV_GUARD_INSTALL of 6.13. */
#include <sys/mman.h>
#include <sys/syscall.h>

#include "log.h"
#include "rec_mem.h"
#include "res.h"
#include "restore.h"

#define R struct rec_guard

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static const struct field fields[] = {
	FIELD_OWNER(R, mm, REC_MM),
	FIELD(R, start, IS_KEY, AS_HEX),
	FIELD(R, end, MUST_MATCH, AS_HEX),
};

static int read_guard(const struct image *img, const void *rec)
{
	const struct rec_guard *g = rec;

	if (g->start >= g->end || (g->start | g->end) & 4095)
		return fail(-ERR_IMAGE, "image: guard %#llx-%#llx is impossible", g->start, g->end);
	return 0;
}

static int join(struct restore *r, const void *rec)
{
	const struct rec_guard *g = rec;

	batch_op(restore_batch(r, g->mm), SYS_madvise, g->start, g->end - g->start,
		 MADV_GUARD_INSTALL);
	return 0;
}

const struct res_type res_guard = {
	.name = "guard", .tag = REC_GUARD, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.phase = PHASE_PROCESS, .read = read_guard, .join = join,
};
