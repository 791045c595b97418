/* SPDX-License-Identifier: GPL-2.0-only */
/* ids.h - kernel addresses to the small object ids that an image holds instead. */
#ifndef BPF_CKPT_IDS_H
#define BPF_CKPT_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "record.h"

struct res_type;

struct ids {
	struct id_entry { __u64 addr, id; } *v; /* open addressing, power of two */
	size_t cap, nr;
};

/* The id of an address, a new one if it has none; 0 for 0. 0 for another address: out of memory. */
__u64 ids_get(struct ids *ids, __u64 addr);
/* The id of an address that has one, else 0. */
__u64 ids_find(const struct ids *ids, __u64 addr);
bool ids_has(const struct ids *ids, __u64 addr);
void ids_free(struct ids *ids);

/*
 * Turn a copy of a record of a walk into one of an image: addresses become ids, what is NEVER_SAVED
 * becomes zero. 0 or -ENOMEM.
 */
int ids_translate(struct ids *ids, const struct res_type *type, struct rec_hdr *rec);

#endif
