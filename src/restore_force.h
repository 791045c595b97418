/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * restore_force.h - pages of private memory that could never be written: what a debugger writes there
 * (ptrace(2), /proc/PID/mem), or a pin has made (FOLL_LONGTERM). To map such an area writable for a while would
 * have it accounted for, which it was not.
 */
#ifndef BPF_CKPT_RESTORE_FORCE_H
#define BPF_CKPT_RESTORE_FORCE_H

#include <linux/types.h>
#include <stddef.h>

struct image_page_run;
struct restore;

/*
 * The runs of an address space without the parts in such areas: what a task can read into place by itself. The
 * caller frees *out; NULL, with 0: all of them. 0 or a reported error.
 */
int restore_unforced(struct restore *r, __u64 mm, struct image_page_run **out, size_t *nr);

/* Write those parts through /proc/PID/mem, once all areas are as they were. 0 or a reported error. */
int restore_force_pages(struct restore *r);

#endif
