// SPDX-License-Identifier: GPL-2.0-only
/* restore_force.c - pages of private memory that could never be written. */
#include "restore_force.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "log.h"
#include "rec_mem.h"
#include "res/vma.h"
#include "restore.h"

#define STEP (64u << 10)

static __u64 run_end(const struct image_page_run *run)
{
	return run->ext.offset + run->ext.len;
}

static struct image_page_run part_of(const struct image_page_run *run, __u64 start, __u64 end)
{
	struct image_page_run part = *run;

	part.ext.offset = start;
	part.ext.len = end - start;
	part.pos += start - run->ext.offset;
	return part;
}

/* Those of an address space, in order; the caller frees. NULL, with *nr 0: there are none. */
static const struct rec_vma **forced_areas(struct restore *r, __u64 mm, size_t *nr)
{
	size_t all, n = 0;
	void **vma = snap_range(&r->image.snap, REC_VMA, mm, &all);
	const struct rec_vma **v = NULL;

	*nr = 0;
	for (size_t i = 0; i < all; i++) {
		if (!vma_is_forced(vma[i]) || !vma_has_pages(r, vma[i]))
			continue;
		v = v ?: calloc(all - i, sizeof(*v));
		if (!v)
			return NULL;
		v[n++] = vma[i];
	}
	*nr = n;
	return v;
}

int restore_unforced(struct restore *r, __u64 mm, struct image_page_run **out, size_t *nr)
{
	size_t nr_areas, nr_runs, n = 0, k = 0;
	const struct rec_vma **area _free_ = forced_areas(r, mm, &nr_areas);
	const struct image_page_run *run = image_runs(&r->image, REC_MM, mm, &nr_runs);

	*out = NULL;
	if (!nr_areas)
		return 0;
	*out = calloc(nr_runs + nr_areas, sizeof(**out)); /* an area cuts a run in two at most */
	if (!*out)
		return fail(-ENOMEM, "restore");
	for (size_t i = 0; i < nr_runs; i++) {
		for (__u64 at = run[i].ext.offset, to; at < run_end(&run[i]); at = to) {
			bool inside;

			while (k < nr_areas && area[k]->end <= at)
				k++;
			inside = k < nr_areas && area[k]->start <= at;
			to = k == nr_areas ? run_end(&run[i]) : inside ? area[k]->end : area[k]->start;
			if (to > run_end(&run[i]))
				to = run_end(&run[i]);
			if (!inside)
				(*out)[n++] = part_of(&run[i], at, to);
		}
	}
	*nr = n;
	return 0;
}

static int write_part(const struct restore *r, const struct image_page_run *part, int mem)
{
	char buf[STEP];

	for (__u64 done = 0, len; done < part->ext.len; done += len) {
		int err;

		len = part->ext.len - done < STEP ? part->ext.len - done : STEP;
		err = image_read_at(&r->image, part->pos + done, buf, len);
		if (err)
			return fail(err, "read the image");
		if (pwrite(mem, buf, len, part->ext.offset + done) != (ssize_t)len)
			return fail(-errno, "write read-only memory at %#llx", part->ext.offset + done);
	}
	return 0;
}

static int force_area(const struct restore *r, const struct rec_vma *v, int mem)
{
	size_t nr;
	const struct image_page_run *run = image_runs(&r->image, REC_MM, v->mm, &nr);
	int err = 0;

	for (size_t i = 0; i < nr && !err; i++) {
		__u64 from = run[i].ext.offset > v->start ? run[i].ext.offset : v->start;
		__u64 to = run_end(&run[i]) < v->end ? run_end(&run[i]) : v->end;
		struct image_page_run part;

		if (from >= to)
			continue;
		part = part_of(&run[i], from, to);
		err = write_part(r, &part, mem);
	}
	return err;
}

static int force_memory(struct restore *r, const struct unit *u)
{
	size_t nr;
	const struct rec_vma **area _free_ = forced_areas(r, u->body->mm, &nr);
	char path[48];
	int mem _close_ = -1, err = 0;

	if (!nr)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/mem", restore_speaker(r, u));
	mem = open(path, O_WRONLY | O_CLOEXEC);
	if (mem < 0)
		return fail(-errno, "open %s", path);
	for (size_t i = 0; i < nr && !err; i++)
		err = force_area(r, area[i], mem);
	return err;
}

int restore_force_pages(struct restore *r)
{
	int err = 0;

	for (unsigned int i = 0; i < r->nr_procs && !err; i++)
		if (restore_owns_memory(r, &r->units[i]))
			err = force_memory(r, &r->units[i]);
	return err;
}
