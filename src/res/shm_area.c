// SPDX-License-Identifier: GPL-2.0-only
/*
 * shm_area.c - System V shared memory in an address space. shmat(2) maps a whole segment; protections and
 * munmap(2) make several areas of it, or leave a part. It comes back as a whole, and what was not there is
 * unmapped again.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include "log.h"
#include "rec_file.h"
#include "rec_ipc.h"
#include "restore.h"
#include "shm.h"
#include "vma.h"

#define PAGE 4096ull

struct attach {
	const struct rec_shm *shm;
	__u64 base, end; /* where all of the segment would be */
};

static bool find_attach(const struct snap *s, const struct rec_vma *v, struct attach *a)
{
	const struct rec_file *f = snap_find(s, REC_FILE, v->file);
	size_t nr;
	void **shm = f ? snap_referring(s, REC_SHM, struct rec_shm, shmid, f->id.ino, &nr) : NULL;

	if (!shm || !nr || v->pgoff * PAGE > v->start)
		return false;
	a->shm = shm[0];
	a->base = v->start - v->pgoff * PAGE;
	a->end = a->base + ALIGN_UP(a->shm->size, a->shm->huge_shift ? 1ull << a->shm->huge_shift : PAGE);
	return v->end <= a->end && a->end > a->base;
}

/* The same attach as v's? Two of them cannot be at one place. */
static bool same_attach(const struct rec_vma *v, const struct rec_vma *o)
{
	return o->file == v->file && o->kind & VMA_F_SYSV && o->start - o->pgoff * PAGE == v->start - v->pgoff * PAGE;
}

/* The areas of v's address space that reach into [base, end), in order. */
static void **areas_within(const struct snap *s, const struct rec_vma *v, const struct attach *a, size_t *nr)
{
	size_t all, lo = 0, hi;
	void **vma = snap_range(s, REC_VMA, v->mm, &all);

	for (hi = all; lo < hi;) {
		size_t mid = (lo + hi) / 2;

		if (((const struct rec_vma *)vma[mid])->end <= a->base)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (*nr = 0; lo + *nr < all && ((const struct rec_vma *)vma[lo + *nr])->start < a->end; ++*nr)
		;
	return vma + lo;
}

const char *shm_area_refusal(const struct snap *s, const struct rec_vma *v)
{
	struct attach a;
	size_t nr;
	void **vma;

	if (!find_attach(s, v, &a))
		return "its segment of System V shared memory could not be read";
	vma = areas_within(s, v, &a, &nr);
	for (size_t i = 0; i < nr; i++)
		if (!same_attach(v, vma[i]))
			return "a part of its segment of System V shared memory is not there, and something else is in "
			       "its place, which is not supported";
	return NULL;
}

int shm_area_protection(const struct rec_vma *v)
{
	return v->flags & VM_MAYWRITE ? PROT_READ | PROT_WRITE : PROT_READ;
}

static void unmap(struct batch *b, __u64 start, __u64 end)
{
	if (end > start)
		batch_op(b, SYS_munmap, start, end - start);
}

int shm_join_area(struct restore *r, struct batch *b, const struct rec_vma *v)
{
	const struct snap *s = &r->image.snap;
	struct attach a;
	size_t nr;
	void **vma;
	__u64 at;

	if (shm_area_refusal(s, v) || !find_attach(s, v, &a))
		return fail(-ERR_IMAGE, "image: area %#llx-%#llx is no part of a segment", v->start, v->end);
	vma = areas_within(s, v, &a, &nr);
	if (vma[0] != v)
		return 0;
	batch_op(b, SYS_shmat, a.shm->shmid, a.base, v->flags & VM_MAYWRITE ? 0 : SHM_RDONLY);
	at = a.base;
	for (size_t i = 0; i < nr; i++) {
		const struct rec_vma *o = vma[i];

		unmap(b, at, o->start);
		at = o->end;
	}
	unmap(b, at, a.end);
	return 0;
}
