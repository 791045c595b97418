// SPDX-License-Identifier: GPL-2.0-only
/* vma.c - kind "vma": an area of an address space, its protection and advice. */
#include "vma.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

#include "aio.h"
#include "check.h"
#include "dump.h"
#include "file.h"
#include "huge.h"
#include "log.h"
#include "mm.h"
#include "pkeys.h"
#include "rec_file.h"
#include "rec_mem.h"
#include "res.h"
#include "restore.h"
#include "shm.h"
#include "shmem.h"
#include "vdso.h"

#define R struct rec_vma
#define PAGE 4096ull
#define ADDRESS_MAX 0x7ffffffff000ull /* TASK_SIZE_MAX with four levels of page tables */

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

static const struct field fields[] = {
	FIELD_OWNER(R, mm, REC_MM),
	FIELD(R, start, IS_KEY, AS_HEX),
	FIELD(R, end, MUST_MATCH, AS_HEX),
	FIELD(R, flags, MUST_MATCH, AS_HEX),
	FIELD(R, pgoff, MAY_DIFFER, AS_DEC), /* of anonymous memory it only tells where it was born */
	FIELD_REF(R, file, REC_FILE),
	FIELD(R, kind, MAY_DIFFER, AS_HEX),
	FIELD(R, pkey, MUST_MATCH, AS_DEC),
	FIELD(R, name, MUST_MATCH, AS_TEXT),
};

static const char *flag_refusal(const struct rec_vma *v)
{
	if (v->kind & VMA_F_UFFD)
		return "it is registered with userfaultfd, which is not supported";
	if (v->kind & VMA_F_INODE_POLICY)
		return "its memory has a NUMA policy that was set through another mapping (mbind), which is "
		       "not supported";
	if (v->kind & VMA_F_SPECIAL)
		return "it is a special mapping of the kernel";
	if (v->flags & (VM_IO | VM_PFNMAP))
		return "it maps a device";
	if (v->flags & ~(VM_KNOWN | (v->kind & VMA_F_HUGETLB ? VM_HUGE_KNOWN : 0) |
			 (v->kind & VMA_F_AIO ? VM_DONTEXPAND : 0)))
		return "it has flags that this program does not know";
	return NULL;
}

static int check(struct check *c, const void *rec)
{
	const struct rec_vma *v = rec;
	const struct rec_file *f = v->file ? snap_find(c->snap, REC_FILE, v->file) : NULL;
	const char *why;
	char buf[256];

	if (vdso_area(v))
		return 0;
	why = flag_refusal(v);
	if (!why)
		why = pkeys_area_refusal(c->snap, v);
	if (!why && v->kind & VMA_F_AIO)
		why = aio_area_refusal(c->snap, v);
	if (!why && v->kind & VMA_F_SYSV)
		why = shm_area_refusal(c->snap, v);
	if (!why && v->file)
		why = f ? file_refusal(c->snap, f, true, buf, sizeof(buf)) : "its file could not be read";
	if (why)
		check_refuse(c, v->mm, "vma", "area %#llx-%#llx %s: %s", v->start, v->end,
			     f && f->path_len ? f->path : v->name, why);
	return 0;
}

/* Shared anonymous memory is an object of its own: the inode behind it. */
static int collect(struct dump *d, void *rec)
{
	const struct rec_vma *v = rec;
	const struct rec_file *f = snap_find(&d->snap, REC_FILE, v->file);
	struct rec_shmem *s;

	if (!f) /* check() has refused an area whose file could not be read */
		return 0;
	if (huge_is_shared(f))
		return huge_collect(d, v, f);
	if (!(v->kind & VMA_F_SHMEM) || snap_find(&d->snap, REC_SHMEM, f->inode))
		return 0;
	s = snap_new(&d->snap, REC_SHMEM, sizeof(*s));
	if (!s)
		return fail(-ENOMEM, "dump");
	s->addr = f->inode;
	s->size = f->id.size;
	return shmem_of_area(&d->snap, v) ? shmem_add_source(d, v, f) : file_add_source(d, REC_SHMEM, f);
}

