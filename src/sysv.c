// SPDX-License-Identifier: GPL-2.0-only
/* sysv.c - how a System V IPC object comes back under its id, and what is in its way. */
#include "sysv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "holder.h"
#include "log.h"
#include "res/msgq.h"
#include "restore.h"

union semun {
	int val;
	struct semid_ds *buf;
};

static const char *name_of(__u32 tag)
{
	return tag == REC_SHM ? "shared memory segment" : tag == REC_SEM ? "semaphore set" : "message queue";
}

static int get(__u32 tag, int key, __u64 size, int flags)
{
	switch (tag) {
	case REC_SHM:
		return shmget(key, size, flags);
	case REC_SEM:
		return semget(key, size, flags);
	default:
		return msgget(key, flags);
	}
}

static int control(__u32 tag, int id, int cmd, void *buf)
{
	switch (tag) {
	case REC_SHM:
		return shmctl(id, cmd, buf);
	case REC_SEM:
		return semctl(id, 0, cmd, (union semun){ .buf = buf });
	default:
		return msgctl(id, cmd, buf);
	}
}

/* What the kernel has under that id; false: nothing. */
static bool stat_object(__u32 tag, int id, struct sysv_object *o)
{
	union { struct ipc_perm perm; struct shmid_ds shm; struct semid_ds sem; struct msqid_ds msg; } ds = {};

	if (control(tag, id, IPC_STAT, &ds))
		return false;
	*o = (struct sysv_object){ .tag = tag, .id = id, .perm = sysv_perm(&ds.perm) };
	if (tag == REC_SHM) {
		o->size = ds.shm.shm_segsz;
		o->users = ds.shm.shm_nattch;
	} else if (tag == REC_SEM) {
		o->size = ds.sem.sem_nsems;
	}
	return true;
}

/* An id is given once in the life of a kernel, as good as; a key says whose an object is ever after. */
static bool is_same(const struct sysv_object *want, const struct sysv_object *have)
{
	char boot[REC_BOOT_ID];

	if (want->perm.key != have->perm.key || want->perm.cuid != have->perm.cuid || want->size != have->size)
		return false;
	sysv_boot_id(boot);
	return want->perm.key != IPC_PRIVATE || !strcmp(want->boot, boot);
}

pid_t sysv_attacher(__u64 shmid, bool (*skip)(pid_t pid, void *arg), void *arg)
{
	return holder_find(&(struct held_file){ .ino = shmid, .name = "/SYSV", .skip = skip, .arg = arg });
}

int sysv_place(const struct sysv_object *want)
{
	struct sysv_object have;
	int other;

	if (stat_object(want->tag, want->id, &have)) {
		if (!is_same(want, &have))
			return fail(-ERR_TAKEN, "id %d belongs to another System V %s, with key %#x, made by user %u: "
				    "remove it with ipcrm(1) if nobody needs it", want->id, name_of(want->tag),
				    have.perm.key, have.perm.cuid);
		if (have.users)
			return fail(-ERR_TAKEN, "System V shared memory segment %d is in use by pid %d", want->id,
				    sysv_attacher(want->id, NULL, NULL));
		return 1;
	}
	other = want->perm.key == IPC_PRIVATE ? -1 : get(want->tag, want->perm.key, 0, 0);
	if (other >= 0)
		return fail(-ERR_TAKEN, "key %#x belongs to another System V %s, with id %d: remove it with ipcrm(1) "
			    "if nobody needs it", want->perm.key, name_of(want->tag), other);
	return 0;
}

int sysv_places(const struct restore *r)
{
	int err = 0;

	snap_for_each(&r->image.snap, REC_SHM, const struct rec_shm, s)
		err = err < 0 ? err : sysv_place(&(struct sysv_object[]){ shm_object(s) }[0]);
	snap_for_each(&r->image.snap, REC_SEM, const struct rec_sem, s)
		err = err < 0 ? err : sysv_place(&(struct sysv_object[]){ sem_object(s) }[0]);
	snap_for_each(&r->image.snap, REC_MSGQ, const struct rec_msgq, q)
		err = err < 0 ? err : sysv_place(&(struct sysv_object[]){ msgq_object(q) }[0]);
	return err < 0 ? err : 0;
}

/* The next object of that kind gets this id, if its slot is free: Documentation/admin-guide/sysctl/kernel.rst */
static int ask_for_id(__u32 tag, int id)
{
	const char *name = tag == REC_SHM ? "shm" : tag == REC_SEM ? "sem" : "msg";
	char path[64];
	FILE *f _fclose_ = NULL;

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s_next_id", name);
	f = fopen(path, "we");
	if (!f || fprintf(f, "%d", id) < 0 || fflush(f))
		return fail(-errno, "write %d to %s", id, path);
	return 0;
}

