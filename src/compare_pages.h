/* SPDX-License-Identifier: GPL-2.0-only */
/* compare_pages.h - memory of a restored tree against the pages of the image. */
#ifndef BPF_CKPT_COMPARE_PAGES_H
#define BPF_CKPT_COMPARE_PAGES_H

struct dump;
struct restore;

/* Number of differences, each reported in a line (the first of an address space). */
unsigned int compare_pages(struct restore *r, const struct dump *live);

#endif
