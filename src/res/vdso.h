/* SPDX-License-Identifier: GPL-2.0-only */
/* vdso.h - kind "vdso": the kernel's code in every task, where another kernel has another. */
#ifndef BPF_CKPT_RES_VDSO_H
#define BPF_CKPT_RES_VDSO_H

#include <stdbool.h>
#include <linux/types.h>

struct batch;
struct dump;
struct rec_vma;
struct restore;

/* The record of dump.vdso, which is found before the tree is stopped. */
int vdso_collect(struct dump *d);

/* An area of the kernel's: "[vdso]" itself, or that or data of it. */
bool vdso_code(const struct rec_vma *v);
bool vdso_area(const struct rec_vma *v);

/* The image's, where a restore on another kernel makes plain memory of it; else NULL. */
const struct rec_vma *vdso_led_on(const struct restore *r, __u64 mm);

/*
 * Once it is known where stubs have theirs: can the image's areas be that again? Or, with another kernel's
 * vdso in the image, is that one ready to be led to ours? 0 or a reported error.
 */
int vdso_prepare(struct restore *r);

/* Append what makes such an area. */
void vdso_join(struct restore *r, struct batch *b, const struct rec_vma *v);

#endif
