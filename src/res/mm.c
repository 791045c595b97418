// SPDX-License-Identifier: GPL-2.0-only
/* mm.c - kind "mm": an address space: executable, brk, arguments, and the pages it holds. */
#include <errno.h>
#include <linux/prctl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "check.h"
#include "dump.h"
#include "file.h"
#include "log.h"
#include "mm.h"
#include "rec_ipc.h"
#include "rec_mem.h"
#include "res.h"
#include "restore.h"
#include "restore_force.h"
#include "vma.h"

#define R struct rec_mm
#define IOVECS 1024

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#define THP_EXCEPT_ADVISED 2 /* PR_THP_DISABLE_EXCEPT_ADVISED of 6.18 */

static const struct field fields[] = {
	FIELD_ID(R),
	FIELD_REF(R, exe, REC_FILE),
	FIELD(R, start_code, MUST_MATCH, AS_HEX),
	FIELD(R, end_code, MUST_MATCH, AS_HEX),
	FIELD(R, start_data, MUST_MATCH, AS_HEX),
	FIELD(R, end_data, MUST_MATCH, AS_HEX),
	FIELD(R, start_brk, MUST_MATCH, AS_HEX),
	FIELD(R, brk, MUST_MATCH, AS_HEX),
	FIELD(R, start_stack, MUST_MATCH, AS_HEX),
	FIELD(R, arg_start, MUST_MATCH, AS_HEX),
	FIELD(R, arg_end, MUST_MATCH, AS_HEX),
	FIELD(R, env_start, MUST_MATCH, AS_HEX),
	FIELD(R, env_end, MUST_MATCH, AS_HEX),
	FIELD(R, flags, MAY_DIFFER, AS_HEX), /* compare.c looks at the bits that are the program's */
	FIELD(R, def_flags, MUST_MATCH, AS_HEX),
	FIELD(R, map_count, MAY_DIFFER, AS_DEC), /* neighbours that could not merge may now */
	FIELD(R, users, MAY_DIFFER, AS_DEC),
	FIELD(R, total_vm, MUST_MATCH, AS_DEC),
	FIELD(R, aio, MUST_MATCH, AS_DEC),
	FIELD(R, membarrier, MAY_DIFFER, AS_HEX),
	FIELD(R, auxv_words, MAY_DIFFER, AS_DEC),
	FIELD_ARRAY(R, auxv, MUST_MATCH, AS_HEX),
};

static int check(struct check *c, const void *rec)
{
	const struct rec_mm *mm = rec;
	const struct rec_file *exe = snap_find(c->snap, REC_FILE, mm->exe);
	char buf[256];
	size_t contexts;
	const char *why = exe ? file_refusal(c->snap, exe, true, buf, sizeof(buf)) :
				"it could not be read";

	if (why)
		check_refuse(c, mm->addr, "mm", "executable %s: %s",
			     exe && exe->path_len ? exe->path : "?", why);
	check_outside(c, mm->addr, "mm", "memory (CLONE_VM)");
	snap_range(c->snap, REC_AIO, mm->addr, &contexts);
	if (mm->aio > contexts)
		check_refuse(c, mm->addr, "mm", "it has more AIO contexts (io_setup) than the %zu that could be read",
			     contexts);
	if ((mm->flags & MMF_DUMPABLE) == 2)
		check_refuse(c, mm->addr, "mm", "it is dumpable by root only (fs.suid_dumpable 2), which "
			     "no program can set again");
	return 0;
}

static int note_guards(struct dump *d, const struct rec_mm *mm, const struct page_ranges *guards)
{
	for (size_t i = 0; i < guards->nr; i++) {
		struct rec_guard *g = snap_new(&d->snap, REC_GUARD, sizeof(*g));

		if (!g)
			return fail(-ENOMEM, "dump");
		g->mm = mm->addr;
		g->start = guards->v[i].start;
		g->end = guards->v[i].end;
	}
	return 0;
}

/* Which pages there are to save, while nothing moves; they are copied when the records are written. */
static int collect(struct dump *d, void *rec)
{
	const struct rec_mm *mm = rec;
	const struct shared_by *u = users_find(&d->users, mm->addr);
	struct page_ranges areas = {}, guards = {};
	struct page_source src = { .tag = REC_MM, .fd = -1 };
	size_t nr;
	void **vma = snap_range(&d->snap, REC_VMA, mm->addr, &nr);
	int err = 0;

	if (!u)
		return 0;
	for (size_t i = 0; i < nr && !err; i++) {
		const struct rec_vma *v = vma[i];

		if (!(v->flags & VM_MAYSHARE) && !(v->kind & VMA_F_SPECIAL))
			err = ranges_add(&areas, v->start, v->end);
	}
	src.id = ids_get(&d->ids, mm->addr);
	src.pid = task_tid(&d->tree, u->task);
	if (!err)
		err = pagemap_private(src.pid, &areas, &src.ranges, &guards);
	if (!err)
		err = note_guards(d, mm, &guards);
	ranges_free(&areas);
	ranges_free(&guards);
	return err ? err : dump_add_pages(d, &src);
}

static int read_mm(const struct image *img, const void *rec)
{
	const struct rec_mm *mm = rec;

	if (mm->auxv_words > REC_AUXV_MAX)
		return fail(-ERR_IMAGE, "image: mm %llu holds impossible values", mm->addr);
	return 0;
}

