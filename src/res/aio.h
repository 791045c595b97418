/* SPDX-License-Identifier: GPL-2.0-only */
/* aio.h - contexts of io_setup(2): a ring in memory, and a number that is its address. */
#ifndef BPF_CKPT_AIO_H
#define BPF_CKPT_AIO_H

#include "rec_mem.h"

struct dump;
struct restore;
struct snap;

/* Give requests that are in flight a little time: they need none of the stopped tasks. */
int aio_settle(struct dump *d);

/* Why the area of a ring cannot be restored, or NULL. */
const char *aio_area_refusal(const struct snap *s, const struct rec_vma *v);

/* Make all contexts, once all areas are there, their places held by other memory. 0 or a reported error. */
int aio_restore(struct restore *r);

#endif
