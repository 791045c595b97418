// SPDX-License-Identifier: GPL-2.0-only
/* seccomp.c - kind "seccomp": strict mode and filters of a thread. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "dump.h"
#include "log.h"
#include "rec_state.h"
#include "rec_task.h"
#include "res.h"
#include "restore.h"

#define R struct rec_seccomp
#define INSNS_MAX 4096 /* BPF_MAXINSNS */

#ifndef PTRACE_SECCOMP_GET_FILTER
#define PTRACE_SECCOMP_GET_FILTER 0x420c
#endif
#ifndef PTRACE_SECCOMP_GET_METADATA
#define PTRACE_SECCOMP_GET_METADATA 0x420d
#endif

struct metadata { __u64 index, flags; };

static const struct field fields[] = {
	FIELD_OWNER(R, task, REC_TASK),
	FIELD(R, index, IS_KEY, AS_DEC),
	FIELD(R, flags, MUST_MATCH, AS_HEX),
	FIELD(R, insns, MUST_MATCH, AS_DEC),
};

/* ptrace counts from the oldest, which is the order of installing. */
static int collect_one(struct dump *d, const struct rec_task *t, unsigned int index)
{
	pid_t tid = task_tid(&d->tree, t);
	struct metadata meta = { .index = index };
	struct sock_filter insn[INSNS_MAX];
	struct rec_seccomp *r;
	long n = ptrace(PTRACE_SECCOMP_GET_FILTER, tid, index, insn);

	if (n < 0)
		return fail(-errno, "read seccomp filter %u of thread %d", index, tid);
	if (ptrace(PTRACE_SECCOMP_GET_METADATA, tid, sizeof(meta), &meta) < 0)
		return fail(-errno, "read flags of seccomp filter %u of thread %d", index, tid);
	r = snap_new(&d->snap, REC_SECCOMP, sizeof(*r) + n * sizeof(*insn));
	if (!r)
		return fail(-ENOMEM, "dump");
	r->task = t->addr;
	r->index = index;
	r->flags = meta.flags;
	r->insns = n;
	memcpy(r->insn, insn, n * sizeof(*insn));
	return 0;
}

static int collect_task(struct dump *d, const struct rec_task *t)
{
	int err = 0;

	if (t->seccomp_mode != SECCOMP_MODE_FILTER)
		return 0;
	for (unsigned int i = 0; i < t->seccomp_count && !err; i++)
		err = collect_one(d, t, i);
	return err;
}

static int read_seccomp(const struct image *img, const void *rec)
{
	const struct rec_seccomp *s = rec;

	if (!s->insns || s->insns > INSNS_MAX ||
	    s->insns * sizeof(struct sock_filter) > s->h.len - sizeof(*s) ||
	    s->flags & ~SECCOMP_FILTER_FLAG_LOG)
		return fail(-ERR_IMAGE, "image: seccomp filter %u is impossible", s->index);
	return 0;
}

/*
 * Installed before credentials are given up, so that no_new_privs stays what it was. The stub is
 * traced with PTRACE_O_SUSPEND_SECCOMP, so no filter looks at its own calls yet.
 */
static int join(struct restore *r, const void *rec)
{
	const struct rec_seccomp *s = rec;
	struct sock_fprog prog = { .len = s->insns };

	prog.filter = machine_dup(&r->machine, s->insn, s->insns * sizeof(struct sock_filter));
	batch_op(restore_batch(r, s->task), SYS_seccomp, SECCOMP_SET_MODE_FILTER, s->flags,
		 machine_dup(&r->machine, &prog, sizeof(prog)));
	return 0;
}

const struct res_type res_seccomp = {
	.name = "seccomp", .tag = REC_SECCOMP, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_BYTES,
	.phase = PHASE_THREAD, .collect_task = collect_task, .read = read_seccomp, .join = join,
};
