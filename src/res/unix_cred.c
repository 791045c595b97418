// SPDX-License-Identifier: GPL-2.0-only
/*
 * unix_cred.c - whom SO_PEERCRED tells: who has called socketpair(2), listen(2) or connect(2).
 *
 * So these calls are made by the very process, as the user and groups that it was then. A process that
 * is no more cannot: then this one makes them.
 */
#include <string.h>
#include <sys/syscall.h>

#include "rec_task.h"
#include "restore.h"
#include "unix_make.h"

static const struct unit *unit_of_pid(const struct restore *r, __u64 pid)
{
	size_t nr;
	void **task = pid ? snap_referring(&r->image.snap, REC_TASK, struct rec_task, pid, pid, &nr) : NULL;

	return task && nr ? restore_unit((struct restore *)r, rec_key(task[0])) : NULL;
}

struct unit *unix_creator(struct restore *r, const struct rec_unix *u)
{
	const struct unit *unit = unit_of_pid(r, u->cred_pid);

	return unit && unit->body && unit < r->units + r->nr_procs ? (struct unit *)unit : NULL;
}

pid_t unix_pid_here(const struct restore *r, __u64 pid)
{
	const struct unit *unit = unit_of_pid(r, pid);

	return unit && unit->tid > 0 ? unit->tid : getpid();
}

static bool is_own(const struct restore *r, const struct rec_unix *u)
{
	const struct unix_self *own = &r->unix_work->own;

	return !u->cred_nr ||
	       (u->cred_uid == own->uid && u->cred_gid == own->gid && u->cred_ngroups == own->nr &&
		!memcmp(own->groups, u->cred_groups, own->nr * sizeof(*own->groups)));
}

/* An operation of a task; without a batch, of this thread alone, which the C library would not do. */
static void call(struct batch *b, long nr, __u64 a0, __u64 a1, __u64 a2)
{
	if (b)
		batch_op(b, nr, a0, a1, a2);
	else
		syscall(nr, a0, a1, a2);
}

static __u64 operand(struct restore *r, struct batch *b, const gid_t *groups, __u32 nr)
{
	return (__u64)(b ? machine_dup(&r->machine, groups, nr * sizeof(*groups) + 1) : groups);
}

void unix_become(struct restore *r, struct batch *b, const struct rec_unix *u)
{
	const struct unix_self *own = &r->unix_work->own;

	if (is_own(r, u))
		return;
	call(b, SYS_setgroups, u->cred_ngroups, operand(r, b, u->cred_groups, u->cred_ngroups), 0);
	call(b, SYS_setresgid, -1, u->cred_gid, -1);
	call(b, SYS_setresuid, -1, u->cred_uid, -1);
	/* the files on the way are still ours to reach */
	call(b, SYS_setfsgid, own->gid, 0, 0);
	call(b, SYS_setfsuid, own->uid, 0, 0);
}

void unix_become_self(struct restore *r, struct batch *b, const struct rec_unix *u)
{
	const struct unix_self *own = &r->unix_work->own;

	if (is_own(r, u))
		return;
	call(b, SYS_setresuid, -1, own->uid, -1);
	call(b, SYS_setresgid, -1, own->gid, -1);
	call(b, SYS_setgroups, own->nr, operand(r, b, own->groups, own->nr), 0);
}
