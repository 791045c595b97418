/* SPDX-License-Identifier: GPL-2.0-only */
/* bpf_reach.h - which instructions of a BPF program can be executed at all, as far as constants tell. */
#ifndef BPF_CKPT_BPF_REACH_H
#define BPF_CKPT_BPF_REACH_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A program after its CO-RE relocations: what a field's existence decides is a constant by then, so a
 * branch on it has one way only. reached has room for nr. -ENOMEM.
 */
int bpf_reach(const struct bpf_insn *insn, size_t nr, bool *reached);

#endif
