/* SPDX-License-Identifier: GPL-2.0-only */
/* vdso.h - the code that the kernel maps into every task; that of another kernel, made to lead to ours. */
#ifndef BPF_CKPT_VDSO_H
#define BPF_CKPT_VDSO_H

#include <stddef.h>
#include <linux/types.h>

/* This kernel's, as it is in this process; it is the same in all tasks. NULL: there is none. */
const void *vdso_own(size_t *len);

/* A checksum of that; 0 when there is none. */
__u64 vdso_sum(const void *vdso, size_t len);

/*
 * Change a copy of another kernel's vdso so that each of its functions (its dynamic symbols) goes to the one
 * of that name in ours, which will be at an address of its own; what ours lacks becomes the system call that
 * it stands for. Programs call by the addresses of the old one. 0; -ENOEXEC: it is no ELF image that could
 * be one, or a function has no room for that.
 */
int vdso_redirect(void *old, size_t len, const void *ours, size_t ours_len, __u64 ours_at);

#endif
