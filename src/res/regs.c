// SPDX-License-Identifier: GPL-2.0-only
/* regs.c - kind "regs": registers, signal mask, and what is left of a system call that sleeps. */
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>

#include "arch/arch.h"
#include "dump.h"
#include "log.h"
#include "rec_state.h"
#include "rec_task.h"
#include "regs.h"
#include "res.h"
#include "restart_block.h"

#define R struct rec_regs

static const struct field fields[] = {
	FIELD_OWNER(R, task, REC_TASK),
	FIELD(R, sigmask, MUST_MATCH, AS_HEX),
	FIELD(R, remaining, MAY_DIFFER, AS_DEC),
	FIELD(R, restart, MUST_MATCH, AS_DEC),
	FIELD(R, gregs_len, MUST_MATCH, AS_DEC),
	FIELD(R, xsave_len, MUST_MATCH, AS_DEC),
	FIELD_ARRAY(R, arg, MAY_DIFFER, AS_HEX),
};

static int collect_task(struct dump *d, const struct rec_task *t)
{
	static _Thread_local char xsave[ARCH_XSTATE_MAX];
	struct user_regs_struct regs;
	pid_t tid = task_tid(&d->tree, t);
	size_t len = sizeof(xsave);
	struct rec_regs *r;
	int err = arch_get_regs(tid, &regs);

	if (!err)
		err = arch_rseq_fix(tid, t->rseq, &regs);
	if (!err)
		err = arch_get_xstate(tid, xsave, &len);
	if (err)
		return fail(err, "read the registers of thread %d", tid);
	r = snap_new(&d->snap, REC_REGS, sizeof(*r) + REGS_GREGS + len);
	if (!r)
		return fail(-ENOMEM, "dump");
	r->task = t->addr;
	r->gregs_len = sizeof(regs);
	r->xsave_len = len;
	memcpy(r->data, &regs, sizeof(regs));
	memcpy(r->data + REGS_GREGS, xsave, len);
	if (ptrace(PTRACE_GETSIGMASK, tid, sizeof(r->sigmask), &r->sigmask))
		return fail(-errno, "read the signal mask of thread %d", tid);
	if (arch_restarts_by_block(&regs))
		restart_block_read(&d->restarts, &t->restart, r);
	return 0;
}

static int read_regs(const struct image *img, const void *rec)
{
	const struct rec_regs *r = rec;

	if (r->gregs_len != sizeof(struct user_regs_struct) || r->xsave_len > ARCH_XSTATE_MAX ||
	    r->xsave_len < ARCH_XSTATE_MIN ||
	    r->h.len < sizeof(*r) + REGS_GREGS + r->xsave_len || r->restart > RESTART_FUTEX)
		return fail(-ERR_IMAGE, "image: registers of task %llu are malformed", r->task);
	return 0;
}

const struct res_type res_regs = {
	.name = "regs", .tag = REC_REGS, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_BYTES,
	.collect_task = collect_task, .read = read_regs,
};
