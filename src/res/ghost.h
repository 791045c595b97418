/* SPDX-License-Identifier: GPL-2.0-only */
/* ghost.h - what nameless files get when all that maps them is there. */
#ifndef BPF_CKPT_GHOST_H
#define BPF_CKPT_GHOST_H

struct restore;

/* The seals of memfds, F_ADD_SEALS. 0 or a reported error. */
int ghost_seal_all(struct restore *r);

#endif
