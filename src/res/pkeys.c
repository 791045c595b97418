// SPDX-License-Identifier: GPL-2.0-only
/* pkeys.c - kind "pkeys": protection keys that a program has allocated, pkeys(7). */
#include "check.h"
#include "log.h"
#include "rec_ipc.h"
#include "rec_mem.h"
#include "res.h"

#define R struct rec_pkeys

static const struct field fields[] = {
	FIELD_OWNER(R, mm, REC_MM),
	FIELD(R, map, MUST_MATCH, AS_HEX),
};

static int check(struct check *c, const void *rec)
{
	const struct rec_pkeys *p = rec;

	check_refuse(c, p->mm, "pkeys", "it has allocated protection keys (%#llx), which are not supported yet",
		     p->map & ~1ull);
	return 0;
}

static int read_pkeys(const struct image *img, const void *rec)
{
	return fail(-ERR_IMAGE, "image: mm %llu has protection keys", rec_key(rec));
}

const struct res_type res_pkeys = {
	.name = "pkeys", .tag = REC_PKEYS, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.check = check, .read = read_pkeys,
};
