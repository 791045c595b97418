/* SPDX-License-Identifier: GPL-2.0-only */
/* cred.h - operations that give a stub a thread's credentials. */
#ifndef BPF_CKPT_CRED_H
#define BPF_CKPT_CRED_H

#include "machine.h"
#include "rec_task.h"

/*
 * Append what takes a stub with the coordinator's (full) credentials to those of t: groups, ids,
 * bounding, ambient and the other capability sets, securebits. Nothing privileged works afterwards.
 * capabilities(7); security/commoncap.c
 */
void cred_join(struct machine *m, struct batch *b, const struct rec_task *t);

#endif