int mm_join_fill(struct restore *r, struct batch *b, const struct image_page_run *run, size_t nr, __u64 base)
{
	for (size_t i = 0; i < nr;) {
		struct iovec *iov = machine_alloc(&r->machine, IOVECS * sizeof(*iov));
		unsigned int n = 0;
		size_t first = i, len = 0;

		if (!iov)
			return fail(-ENOMEM, "arena of the syscall machine");
		do {
			iov[n++] = (struct iovec){ (void *)(base + run[i].ext.offset), run[i].ext.len };
			len += run[i].ext.len;
			i++;
		} while (i < nr && n < IOVECS && run[i].pos == run[i - 1].pos + run[i - 1].ext.len &&
			 len + run[i].ext.len < 0x7ffff000);
		machine_trim(&r->machine, iov, n * sizeof(*iov));
		batch_op(b, SYS_preadv, r->image_fd, iov, n, run[first].pos, 0);
	}
	return 0;
}

/* As far as there is something: kernels have room for different lengths, and clear the rest. */
static __u32 auxv_bytes(const struct rec_mm *mm)
{
	__u32 used = mm->auxv_words;

	while (used && !mm->auxv[used - 1])
		used--;
	used += used % 2; /* pairs, whose second may be zero */
	return used * sizeof(__u64);
}

/*
 * Before any area is there: the kernel refuses another executable while ours, which the stub still
 * has, is mapped, as it is again in a task that runs this very program.
 */
static int join(struct restore *r, const void *rec)
{
	const struct rec_mm *mm = rec;
	struct batch *b = restore_batch(r, mm->addr);
	struct prctl_mm_map map = {
		.start_code = mm->start_code, .end_code = mm->end_code,
		.start_data = mm->start_data, .end_data = mm->end_data,
		.start_brk = mm->start_brk,   .brk = mm->brk,
		.start_stack = mm->start_stack,
		.arg_start = mm->arg_start,   .arg_end = mm->arg_end,
		.env_start = mm->env_start,   .env_end = mm->env_end,
		.auxv_size = auxv_bytes(mm), .exe_fd = -1,
	};
	int exe = -1;

	restore_kept(r, mm->exe, &exe, NULL);
	map.exe_fd = exe;
	map.auxv = machine_dup(&r->machine, mm->auxv, map.auxv_size);
	batch_op(b, SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, machine_dup(&r->machine, &map, sizeof(map)),
		 sizeof(map), 0);
	if (mm_merges_all(mm)) /* for the areas to come; which ones were taken out of it, they know */
		batch_op(b, SYS_prctl, PR_SET_MEMORY_MERGE, 1);
	return 0;
}

/* Runs in finish(), when all areas are there, and before vma's finish(): types are in that order. */
static int finish(struct restore *r, const void *rec)
{
	const struct rec_mm *mm = rec;
	size_t nr;
	const struct image_page_run *run = image_runs(&r->image, REC_MM, mm->addr, &nr);
	struct image_page_run *parts _free_ = NULL;
	int err = restore_unforced(r, mm->addr, &parts, &nr);

	return err ? err : mm_join_fill(r, restore_batch(r, mm->addr), parts ?: run, nr, 0);
}

const struct res_type res_mm = {
	.name = "mm", .tag = REC_MM, .size = sizeof(R),
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.phase = PHASE_PROCESS, .check = check, .collect = collect, .read = read_mm, .join = join,
	.finish = finish,
};

/* ---- what has to wait until areas and descriptors are in place ---- */

/* include/linux/sched/mm.h: MEMBARRIER_STATE_* and the command that sets each */
static void join_membarrier(struct batch *b, __u32 state)
{
	static const struct { __u32 state; int cmd; } reg[] = {
		{ 1 << 1, 1 << 4 }, { 1 << 3, 1 << 2 }, { 1 << 5, 1 << 6 }, { 1 << 7, 1 << 8 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(reg); i++)
		if (state & reg[i].state)
			batch_op(b, SYS_membarrier, reg[i].cmd, 0, 0);
}

/* Nothing that follows may change a sealed area, and seals are what nobody can take off. */
static void seal_areas(struct restore *r, struct batch *b, const struct rec_mm *mm)
{
	size_t nr;
	void **vma = snap_range(&r->image.snap, REC_VMA, mm->addr, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_vma *v = vma[i];

		if (v->flags & VM_SEALED && !(v->kind & VMA_F_SPECIAL))
			batch_op(b, SYS_mseal, v->start, v->end - v->start, 0);
	}
}

void mm_join_last(struct restore *r, struct batch *b, const struct rec_mm *mm)
{
	join_membarrier(b, mm->membarrier);
	if (mm->flags & MMF_DISABLE_THP)
		batch_op(b, SYS_prctl, PR_SET_THP_DISABLE, 1, 0, 0, 0);
	else if (mm->flags & MMF_THP_IF_ADVISED) /* a kernel that has another use for the bit says no */
		batch_op(b, SYS_prctl, PR_SET_THP_DISABLE, 1, THP_EXCEPT_ADVISED, 0, 0)->flags = OP_MAY_FAIL;
	if (mm->flags & MMF_MDWE)
		batch_op(b, SYS_prctl, PR_SET_MDWE, mm->flags & MMF_MDWE_NO_INHERIT ? 3 : 1, 0, 0, 0);
	if (mm->def_flags & VM_LOCKED)
		batch_op(b, SYS_mlockall, MCL_FUTURE |
			 (mm->def_flags & VM_LOCKONFAULT ? MCL_ONFAULT : 0));
	seal_areas(r, b, mm);
}
