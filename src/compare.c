// SPDX-License-Identifier: GPL-2.0-only
/* compare.c - is the restored tree what the image says? By the field tables, not by belief. */
#include "compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compare_pages.h"
#include "dump.h"
#include "dump_find.h"
#include "res/file.h"
#include "log.h"
#include "pid_order.h"
#include "rec_cpu.h"
#include "rec_external.h"
#include "rec_file.h"
#include "path.h"
#include "rec_mem.h"
#include "rec_ref.h"
#include "rec_state.h"
#include "rec_vdso.h"
#include "res/mm.h"
#include "res/vdso.h"
#include "res/vma.h"
#include "restore.h"
#include "tty.h"

#define DIFFERENCES_MAX 20

/*
 * References are compared as a bijection: the first time an id of the image meets an address they
 * are bound, and from then on only each other. Both tables count up together.
 */
struct compare {
	struct restore *r;
	const struct snap *image, *live;
	struct ids by_id, by_addr;
	struct ids done; /* records, each the first of an owner's, that were compared */
	__u64 *addr; /* [n - 1] is the address bound as number n */
	size_t cap;
	unsigned int differences;
};

static void differs(struct compare *c, const struct res_type *type, const void *a, const char *name,
		    unsigned int index, __u64 want, __u64 have)
{
	if (c->differences++ < DIFFERENCES_MAX)
		fail(-ERR_DIFFERS, "verify: %s %llu: %s[%u] is %#llx, in the image %#llx", type->name,
		     rec_key(a), name, index, have, want);
}

static bool is_bound(struct compare *c, __u64 id, __u64 addr, bool *fresh)
{
	bool has_id = ids_has(&c->by_id, id), has_addr = ids_has(&c->by_addr, addr);

	*fresh = !has_id && !has_addr;
	if (has_id != has_addr)
		return false;
	if (*fresh && c->by_id.nr == c->cap) {
		size_t cap = c->cap * 2 + 256;
		__u64 *v = realloc(c->addr, cap * sizeof(*v));

		if (!v)
			return false;
		c->addr = v;
		c->cap = cap;
	}
	if (*fresh)
		c->addr[c->by_id.nr] = addr;
	return ids_get(&c->by_id, id) == ids_get(&c->by_addr, addr);
}

static void compare_record(struct compare *c, const struct res_type *type, const void *a, const void *b);

/* The chain as the tree sees it; what is outside of the tree is not compared. */
static bool is_ours(const struct compare *c, const struct rec_pid *p)
{
	return p && (!p->alive || restore_has_pid(c->r, p->addr)) &&
	       (!c->r->tree.container || tree_has_pidns(&c->r->tree, p->ns));
}

static bool same_chain(const struct compare *c, const struct rec_pid *a, const struct rec_pid *b)
{
	unsigned int from = c->r->info->root_level, live = c->r->live_level;

	if (!b || a->level - from != b->level - live)
		return false;
	return !memcmp(a->numbers + from, b->numbers + live, (a->level - from + 1) * sizeof(__s32));
}

static bool compare_pid(struct compare *c, __u64 id, __u64 addr)
{
	const struct rec_pid *a = snap_find(c->image, REC_PID, id);

	return !is_ours(c, a) || same_chain(c, a, snap_find(c->live, REC_PID, addr));
}

static void compare_reference(struct compare *c, const struct res_type *type, const struct field *f,
			      const void *a, const void *b)
{
	__u64 id = field_value(f, a, 0), addr = field_value(f, b, 0);
	const struct res_type *target = f->target ? res_type(f->target) : NULL;
	const void *ra, *rb;
	bool fresh;

	/* what is around the tree's outermost namespace is not the tree's */
	if (type->tag == REC_PIDNS && rec_key(a) == c->r->info->root_pidns)
		return;
	/* the proc of the outside shows the outside, and no longer the namespace that the tree is in */
	if (type->tag == REC_PROCFS && f->offset == offsetof(struct rec_procfs, pidns) && c->r->opts->new_pidns)
		return;
	if (f->target == REC_PID ? !compare_pid(c, id, addr) : !id != !addr) {
		differs(c, type, a, f->name, 0, id, addr);
		return;
	}
	if (!id || f->target == REC_PID)
		return;
	if (!is_bound(c, id, addr, &fresh)) {
		if (f->target == REC_FILE && snap_find(c->image, REC_EXTERNAL, id))
			return; /* one descriptor may have been given for several */
		differs(c, type, a, f->name, 0, id, addr);
		return;
	}
	if (!fresh || !target)
		return;
	ra = snap_find(c->image, f->target, id);
	rb = snap_find(c->live, f->target, addr);
	if (ra && rb)
		compare_record(c, target, ra, rb);
	else if (ra)
		differs(c, type, a, f->name, 0, id, addr);
}

