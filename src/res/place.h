/* SPDX-License-Identifier: GPL-2.0-only */
/* place.h - through which mount somebody reached a file or directory. */
#ifndef BPF_CKPT_PLACE_H
#define BPF_CKPT_PLACE_H

#include <linux/types.h>

struct check;

/* Why a path is not the way to what user, a rec_file or rec_fs, has; or NULL. */
const char *place_refusal(const struct check *c, __u64 user);

#endif
