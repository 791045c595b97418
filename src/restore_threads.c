// SPDX-License-Identifier: GPL-2.0-only
/* restore_threads.c - the threads of a process, other than its first. */
#include "restore_threads.h"

#include <errno.h>
#include <linux/sched.h>
#include <sys/syscall.h>
#include <time.h>

#include "log.h"
#include "rec_state.h"
#include "restore_userns.h"
#include "thread_maker.h"

#define THREAD_FLAGS (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

static const struct plan_task *process_of(struct restore *r, unsigned int unit)
{
	return restore_unit(r, r->units[unit].task->signal)->plan;
}

bool restore_is_blind_thread(struct restore *r, unsigned int unit)
{
	return unit >= r->nr_procs && process_of(r, unit)->blind_threads;
}

static void add_thread(struct restore *r, unsigned int unit)
{
	const struct unit *u = &r->units[unit];
	const struct rec_task *maker = u->body ? thread_maker(u->proc, u->body) : NULL;
	/* what keeps nothing may have been anybody's */
	const struct rec_task *has = !u->body ? NULL :
				     maker && maker != u->proc->leader ? maker : proc_body(u->proc);
	struct clone_args a = { .flags = THREAD_FLAGS };
	struct batch *b = restore_batch(r, maker ? maker->addr : u->task->signal);

	if (!has || u->body->files == has->files)
		a.flags |= CLONE_FILES;
	if (!has || u->body->fs == has->fs)
		a.flags |= CLONE_FS;
	restore_set_tid(r, &a, snap_find(&r->image.snap, REC_PID, u->task->pid),
			process_of(r, unit)->blind_threads);
	if (process_of(r, unit)->blind_threads) { /* zero again when it is gone: see send_away() */
		a.flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
		a.child_tid = (__u64)&r->machine.slots[unit].pad[0];
		__atomic_store_n((__u32 *)&r->machine.slots[unit].pad[0], 1, __ATOMIC_RELEASE);
	}
	batch_op(b, SYS_clone3, machine_dup(&r->machine, &a, sizeof(a)), sizeof(a), 0, 0, 0,
		 &r->machine.slots[unit])->flags = OP_CHILD;
}

void restore_add_threads(struct restore *r)
{
	for (unsigned int i = r->nr_procs; i < r->nr_units; i++)
		if (!restore_is_blind_thread(r, i))
			add_thread(r, i);
}

/* It got another number, and has done nothing yet. Its place is free when the kernel says that it is gone. */
static int send_away(struct restore *r, unsigned int unit)
{
	__u64 deadline = restore_deadline(r);
	struct slot *s = &r->machine.slots[unit];
	struct batch b = {};
	int err;

	batch_op(&b, SYS_exit, 0);
	err = machine_submit(&r->machine, unit, &b);
	batch_free(&b);
	while (!err && __atomic_load_n((__u32 *)&s->pad[0], __ATOMIC_ACQUIRE)) {
		if (restore_now_ns() > deadline)
			return fail(-ETIMEDOUT, "a thread does not exit");
		nanosleep(&(struct timespec){ 0, 50000 }, NULL);
	}
	__atomic_store_n(&s->go, 0, __ATOMIC_RELEASE); /* it never came to do that */
	return err;
}

static int make_blind(struct restore *r, unsigned int unit)
{
	const struct rec_pid *pid = snap_find(&r->image.snap, REC_PID, r->units[unit].task->pid);
	const struct rec_pid *tgid = process_of(r, unit)->pid;
	unsigned int blind = process_of(r, unit)->blind_threads;
	__u64 deadline = restore_deadline(r);
	int err = 0;

	while (!err) {
		const struct rec_task *t = r->units[unit].body;
		const struct rec_task *maker = t ? thread_maker(r->units[unit].proc, t) : NULL;

		err = restore_set_cursors_late(r, pid, blind);
		if (err)
			break;
		add_thread(r, unit);
		err = restore_run_unit(r, restore_unit(r, maker ? maker->addr : r->units[unit].task->signal));
		if (!err && restore_has_numbers(r, pid, tgid, NULL))
			return restore_run_unit(r, &r->units[unit]);
		err = err ? err : send_away(r, unit) ?: restore_retry_number(r, pid, deadline);
	}
	return err;
}

int restore_make_blind_threads(struct restore *r)
{
	char cursor[16];
	int err = 0;

	for (unsigned int i = r->nr_procs; i < r->nr_units && !err; i++) {
		if (!restore_is_blind_thread(r, i))
			continue;
		err = restore_read_cursor(r, cursor, sizeof(cursor)) ?: make_blind(r, i) ?:
		      restore_put_cursors_back(r, i, cursor);
	}
	return err;
}
