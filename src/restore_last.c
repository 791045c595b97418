// SPDX-License-Identifier: GPL-2.0-only
/*
 * restore_last.c - the last step: stop all, take the machine out of every address space, set the
 * registers. When it is done every task is exactly what it was, and none has run yet.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>

#include "arch/arch.h"
#include "log.h"
#include "rec_mem.h"
#include "rec_state.h"
#include "res/regs.h"
#include "restart_block.h"
#include "restore.h"

#define SLEEP_TRIES 1000
#define RUNS(u) ((u)->task && !(u)->task->exit_state) /* a leader may have exited by now */

static const struct rec_regs *regs_of(const struct restore *r, const struct unit *u)
{
	return snap_find(&r->image.snap, REC_REGS, u->task->addr);
}

/* Tasks that slept with a timeout begin to sleep again, for what was left of it. */
static int begin_sleeps(struct restore *r)
{
	int err = 0;

	for (unsigned int i = 0; i < r->nr_units && !err; i++) {
		struct unit *u = &r->units[i];
		const struct rec_regs *regs = RUNS(u) ? regs_of(r, u) : NULL;

		if (!regs || regs->restart == RESTART_NONE || freeze_find(&r->freeze, u->tid)->stopped)
			continue;
		restart_block_join(&r->machine, &u->batch, regs);
		err = machine_submit(&r->machine, i, &u->batch);
	}
	return err;
}

/* A stub that was stopped before it came to its call, or on the way there, is let go on a little. */
static int settle_sleep(struct restore *r, struct unit *u, struct frozen *f)
{
	for (int i = 0; i < SLEEP_TRIES; i++) {
		struct user_regs_struct regs;
		int err = arch_get_regs(f->tid, &regs);

		if (err)
			return fail(err, "read the registers of task %d", f->tid);
		if (arch_restarts_by_block(&regs) || machine_is_done(&r->machine, u - r->units))
			return 0; /* it sleeps, or its time was up already */
		if (ptrace(PTRACE_CONT, f->tid, 0, 0))
			return fail(-errno, "continue task %d", f->tid);
		nanosleep(&(struct timespec){ 0, 50000 }, NULL);
		ptrace(PTRACE_INTERRUPT, f->tid, 0, 0);
		f->stopped = false;
		err = freeze_await(f, restore_deadline(r));
		if (err)
			return err;
	}
	return fail(-ETIMEDOUT, "task %d does not go to sleep", f->tid);
}

static int stop_all(struct restore *r)
{
	int err = freeze_stop(&r->freeze, restore_deadline(r));

	for (unsigned int i = 0; i < r->nr_units && !err; i++) {
		struct unit *u = &r->units[i];
		struct frozen *f = RUNS(u) ? freeze_find(&r->freeze, u->tid) : NULL;

		if (!f || f->group_stop)
			continue;
		if (f->gone)
			return fail(-ESRCH, "task %d (%.16s) died", u->tid, u->task->comm);
		if (regs_of(r, u)->restart != RESTART_NONE)
			err = settle_sleep(r, u, f);
	}
	return err;
}

/* One thread of each address space removes the machine from it, all at the same time. */
static int remove_machine(struct restore *r)
{
	const __u64 args[6] = { (__u64)r->machine.base, r->machine.size };
	int err = 0;

	for (unsigned int i = 0; i < r->nr_procs && !err; i++)
		if (restore_owns_memory(r, &r->units[i]))
			err = arch_inject_start(restore_speaker(r, &r->units[i]), machine_syscall_insn(&r->machine),
						SYS_munmap, args);
	for (unsigned int i = 0; i < r->nr_procs && !err; i++) {
		__s64 res = 0;

		if (!restore_owns_memory(r, &r->units[i]))
			continue;
		err = arch_inject_finish(restore_speaker(r, &r->units[i]), &res);
		if (!err && res)
			err = res;
	}
	return err ? fail(err, "remove the syscall machine from a task") : 0;
}

/*
 * Its time was up, or what it waits for was there, before it could be stopped again: the call returns
 * what it returned to the stub.
 */
static void end_sleep(struct restore *r, struct unit *u, struct rec_regs *regs)
{
	struct user_regs_struct *g = (void *)regs->data;

	if (regs->restart == RESTART_NONE || !machine_is_done(&r->machine, u - r->units) ||
	    freeze_find(&r->freeze, u->tid)->group_stop)
		return;
	g->rax = machine_result(&r->machine, u - r->units, 0)->res;
	u->slept = regs->restart;
	regs->restart = RESTART_NONE;
}

static int set_registers(struct restore *r, struct unit *u)
{
	struct rec_regs *regs = (struct rec_regs *)regs_of(r, u);
	int err;

	end_sleep(r, u, regs);
	err = arch_set_xstate(u->tid, &r->cpu, regs->data + REGS_GREGS, regs->xsave_len);
	if (!err)
		err = arch_set_regs(u->tid, (const void *)regs->data);
	if (!err && ptrace(PTRACE_SETSIGMASK, u->tid, sizeof(regs->sigmask), &regs->sigmask))
		err = -errno;
	return err ? fail(err, "set the registers of task %d (%.16s)", u->tid, u->task->comm) : 0;
}

/* /proc knows two things that no system call sets. */
static int write_proc(pid_t tid, const char *name, const char *fmt, long value)
{
	char path[64];
	FILE *f _fclose_ = NULL;

	snprintf(path, sizeof(path), "/proc/%d/%s", tid, name);
	f = fopen(path, "we");
	if (!f)
		return fail(-errno, "open %s", path);
	fprintf(f, fmt, value);
	return fflush(f) ? fail(-errno, "write %ld to %s", value, path) : 0;
}

static int set_by_proc(struct restore *r, const struct unit *u)
{
	pid_t tid = restore_speaker(r, u);
	const struct rec_mm *mm = snap_find(&r->image.snap, REC_MM, u->body->mm);
	long filter = mm->flags >> 2 & 0x1ff;
	int err = 0;

	if (filter != 0x33) /* what a fresh task has: core(5) */
		err = write_proc(tid, "coredump_filter", "%#lx", filter);
	if (!err && u->proc->sig->oom_score_adj)
		err = write_proc(tid, "oom_score_adj", "%ld", u->proc->sig->oom_score_adj);
	return err;
}

/* A task that we do not trace is not ours to change; who died since it was made is not traced. */
static int check_all_traced(const struct restore *r)
{
	for (unsigned int i = 0; i < r->nr_units; i++) {
		const struct unit *u = &r->units[i];

		if (RUNS(u) && !freeze_find(&r->freeze, u->tid))
			return fail(-ESRCH, "task %d (%.16s) is gone", u->tid, u->task->comm);
	}
	return 0;
}

int restore_last(struct restore *r)
{
	int err = check_all_traced(r);

	if (!err)
		err = begin_sleeps(r);
	if (!err)
		err = stop_all(r);
	if (!err)
		err = remove_machine(r);
	for (unsigned int i = 0; i < r->nr_units && !err; i++) {
		if (RUNS(&r->units[i]))
			err = set_registers(r, &r->units[i]);
		if (!err && i < r->nr_procs && r->units[i].body)
			err = set_by_proc(r, &r->units[i]);
	}
	return err;
}
