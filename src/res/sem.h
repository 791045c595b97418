/* SPDX-License-Identifier: GPL-2.0-only */
/* sem.h - System V semaphores, for the kinds that refer to a set. */
#ifndef BPF_CKPT_SEM_H
#define BPF_CKPT_SEM_H

#include "rec_ipc.h"
#include "snap.h"

#define SEM_HIGHEST 32767 /* include/uapi/linux/sem.h: SEMVMX */

/* The set with that id, or NULL. */
const struct rec_sem *sem_find(const struct snap *s, __u64 semid);

#endif
