// SPDX-License-Identifier: GPL-2.0-only
/* proc.c - kind "process": what the threads of a process share: group, limits, interval timers. */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "check.h"
#include "log.h"
#include "rec_task.h"
#include "res.h"
#include "restore.h"

#define R struct rec_proc

/* include/linux/sched/signal.h */
#define SIGNAL_STOP_STOPPED 0x1u
#define SIGNAL_STOP_CONTINUED 0x2u
#define SIGNAL_GROUP_EXIT 0x4u

static const struct field fields[] = {
	FIELD_ID(R),
	FIELD_REF(R, tgid, REC_PID),
	FIELD_REF(R, pgid, REC_PID),
	FIELD_REF(R, sid, REC_PID),
	FIELD(R, flags, MAY_DIFFER, AS_HEX), /* has_child_subreaper is the ancestors' business */
	FIELD(R, signal_flags, MAY_DIFFER, AS_HEX),
	FIELD(R, nr_threads, MUST_MATCH, AS_DEC),
	FIELD(R, group_exit_code, MAY_DIFFER, AS_HEX),
	FIELD(R, pending, MUST_MATCH, AS_HEX),
	FIELD(R, oom_score_adj, MUST_MATCH, AS_SIGNED),
	FIELD(R, oom_score_adj_min, MAY_DIFFER, AS_SIGNED),
	{ "itimer", offsetof(R, itimer), 8, 6, MAY_DIFFER, AS_DEC }, /* they run on */
	FIELD(R, utime, MAY_DIFFER, AS_DEC),
	FIELD(R, stime, MAY_DIFFER, AS_DEC),
	{ "rlimit", offsetof(R, rlimit), 8, 2 * REC_RLIMITS, MUST_MATCH, AS_DEC },
	FIELD(R, tty, MUST_MATCH, AS_TEXT),
};

/* kernel/pid_namespace.c: at its end an init waits until no number of its namespace is in use. */
static void check_never_ends(struct check *c, const struct rec_proc *p)
{
	const struct rec_pid *pid = snap_find(c->snap, REC_PID, p->tgid);
	const struct rec_pid *group = snap_find(c->snap, REC_PID, p->pgid);

	if (pid && group && pid != group && pid_own_nr(pid) == 1 && pidns_within(c->snap, group->ns, pid->ns))
		check_warn(c, "pidns", "the init of a pid namespace, pid %d here, is in process group %d of that very "
			   "namespace: it waits for itself when it ends, and nothing can kill it then",
			   pid->numbers[0], pid_own_nr(group));
}

static int check(struct check *c, const void *rec)
{
	const struct rec_proc *p = rec;

	check_never_ends(c, p);
	return 0;
}

static int read_proc(const struct image *img, const void *rec)
{
	const struct rec_proc *p = rec;

	for (int i = 0; i < REC_RLIMITS; i++)
		if (p->rlimit[i].cur > p->rlimit[i].max)
			return fail(-ERR_IMAGE, "image: limit %d of process %llu is impossible", i, p->addr);
	for (int i = 0; i < 3; i++)
		if (p->itimer[i].value >> 62 || p->itimer[i].interval >> 62)
			return fail(-ERR_IMAGE, "image: timer %d of process %llu is impossible", i, p->addr);
	return 0;
}

static struct timeval to_timeval(__u64 ns)
{
	__u64 us = (ns + 999) / 1000; /* never sooner than it would have been */

	return (struct timeval){ us / 1000000, us % 1000000 };
}

/* kernel/time/itimer.c adds a tick to CPU timers each time they are set. */
static __u64 left(int which, __u64 value)
{
	struct timespec tick;

	if (which == ITIMER_REAL || clock_getres(CLOCK_MONOTONIC_COARSE, &tick) || !value)
		return value;
	return value > (__u64)tick.tv_nsec ? value - tick.tv_nsec : 1;
}

static int join(struct restore *r, const void *rec)
{
	const struct rec_proc *p = rec;
	struct batch *b = restore_batch(r, p->addr);

	if (!restore_unit(r, p->addr)->body)
		return 0;
	for (int i = 0; i < 3; i++) {
		__u64 value = left(i, p->itimer[i].value);
		struct itimerval it = { to_timeval(p->itimer[i].interval), {} };

		/*
		 * A periodic ITIMER_REAL that has fired is armed again when its SIGALRM is taken
		 * (kernel/signal.c): until then nothing is left of it. Firing into the signal that
		 * is pending makes that state; with a value of 0 it would be disarmed.
		 */
		if (i == ITIMER_REAL && !value && p->itimer[i].interval)
			value = 1;
		it.it_value = to_timeval(value);

		if (p->itimer[i].value || p->itimer[i].interval)
			batch_op(b, SYS_setitimer, i, machine_dup(&r->machine, &it, sizeof(it)), 0);
	}
	return 0;
}

/* Limits come last: a smaller one would stand in the way of what else is restored. */
static int finish(struct restore *r, const void *rec)
{
	const struct rec_proc *p = rec;
	struct batch *b = restore_batch(r, p->addr);
	const struct rlimit *own = r->rlimit; /* inherited by every stub */

	if (!restore_unit(r, p->addr)->body)
		return 0;
	for (int i = 0; i < REC_RLIMITS; i++)
		if (own[i].rlim_cur != p->rlimit[i].cur || own[i].rlim_max != p->rlimit[i].max)
			batch_op(b, SYS_prlimit64, 0, i,
				 machine_dup(&r->machine, &p->rlimit[i], sizeof(p->rlimit[i])), 0);
	return 0;
}

const struct res_type res_proc = {
	.name = "process", .tag = REC_PROC, .size = sizeof(R),
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.phase = PHASE_LAST, .check = check, .read = read_proc, .join = join, .finish = finish,
};
