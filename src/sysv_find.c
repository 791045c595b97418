// SPDX-License-Identifier: GPL-2.0-only
/* sysv_find.c - which System V IPC objects are a tree's. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <time.h>

#include "arch/arch.h"
#include "cleanup.h"
#include "dump.h"
#include "log.h"
#include "rec_file.h"
#include "rec_mem.h"
#include "res/file.h"
#include "sysv.h"
#include "res/shm_unreserved.h"

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#define SEM_STAT_ANY 20
#define MSG_STAT_ANY 13
#endif

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
};

struct finder {
	struct dump *d;
	__u64 owner; /* the root's first thread: whose record all are */
	struct number { pid_t nr; const struct rec_task *task; } *member; /* sorted */
	size_t nr;
	struct wait { __u32 tag; int id; } *wait; /* what tasks are in a call on, once asked for */
	size_t nr_waits;
	char boot[REC_BOOT_ID];
};

struct rec_ipc_perm sysv_perm(const struct ipc_perm *p)
{
	return (struct rec_ipc_perm){ .key = p->__key, .uid = p->uid, .gid = p->gid, .cuid = p->cuid,
				      .cgid = p->cgid, .mode = p->mode };
}

void sysv_boot_id(char boot[REC_BOOT_ID])
{
	int fd _close_ = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, boot, REC_BOOT_ID - 1);

	boot[n > 0 ? n : 0] = 0;
	boot[strcspn(boot, "\n")] = 0;
}

static int by_number(const void *a, const void *b)
{
	const struct number *x = a, *y = b;

	return x->nr < y->nr ? -1 : x->nr > y->nr;
}

static int list_members(struct finder *f)
{
	const struct tree *t = &f->d->tree;

	f->member = calloc(t->nr + 1, sizeof(*f->member));
	if (!f->member)
		return -ENOMEM;
	for (size_t i = 0; i < t->nr; i++)
		f->member[f->nr++] = (struct number){ t->procs[i].pid->numbers[0], proc_body(&t->procs[i]) };
	qsort(f->member, f->nr, sizeof(*f->member), by_number);
	return 0;
}

/* CLOCK_REALTIME in seconds when a task began. */
static __s64 began(const struct rec_task *t)
{
	struct timespec real, boot;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return real.tv_sec - boot.tv_sec + (__s64)(t->start_boottime / 1000000000);
}

/* The living task of the process with that number here, or NULL. */
static const struct rec_task *member(const struct finder *f, pid_t nr)
{
	struct number key = { nr };
	const struct number *m = nr > 0 ? bsearch(&key, f->member, f->nr, sizeof(key), by_number) : NULL;

	return m ? m->task : NULL;
}

/*
 * Is it a process of the tree that an object remembers by its number? Numbers come again: whoever has it now
 * was there when the object was used last. Seconds are not exact.
 */
static bool was_used_by(const struct finder *f, pid_t nr, __s64 last_used)
{
	const struct rec_task *t = member(f, nr);

	return t && last_used + 2 > began(t);
}

static __s64 latest(__s64 a, __s64 b, __s64 c)
{
	__s64 ab = a > b ? a : b;

	return ab > c ? ab : c;
}

/* Has the caller said which, by an image that the tree is compared with, or all? */
static bool is_asked_for(const struct finder *f, __u32 tag, size_t offset, int id)
{
	size_t nr = 0;

	if (f->d->sysv_like)
		snap_refs(f->d->sysv_like, tag, offset, id, &nr);
	return nr || (!f->d->sysv_like && f->d->opts->sysv_all);
}

/* ---- segments ---- */

static bool is_attached(const struct snap *s, int id)
{
	size_t nr;
	void **file = snap_refs(s, REC_FILE, offsetof(struct rec_file, id.ino), id, &nr);

	for (size_t i = 0; i < nr; i++)
		if (file_looks_like_shm(file[i]))
			return true;
	return false;
}

