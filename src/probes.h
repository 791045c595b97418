/* SPDX-License-Identifier: GPL-2.0-only */
/* probes.h - what kernels and capabilities give, by trying it: never by a version number. */
#ifndef BPF_CKPT_PROBES_H
#define BPF_CKPT_PROBES_H

#include <stdbool.h>

struct feature {
	const char *name;
	bool required;       /* dump or restore does not work at all without it */
	const char *without; /* what its lack costs */
	bool (*probe)(void);
};

/* Ends with a NULL name. */
extern const struct feature features[];

#endif
