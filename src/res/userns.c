// SPDX-License-Identifier: GPL-2.0-only
/* userns.c - kind "userns": a user namespace, its place, its owner, its maps of ids, its limits. */
#include <errno.h>

#include "check.h"
#include "idmap.h"
#include "log.h"
#include "res.h"
#include "restore.h"
#include "restore_userns.h"

#define R struct rec_userns

static const struct field fields[] = {
	FIELD_ID(R),
	FIELD_REF(R, parent, REC_USERNS),
	FIELD(R, level, MUST_MATCH, AS_DEC),
	FIELD(R, inum, MAY_DIFFER, AS_DEC),
	FIELD(R, owner, MUST_MATCH, AS_DEC),
	FIELD(R, group, MUST_MATCH, AS_DEC),
	FIELD(R, flags, MUST_MATCH, AS_HEX),
	FIELD_ARRAY(R, nr, MUST_MATCH, AS_DEC),
	FIELD_ARRAY(R, limit, MUST_MATCH, AS_SIGNED),
	FIELD_ARRAY(R, rlimit, MUST_MATCH, AS_SIGNED),
};

static int check(struct check *c, const void *rec)
{
	const struct rec_userns *ns = rec;

	if (ns->flags & USERNS_F_CUT)
		check_refuse(c, 0, "userns", "user namespace %u maps ids in more than %d ranges, which this tool "
			     "does not carry", ns->inum, USERNS_RANGES_MAX);
	return 0;
}

static bool is_range(const struct rec_idrange *v)
{
	return v->count && v->inside + v->count >= v->inside && v->outside + v->count >= v->outside;
}

static int read_userns(const struct image *img, const void *rec)
{
	const struct rec_userns *ns = rec;
	const struct rec_userns *up = snap_find(&img->snap, REC_USERNS, ns->parent);
	size_t nr = (size_t)ns->nr[MAP_UID] + ns->nr[MAP_GID] + ns->nr[MAP_PROJID];
	bool ok = up ? ns->level == up->level + 1 : !ns->level && !ns->parent && !nr;

	for (int i = 0; i < USERNS_MAPS; i++)
		ok &= ns->nr[i] <= USERNS_RANGES_MAX;
	ok = ok && ns->level <= USERNS_LEVEL_MAX + 1 && nr * sizeof(ns->range[0]) <= ns->h.len - sizeof(*ns) &&
	     !(ns->flags & ~(USERNS_F_SETGROUPS | USERNS_F_SETFCAP));
	for (size_t i = 0; ok && i < nr; i++)
		ok = is_range(&ns->range[i]);
	if (!ok)
		return fail(-ERR_IMAGE, "image: user namespace %llu is impossible", ns->addr);
	return 0;
}

static int restore_one(struct restore *r, const void *rec)
{
	return restore_make_userns(r, rec);
}

const struct res_type res_userns = {
	.name = "userns", .tag = REC_USERNS, .size = sizeof(R),
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_BYTES,
	.check = check, .read = read_userns, .restore = restore_one,
};
