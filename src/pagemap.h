/* SPDX-License-Identifier: GPL-2.0-only */
/* pagemap.h - which pages of an address space exist and are its own. */
#ifndef BPF_CKPT_PAGEMAP_H
#define BPF_CKPT_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/types.h>

struct page_range {
	__u64 start, end; /* addresses, page aligned */
};

struct page_ranges {
	struct page_range *v; /* ascending, not touching */
	size_t nr, cap;
};

/* Append, joined to the last one when it continues it. 0, -ENOMEM, or -EPROTO, reported, when it lies before that. */
int ranges_add(struct page_ranges *r, __u64 start, __u64 end);
void ranges_free(struct page_ranges *r);

/* Does this kernel know PAGEMAP_SCAN (6.7)? */
bool pagemap_has_scan(void);

/*
 * Of the areas of a (stopped) task, the pages that a checkpoint must hold: present or swapped out,
 * neither the page of a file nor the zero page. Nothing is faulted in. guards gets the ranges of
 * MADV_GUARD_INSTALL. PAGEMAP_SCAN (6.7+), /proc/PID/pagemap without it. 0 or -errno, reported.
 */
int pagemap_private(pid_t tid, const struct page_ranges *areas, struct page_ranges *pages,
		    struct page_ranges *guards);

#endif
