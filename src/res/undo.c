// SPDX-License-Identifier: GPL-2.0-only
/*
 * undo.c - kinds "undo_list", who shares adjustments of semaphores, and "undo", one of them: what is added
 * to a semaphore when the last task that has the list ends, SEM_UNDO of semop(2).
 */
#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/sem.h>
#include <sys/syscall.h>

#include "check.h"
#include "log.h"
#include "rec_task.h"
#include "res.h"
#include "restore.h"
#include "sem.h"

#define L struct rec_undo_list
#define U struct rec_undo
#define STEP 16383 /* fits below or above any value: SEM_HIGHEST / 2 */

static const struct field list_fields[] = {
	FIELD_OWNER(L, task, REC_TASK),
	FIELD(L, list, NEVER_SAVED, AS_HEX),
	FIELD(L, users, MAY_DIFFER, AS_DEC),
	FIELD(L, flags, MUST_MATCH, AS_HEX),
};

static int check_list(struct check *c, const void *rec)
{
	const L *l = rec;

	if (l->flags & UNDO_F_SHARED)
		check_refuse(c, l->task, "undo_list", "shares its adjustments of System V semaphores (SEM_UNDO) with "
			     "another process (CLONE_SYSVSEM), which is not supported");
	if (l->flags & UNDO_F_OUTSIDE && !c->live)
		check_refuse(c, l->task, "undo_list", "shares its adjustments of System V semaphores (SEM_UNDO) with a "
			     "task outside of the tree (CLONE_SYSVSEM)");
	return 0;
}

static int read_list(const struct image *img, const void *rec)
{
	const L *l = rec;

	return l->flags == UNDO_F_APART ? 0 :
	       fail(-ERR_IMAGE, "image: list of adjustments of task %llu is impossible", l->task);
}

/* Threads are made with CLONE_SYSVSEM, as pthread_create() does. */
static int join_list(struct restore *r, const void *rec)
{
	const L *l = rec;

	batch_op(restore_batch(r, l->task), SYS_unshare, CLONE_SYSVSEM);
	return 0;
}

const struct res_type res_undo_list = {
	.name = "undo_list", .tag = REC_UNDO_LIST, .size = sizeof(L), .owned = true,
	.fields = list_fields, .nr_fields = sizeof(list_fields) / sizeof(list_fields[0]),
	.phase = PHASE_THREAD, .check = check_list, .read = read_list, .join = join_list,
};

static const struct field undo_fields[] = {
	FIELD_OWNER(U, task, REC_TASK),
	FIELD(U, semid, IS_KEY, AS_DEC),
	FIELD(U, num, IS_KEY, AS_DEC),
	FIELD(U, adj, MUST_MATCH, AS_SIGNED),
};

static int read_undo(const struct image *img, const void *rec)
{
	const U *u = rec;
	const struct rec_sem *s = sem_find(&img->snap, u->semid);

	if (!s || u->num >= s->nsems || u->adj < SHRT_MIN || u->adj > SHRT_MAX)
		return fail(-ERR_IMAGE, "image: adjustment of semaphore %u of set %llu is impossible", u->num, u->semid);
	return 0;
}

/*
 * One call moves the semaphore one way and back, and only the half that is to be undone is: its value
 * stays, the adjustment is made. The way that has room comes first.
 */
static void adjust(struct restore *r, struct batch *b, const U *u, int value, int adj)
{
	struct sembuf undone = { u->num, -adj, SEM_UNDO | IPC_NOWAIT }, plain = { u->num, adj, IPC_NOWAIT };
	bool first = value - adj >= 0 && value - adj <= SEM_HIGHEST;
	struct sembuf op[2] = { first ? undone : plain, first ? plain : undone };

	batch_op(b, SYS_semop, u->semid, machine_dup(&r->machine, op, sizeof(op)), 2);
}

static int join_undo(struct restore *r, const void *rec)
{
	const U *u = rec;
	int value = sem_find(&r->image.snap, u->semid)->value[u->num], left = u->adj;

	while (left) {
		int step = left > STEP ? STEP : left < -STEP ? -STEP : left;

		adjust(r, restore_batch(r, u->task), u, value, step);
		left -= step;
	}
	return 0;
}

const struct res_type res_undo = {
	.name = "undo", .tag = REC_UNDO, .size = sizeof(U), .owned = true,
	.fields = undo_fields, .nr_fields = sizeof(undo_fields) / sizeof(undo_fields[0]),
	.phase = PHASE_THREAD, .read = read_undo, .join = join_undo,
};
