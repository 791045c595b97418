/* SPDX-License-Identifier: GPL-2.0-only */
/* cred.h - operations that give a stub a thread's credentials. */
#ifndef BPF_CKPT_CRED_H
#define BPF_CKPT_CRED_H

#include "machine.h"
#include "rec_task.h"

struct restore;
struct unit;

/*
 * Append what takes a stub that has all rights in its user namespace to the credentials of t: groups,
 * ids, bounding, ambient and the other capability sets, securebits. Nothing privileged works afterwards.
 * capabilities(7); security/commoncap.c. 0 or a reported error.
 */
int cred_join(struct restore *r, struct batch *b, const struct rec_task *t);

/*
 * Append what brings the first thread of a process, while it is the only one, into its user namespace,
 * with its ids; nothing when it was born there. Rights outside of that are gone afterwards.
 */
int cred_enter(struct restore *r, struct unit *u);

/* Users and groups of t alone, by a stub in user namespace ns that has those of like (NULL: ours). */
void cred_set_ids(struct restore *r, struct batch *b, __u64 ns, const struct rec_task *t,
		  const struct rec_task *like);

#endif
