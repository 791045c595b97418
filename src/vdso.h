/* SPDX-License-Identifier: GPL-2.0-only */
/* vdso.h - the code that the kernel maps into every task, by its contents. */
#ifndef BPF_CKPT_VDSO_H
#define BPF_CKPT_VDSO_H

#include <linux/types.h>

/* A checksum of this kernel's vdso, which is the same in all tasks; 0 when there is none. */
__u64 vdso_sum(void);

#endif
