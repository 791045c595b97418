// SPDX-License-Identifier: GPL-2.0-only
/* preflight.c - what a restore needs of this system, found out before anything is made. */
#include "preflight.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "capability.h"
#include "log.h"
#include "pid_order.h"
#include "rec_state.h"
#include "res/cpu.h"
#include "res/inet.h"
#include "res/unix_make.h"
#include "restore.h"
#include "res/huge.h"
#include "res/mqueue.h"
#include "res/shmfile.h"
#include "sysv.h"

/*
 * The number in this pid namespace that a pid of the image must get; 0 when any will do, or when it is
 * a session's or group's of the outside, which is not made.
 */
static int wanted_here(const struct restore *r, const struct rec_pid *pid)
{
	if (r->opts->host_pids && restore_has_pid(r, pid->addr))
		return pid_nr(pid, r->info->root_level - 1);
	if (restore_in_own_pidns(r) || (pid->alive && !restore_has_pid(r, pid->addr)))
		return 0;
	return pid_nr(pid, r->info->root_level);
}

/* Whose number it is; else whose session's or group's. */
static const struct rec_task *holder(const struct snap *s, const struct rec_pid *pid,
				     const char **how)
{
	*how = "it is";
	snap_for_each(s, REC_TASK, const struct rec_task, t)
		if (t->pid == pid->addr)
			return t;
	snap_for_each(s, REC_TASK, const struct rec_task, member) {
		const struct rec_proc *p = snap_find(s, REC_PROC, member->signal);

		if (!p || (p->sid != pid->addr && p->pgid != pid->addr))
			continue;
		*how = p->sid == pid->addr ? "it is the session of" : "it is the process group of";
		return member;
	}
	return NULL;
}

static void report_taken(const struct snap *live, const struct rec_pid *pid)
{
	const char *how = NULL;
	const struct rec_task *t = holder(live, pid, &how);
	const struct rec_pid *own = t ? snap_find(live, REC_PID, t->pid) : NULL;

	if (own)
		fail(-ERR_TAKEN, "number %d at level 0 is taken: %s pid %d (%.16s)", pid->numbers[0], how,
		     own->numbers[0], t->comm);
	else
		fail(-ERR_TAKEN, "number %d at level 0 is taken", pid->numbers[0]);
}

static int check_numbers(const struct restore *r, const struct snap *live)
{
	size_t nr;
	const struct rec_pid **v _free_ = pid_order(live, &nr);
	int err = 0;

	if (!v)
		return fail(-ENOMEM, "restore");
	snap_for_each(&r->image.snap, REC_PID, const struct rec_pid, pid) {
		int wanted = wanted_here(r, pid);
		const struct rec_pid *has = wanted ? pid_order_find(v, nr, wanted) : NULL;

		if (has) {
			report_taken(live, has);
			err = -ERR_TAKEN;
		}
	}
	return err;
}

/* Since 6.14 each pid namespace has a limit of its own, and a new one the highest. */
static bool has_own_pid_max(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	return !uname(&u) && sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 14));
}

static int check_pid_max(const struct restore *r)
{
	FILE *f _fclose_ = fopen("/proc/sys/kernel/pid_max", "re");
	unsigned int own = r->info->root_level;
	bool each = has_own_pid_max();
	int max = 0;

	if ((each && restore_in_own_pidns(r)) || !f || fscanf(f, "%d", &max) != 1)
		return 0;
	snap_for_each(&r->image.snap, REC_PID, const struct rec_pid, pid)
		for (unsigned int l = own; l <= (each ? own : pid->level); l++)
			if (pid->numbers[l] >= max)
				return fail(-ERANGE, "number %d at level %u is not below "
					    "kernel.pid_max, which is %d here; raise it",
					    pid->numbers[l], l, max);
	return 0;
}

/* What every stub inherits, and may not exceed without CAP_SYS_RESOURCE. */
static int check_limits(struct restore *r)
{
	static const char *const name[] = {
		"CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS",
		"LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
	};

	for (int i = 0; i < REC_RLIMITS; i++)
		if (getrlimit(i, &r->rlimit[i]))
			return fail(-errno, "read RLIMIT_%s", name[i]);
	if (has_capability(CAP_SYS_RESOURCE))
		return 0;
	snap_for_each(&r->image.snap, REC_PROC, const struct rec_proc, p)
		for (int i = 0; i < REC_RLIMITS; i++)
			if (p->rlimit[i].max > r->rlimit[i].rlim_max)
				return fail(-EPERM, "the tree has RLIMIT_%s up to %llu; raising it above "
					    "the %llu of this shell needs CAP_SYS_RESOURCE", name[i],
					    p->rlimit[i].max,
					    (unsigned long long)r->rlimit[i].rlim_max);
	return 0;
}

/* A task has it, or a process group; a session alone shows when clone3() says EEXIST. */
static bool is_taken(int nr)
{
	return !kill(nr, 0) || errno == EPERM || !kill(-nr, 0) || errno == EPERM;
}

static bool any_taken(const struct restore *r)
{
	snap_for_each(&r->image.snap, REC_PID, const struct rec_pid, pid) {
		int nr = wanted_here(r, pid);

		if (nr > 1 && is_taken(nr))
			return true;
	}
	return false;
}

static int report_all_taken(struct restore *r)
{
	struct snap live = {};
	int err = restore_walk(r);

	if (!err)
		err = walk_run(r->walk, WALK_TASKS, &live);
	snap_unique(&live, REC_PID);
	if (!err)
		err = check_numbers(r, &live);
	snap_free(&live);
	return err;
}

int preflight(struct restore *r)
{
	int err = any_taken(r) ? report_all_taken(r) : 0;

	if (!err)
		err = check_pid_max(r);
	if (!err)
		err = cpu_preflight(r);
	if (!err)
		err = sysv_places(r);
	if (!err)
		err = shmfile_places(r);
	if (!err)
		err = mqueue_places(r);
	if (!err)
		err = huge_places(r);
	if (!err)
		err = check_limits(r);
	if (!err)
		err = inet_preflight(r);
	return err ? err : unix_preflight(r);
}
