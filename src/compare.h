/* SPDX-License-Identifier: GPL-2.0-only */
/* compare.h - is the restored tree what the image says? By the field tables, not by belief. */
#ifndef BPF_CKPT_COMPARE_H
#define BPF_CKPT_COMPARE_H

struct restore;

/*
 * Walk the restored, still stopped tree as a dump would, and compare it with the image, field by
 * field and page by page. Differences are reported, a line each (up to 20). 0 or -ERR_DIFFERS.
 */
int compare_restored(struct restore *r);

#endif