/* Bits of a field that are the program's: the rest is bookkeeping of the kernel. */
static __u64 field_mask(const struct res_type *type, const struct field *f)
{
	if (type->tag == REC_VMA && f->offset == offsetof(struct rec_vma, flags))
		return ~VM_VOLATILE;
	if (type->tag == REC_FILE && f->offset == offsetof(struct rec_file, flags))
		/*
		 * __FMODE_EXEC: execve() opened it, which only it can. O_LARGEFILE: what was
		 * not made by open() lacks it, and it means nothing on a 64-bit kernel.
		 * O_TMPFILE: acts only when the file is made.
		 */
		return ~(__u64)(040 | 0100000 | 020200000);
	return ~0ull;
}

static bool has_timers(const struct compare *c, const struct rec_proc *p)
{
	return p->itimer[0].value || p->itimer[1].value || p->itimer[2].value ||
	       snap_find(c->image, REC_TIMER, p->addr);
}

/* Timers run on while we compare: a signal of theirs may have come, but none may have gone. */
static bool timer_fired(const struct compare *c, const struct res_type *type, const struct field *f,
			const void *a, const void *b)
{
	const struct rec_proc *p = a;

	if (type->tag != REC_PROC || f->offset != offsetof(struct rec_proc, pending))
		return false;
	return has_timers(c, p) && !(p->pending & ~((const struct rec_proc *)b)->pending);
}

/* What is wider than a number: the first byte that differs. */
static void compare_bytes(struct compare *c, const struct res_type *type, const struct field *f,
			  const void *a, const void *b)
{
	const __u8 *x = (const __u8 *)a + f->offset, *y = (const __u8 *)b + f->offset;

	for (unsigned int i = 0; i < f->count * f->size; i++)
		if (x[i] != y[i]) {
			differs(c, type, a, f->name, i, x[i], y[i]);
			return;
		}
}

static void compare_values(struct compare *c, const struct res_type *type, const struct field *f,
			   const void *a, const void *b)
{
	__u64 mask = field_mask(type, f);

	if (f->size > sizeof(mask)) {
		compare_bytes(c, type, f, a, b);
		return;
	}
	for (unsigned int i = 0; i < f->count; i++) {
		__u64 x = field_value(f, a, i), y = field_value(f, b, i);

		if ((x ^ y) & mask)
			differs(c, type, a, f->name, i, x, y);
	}
}

static void compare_tail(struct compare *c, const struct res_type *type, const struct rec_hdr *a,
			 const struct rec_hdr *b)
{
	if (type->tag == REC_FILE && !file_path_matters(c->image, (const void *)a))
		return;
	if (type->tail != MUST_MATCH && type->tag != REC_FILE)
		return;
	if (type->tag == REC_FS && strstr((const char *)a + type->size, DELETED))
		return; /* the name may be another's by now */
	if (a->len != b->len || memcmp((const char *)a + type->size, (const char *)b + type->size,
				       a->len - type->size))
		differs(c, type, a, "contents", 0, a->len, b->len);
}

/* A zombie keeps what its parent will see; nobody can tell the rest of it any more. */
static bool is_compared(const struct compare *c, const struct res_type *type, const struct field *f, const void *a)
{
	const struct rec_task *t = a;

	/* whatever else there is to say of these is the outside's */
	if (type->tag == REC_FILE &&
	    (snap_find(c->image, REC_EXTERNAL, rec_key(a)) || tty_file_is_outside(c->image, rec_key(a))))
		return f->target == REC_PID;
	if (type->tag == REC_TTY && tty_is_outside(c->image, a))
		return false;
	if (type->tag == REC_PROC && f->offset == offsetof(struct rec_proc, tty) && tty_ctty_is_outside(c->image, a))
		return false;
	if (type->tag == REC_TASK && t->exit_state)
		return f->target == REC_PID || !strncmp(f->name, "exit_", 5) || !strcmp(f->name, "comm");
	if (type->tag == REC_PROC && !((const struct rec_proc *)a)->nr_threads)
		return f->target == REC_PID;
	return true;
}

