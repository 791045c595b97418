/* SPDX-License-Identifier: GPL-2.0-only */
/* capability.h - what this process may do. */
#ifndef BPF_CKPT_CAPABILITY_H
#define BPF_CKPT_CAPABILITY_H

#include <stdbool.h>

/* Is CAP_* (linux/capability.h) in the effective set? capget(2) */
bool has_capability(int cap);

/* Put a permitted one into the effective set of this thread, or take it out. 0, or -1 and errno. */
int capability_set(int cap, bool on);

#endif
