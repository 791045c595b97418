/* SPDX-License-Identifier: GPL-2.0-only */
/* shm_unreserved.h - System V shared memory that no memory is promised to. */
#ifndef BPF_CKPT_RES_SHM_UNRESERVED_H
#define BPF_CKPT_RES_SHM_UNRESERVED_H

#include <stdbool.h>

#include "rec_ipc.h"
#include "snap.h"

struct dump;

/* Note those that were made with SHM_NORESERVE; frozen. 0 or a reported error. */
int shm_note_unreserved(struct dump *d);

bool shm_is_unreserved(const struct snap *s, const struct rec_shm *shm);

#endif
