// SPDX-License-Identifier: GPL-2.0-only
/* ids.c - kernel addresses to the small object ids that an image holds instead. */
#include "ids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "res.h"

static size_t slot_of(const struct ids *ids, __u64 addr)
{
	size_t i = (addr * 0x9e3779b97f4a7c15ull) >> 20 & (ids->cap - 1);

	while (ids->v[i].addr && ids->v[i].addr != addr)
		i = (i + 1) & (ids->cap - 1);
	return i;
}

static int grow(struct ids *ids)
{
	struct ids bigger = { .cap = ids->cap ? ids->cap * 2 : 1024, .nr = ids->nr };

	bigger.v = calloc(bigger.cap, sizeof(*bigger.v));
	if (!bigger.v)
		return -ENOMEM;
	for (size_t i = 0; i < ids->cap; i++)
		if (ids->v[i].addr)
			bigger.v[slot_of(&bigger, ids->v[i].addr)] = ids->v[i];
	free(ids->v);
	*ids = bigger;
	return 0;
}

__u64 ids_get(struct ids *ids, __u64 addr)
{
	size_t i;

	if (!addr)
		return 0;
	if (ids->nr * 2 >= ids->cap && grow(ids))
		return 0;
	i = slot_of(ids, addr);
	if (!ids->v[i].addr)
		ids->v[i] = (struct id_entry){ addr, ++ids->nr };
	return ids->v[i].id;
}

__u64 ids_find(const struct ids *ids, __u64 addr)
{
	return ids->cap && addr ? ids->v[slot_of(ids, addr)].id : 0;
}

bool ids_has(const struct ids *ids, __u64 addr)
{
	return ids->cap && ids->v[slot_of(ids, addr)].addr == addr;
}

void ids_free(struct ids *ids)
{
	free(ids->v);
	*ids = (struct ids){};
}

int ids_translate(struct ids *ids, const struct res_type *type, struct rec_hdr *rec)
{
	for (unsigned int i = 0; i < type->nr_fields; i++) {
		const struct field *f = &type->fields[i];
		char *at = (char *)rec + f->offset;
		__u64 *ref = (__u64 *)at;

		if (f->rule == NEVER_SAVED) {
			memset(at, 0, (size_t)f->size * f->count);
		} else if (f->rule == IS_IDENTITY || f->rule == IS_OWNER || f->rule == IS_REFERENCE) {
			__u64 id = ids_get(ids, *ref);

			if (*ref && !id)
				return -ENOMEM;
			*ref = id;
		}
	}
	return 0;
}
