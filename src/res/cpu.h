/* SPDX-License-Identifier: GPL-2.0-only */
/* cpu.h - kind "cpu": a tree goes on only where the processor has all that it may have seen. */
#ifndef BPF_CKPT_CPU_H
#define BPF_CKPT_CPU_H

struct dump;
struct restore;

/* The record of dump.cpu; that takes some hundred us to read, so not while the tree is stopped. */
int cpu_collect(struct dump *d);

/* Refuse by name what this processor (restore.cpu) lacks. */
int cpu_preflight(struct restore *r);

#endif
