// SPDX-License-Identifier: GPL-2.0-only
/* pidns.c - kind "pidns": a pid namespace of the tree, its place, its owner, its cursor. */
#include "rec_task.h"
#include "res.h"

#define R struct rec_pidns

static const struct field fields[] = {
	FIELD_ID(R),
	FIELD_REF(R, parent, REC_PIDNS),
	FIELD(R, reaper, NEVER_SAVED, AS_REF),
	FIELD(R, level, MAY_DIFFER, AS_DEC), /* the root's depends on where it is restored */
	FIELD(R, inum, MAY_DIFFER, AS_DEC),
	FIELD(R, owner_inum, MAY_DIFFER, AS_DEC),
	FIELD(R, owner_level, MUST_MATCH, AS_DEC),
	FIELD(R, allocated, MAY_DIFFER, AS_DEC), /* of an outer namespace: others come and go */
	FIELD(R, adding, MUST_MATCH, AS_DEC),
	FIELD(R, idr_next, MAY_DIFFER, AS_DEC),
	FIELD(R, pid_max, MAY_DIFFER, AS_DEC),
};

const struct res_type res_pidns = {
	.name = "pidns", .tag = REC_PIDNS, .size = sizeof(R),
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
};
