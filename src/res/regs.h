/* SPDX-License-Identifier: GPL-2.0-only */
/* regs.h - layout of the tail of struct rec_regs. */
#ifndef BPF_CKPT_REGS_H
#define BPF_CKPT_REGS_H

#include <sys/user.h>

#include "cleanup.h"

/* Where the xsave area begins in rec_regs.data, behind the general registers. */
#define REGS_GREGS ALIGN_UP(sizeof(struct user_regs_struct), 64ul)

#endif
