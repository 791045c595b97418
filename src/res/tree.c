// SPDX-License-Identifier: GPL-2.0-only
/* tree.c - kind "tree": what was dumped, and when. */
#include "rec_state.h"
#include "res.h"

#define R struct rec_tree

static const struct field fields[] = {
	{ "root", offsetof(R, root), sizeof(__u64), 1, IS_OWNER, AS_REF, REC_PID },
	FIELD_REF(R, root_pidns, REC_PIDNS),
	FIELD(R, root_level, MAY_DIFFER, AS_DEC),
	FIELD(R, flags, MUST_MATCH, AS_HEX),
	FIELD(R, clock_monotonic, MAY_DIFFER, AS_DEC),
	FIELD(R, clock_boottime, MAY_DIFFER, AS_DEC),
	FIELD(R, vdso_sum, MAY_DIFFER, AS_HEX),
	FIELD(R, clock_realtime, MAY_DIFFER, AS_DEC),
	FIELD(R, processes, MUST_MATCH, AS_DEC),
	FIELD(R, threads, MUST_MATCH, AS_DEC),
	FIELD(R, zombies, MUST_MATCH, AS_DEC),
};

const struct res_type res_tree = {
	.name = "tree", .tag = REC_TREE, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
};
