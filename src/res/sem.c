// SPDX-License-Identifier: GPL-2.0-only
/*
 * sem.c - kinds "sem", a set of System V semaphores, and "sem_pid", who changed one last.
 *
 * Values come back before any task exists, as setting them takes every adjustment of them away. Who has
 * changed a semaphore last does so again, by up and down in one call that nobody else can see.
 */
#include <errno.h>
#include <string.h>
#include <sys/sem.h>
#include <sys/syscall.h>

#include "log.h"
#include "rec_task.h"
#include "res.h"
#include "restore.h"
#include "sem.h"
#include "sysv.h"

#define R struct rec_sem

union semun {
	unsigned short *array;
};

static const struct field fields[] = {
	FIELD_OWNER(R, task, REC_TASK),
	FIELD(R, semid, IS_KEY, AS_DEC),
	FIELDS_IPC_PERM(R),
	FIELD(R, nsems, MUST_MATCH, AS_DEC),
	FIELD(R, otime, MAY_DIFFER, AS_SIGNED),
	FIELD(R, ctime, MAY_DIFFER, AS_SIGNED),
	FIELD(R, boot, MAY_DIFFER, AS_TEXT),
};

struct sysv_object sem_object(const struct rec_sem *s)
{
	return (struct sysv_object){ .tag = REC_SEM, .id = s->semid, .perm = s->perm, .size = s->nsems,
				     .boot = s->boot };
}

const struct rec_sem *sem_find(const struct snap *s, __u64 semid)
{
	size_t nr;
	void **sem = snap_referring(s, REC_SEM, R, semid, semid, &nr);

	return nr ? sem[0] : NULL;
}

static int read_sem(const struct image *img, const void *rec)
{
	const R *s = rec;

	if (s->semid > 0x7fffffff || s->perm.mode & ~0777u || !s->nsems ||
	    (s->h.len - sizeof(*s)) / sizeof(s->value[0]) < s->nsems ||
	    strnlen(s->boot, sizeof(s->boot)) == sizeof(s->boot))
		return fail(-ERR_IMAGE, "image: semaphore set %llu is impossible", s->semid);
	for (__u32 i = 0; i < s->nsems; i++)
		if (s->value[i] > SEM_HIGHEST)
			return fail(-ERR_IMAGE, "image: semaphore %u of set %llu is impossible", i, s->semid);
	return 0;
}

static bool has_values(const R *s)
{
	unsigned short *now _free_ = calloc(s->nsems, sizeof(*now));

	return now && !semctl(s->semid, 0, GETALL, (union semun){ .array = now }) &&
	       !memcmp(now, s->value, s->nsems * sizeof(*now));
}

/* Untouched if it is as it was, so that it keeps its times, too. */
static int restore_sem(struct restore *r, const void *rec)
{
	const R *s = rec;
	struct sysv_object o = sem_object(s);
	int place = sysv_place(&o), err = place < 0 ? place : 0;

	if (!place)
		err = sysv_make(r, &o);
	if (!err && !has_values(s) && semctl(s->semid, 0, SETALL, (union semun){ .array = (void *)s->value }))
		err = fail(-errno, "set the values of semaphore set %llu", s->semid);
	return err;
}

const struct res_type res_sem = {
	.name = "sem", .tag = REC_SEM, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]), .tail = MUST_MATCH,
	.tail_form = AS_BYTES, .read = read_sem, .restore = restore_sem,
};

/* ---- sempid ---- */

static const struct field pid_fields[] = {
	FIELD_OWNER(struct rec_sem_pid, task, REC_TASK),
	FIELD(struct rec_sem_pid, semid, IS_KEY, AS_DEC),
	FIELD(struct rec_sem_pid, num, IS_KEY, AS_DEC),
};

static int read_pid(const struct image *img, const void *rec)
{
	const struct rec_sem_pid *p = rec;
	const R *s = sem_find(&img->snap, p->semid);

	if (!s || p->num >= s->nsems)
		return fail(-ERR_IMAGE, "image: semaphore %u of set %llu is not there", p->num, p->semid);
	return 0;
}

/* In the last batch, so that nobody's adjustment comes after it. */
static int join_pid(struct restore *r, const void *rec)
{
	const struct rec_sem_pid *p = rec;
	const R *s = sem_find(&r->image.snap, p->semid);
	struct unit *u = restore_unit(r, p->task);
	short step = s->value[p->num] < SEM_HIGHEST ? 1 : -1;
	struct sembuf op[2] = { { p->num, step, IPC_NOWAIT }, { p->num, -step, IPC_NOWAIT } };

	/* in another pid namespace than before, the same number here is no number there */
	if (semctl(p->semid, p->num, GETPID) == restore_unit(r, u->task->signal)->tid && !restore_in_own_pidns(r))
		return 0;
	batch_op(&u->batch, SYS_semop, p->semid, machine_dup(&r->machine, op, sizeof(op)), 2)->flags = OP_MAY_FAIL;
	return 0;
}

const struct res_type res_sem_pid = {
	.name = "sem_pid", .tag = REC_SEM_PID, .size = sizeof(struct rec_sem_pid), .owned = true,
	.fields = pid_fields, .nr_fields = sizeof(pid_fields) / sizeof(pid_fields[0]),
	.phase = PHASE_LAST, .read = read_pid, .join = join_pid,
};
