// SPDX-License-Identifier: GPL-2.0-only
/* shmem.c - kind "shmem": shared anonymous memory. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "dump.h"
#include "file.h"
#include "log.h"
#include "mm.h"
#include "nameless.h"
#include "pages_read.h"
#include "rec_file.h"
#include "rec_mem.h"
#include "res.h"
#include "restore.h"
#include "shmem.h"
#include "vma.h"

#define R struct rec_shmem

static const struct field fields[] = {
	FIELD_ID(R),
	FIELD(R, size, MUST_MATCH, AS_DEC),
};

int nameless_fill(struct restore *r, int fd, __u32 tag, __u64 id, __u64 size)
{
	size_t nr;
	const struct image_page_run *run = image_runs(&r->image, tag, id, &nr);

	if (ftruncate(fd, size))
		return fail(-errno, "size a file of %llu bytes", size);
	for (size_t i = 0; i < nr; i++) {
		__u64 at = run[i].ext.offset, len = run[i].ext.len;
		off_t pos = run[i].pos;

		if (at >= size)
			return fail(-ERR_IMAGE, "image: contents behind the end of object %llu", id);
		if (len > size - at)
			len = size - at;
		if (lseek(fd, at, SEEK_SET) < 0)
			return fail(-errno, "fill a file of %llu bytes", size);
		while (len) {
			ssize_t n = sendfile(fd, r->image.fd, &pos, len);

			if (n <= 0)
				return fail(n ? -errno : -ENODATA, "fill a file of %llu bytes from the image", size);
			len -= n;
		}
	}
	return 0;
}

/* Memory in huge pages comes with what nobody has touched: none of that is made. */
static bool is_zero(const char *p, size_t len)
{
	return !*p && !memcmp(p, p + 1, len - 1);
}

int nameless_copy(struct restore *r, char *to, __u32 tag, __u64 id, __u64 size)
{
	size_t nr;
	const struct image_page_run *run = image_runs(&r->image, tag, id, &nr);

	for (size_t i = 0; i < nr; i++) {
		__u64 at = run[i].ext.offset, len = run[i].ext.len;

		if (at >= size || len > size - at)
			return fail(-ERR_IMAGE, "image: contents behind the end of object %llu", id);
		for (__u64 done = 0; done < len; done += 4096) {
			char page[4096];
			int err = image_read_at(&r->image, run[i].pos + done, page, sizeof(page));

			if (err)
				return fail(err, "read the image");
			if (!is_zero(page, sizeof(page)))
				memcpy(to + at + done, page, sizeof(page));
		}
	}
	return 0;
}

/*
 * Nobody else has it, and it is all in one area: the task maps it as it did, and reads it. No descriptor is
 * needed then, of which there may be fewer than areas.
 */
static const struct rec_vma *only_area(const struct snap *s, const R *shm)
{
	size_t files, areas, slots;
	void **file = snap_referring(s, REC_FILE, struct rec_file, inode, shm->addr, &files);
	void **area = files == 1 ? snap_referring(s, REC_VMA, struct rec_vma, file, rec_key(file[0]), &areas) : NULL;
	const struct rec_vma *v;

	if (!area || areas != 1)
		return NULL;
	v = area[0];
	snap_referring(s, REC_FD, struct rec_fd, file, v->file, &slots);
	return !slots && !v->pgoff && v->end - v->start == ALIGN_UP(shm->size, 4096ull) ? v : NULL;
}

const struct rec_shmem *shmem_of_area(const struct snap *s, const struct rec_vma *v)
{
	const struct rec_file *f = v->kind & VMA_F_SHMEM ? snap_find(s, REC_FILE, v->file) : NULL;
	const R *shm = f ? snap_find(s, REC_SHMEM, f->inode) : NULL;

	return shm && only_area(s, shm) == v ? shm : NULL;
}

bool shmem_is_own(const struct snap *s, const struct rec_file *f)
{
	const R *shm = snap_find(s, REC_SHMEM, f->inode);

	return shm && only_area(s, shm);
}

int shmem_add_source(struct dump *d, const struct rec_vma *v, const struct rec_file *f)
{
	struct page_source src = { .tag = REC_SHMEM, .id = ids_get(&d->ids, f->inode), .base = v->start, .fd = -1 };
	int fd _close_ = file_open_held(d, f), err;

	if (fd < 0)
		return fd;
	src.pid = task_tid(&d->tree, users_find(&d->users, v->mm)->task);
	err = file_ranges(fd, &src.ranges);
	return dump_add_pages(d, &src) ?: err;
}

int shmem_join_fill(struct restore *r, struct batch *b, const R *shm, const struct rec_vma *v)
{
	size_t nr;
	const struct image_page_run *run = image_runs(&r->image, REC_SHMEM, shm->addr, &nr);

	if (nr && run[nr - 1].ext.offset + run[nr - 1].ext.len > v->end - v->start)
		return fail(-ERR_IMAGE, "image: contents behind the end of object %llu", shm->addr);
	return mm_join_fill(r, b, run, nr, v->start);
}

/* Made by mmap(2), it was promised memory or not as its first area was. */
static bool is_unreserved(const struct snap *s, const R *shm)
{
	size_t files, areas;
	void **file = snap_referring(s, REC_FILE, struct rec_file, inode, shm->addr, &files), **area;

	for (size_t i = 0; i < files; i++) {
		area = snap_referring(s, REC_VMA, struct rec_vma, file, rec_key(file[i]), &areas);
		for (size_t j = 0; j < areas; j++)
			if (((const struct rec_vma *)area[j])->flags & VM_NORESERVE)
				return true;
	}
	return false;
}

/*
 * An own mapping makes the object; /proc/self/map_files gives a descriptor of it (needs
 * CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE), so that it is what it was, "/dev/zero (deleted)", and
 * not a memfd.
 */
static int restore_shmem(struct restore *r, const void *rec)
{
	const struct rec_shmem *s = rec;
	char path[80];
	int reserve = is_unreserved(&r->image.snap, s) ? MAP_NORESERVE : 0;
	void *p = only_area(&r->image.snap, s) ? NULL :
		  mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | reserve, -1, 0);
	int fd _close_ = -1, err;

	if (!p)
		return 0;
	if (p == MAP_FAILED)
		return fail(-errno, "make %llu bytes of shared memory", s->size);
	snprintf(path, sizeof(path), "/proc/self/map_files/%llx-%llx", (__u64)p,
		 (__u64)p + ALIGN_UP(s->size, 4096ull));
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		err = fail(-errno, "open %s", path);
	} else {
		err = nameless_fill(r, fd, REC_SHMEM, s->addr, s->size);
	}
	munmap(p, s->size);
	return err ? err : restore_keep(r, s->addr, take_fd(&fd), -1);
}

const struct res_type res_shmem = {
	.name = "shmem", .tag = REC_SHMEM, .size = sizeof(R),
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.restore = restore_shmem,
};