static int note_segment(struct finder *f, int id, const struct shmid_ds *ds)
{
	__s64 last = latest(ds->shm_atime, ds->shm_dtime, ds->shm_ctime);
	struct rec_shm *r;

	/* one that only others have attached is theirs, whoever has made it */
	if (!is_asked_for(f, REC_SHM, offsetof(struct rec_shm, shmid), id) && !is_attached(&f->d->snap, id) &&
	    (f->d->sysv_like || ds->shm_nattch ||
	     (!was_used_by(f, ds->shm_cpid, last) && !was_used_by(f, ds->shm_lpid, last))))
		return 0;
	r = snap_new(&f->d->snap, REC_SHM, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->task = f->owner;
	r->shmid = id;
	r->contents = 1ull << 62 | (__u64)REC_SHM << 32 | (__u32)id; /* an address that nothing has */
	r->size = ds->shm_segsz;
	r->perm = sysv_perm(&ds->shm_perm);
	r->nattch = ds->shm_nattch;
	r->cpid = ds->shm_cpid;
	r->lpid = ds->shm_lpid;
	r->atime = ds->shm_atime;
	r->dtime = ds->shm_dtime;
	r->ctime = ds->shm_ctime;
	memcpy(r->boot, f->boot, sizeof(r->boot));
	return 0;
}

static int note_segments(struct finder *f)
{
	struct shm_info info;
	int last = shmctl(0, SHM_INFO, (void *)&info), err = 0;

	for (int i = 0; i <= last && info.used_ids && !err; i++) {
		struct shmid_ds ds;
		int id = shmctl(i, SHM_STAT_ANY, &ds);

		if (id >= 0)
			err = note_segment(f, id, &ds);
	}
	return err;
}

/* Areas of one segment that were attached in one way share the first of their files: as after a restore. */
static int mark_areas(struct finder *f)
{
	struct snap *s = &f->d->snap;
	size_t nr;
	void **vma;

	snap_all(s, REC_SHM, &nr);
	if (!nr)
		return 0;
	vma = snap_all(s, REC_VMA, &nr);
	for (size_t i = 0; i < nr; i++) {
		struct rec_vma *v = vma[i];
		const struct rec_file *file = v->file ? snap_find(s, REC_FILE, v->file) : NULL;
		size_t files;
		void **other;

		if (!file || file_class(s, file) != FILE_SYSV)
			continue;
		v->kind |= VMA_F_SYSV;
		other = snap_referring(s, REC_FILE, struct rec_file, inode, file->inode, &files);
		for (size_t j = 0; j < files; j++) {
			const struct rec_file *o = other[j];

			if ((o->flags & O_ACCMODE) == (file->flags & O_ACCMODE)) {
				v->file = o->addr;
				break;
			}
		}
	}
	snap_touch(s, REC_VMA);
	return 0;
}

/* ---- semaphores ---- */

/* What the tasks of the tree are in a call on. Frozen trees only. */
static int list_waits(struct finder *f)
{
	size_t nr;
	void **task = snap_all(&f->d->snap, REC_TASK, &nr);

	f->wait = calloc(nr + 1, sizeof(*f->wait));
	for (size_t i = 0; i < nr && f->wait; i++) {
		const struct rec_task *t = task[i];
		pid_t tid = task_tid(&f->d->tree, t);
		struct user_regs_struct regs;
		long call;

		if (t->exit_state || !freeze_find(&f->d->freeze, tid) || arch_get_regs(tid, &regs))
			continue;
		call = arch_syscall_nr(&regs);
		if (call == SYS_semop || call == SYS_semtimedop)
			f->wait[f->nr_waits++] = (struct wait){ REC_SEM, regs.rdi };
		if (call == SYS_msgsnd || call == SYS_msgrcv)
			f->wait[f->nr_waits++] = (struct wait){ REC_MSGQ, regs.rdi };
	}
	return f->wait ? 0 : -ENOMEM;
}

static bool is_waited_for(const struct finder *f, __u32 tag, int id)
{
	for (size_t i = 0; i < f->nr_waits; i++)
		if (f->wait[i].tag == tag && f->wait[i].id == id)
			return true;
	return false;
}

static int note_last_users(struct finder *f, int id, unsigned int nsems)
{
	for (unsigned int i = 0; i < nsems; i++) {
		const struct rec_task *t = member(f, semctl(id, i, GETPID));
		struct rec_sem_pid *r = t ? snap_new(&f->d->snap, REC_SEM_PID, sizeof(*r)) : NULL;

		if (t && !r)
			return -ENOMEM;
		if (!t)
			continue;
		r->task = t->addr;
		r->semid = id;
		r->num = i;
	}
	return 0;
}

static bool has_last_user(const struct finder *f, int id, const struct semid_ds *ds)
{
	for (unsigned int i = 0; i < ds->sem_nsems; i++)
		if (was_used_by(f, semctl(id, i, GETPID), latest(ds->sem_otime, ds->sem_ctime, 0)))
			return true;
	return false;
}

static int note_set(struct finder *f, int id, const struct semid_ds *ds)
{
	struct rec_sem *r;
	size_t undos;

	snap_referring(&f->d->snap, REC_UNDO, struct rec_undo, semid, id, &undos);
	if (!is_asked_for(f, REC_SEM, offsetof(struct rec_sem, semid), id) &&
	    (f->d->sysv_like || (!undos && !has_last_user(f, id, ds) &&
				 !is_waited_for(f, REC_SEM, id))))
		return 0;
	r = snap_new(&f->d->snap, REC_SEM, sizeof(*r) + ds->sem_nsems * sizeof(r->value[0]));
	if (!r)
		return -ENOMEM;
	r->task = f->owner;
	r->semid = id;
	r->perm = sysv_perm(&ds->sem_perm);
	r->nsems = ds->sem_nsems;
	r->otime = ds->sem_otime;
	r->ctime = ds->sem_ctime;
	memcpy(r->boot, f->boot, sizeof(r->boot));
	if (semctl(id, 0, GETALL, (union semun){ .array = r->value }))
		return fail(-errno, "read semaphore set %d", id);
	return note_last_users(f, id, r->nsems);
}

static int for_all_sets(struct finder *f, int (*call)(struct finder *f, int id, const struct semid_ds *ds))
{
	struct seminfo info = {};
	int last = semctl(0, 0, SEM_INFO, (union semun){ .info = &info }), err = 0;

	for (int i = 0; i <= last && info.semusz && !err; i++) {
		struct semid_ds ds;
		int id = semctl(i, 0, SEM_STAT_ANY, (union semun){ .buf = &ds });

		if (id >= 0)
			err = call(f, id, &ds);
	}
	return err ?: info.semusz > 0;
}

static int note_size(struct finder *f, int id, const struct semid_ds *ds)
{
	return walk_sems(f->d->walk, id, ds->sem_nsems);
}

/* ---- adjustments ---- */

static bool keep_list(const void *rec, void *arg)
{
	return ((const struct rec_undo_list *)rec)->flags;
}

/* Of a process whose first thread has exited: the list that its threads were born with. */
static __u64 list_of_threads(const struct snap *s, __u64 tgid)
{
	size_t nr;
	void **task = snap_referring(s, REC_TASK, struct rec_task, tgid, tgid, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_undo_list *l = snap_find(s, REC_UNDO_LIST, rec_key(task[i]));

		if (l && l->list)
			return l->list;
	}
	return 0;
}

static bool leader_has_exited(const struct snap *s, const struct rec_task *t)
{
	size_t nr;
	void **leader = snap_referring(s, REC_TASK, struct rec_task, pid, t->tgid, &nr);

	return nr && t->pid != t->tgid && ((const struct rec_task *)leader[0])->exit_state;
}

/* A list belongs to the threads of one process, or it cannot be made again. */
static void judge_lists(struct snap *s)
{
	size_t all;
	void **rec = snap_all(s, REC_UNDO_LIST, &all);

	for (size_t i = 0; i < all; i++) {
		struct rec_undo_list *l = rec[i];
		const struct rec_task *mine = snap_find(s, REC_TASK, l->task);
		size_t nr;
		void **same = snap_referring(s, REC_UNDO_LIST, struct rec_undo_list, list, l->list, &nr);
		const struct rec_undo_list *first = same[0];
		const struct rec_task *other = snap_find(s, REC_TASK, first->task);

		if (mine && !mine->exit_state && leader_has_exited(s, mine) &&
		    l->list != list_of_threads(s, mine->tgid))
			l->flags |= UNDO_F_APART;
		if (!l->list)
			continue;
		if (mine && other && mine->tgid != other->tgid)
			l->flags |= UNDO_F_SHARED;
		if (nr < l->users)
			l->flags |= UNDO_F_OUTSIDE;
	}
	snap_filter(s, REC_UNDO_LIST, keep_list, NULL);
}

static int note_undos(struct finder *f)
{
	int any = for_all_sets(f, note_size), err;

	if (any <= 0)
		return any;
	err = walk_run(f->d->walk, WALK_UNDOS, &f->d->snap);
	if (err)
		return err;
	snap_unique_bytes(&f->d->snap, REC_UNDO);
	judge_lists(&f->d->snap);
	err = list_waits(f) ?: for_all_sets(f, note_set);
	return err < 0 ? err : 0;
}

/* ---- queues ---- */

static int note_queue(struct finder *f, int id, const struct msqid_ds *ds)
{
	__s64 last = latest(ds->msg_stime, ds->msg_rtime, ds->msg_ctime);
	struct rec_msgq *r;

	if (!is_asked_for(f, REC_MSGQ, offsetof(struct rec_msgq, msqid), id) &&
	    (f->d->sysv_like || (!was_used_by(f, ds->msg_lspid, last) && !was_used_by(f, ds->msg_lrpid, last) &&
				 !is_waited_for(f, REC_MSGQ, id))))
		return 0;
	r = snap_new(&f->d->snap, REC_MSGQ, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->task = f->owner;
	r->msqid = id;
	r->qbytes = ds->msg_qbytes;
	r->qnum = ds->msg_qnum;
	r->perm = sysv_perm(&ds->msg_perm);
	r->lspid = ds->msg_lspid;
	r->lrpid = ds->msg_lrpid;
	r->stime = ds->msg_stime;
	r->rtime = ds->msg_rtime;
	r->ctime = ds->msg_ctime;
	memcpy(r->boot, f->boot, sizeof(r->boot));
	return 0;
}

static int note_queues(struct finder *f)
{
	struct msginfo info;
	int last = msgctl(0, MSG_INFO, (void *)&info), err = 0;

	if (info.msgpool && !f->wait)
		err = list_waits(f);
	for (int i = 0; i <= last && info.msgpool && !err; i++) {
		struct msqid_ds ds;
		int id = msgctl(i, MSG_STAT_ANY, &ds);

		if (id >= 0)
			err = note_queue(f, id, &ds);
	}
	return err;
}

int sysv_note(struct dump *d)
{
	struct finder f = { .d = d, .owner = d->tree.root->leader->addr };
	int err;

	sysv_boot_id(f.boot);
	err = list_members(&f);
	if (!err)
		err = note_segments(&f);
	if (!err)
		err = mark_areas(&f) ?: shm_note_unreserved(d);
	if (!err)
		err = note_undos(&f);
	if (!err)
		err = note_queues(&f);
	free(f.member);
	free(f.wait);
	return err;
}
