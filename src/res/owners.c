// SPDX-License-Identifier: GPL-2.0-only
/* owners.c - kind "owners": the user namespaces of a task, and of the namespaces that it is in. */
#include "rec_ns.h"
#include "res.h"

#define R struct rec_owners

static const struct field fields[] = {
	FIELD_OWNER(R, task, REC_TASK),
	FIELD_REF(R, user, REC_USERNS),
	FIELD_REF(R, pid, REC_USERNS),
	FIELD_REF(R, children, REC_USERNS),
	FIELD_REF(R, mnt, REC_USERNS),
};

/* Acted upon by the plan, which says who makes whom in which, and by src/res/cred.c. */
const struct res_type res_owners = {
	.name = "owners", .tag = REC_OWNERS, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
};
