// SPDX-License-Identifier: GPL-2.0-only
/* restore_leaders.c - first threads that exited before the others of their process do so again. */
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>

#include "log.h"
#include "restore.h"

/*
 * PTRACE_O_EXITKILL asks whether it is traced, not whether it lives: a dead leader of ours would take
 * its process along when we end. So it is let go first; the others are traced still.
 */
static int exit_leader(struct restore *r, struct unit *u)
{
	__u64 deadline = restore_deadline(r);
	int err = freeze_let_go(&r->freeze, u->tid, deadline);

	if (err)
		return fail(err, "let go of thread %d (%.16s)", u->tid, u->task->comm);
	batch_op(&u->batch, SYS_exit, u->task->exit_code >> 8 & 0xff);
	err = machine_submit(&r->machine, u - r->units, &u->batch);
	while (!err && !freeze_is_dead(u->tid)) {
		if (restore_now_ns() > deadline)
			return fail(-ETIMEDOUT, "thread %d (%.16s) does not exit", u->tid, u->task->comm);
		nanosleep(&(struct timespec){ 0, 50000 }, NULL);
	}
	machine_retire(&r->machine, u - r->units);
	return err;
}

int restore_exit_leaders(struct restore *r)
{
	int err = 0;

	for (unsigned int i = 0; i < r->nr_procs && !err; i++)
		if (r->units[i].body && r->units[i].task->exit_state)
			err = exit_leader(r, &r->units[i]);
	return err;
}