/* Made as its creator would have, who is remembered; the kernel's calls, as glibc's are for all threads. */
static int get_as_creator(const struct sysv_object *want, int flags)
{
	int id, err;

	if (syscall(SYS_setresgid, -1, want->perm.cgid, -1) || syscall(SYS_setresuid, -1, want->perm.cuid, -1))
		return -errno;
	id = get(want->tag, want->perm.key, want->size, flags | IPC_CREAT | IPC_EXCL);
	err = id < 0 ? -errno : 0;
	if (syscall(SYS_setresuid, -1, 0, -1) || syscall(SYS_setresgid, -1, 0, -1))
		return -errno;
	return err ? err : id;
}

static int note_made(struct restore *r, __u32 tag, int id)
{
	struct sysv_made *v = realloc(r->sysv, (r->nr_sysv + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	r->sysv = v;
	r->sysv[r->nr_sysv++] = (struct sysv_made){ tag, id };
	return 0;
}

static int set_owner(const struct sysv_object *want)
{
	union { struct ipc_perm perm; struct shmid_ds shm; struct semid_ds sem; struct msqid_ds msg; } ds;

	if (control(want->tag, want->id, IPC_STAT, &ds))
		return -errno;
	ds.perm.uid = want->perm.uid;
	ds.perm.gid = want->perm.gid;
	ds.perm.mode = want->perm.mode & 0777;
	return control(want->tag, want->id, IPC_SET, &ds) ? -errno : 0;
}

int sysv_make(struct restore *r, const struct sysv_object *want)
{
	int flags = want->perm.mode & 0777, err = ask_for_id(want->tag, want->id), id;

	if (err)
		return err;
	if (want->huge_shift)
		flags |= SHM_HUGETLB | want->huge_shift << 26; /* MAP_HUGE_SHIFT */
	if (want->unreserved)
		flags |= SHM_NORESERVE;
	id = get_as_creator(want, flags);
	if (id < 0)
		return fail(id, "make System V %s %d with key %#x", name_of(want->tag), want->id, want->perm.key);
	err = note_made(r, want->tag, id);
	if (err || id != want->id) {
		control(want->tag, id, IPC_RMID, NULL);
		return err ? fail(err, "restore") :
			     fail(-ERR_TAKEN, "the slot of id %d is taken by another System V %s: ipcs(1) lists them",
				  want->id, name_of(want->tag));
	}
	err = set_owner(want);
	return err ? fail(err, "give System V %s %d its owner and mode", name_of(want->tag), id) : 0;
}

bool sysv_is_new(const struct restore *r, __u32 tag, __u64 id)
{
	for (size_t i = 0; i < r->nr_sysv; i++)
		if (r->sysv[i].tag == tag && (__u64)r->sysv[i].id == id)
			return true;
	return false;
}

void sysv_undo(struct restore *r)
{
	for (size_t i = 0; i < r->nr_sysv; i++)
		control(r->sysv[i].tag, r->sysv[i].id, IPC_RMID, NULL);
	r->nr_sysv = 0;
}

/* Changed now, by the word of ctime: as used by the tasks that have been made, which are younger than it was. */
static int touch(const struct sysv_object *o)
{
	int err = set_owner(o);

	return err ? fail(err, "give System V %s %d its owner and mode", name_of(o->tag), o->id) : 0;
}

static int touch_all(const struct restore *r)
{
	int err = 0;

	snap_for_each(&r->image.snap, REC_SHM, const struct rec_shm, s)
		err = err ?: touch(&(struct sysv_object[]){ shm_object(s) }[0]);
	snap_for_each(&r->image.snap, REC_SEM, const struct rec_sem, s)
		err = err ?: touch(&(struct sysv_object[]){ sem_object(s) }[0]);
	snap_for_each(&r->image.snap, REC_MSGQ, const struct rec_msgq, q)
		err = err ?: touch(&(struct sysv_object[]){ msgq_object(q) }[0]);
	return err;
}

int sysv_finish(struct restore *r)
{
	int err = touch_all(r);

	if (err)
		return err;
	snap_for_each(&r->image.snap, REC_SHM, const struct rec_shm, s)
		if (s->perm.mode & SHM_DEST && shmctl(s->shmid, IPC_RMID, NULL))
			return fail(-errno, "have shared memory segment %llu go with its last user", s->shmid);
	return msgq_release(r);
}
