// SPDX-License-Identifier: GPL-2.0-only
/* validate.c - an image is untrusted input: what its records mean, before any task is made. */
#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "image.h"
#include "log.h"
#include "rec_state.h"
#include "rec_task.h"
#include "res.h"
#include "tree.h"

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
	return err;
}

/* Namespaces: one below the other, so that they end at level 0. */
static int check_namespaces(const struct snap *s)
{
	snap_for_each(s, REC_PIDNS, const struct rec_pidns, ns) {
		const struct rec_pidns *up = snap_find(s, REC_PIDNS, ns->parent);

		if (ns->level > PIDNS_LEVEL_MAX || (up ? ns->level != up->level + 1 : ns->level != 0))
			return fail(-ERR_IMAGE, "image: pid namespace %llu has the impossible level %u",
				    ns->addr, ns->level);
	}
	return 0;
}

/* Chains of numbers: as long as the level says, and every number possible. */
static int check_chains(const struct snap *s)
{
	snap_for_each(s, REC_PID, const struct rec_pid, pid) {
		size_t room = (pid->h.len - sizeof(*pid)) / sizeof(pid->numbers[0]);
		const struct rec_pidns *ns = snap_find(s, REC_PIDNS, pid->ns);

		if (pid->level > PIDNS_LEVEL_MAX || room <= pid->level || !ns || ns->level != pid->level)
			return fail(-ERR_IMAGE, "image: pid %llu has an impossible level %u", pid->addr,
				    pid->level);
		for (unsigned int l = 0; l <= pid->level; l++)
			if (pid->numbers[l] < 1 || pid->numbers[l] > 1 << 22)
				return fail(-ERR_IMAGE, "image: pid %llu has the impossible number %d at "
					    "level %u", pid->addr, pid->numbers[l], l);
	}
	return 0;
}

struct place {
	__u64 ns, pid;
	__s32 nr;
	__u32 level;
};

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns < y->ns ? -1 : 1;
	return x->nr < y->nr ? -1 : x->nr > y->nr;
}

/* A number belongs to one pid in each namespace that sees it. Levels and chains are sound by now. */
static int check_numbers(const struct snap *s)
{
	struct place *v _free_ = NULL;
	size_t nr, n = 0;

	snap_all(s, REC_PID, &nr);
	v = calloc(nr * PID_NUMBERS_MAX + 1, sizeof(*v));
	if (!v)
		return fail(-ENOMEM, "image");
	snap_for_each(s, REC_PID, const struct rec_pid, pid) {
		const struct rec_pidns *ns = snap_find(s, REC_PIDNS, pid->ns);

		for (; ns; ns = snap_find(s, REC_PIDNS, ns->parent))
			v[n++] = (struct place){ ns->addr, pid->addr, pid->numbers[ns->level], ns->level };
	}
	qsort(v, n, sizeof(*v), by_place);
	for (size_t i = 1; i < n; i++)
		if (!by_place(&v[i - 1], &v[i]))
			return fail(-ERR_IMAGE, "image: number %d at level %u belongs to pid %llu and to "
				    "pid %llu", v[i].nr, v[i].level, v[i - 1].pid, v[i].pid);
	return 0;
}

/* In the namespaces of a whole tree who lives has a task, and who has a task lives. */
static int check_alive(const struct snap *s, const struct rec_tree *tree)
{
	snap_for_each(s, REC_PID, const struct rec_pid, pid) {
		size_t nr;

		snap_referring(s, REC_TASK, struct rec_task, pid, pid->addr, &nr);
		if (nr > 1 || (nr && !pid->alive) || (!nr && pid->alive && tree->flags & TREE_F_CONTAINER &&
						      pidns_within(s, pid->ns, tree->root_pidns)))
			return fail(-ERR_IMAGE, "image: pid %llu (number %d) is %s, and %zu tasks have it",
				    pid->addr, pid->numbers[pid->level], pid->alive ? "alive" : "not alive", nr);
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

/* Records as such: long enough, with an identity of their own, and what they refer to is there. */
static int check_records(const struct image *img, const struct res_type *type)
{
	size_t nr;
	void **rec = snap_all(&img->snap, type->tag, &nr);
	int err = check_identities(&img->snap, type);

	for (size_t i = 0; i < nr && !err; i++)
		err = check_record(img, type, rec[i]);
	return err;
}

/* What a kind knows of its own; it may look at records of others, and at chains of numbers. */
static int read_records(const struct image *img, const struct res_type *type)
{
	size_t nr;
	void **rec = snap_all(&img->snap, type->tag, &nr);
	int err = 0;

	for (size_t i = 0; i < nr && type->read && !err; i++)
		err = type->read(img, rec[i]);
	return err;
}

static const struct rec_tree *only_tree(const struct snap *s)
{
	size_t nr;
	void **rec = snap_all(s, REC_TREE, &nr);

	if (nr == 1)
		return rec[0];
	fail(-ERR_IMAGE, "image: %zu tree records instead of one", nr);
	return NULL;
}

int image_validate(const struct image *img)
{
	const struct snap *s = &img->snap;
	const struct rec_tree *tree;
	int err = 0;

	for (unsigned int i = 0; i < s->nr_lists; i++)
		if (s->list[i].tag < REC_OPTIONAL && !res_type(s->list[i].tag))
			return fail(-ERR_IMAGE, "image: records of the unknown kind %#x; a newer program "
				    "made it", s->list[i].tag);
	for (unsigned int i = 0; i < nr_res_types && !err; i++)
		err = check_records(img, res_types[i]);
	if (err)
		return err;
	tree = only_tree(s);
	if (!tree)
		return -ERR_IMAGE;
	err = check_namespaces(s) ?: check_chains(s);
	for (unsigned int i = 0; i < nr_res_types && !err; i++)
		err = read_records(img, res_types[i]);
	return err ? err : check_numbers(s) ?: check_alive(s, tree);
}