static int read_vma(const struct image *img, const void *rec)
{
	const struct rec_vma *v = rec;

	if (v->start % PAGE || v->end % PAGE || v->start >= v->end || v->end > ADDRESS_MAX ||
	    strnlen(v->name, sizeof(v->name)) == sizeof(v->name) || v->pgoff > ~0ull / PAGE ||
	    (v->kind & VMA_F_HUGETLB && (huge_shift(v) < 12 || huge_shift(v) > 34)) ||
	    (!vdso_area(v) && flag_refusal(v)) || (v->kind & VMA_F_SYSV && shm_area_refusal(&img->snap, v)) ||
	    (v->kind & VMA_F_AIO && aio_area_refusal(&img->snap, v)) || pkeys_area_refusal(&img->snap, v))
		return fail(-ERR_IMAGE, "image: area %#llx-%#llx of mm %llu is impossible", v->start,
			    v->end, v->mm);
	return 0;
}

static int protection(__u64 flags)
{
	return (flags & VM_READ ? PROT_READ : 0) | (flags & VM_WRITE ? PROT_WRITE : 0) |
	       (flags & VM_EXEC ? PROT_EXEC : 0);
}

/*
 * While it is filled, private memory is writable. Only what was before: it is accounted for since
 * (VM_ACCOUNT) or never is (VM_NORESERVE), so that the flags come out the same.
 */
static int first_protection(const struct rec_vma *v)
{
	int prot = v->kind & VMA_F_SYSV ? shm_area_protection(v) : protection(v->flags);

	if (v->kind & VMA_F_SHMEM && v->flags & VM_MAYWRITE)
		prot |= PROT_READ | PROT_WRITE; /* no matter who fills it: accounted for as a whole */

	if (!(v->flags & VM_MAYSHARE) && v->flags & (VM_ACCOUNT | VM_NORESERVE | VM_HUGETLB))
		prot |= PROT_READ | PROT_WRITE;
	return prot;
}

bool vma_is_forced(const struct rec_vma *v)
{
	return !(v->flags & VM_MAYSHARE) && !(v->kind & (VMA_F_SPECIAL | VMA_F_AIO)) && !vdso_area(v) &&
	       !(first_protection(v) & PROT_WRITE);
}

static void advise(struct batch *b, const struct rec_vma *v, __u64 flag, int advice)
{
	if (v->flags & flag)
		batch_op(b, SYS_madvise, v->start, v->end - v->start, advice);
}

static int map_area(struct restore *r, struct batch *b, const struct rec_vma *v)
{
	int flags = MAP_FIXED_NOREPLACE, fd = -1;

	flags |= v->flags & VM_DROPPABLE ? MAP_DROPPABLE : v->flags & VM_MAYSHARE ? MAP_SHARED : MAP_PRIVATE;
	flags |= v->flags & VM_GROWSDOWN ? MAP_GROWSDOWN : 0;
	flags |= v->flags & VM_NORESERVE ? MAP_NORESERVE : 0;
	if (v->file && !shmem_of_area(&r->image.snap, v)) {
		if (restore_kept(r, v->file, &fd, NULL))
			return fail(-ERR_IMAGE, "image: area %#llx has a file that was not opened",
				    v->start);
	} else {
		flags |= MAP_ANONYMOUS | (huge_shift(v) ? MAP_HUGETLB | huge_shift(v) << HUGE_SHIFT : 0);
	}
	batch_op(b, SYS_mmap, v->start, v->end - v->start, first_protection(v), flags, fd,
		 v->file ? v->pgoff * PAGE : 0);
	return 0;
}