static void compare_record(struct compare *c, const struct res_type *type, const void *a, const void *b)
{
	for (unsigned int i = 0; i < type->nr_fields; i++) {
		const struct field *f = &type->fields[i];

		if (!is_compared(c, type, f, a) || timer_fired(c, type, f, a, b))
			continue;
		if (f->rule == IS_REFERENCE)
			compare_reference(c, type, f, a, b);
		else if (f->rule == MUST_MATCH || f->rule == IS_KEY)
			compare_values(c, type, f, a, b);
	}
	if (type->tag == REC_MM &&
	    (((const struct rec_mm *)a)->flags ^ ((const struct rec_mm *)b)->flags) & MMF_COMPARED)
		differs(c, type, a, "flags", 0, ((const struct rec_mm *)a)->flags,
			((const struct rec_mm *)b)->flags);
	compare_tail(c, type, a, b);
}

/* ---- records that belong to an object ---- */

static bool same_keys(const struct res_type *type, const void *a, const void *b)
{
	for (unsigned int i = 0; i < type->nr_fields; i++)
		if (type->fields[i].rule == IS_KEY &&
		    field_value(&type->fields[i], a, 0) != field_value(&type->fields[i], b, 0))
			return false;
	return true;
}

/* The address that an id was bound to; 0: none. */
static __u64 address_of(struct compare *c, __u64 id)
{
	__u64 n = c->addr ? ids_find(&c->by_id, id) : 0;

	return n ? c->addr[n - 1] : 0;
}

/* The same for what is queued: more than in the image. */
static bool timer_queued(const struct compare *c, const struct res_type *type, const void *a)
{
	const struct rec_task *t = type->tag == REC_SIGINFO ? snap_find(c->image, REC_TASK, rec_key(a)) : NULL;
	const struct rec_proc *p = t ? snap_find(c->image, REC_PROC, t->signal) : NULL;

	return p && has_timers(c, p);
}

static void compare_siblings(struct compare *c, const struct res_type *type, void **a, size_t nr_a)
{
	size_t nr_b;
	void **b = snap_range(c->live, type->tag, address_of(c, rec_key(a[0])), &nr_b);

	if (nr_a != nr_b && !(nr_b > nr_a && timer_queued(c, type, a[0])))
		differs(c, type, a[0], "number of records", 0, nr_a, nr_b);
	for (size_t i = 0; i < nr_a; i++) {
		bool found = false;

		/* both sides come in the same order, so the first try nearly always hits */
		for (size_t k = 0; k < nr_b && !found; k++) {
			const void *y = b[(i + k) % nr_b];

			found = same_keys(type, a[i], y);
			if (found)
				compare_record(c, type, a[i], y);
		}
		if (!found)
			differs(c, type, a[i], "presence", 0, 1, 0);
	}
}

/*
 * Of owners that something compared before has led to, each once; in the end of all others, too. How
 * many were compared.
 */
static size_t compare_owned(struct compare *c, const struct res_type *type, bool all)
{
	size_t nr, compared = 0;
	void **rec = snap_all(c->image, type->tag, &nr);

	for (size_t i = 0, j; i < nr; i = j) {
		for (j = i; j < nr && rec_key(rec[j]) == rec_key(rec[i]); j++)
			;
		if (ids_has(&c->done, (__u64)rec[i]) || (!all && !address_of(c, rec_key(rec[i]))))
			continue;
		if (!ids_get(&c->done, (__u64)rec[i]))
			differs(c, type, rec[i], "memory to compare it", 0, 1, 0);
		compare_siblings(c, type, rec + i, j - i);
		compared++;
	}
	return compared;
}

/* Records of the image as a whole: another tree has others. */
static bool is_about_image(__u32 tag)
{
	return tag == REC_TREE || tag == REC_CPU || tag == REC_VDSO || tag == REC_EXTERNAL;
}

static size_t compare_all_owned(struct compare *c, bool all)
{
	size_t compared = 0;

	for (unsigned int i = 0; i < nr_res_types; i++)
		if (res_types[i]->owned && !is_about_image(res_types[i]->tag))
			compared += compare_owned(c, res_types[i], all);
	return compared;
}

/* Neighbours that the kernel could not merge for reasons of its past may be one area now. */
static bool mergeable(const struct rec_vma *a, const struct rec_vma *b)
{
	return a->mm == b->mm && a->end == b->start && !((a->flags ^ b->flags) & ~VM_VOLATILE) &&
	       a->file == b->file && !strcmp(a->name, b->name) &&
	       (!a->file || a->pgoff + ((a->end - a->start) >> 12) == b->pgoff);
}

