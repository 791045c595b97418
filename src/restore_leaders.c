// SPDX-License-Identifier: GPL-2.0-only
/* restore_leaders.c - first threads that exited before the others of their process do so again. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "log.h"
#include "restore.h"

static __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static bool is_zombie(pid_t tid)
{
	char path[48], text[512] = "", *paren;
	FILE *f _fclose_ = NULL;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	f = fopen(path, "re");
	if (!f || !fgets(text, sizeof(text), f))
		return false;
	paren = strrchr(text, ')');
	return paren && !strncmp(paren, ") Z", 3);
}

/*
 * PTRACE_O_EXITKILL asks whether it is traced, not whether it lives: a dead leader of ours would take
 * its process along when we end. So it is let go first; the others are traced still.
 */
static int exit_leader(struct restore *r, struct unit *u)
{
	__u64 deadline = now_ns() + r->opts->timeout_ms * 1000000ull;
	int err = freeze_let_go(&r->freeze, u->tid, deadline);

	if (err)
		return fail(err, "let go of thread %d (%.16s)", u->tid, u->task->comm);
	batch_op(&u->batch, SYS_exit, u->task->exit_code >> 8 & 0xff);
	err = machine_submit(&r->machine, u - r->units, &u->batch);
	while (!err && !is_zombie(u->tid)) {
		if (now_ns() > deadline)
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
