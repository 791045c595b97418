// SPDX-License-Identifier: GPL-2.0-only
/*
 * vdso.c - kind "vdso": the kernel's code in every task. On the same kernel a stub's own is moved to where a
 * task had it. Otherwise the image's takes that place, as plain memory, and each of its functions leads to
 * the stub's own (src/vdso.c), which stays where the stub has parked it. Its data has no place any more: whoever was
 * stopped between two instructions there cannot go on.
 */
#include "vdso.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../vdso.h"
#include "arch/arch.h"
#include "dump.h"
#include "log.h"
#include "rec_mem.h"
#include "rec_state.h"
#include "rec_vdso.h"
#include "res.h"
#include "restore.h"

#define R struct rec_vdso

static const struct field fields[] = {
	{ "root", offsetof(R, root), sizeof(__u64), 1, IS_OWNER, AS_REF, REC_PID },
	FIELD(R, bytes, MAY_DIFFER, AS_DEC),
};

int vdso_collect(struct dump *d)
{
	R *r = d->vdso ? snap_new(&d->snap, REC_VDSO, sizeof(*r) + d->vdso_len) : NULL;

	if (!d->vdso)
		return 0;
	if (!r)
		return fail(-ENOMEM, "dump");
	r->root = d->tree.root->pid->addr;
	r->bytes = d->vdso_len;
	memcpy(r->data, d->vdso, d->vdso_len);
	return 0;
}

static int read_vdso(const struct image *img, const void *rec)
{
	const R *r = rec;
	size_t nr;

	snap_all(&img->snap, REC_VDSO, &nr);
	if (nr != 1 || r->bytes > VDSO_MAX || r->bytes > r->h.len - sizeof(*r) || r->bytes % 4096)
		return fail(-ERR_IMAGE, "image: its vdso (%u bytes, one of %zu) is impossible", r->bytes, nr);
	return 0;
}

bool vdso_code(const struct rec_vma *v)
{
	return v->kind & VMA_F_SPECIAL && !strcmp(v->name, "[vdso]");
}

bool vdso_area(const struct rec_vma *v)
{
	return vdso_code(v) || (v->kind & VMA_F_SPECIAL && !strncmp(v->name, "[vvar", 5));
}

static const struct vdso_part *find_part(const struct restore *r, const char *name)
{
	for (unsigned int i = 0; i < r->nr_vdso; i++)
		if (!strcmp(r->vdso[i].name, name))
			return &r->vdso[i];
	return NULL;
}

/* Of the same code, and in the same pieces. */
static bool is_same(const struct restore *r)
{
	const struct vdso_part *own = find_part(r, "[vdso]");

	if (r->info->vdso_sum != (own ? vdso_sum((const void *)own->start, own->len) : 0))
		return false;
	snap_for_each(&r->image.snap, REC_VMA, const struct rec_vma, v) {
		const struct vdso_part *part = vdso_area(v) ? find_part(r, v->name) : NULL;

		if (vdso_area(v) && (!part || part->len != v->end - v->start))
			return false;
	}
	return true;
}

static const struct rec_vma *code_of(const struct snap *s, __u64 mm)
{
	size_t nr;
	void **v = snap_range(s, REC_VMA, mm, &nr);

	for (size_t i = 0; i < nr; i++)
		if (vdso_code(v[i]))
			return v[i];
	return NULL;
}

const struct rec_vma *vdso_led_on(const struct restore *r, __u64 mm)
{
	return r->vdso_fd < 0 ? NULL : code_of(&r->image.snap, mm);
}

/* Only calls from outside are led on. */
static int nobody_inside(const struct snap *s)
{
	snap_for_each(s, REC_REGS, const struct rec_regs, regs) {
		const struct rec_task *t = snap_find(s, REC_TASK, regs->task);
		const struct rec_vma *v = code_of(s, t->mm);
		__u64 ip = arch_ip((const struct user_regs_struct *)regs->data);

		if (v && ip >= v->start && ip < v->end)
			return fail(-EOPNOTSUPP, "task (%.16s) was inside of its vdso (a call like clock_gettime(2)) when it "
				    "was dumped, and the one here is another: dump it again, or restore on the kernel it "
				    "comes from", t->comm);
	}
	return 0;
}

/* The image's, led to where stubs have theirs, in a file that they read it from. */
static int make_file(struct restore *r, const R *image)
{
	const struct vdso_part *own = find_part(r, "[vdso]");
	void *code _free_ = malloc(image->bytes);
	int fd _close_ = memfd_create("vdso", MFD_CLOEXEC), err;

	if (!code || fd < 0)
		return fail(code ? -errno : -ENOMEM, "make room for the image's vdso");
	memcpy(code, image->data, image->bytes);
	err = own ? vdso_redirect(code, image->bytes, (const void *)own->start, own->len, own->parked) : -ENOEXEC;
	if (err)
		return fail(err, "lead the image's vdso (%u bytes, of %s) to the one here", image->bytes,
			    r->image.header.release);
	if (pwrite(fd, code, image->bytes, 0) != (ssize_t)image->bytes)
		return fail(-errno, "write the image's vdso");
	r->vdso_fd = fcntl(fd, F_DUPFD_CLOEXEC, r->high);
	return r->vdso_fd < 0 ? fail(-errno, "keep the image's vdso") : 0;
}

int vdso_prepare(struct restore *r)
{
	const R *image = NULL;
	int err = 0;

	if (is_same(r))
		return 0;
	snap_for_each(&r->image.snap, REC_VDSO, const R, rec)
		image = rec;
	snap_for_each(&r->image.snap, REC_VMA, const struct rec_vma, v)
		if (vdso_code(v) && (!image || image->bytes != v->end - v->start))
			err = -EOPNOTSUPP;
	if (err)
		return fail(err, "the tree's vdso is not the one here (it was dumped on %s), and the image does not have it",
			    r->image.header.release);
	err = nobody_inside(&r->image.snap);
	return err || !image ? err : make_file(r, image);
}

void vdso_join(struct restore *r, struct batch *b, const struct rec_vma *v)
{
	const struct vdso_part *part = find_part(r, v->name);
	size_t len = v->end - v->start;

	if (r->vdso_fd < 0) {
		batch_op(b, SYS_mremap, part->parked, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, v->start);
	} else if (vdso_code(v)) {
		batch_op(b, SYS_mmap, v->start, len, PROT_READ | PROT_WRITE,
			 MAP_FIXED_NOREPLACE | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		batch_op(b, SYS_pread64, r->vdso_fd, v->start, len, 0);
		batch_op(b, SYS_mprotect, v->start, len, PROT_READ | PROT_EXEC);
	}
}

const struct res_type res_vdso = {
	.name = "vdso", .tag = REC_VDSO, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.tail = MAY_DIFFER, .tail_form = AS_BYTES, .read = read_vdso,
};