static int join(struct restore *r, const void *rec)
{
	const struct rec_vma *v = rec;
	struct batch *b = restore_batch(r, v->mm);
	int err;

	if (vdso_area(v)) {
		vdso_join(r, b, v);
		return 0;
	}
	if (v->kind & VMA_F_AIO) { /* keeps the place until aio_restore() */
		batch_op(b, SYS_mmap, v->start, v->end - v->start, PROT_NONE,
			 MAP_FIXED_NOREPLACE | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		return 0;
	}
	err = v->kind & VMA_F_SYSV ? shm_join_area(r, b, v) : map_area(r, b, v);
	if (err)
		return err;
	/* advice on page size matters to how it is filled */
	advise(b, v, VM_HUGEPAGE, MADV_HUGEPAGE);
	advise(b, v, VM_NOHUGEPAGE, MADV_NOHUGEPAGE);
	return 0;
}

bool vma_has_pages(const struct restore *r, const struct rec_vma *v)
{
	size_t nr, lo = 0;
	const struct image_page_run *run = image_runs(&r->image, REC_MM, v->mm, &nr);

	for (size_t hi = nr; lo < hi;) {
		size_t mid = (lo + hi) / 2;

		if (run[mid].ext.offset + run[mid].ext.len <= v->start)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < nr && run[lo].ext.offset < v->end;
}

/*
 * Memory that had pages stays accounted for when it may not be written any more; what never had any
 * does not (mprotect_fixup() in mm/mprotect.c looks at anon_vma). So it has one for a moment: any
 * system call that writes there.
 */
static void protect(struct restore *r, struct batch *b, const struct rec_vma *v)
{
	size_t len = v->end - v->start;

	if (v->flags & VM_ACCOUNT && !(v->flags & (VM_WRITE | VM_MAYSHARE)) && !v->file && !vma_has_pages(r, v)) {
		batch_op(b, SYS_clock_gettime, CLOCK_MONOTONIC, v->start);
		batch_op(b, SYS_madvise, v->start, len, MADV_DONTNEED);
	}
	if (pkeys_is_chosen(r, v))
		batch_op(b, SYS_pkey_mprotect, v->start, len, protection(v->flags), v->pkey);
	else
		batch_op(b, SYS_mprotect, v->start, len, protection(v->flags));
}

static int finish(struct restore *r, const void *rec)
{
	const struct rec_vma *v = rec;
	struct batch *b = restore_batch(r, v->mm);
	const struct rec_shmem *shm = shmem_of_area(&r->image.snap, v);
	size_t len = v->end - v->start;

	if (vdso_area(v) || v->kind & VMA_F_AIO)
		return 0;
	if (shm && shmem_join_fill(r, b, shm, v))
		return -ERR_IMAGE;
	advise(b, v, VM_DONTCOPY, MADV_DONTFORK);
	if (!(v->flags & VM_DROPPABLE)) { /* has both by itself */
		advise(b, v, VM_WIPEONFORK, MADV_WIPEONFORK);
		advise(b, v, VM_DONTDUMP, MADV_DONTDUMP);
	}
	advise(b, v, VM_SEQ_READ, MADV_SEQUENTIAL);
	advise(b, v, VM_RAND_READ, MADV_RANDOM);
	advise(b, v, VM_MERGEABLE, MADV_MERGEABLE);
	if (!(v->flags & VM_MERGEABLE) && mm_merges_all(snap_find(&r->image.snap, REC_MM, v->mm)))
		batch_op(b, SYS_madvise, v->start, len, MADV_UNMERGEABLE);
	if (v->name[0])
		batch_op(b, SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, v->start, len,
			 machine_dup(&r->machine, v->name, sizeof(v->name)));
	if (first_protection(v) != protection(v->flags) || v->pkey)
		protect(r, b, v);
	if (v->flags & VM_LOCKED)
		batch_op(b, SYS_mlock2, v->start, len, v->flags & VM_LOCKONFAULT ? MLOCK_ONFAULT : 0)
			->flags = OP_MAY_FAIL; /* ENOMEM for the parts that cannot be touched */
	return 0;
}

const struct res_type res_vma = {
	.name = "vma", .tag = REC_VMA, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.phase = PHASE_PROCESS, .check = check, .collect = collect, .read = read_vma,
	.join = join, .finish = finish,
};
