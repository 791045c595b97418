// SPDX-License-Identifier: GPL-2.0-only
/* validate.c - an image is untrusted input: what its records mean, before any task is made. */
#include "log.h"
#include "image.h"
#include "rec_state.h"
#include "rec_task.h"
#include "res.h"

static int check_reference(const struct snap *s, const struct res_type *type, const struct field *f,
			   const void *rec)
{
	__u64 id = field_value(f, rec, 0);

	if (!f->target || (!id && f->rule == IS_REFERENCE) || snap_find(s, f->target, id))
		return 0;
	return fail(-ERR_IMAGE, "image: %s %llu: %s refers to %s %llu, which is not in the image",
		    type->name, rec_key(rec), f->name, res_type(f->target)->name, id);
}

static int check_record(const struct image *img, const struct res_type *type, const struct rec_hdr *h)
{
	int err = 0;

	if (h->len < type->size)
		return fail(-ERR_IMAGE, "image: a record of kind %s has %u bytes instead of %u",
			    type->name, h->len, type->size);
	if (!rec_key(h))
		return fail(-ERR_IMAGE, "image: a record of kind %s has no identity", type->name);
	for (unsigned int i = 0; i < type->nr_fields && !err; i++)
		if (type->fields[i].rule == IS_REFERENCE || type->fields[i].rule == IS_OWNER)
			err = check_reference(&img->snap, type, &type->fields[i], h);
	if (!err && type->read)
		err = type->read(img, h);
	return err;
}

/* Chains of numbers: as long as the level says, and every number possible. */
static int check_chains(const struct snap *s)
{
	snap_for_each(s, REC_PID, const struct rec_pid, pid) {
		size_t room = (pid->h.len - sizeof(*pid)) / sizeof(pid->numbers[0]);

		if (pid->level > PIDNS_LEVEL_MAX || room <= pid->level)
			return fail(-ERR_IMAGE, "image: pid %llu has an impossible level %u", pid->addr,
				    pid->level);
		for (unsigned int l = 0; l <= pid->level; l++)
			if (pid->numbers[l] < 1 || pid->numbers[l] > 1 << 22)
				return fail(-ERR_IMAGE, "image: pid %llu has the impossible number %d",
					    pid->addr, pid->numbers[l]);
	}
	return 0;
}

static int check_identities(const struct snap *s, const struct res_type *type)
{
	size_t nr;
	void **rec = snap_all(s, type->tag, &nr);

	for (size_t i = 1; i < nr && !type->owned; i++)
		if (rec_key(rec[i]) == rec_key(rec[i - 1]))
			return fail(-ERR_IMAGE, "image: two records of kind %s with id %llu", type->name,
				    rec_key(rec[i]));
	return 0;
}

int image_validate(const struct image *img)
{
	const struct snap *s = &img->snap;
	size_t nr_tree;

	for (unsigned int i = 0; i < s->nr_lists; i++)
		if (s->list[i].tag < REC_OPTIONAL && !res_type(s->list[i].tag))
			return fail(-ERR_IMAGE, "image: records of the unknown kind %#x; a newer program "
				    "made it", s->list[i].tag);
	for (unsigned int i = 0; i < nr_res_types; i++) {
		const struct res_type *type = res_types[i];
		size_t nr;
		void **rec = snap_all(s, type->tag, &nr);
		int err = check_identities(s, type);

		for (size_t j = 0; j < nr && !err; j++)
			err = check_record(img, type, rec[j]);
		if (err)
			return err;
	}
	snap_all(s, REC_TREE, &nr_tree);
	if (nr_tree != 1)
		return fail(-ERR_IMAGE, "image: %zu tree records instead of one", nr_tree);
	return check_chains(s);
}
