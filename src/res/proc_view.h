/* SPDX-License-Identifier: GPL-2.0-only */
/* proc_view.h - what a file of proc took hold of when it was opened. */
#ifndef BPF_CKPT_RES_PROC_VIEW_H
#define BPF_CKPT_RES_PROC_VIEW_H

#include "snap.h"

/* Why it could not be opened again so that it shows the same, or NULL. */
const char *proc_view_refusal(const struct snap *s, __u64 file);

#endif
