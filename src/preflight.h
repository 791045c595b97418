/* SPDX-License-Identifier: GPL-2.0-only */
/* preflight.h - what a restore needs of this system, found out before anything is made. */
#ifndef BPF_CKPT_PREFLIGHT_H
#define BPF_CKPT_PREFLIGHT_H

struct restore;

/*
 * Numbers and ports that are free, limits, processor features, vdso. All collisions are reported, a line each,
 * with who holds the number. 0, -ERR_TAKEN, or another reported error. Makes nothing.
 */
int preflight(struct restore *r);

#endif
