/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sysv.h - System V IPC: objects with global ids that no task need refer to. Which of them are a tree's,
 * and how one comes back under its id.
 *
 * A tree's are: segments that it has attached; sets and queues that a task waits for or has adjustments
 * of; and whatever a process of it was the maker of, or the last user. With dump --sysv=all, all.
 *
 * They outlive the tree. What a restore finds under the id is taken for the same object when this kernel
 * gave it the id, or when it has the same key; it gets the contents of the image, as memory does. What is
 * gone is made again; all else that has the id or the key is in the way.
 */
#ifndef BPF_CKPT_SYSV_H
#define BPF_CKPT_SYSV_H

#include <stdbool.h>
#include <sys/types.h>

#include "field.h"
#include "rec_ipc.h"

struct dump;
struct restore;

#ifndef SHM_DEST
#define SHM_DEST 01000
#define SHM_LOCKED 02000
#endif

#define FIELDS_IPC_PERM(type)                                                                     \
	FIELD_AT(type, perm.key, "key", MUST_MATCH, AS_SIGNED),                                    \
	FIELD_AT(type, perm.uid, "uid", MUST_MATCH, AS_DEC),                                       \
	FIELD_AT(type, perm.gid, "gid", MUST_MATCH, AS_DEC),                                       \
	FIELD_AT(type, perm.cuid, "cuid", MUST_MATCH, AS_DEC),                                     \
	FIELD_AT(type, perm.cgid, "cgid", MUST_MATCH, AS_DEC),                                     \
	FIELD_AT(type, perm.mode, "mode", MUST_MATCH, AS_OCTAL)

/* Records of what is the tree's: after a walk. Tells areas of shared segments by VMA_F_SYSV. */
int sysv_note(struct dump *d);

/* An object that a restore wants, or the kernel has. */
struct sysv_object {
	__u32 tag; /* REC_SHM, REC_SEM, REC_MSGQ */
	int id;
	struct rec_ipc_perm perm;
	__u64 size;  /* bytes; semaphores */
	__u32 users; /* of a segment: attached areas */
	__u32 huge_shift;
	bool unreserved; /* SHM_NORESERVE */
	const char *boot;
};

/* Is the place free (0), taken by the same object (1), or by another (a reported -ERR_TAKEN)? */
int sysv_place(const struct sysv_object *want);
/* All of an image: before anything is made. */
int sysv_places(const struct restore *r);

/* Make it, with id, key, owner and mode; sysv_undo() removes it when the restore fails. */
int sysv_make(struct restore *r, const struct sysv_object *want);
void sysv_undo(struct restore *r);
/* Did it, so that nobody else can know the object yet? */
bool sysv_is_new(const struct restore *r, __u32 tag, __u64 id);

/* When all is attached: segments that go with their last user; what queues were held for. */
int sysv_finish(struct restore *r);

/* A process that has a segment attached and is not one that skip() says yes to; 0 for none. */
pid_t sysv_attacher(__u64 shmid, bool (*skip)(pid_t pid, void *arg), void *arg);

struct rec_shm;
/* A segment that nobody of the tree has attached: a descriptor of its file, or a reported error. */
int shm_open_detached(const struct rec_shm *s);

/* As object. */
struct sysv_object shm_object(const struct rec_shm *s);
struct sysv_object sem_object(const struct rec_sem *s);
struct sysv_object msgq_object(const struct rec_msgq *q);

/* rec_ipc_perm of what the calls with IPC_STAT give; /proc/sys/kernel/random/boot_id */
struct ipc_perm;
struct rec_ipc_perm sysv_perm(const struct ipc_perm *p);
void sysv_boot_id(char boot[REC_BOOT_ID]);

#endif
