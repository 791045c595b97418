// SPDX-License-Identifier: GPL-2.0-only
/* timer.c - kind "timer": POSIX timers, with their ids. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

#include "check.h"
#include "log.h"
#include "rec_task.h"
#include "res.h"
#include "restore.h"

#define R struct rec_timer
#define ID_MAX 4096 /* without PR_TIMER_CREATE_RESTORE_IDS every lower id is made and deleted */

#ifndef PR_TIMER_CREATE_RESTORE_IDS
#define PR_TIMER_CREATE_RESTORE_IDS 77
#endif

static const struct field fields[] = {
	FIELD_OWNER(R, signal, REC_PROC),
	FIELD(R, id, IS_KEY, AS_SIGNED),
	FIELD(R, clock, MUST_MATCH, AS_SIGNED),
	FIELD(R, notify, MUST_MATCH, AS_SIGNED),
	FIELD(R, signo, MUST_MATCH, AS_SIGNED),
	FIELD(R, sival, MUST_MATCH, AS_HEX),
	FIELD_REF(R, target, REC_PID),
	FIELD(R, interval, MUST_MATCH, AS_DEC),
	FIELD(R, value, MAY_DIFFER, AS_DEC),
	FIELD(R, overrun, MAY_DIFFER, AS_SIGNED),
	FIELD(R, armed, MUST_MATCH, AS_DEC),
	FIELD(R, requeue, MAY_DIFFER, AS_DEC),
};

/* CPU clocks are encoded as ~pid << 3 | per-thread << 2 | which; pid 0 is the caller itself. */
static bool is_foreign_clock(__s32 clock)
{
	return clock < 0 && (clock & 4 || ~(clock >> 3));
}

static int check(struct check *c, const void *rec)
{
	const struct rec_timer *t = rec;

	if (t->armed == TIMER_MORE)
		check_refuse(c, t->signal, "timer", "has more POSIX timers than are supported");
	else if (is_foreign_clock(t->clock))
		check_refuse(c, t->signal, "timer", "timer %d runs on the CPU clock of a thread or of another "
			     "process, which is not supported yet", t->id);
	else if (t->target && !snap_find(c->snap, REC_PID, t->target))
		check_refuse(c, t->signal, "timer", "timer %d signals a thread that is gone", t->id);
	return 0;
}

static int read_timer(const struct image *img, const void *rec)
{
	const struct rec_timer *t = rec;

	if (t->id < 0 || t->armed > 1 || is_foreign_clock(t->clock) || t->signo < 0 || t->signo > 64 ||
	    t->value >> 62 || t->interval >> 62)
		return fail(-ERR_IMAGE, "image: timer %d is impossible", t->id);
	return 0;
}

static void create(struct restore *r, struct batch *b, const struct rec_timer *t, struct unit *u)
{
	struct sigevent ev = { .sigev_signo = t->signo, .sigev_notify = t->notify };
	int *id = machine_alloc(&r->machine, sizeof(*id));

	ev.sigev_value.sival_ptr = (void *)t->sival;
	if (t->notify & SIGEV_THREAD_ID)
		ev._sigev_un._tid = restore_nr(r, u, t->target);
	if (id)
		*id = t->id;
	batch_op(b, SYS_timer_create, t->clock, machine_dup(&r->machine, &ev, sizeof(ev)), id);
}

/* Older kernels count ids up: make and delete until the wanted one is next. */
static void count_up(struct restore *r, struct batch *b, int from, int to)
{
	struct sigevent ev = { .sigev_notify = SIGEV_NONE };
	int *id = machine_alloc(&r->machine, sizeof(*id));
	void *none = machine_dup(&r->machine, &ev, sizeof(ev));

	for (int i = from; i < to; i++) {
		batch_op(b, SYS_timer_create, CLOCK_MONOTONIC, none, id);
		batch_op(b, SYS_timer_delete, i);
	}
}

static bool kernel_takes_ids(void)
{
	/* 6.15; asking for what is in force changes nothing: 2 is PR_TIMER_CREATE_RESTORE_IDS_GET */
	return prctl(PR_TIMER_CREATE_RESTORE_IDS, 2, 0, 0, 0) >= 0;
}

static void arm(struct restore *r, struct batch *b, const struct rec_timer *t)
{
	struct itimerspec it = {
		{ t->interval / 1000000000, t->interval % 1000000000 },
		{ t->value / 1000000000, t->value % 1000000000 },
	};

	if (t->armed)
		batch_op(b, SYS_timer_settime, t->id, 0, machine_dup(&r->machine, &it, sizeof(it)), 0);
}

static int by_id(const void *a, const void *b)
{
	const struct rec_timer *x = *(struct rec_timer *const *)a, *y = *(struct rec_timer *const *)b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* next: the id that older kernels would give. */
static int make(struct restore *r, const struct rec_timer *t, bool takes_ids, int next)
{
	struct unit *u = restore_unit(r, t->signal);
	struct batch *b = &u->batch;

	if (takes_ids) {
		batch_op(b, SYS_prctl, PR_TIMER_CREATE_RESTORE_IDS, 1);
		create(r, b, t, u);
		batch_op(b, SYS_prctl, PR_TIMER_CREATE_RESTORE_IDS, 0);
	} else {
		if (t->id > ID_MAX)
			return fail(-EOPNOTSUPP, "timer id %d needs a kernel of 6.15 or newer", t->id);
		count_up(r, b, next, t->id);
		create(r, b, t, u);
	}
	arm(r, b, t);
	return 0;
}

static int make_all(struct restore *r, void **all, size_t nr)
{
	const struct rec_timer **v _free_ = calloc(nr, sizeof(*v));
	bool takes_ids = kernel_takes_ids();
	int err = 0;

	if (!v)
		return fail(-ENOMEM, "restore");
	memcpy(v, all, nr * sizeof(*v));
	qsort(v, nr, sizeof(*v), by_id);
	for (size_t i = 0; i < nr && !err; i++)
		err = make(r, v[i], takes_ids, i ? v[i - 1]->id + 1 : 0);
	return err;
}

/* All of a process at once: ids can only be counted up, and a walk tells them in any order. */
static int join(struct restore *r, const void *rec)
{
	size_t nr;
	void **all = snap_range(&r->image.snap, REC_TIMER, ((const struct rec_timer *)rec)->signal, &nr);

	return rec == all[0] ? make_all(r, all, nr) : 0;
}

const struct res_type res_timer = {
	.name = "timer", .tag = REC_TIMER, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.phase = PHASE_LAST, .check = check, .read = read_timer, .join = join,
};
