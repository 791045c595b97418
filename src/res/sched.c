// SPDX-License-Identifier: GPL-2.0-only
/* sched.c - kind "sched": policy, priority, deadline parameters, utilization clamps. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dump.h"
#include "log.h"
#include "rec_state.h"
#include "rec_task.h"
#include "res.h"
#include "restore.h"

#define R struct rec_sched
#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif
#define FLAG_UTIL_CLAMP 0x60ull /* SCHED_FLAG_UTIL_CLAMP_MIN | _MAX */

/* struct sched_attr of sched_setattr(2); glibc 2.36 does not declare it */
struct attr {
	__u32 size, policy;
	__u64 flags;
	__s32 nice;
	__u32 priority;
	__u64 runtime, deadline, period;
	__u32 util_min, util_max;
};

static const struct field fields[] = {
	FIELD_OWNER(R, task, REC_TASK),
	FIELD(R, policy, MUST_MATCH, AS_DEC),
	FIELD(R, nice, MUST_MATCH, AS_SIGNED),
	FIELD(R, flags, MUST_MATCH, AS_HEX),
	FIELD(R, priority, MUST_MATCH, AS_DEC),
	FIELD(R, util_min, MUST_MATCH, AS_DEC),
	FIELD(R, util_max, MUST_MATCH, AS_DEC),
	FIELD(R, runtime, MUST_MATCH, AS_DEC),
	FIELD(R, deadline, MUST_MATCH, AS_DEC),
	FIELD(R, period, MUST_MATCH, AS_DEC),
};

static int read_attr(pid_t tid, struct attr *a)
{
	*a = (struct attr){};
	if (syscall(SYS_sched_getattr, tid, a, sizeof(*a), 0))
		return fail(-errno, "read the scheduling of thread %d", tid);
	return 0;
}

static int collect_task(struct dump *d, const struct rec_task *t)
{
	struct rec_sched *r;
	struct attr a;
	int err = read_attr(task_tid(&d->tree, t), &a);

	if (err)
		return err;
	r = snap_new(&d->snap, REC_SCHED, sizeof(*r));
	if (!r)
		return fail(-ENOMEM, "dump");
	r->task = t->addr;
	r->policy = a.policy;
	r->nice = t->nice;
	r->flags = a.flags;
	r->priority = a.priority;
	r->util_min = a.util_min;
	r->util_max = a.util_max;
	/* of who is no SCHED_DEADLINE since 6.12 the slice: the system's, if nobody gave it another */
	r->runtime = t->policy == SCHED_DEADLINE || t->flags & TASK_F_SLICE ? a.runtime : 0;
	r->deadline = a.deadline;
	r->period = a.period;
	return 0;
}

/* sched_setattr(2) of older kernels takes no notice of it. */
static int has_slice(pid_t tid, __u64 slice)
{
	struct attr a;
	int err = read_attr(tid, &a);

	if (err)
		return err;
	return a.runtime == slice ? 0 : fail(-EOPNOTSUPP, "a time slice of its own (%llu ns, of task %d) needs a kernel of "
					     "6.12 or newer", slice, tid);
}

/* Only what differs from a fresh task: most are SCHED_OTHER at nice 0, and so are stubs. */
static int join(struct restore *r, const void *rec)
{
	const struct rec_sched *s = rec;
	struct attr a = {
		.size = sizeof(a), .policy = s->policy, .flags = s->flags, .nice = s->nice,
		.priority = s->priority, .runtime = s->runtime, .deadline = s->deadline,
		.period = s->period,
	};
	pid_t tid = restore_unit(r, s->task)->tid;

	if (restore_unit(r, s->task)->task->exit_state)
		return 0;
	if (s->util_min || (s->util_max && s->util_max != 1024)) {
		a.flags |= FLAG_UTIL_CLAMP;
		a.util_min = s->util_min;
		a.util_max = s->util_max;
	}
	/* from here: in a user namespace it would lack the right */
	if (syscall(SYS_sched_setattr, tid, &a, 0))
		return fail(-errno, "set the scheduling of task %d", tid);
	return s->runtime && s->policy != SCHED_DEADLINE ? has_slice(tid, s->runtime) : 0;
}

const struct res_type res_sched = {
	.name = "sched", .tag = REC_SCHED, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.phase = PHASE_THREAD, .collect_task = collect_task, .join = join,
};