static bool is_kept(const void *rec, void *arg)
{
	return ((const struct rec_vma *)rec)->end;
}

static void merge_areas(struct snap *s)
{
	struct rec_vma *last = NULL;

	snap_for_each(s, REC_VMA, struct rec_vma, v) {
		if (last && mergeable(last, v)) {
			last->end = v->end;
			v->end = 0;
		} else {
			last = v;
		}
	}
	snap_filter(s, REC_VMA, is_kept, NULL);
}

/*
 * With another kernel's vdso (vdso_prepare()): that is an area like others now, ours lies somewhere else, and where
 * the data was is nothing. None of these is compared. starts: of the first, in the live tree.
 */
struct vdso_filter {
	const struct snap *snap;
	const struct ids *starts;
};

static bool stays(const void *rec, void *arg)
{
	const struct rec_vma *v = rec;
	const struct vdso_filter *f = arg;
	struct rec_mm *mm = snap_find(f->snap, REC_MM, v->mm);

	if (!vdso_area(v) && !(f->starts && ids_has(f->starts, v->start)))
		return true;
	if (mm)
		mm->total_vm -= (v->end - v->start) >> 12;
	return false;
}

static int leave_out_vdso(struct compare *c, struct snap *live)
{
	struct snap *image = &c->r->image.snap;
	struct ids starts = {};
	bool ok = true;

	if (c->r->vdso_fd < 0)
		return 0;
	snap_for_each(image, REC_VMA, const struct rec_vma, v)
		ok &= !vdso_code(v) || ids_get(&starts, v->start);
	if (ok) {
		snap_filter(image, REC_VMA, stays, &(struct vdso_filter){ image });
		snap_filter(live, REC_VMA, stays, &(struct vdso_filter){ live, &starts });
	}
	ids_free(&starts);
	return ok ? 0 : fail(-ENOMEM, "verify");
}

static int compare_tasks(struct compare *c, const struct dump *d)
{
	const struct res_type *type = res_type(REC_TASK);
	size_t nr;
	const struct rec_pid **pid _free_ = pid_order(c->live, &nr);
	bool fresh;

	if (!pid)
		return fail(-ENOMEM, "verify");
	for (unsigned int i = 0; i < c->r->nr_units; i++) {
		const struct unit *u = &c->r->units[i];
		const struct rec_pid *p = u->task ? pid_order_find(pid, nr, u->tid) : NULL;
		const struct rec_task *live = p ? dump_task_of(d, p->addr) : NULL;

		if (!u->task)
			continue;
		if (!live || !is_bound(c, u->task->addr, live->addr, &fresh))
			differs(c, type, u->task, "presence", 0, 1, 0);
		else
			compare_record(c, type, u->task, live);
	}
	return 0;
}

static int compare_all(struct compare *c, struct dump *d)
{
	int err;

	c->differences = compare_pages(c->r, d);
	err = leave_out_vdso(c, &d->snap) ?: compare_tasks(c, d);
	if (err)
		return err;
	merge_areas(&c->r->image.snap);
	merge_areas(&d->snap);
	/* descriptors lead to sockets, these to messages, those to files that nobody else has, and so on */
	while (compare_all_owned(c, false))
		;
	compare_all_owned(c, true);
	if (c->differences > DIFFERENCES_MAX)
		fail(-ERR_DIFFERS, "verify: and %u more differences", c->differences - DIFFERENCES_MAX);
	return c->differences ? -ERR_DIFFERS : 0;
}

int compare_restored(struct restore *r)
{
	struct dump_opts opts = { .pid = r->root_pid, .shell_job = true };
	struct dump d = { .opts = &opts, .walk = r->walk, .freeze = r->freeze,
			  .sysv_like = &r->image.snap };
	struct compare c = { .r = r, .image = &r->image.snap, .live = &d.snap };
	int err = external_of_restore(r, &opts.external) ?: dump_walk(&d, WALK_ALL_MEMBERS);

	if (!err)
		err = flight_find(&d) ?: flight_prune(&d);
	if (!err)
		err = dump_collect(&d);
	if (!err) {
		r->live_level = d.tree.root_level;
		err = compare_all(&c, &d);
	}
	externals_free(&opts.external);
	ids_free(&c.by_id);
	ids_free(&c.by_addr);
	ids_free(&c.done);
	free(c.addr);
	/* the freeze table and the walk stay the restore's */
	d.freeze = (struct freeze){};
	d.walk = NULL;
	dump_free(&d);
	return err;
}
