// SPDX-License-Identifier: GPL-2.0-only
/* restore_stop.c - tasks that were stopped by a signal are stopped again, and nobody hears of it. */
#include "restore_stop.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "restore.h"

#define SIGNAL_STOP_STOPPED 0x1u /* include/linux/sched/signal.h */

static bool is_stopped(const struct unit *u)
{
	return u->proc && !u->proc->zombie && u->proc->sig->signal_flags & SIGNAL_STOP_STOPPED;
}

/*
 * A SIGSTOP, turned into the signal that stopped it once: waitid(2) tells which. Only that one is let
 * through; other signals stay blocked. An orphaned group ignores the terminal's signals: SIGSTOP.
 */
static int send_stop(const struct unit *leader)
{
	int sig = leader->task->jobctl & 0xffff, status; /* JOBCTL_STOP_SIGMASK */
	__u64 mask = ~(1ull << (sig - 1));

	if (tgkill(leader->tid, leader->tid, SIGSTOP))
		return fail(-errno, "stop task %d", leader->tid);
	if (sig == SIGSTOP || (sig != SIGTSTP && sig != SIGTTIN && sig != SIGTTOU))
		return 0;
	if (waitpid(leader->tid, &status, __WALL) != leader->tid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETSIGMASK, leader->tid, sizeof(mask), &mask) ||
	    ptrace(PTRACE_CONT, leader->tid, 0, sig))
		return fail(-errno, "stop task %d with signal %d", leader->tid, sig);
	return 0;
}

/* Every thread of the process runs its batch, then one SIGSTOP stops them all. */
static int stop_process(struct restore *r, struct unit *leader)
{
	int err = 0;

	for (unsigned int i = 0; i < r->nr_units && !err; i++)
		if (r->units[i].proc == leader->proc)
			err = restore_run_unit(r, &r->units[i]);
	if (err)
		return err;
	err = send_stop(leader);
	for (unsigned int i = 0; i < r->nr_units && !err; i++) {
		struct unit *u = &r->units[i];

		if (u->proc == leader->proc)
			err = freeze_await(freeze_find(&r->freeze, u->tid), restore_deadline(r));
	}
	return err;
}

/* The parent had been told by wait(2) already: it must not be told again. */
static int collect_notice(struct restore *r, const struct unit *u)
{
	struct unit *up = u->proc->parent ? &r->units[u->plan->parent] : NULL;
	struct batch b = {};
	int err;

	if (!up || u->proc->sig->group_exit_code)
		return 0;
	batch_op(&b, SYS_waitid, P_PID, restore_nr(r, up, u->task->tgid), 0, WSTOPPED | WNOHANG, 0);
	err = machine_submit(&r->machine, up - r->units, &b);
	batch_free(&b);
	return err ? err : restore_await(r, up);
}

int restore_stop_jobs(struct restore *r)
{
	int err = 0;

	/* the tree lists parents before children */
	for (unsigned int i = r->tree.nr; i-- > 0 && !err;) {
		struct unit *u = &r->units[i];

		if (!is_stopped(u))
			continue;
		err = stop_process(r, u);
		if (!err)
			err = collect_notice(r, u);
	}
	return err;
}
