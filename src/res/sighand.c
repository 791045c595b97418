// SPDX-License-Identifier: GPL-2.0-only
/* sighand.c - kind "sighand": signal actions. */
#include <signal.h>
#include <sys/syscall.h>

#include "check.h"
#include "rec_task.h"
#include "res.h"
#include "restore.h"

#define R struct rec_sighand

static const struct field fields[] = {
	FIELD_ID(R),
	{ "action", offsetof(R, action), 8, 64 * 4, MUST_MATCH, AS_HEX },
};

static int check(struct check *c, const void *rec)
{
	check_outside(c, rec_key(rec), "sighand", "signal actions (CLONE_SIGHAND)");
	return 0;
}

/* Stubs have SIG_DFL everywhere, so only what differs needs a call. */
static int join(struct restore *r, const void *rec)
{
	const struct rec_sighand *s = rec;
	struct unit *u = restore_unit(r, s->addr);
	struct batch *b = &u->batch;

	if (!u->body) /* a zombie still has them, and no use for them */
		return 0;
	for (int i = 0; i < 64; i++) {
		const struct rec_sigaction *a = &s->action[i];
		struct rec_sigaction *copy;

		if (i + 1 == SIGKILL || i + 1 == SIGSTOP)
			continue;
		if (!a->handler && !a->flags && !a->restorer && !a->mask && i + 1 != SIGCHLD)
			continue;
		copy = machine_dup(&r->machine, a, sizeof(*a));
		batch_op(b, SYS_rt_sigaction, i + 1, copy, 0, sizeof(__u64));
	}
	return 0;
}

const struct res_type res_sighand = {
	.name = "sighand", .tag = REC_SIGHAND, .size = sizeof(R),
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.phase = PHASE_LAST, .check = check, .join = join,
};
