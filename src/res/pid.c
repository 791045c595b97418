// SPDX-License-Identifier: GPL-2.0-only
/* pid.c - kind "pid": a struct pid and its chain of numbers, outermost first. */
#include "rec_task.h"
#include "res.h"

#define R struct rec_pid

static const struct field fields[] = {
	FIELD_ID(R),
	FIELD_REF(R, ns, REC_PIDNS),
	FIELD(R, ino, MAY_DIFFER, AS_DEC),
	FIELD(R, level, MAY_DIFFER, AS_DEC),
	FIELD(R, alive, MAY_DIFFER, AS_DEC),
};

/* The tail is compared by compare.c: numbers above the root namespace are not the tree's. */
const struct res_type res_pid = {
	.name = "pid", .tag = REC_PID, .size = sizeof(R),
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.tail = MAY_DIFFER, .tail_form = AS_SIGNED,
};
