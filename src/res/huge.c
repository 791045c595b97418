// SPDX-License-Identifier: GPL-2.0-only
/* huge.c - kind "huge": shared memory in huge pages, of mmap(2) with MAP_SHARED and MAP_HUGETLB. */
#include "huge.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dump.h"
#include "file.h"
#include "log.h"
#include "nameless.h"
#include "rec_ipc.h"
#include "res.h"
#include "restore.h"
#include "vma.h"

#define R struct rec_huge

static const struct field fields[] = {
	FIELD_ID(R),
	FIELD(R, size, MUST_MATCH, AS_DEC),
	FIELD(R, shift, MUST_MATCH, AS_DEC),
};

bool huge_is_shared(const struct rec_file *f)
{
	return f->id.magic == HUGETLBFS_MAGIC && !f->id.nlink && !strcmp(f->name, "anon_hugepage");
}

int huge_collect(struct dump *d, const struct rec_vma *v, const struct rec_file *f)
{
	R *h;

	if (snap_find(&d->snap, REC_HUGE, f->inode))
		return 0;
	h = snap_new(&d->snap, REC_HUGE, sizeof(*h));
	if (!h)
		return fail(-ENOMEM, "dump");
	h->addr = f->inode;
	h->size = f->id.size;
	h->shift = huge_shift(v);
	return file_add_source(d, REC_HUGE, f);
}

static int read_huge(const struct image *img, const void *rec)
{
	const R *h = rec;

	if (h->shift < 12 || h->shift > 34 || !h->size || h->size > 1ull << 46 || h->size & ((1ull << h->shift) - 1))
		return fail(-ERR_IMAGE, "image: %llu bytes in huge pages are impossible", h->size);
	return 0;
}

/* What is free of that size and promised to nobody, and what the pool may grow by itself. */
static __u64 free_pages(unsigned int shift)
{
	static const struct { const char *name; int sign; } part[] = {
		{ "free_hugepages", 1 }, { "resv_hugepages", -1 }, { "nr_overcommit_hugepages", 1 },
		{ "surplus_hugepages", -1 },
	};
	long long sum = 0, value;

	for (size_t i = 0; i < ARRAY_SIZE(part); i++) {
		char path[128];
		FILE *f _fclose_ = NULL;

		snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%llukB/%s", 1ull << shift >> 10,
			 part[i].name);
		f = fopen(path, "re");
		if (f && fscanf(f, "%lld", &value) == 1)
			sum += part[i].sign * value;
	}
	return sum > 0 ? sum : 0;
}

/* Each process has private memory of its own when it comes back; who shared it by fork does no more. */
static __u64 wanted_pages(const struct snap *s, unsigned int shift)
{
	__u64 bytes = 0;

	snap_for_each(s, REC_VMA, const struct rec_vma, v)
		if (huge_shift(v) == shift && !v->file && !(v->flags & VM_NORESERVE))
			bytes += v->end - v->start;
	snap_for_each(s, REC_HUGE, const R, h)
		bytes += h->shift == shift ? h->size : 0;
	snap_for_each(s, REC_GHOST, const struct rec_ghost, g)
		bytes += g->huge_shift == shift ? g->size : 0;
	return (bytes + (1ull << shift) - 1) >> shift;
}

int huge_places(const struct restore *r)
{
	for (unsigned int shift = 13; shift <= 34; shift++) {
		__u64 want = wanted_pages(&r->image.snap, shift), have = want ? free_pages(shift) : 0;

		if (want > have)
			return fail(-ENOMEM, "the tree wants %llu huge pages of %llu KiB, and %llu are free (vm.nr_hugepages)",
				    want, 1ull << shift >> 10, have);
	}
	return 0;
}

int huge_fill(struct restore *r, int fd, __u32 tag, __u64 id, __u64 size)
{
	void *p;
	int err;

	if (ftruncate(fd, size))
		return fail(-errno, "size a file of %llu bytes in huge pages", size);
	if (!size)
		return 0;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return fail(-errno, "reserve %llu bytes in huge pages (vm.nr_hugepages)", size);
	err = nameless_copy(r, p, tag, id, size);
	munmap(p, size);
	return err;
}

/* Like shared anonymous memory: a mapping of ours makes it. Who maps it reserves its pages. */
static int restore_huge(struct restore *r, const void *rec)
{
	const R *h = rec;
	int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | h->shift << HUGE_SHIFT, fd _close_ = -1, err;
	void *p = mmap(NULL, h->size, PROT_READ | PROT_WRITE, flags, -1, 0);
	char path[80];

	if (p == MAP_FAILED)
		return fail(-errno, "make %llu bytes of shared memory in huge pages (vm.nr_hugepages)", h->size);
	snprintf(path, sizeof(path), "/proc/self/map_files/%llx-%llx", (__u64)p, (__u64)p + h->size);
	fd = open(path, O_RDWR | O_CLOEXEC);
	err = fd < 0 ? fail(-errno, "open %s", path) : nameless_copy(r, p, REC_HUGE, h->addr, h->size);
	munmap(p, h->size);
	return err ? err : restore_keep(r, h->addr, take_fd(&fd), -1);
}

const struct res_type res_huge = {
	.name = "huge", .tag = REC_HUGE, .size = sizeof(R),
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.read = read_huge, .restore = restore_huge,
};
