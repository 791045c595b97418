// SPDX-License-Identifier: GPL-2.0-only
/*
 * pkeys.c - kind "pkeys": protection keys that an address space has allocated, pkeys(7). What each thread
 * may do with them is PKRU, part of its registers: src/res/regs.c sets it last.
 */
#include "pkeys.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "check.h"
#include "log.h"
#include "rec_ipc.h"
#include "rec_mem.h"
#include "res.h"
#include "restore.h"
#include "vma.h"

#define R struct rec_pkeys
#define KEYS 16 /* arch/x86: arch_max_pkey() */

static const struct field fields[] = {
	FIELD_OWNER(R, mm, REC_MM),
	FIELD(R, map, MUST_MATCH, AS_HEX),
	FIELD(R, exec_only, MUST_MATCH, AS_SIGNED),
};

static const R *keys_of(const struct snap *s, __u64 mm)
{
	return snap_find(s, REC_PKEYS, mm);
}

static bool is_exec_only(const struct rec_vma *v)
{
	return (v->flags & (VM_READ | VM_WRITE | VM_EXEC)) == VM_EXEC;
}

const char *pkeys_area_refusal(const struct snap *s, const struct rec_vma *v)
{
	const R *p = keys_of(s, v->mm);

	if (v->pkey >= KEYS || v->pkey != (v->flags & VM_PKEYS) >> VM_PKEY_SHIFT)
		return "it has a protection key that cannot be";
	if (v->pkey && !(p && p->map >> v->pkey & 1))
		return "its protection key was given back (pkey_free) while it has it";
	/* mapping it would make the kernel find one: execute_only_pkey() */
	if (!v->pkey && is_exec_only(v) && p)
		return "it can be executed only, and has no protection key for that where others have them";
	return NULL;
}

bool pkeys_is_chosen(const struct restore *r, const struct rec_vma *v)
{
	const R *p = keys_of(&r->image.snap, v->mm);

	return v->pkey && !(is_exec_only(v) && p && p->exec_only == (__s32)v->pkey);
}

static int read_pkeys(const struct image *img, const void *rec)
{
	const R *p = rec;

	if (p->map >> KEYS || !(p->map & 1) || p->map == 1 || p->exec_only < -1 || !p->exec_only ||
	    p->exec_only >= KEYS || (p->exec_only > 0 && !(p->map >> p->exec_only & 1)))
		return fail(-ERR_IMAGE, "image: protection keys of mm %llu are impossible", p->mm);
	return 0;
}

/* Whether there are any shows before a task is made. */
static int restore_pkeys(struct restore *r, const void *rec)
{
	long key = syscall(SYS_pkey_alloc, 0, 0);

	if (key < 0)
		return fail(-errno, "allocate a protection key, which the tree has: this processor or kernel has none");
	syscall(SYS_pkey_free, key);
	return 0;
}

/* The lowest free one is given: all up to the last, and back with those that it does not have. */
static int join(struct restore *r, const void *rec)
{
	const R *p = rec;
	struct batch *b = restore_batch(r, p->mm);

	for (int key = 1; p->map >> key; key++)
		batch_op(b, SYS_pkey_alloc, 0, 0);
	if (p->exec_only > 0) { /* as before: mapping something makes the kernel take the lowest free one for it */
		batch_op(b, SYS_pkey_free, p->exec_only);
		batch_op(b, SYS_mmap, 0, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		batch_op(b, SYS_munmap, 0, 4096)->flags = OP_LAST;
	}
	for (int key = 1; p->map >> key; key++)
		if (!(p->map >> key & 1))
			batch_op(b, SYS_pkey_free, key);
	return 0;
}

const struct res_type res_pkeys = {
	.name = "pkeys", .tag = REC_PKEYS, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.phase = PHASE_PROCESS, .read = read_pkeys, .restore = restore_pkeys, .join = join,
};
