// SPDX-License-Identifier: GPL-2.0-only
/* compare_pages.c - memory of a restored tree against the pages of the image. */
#include "compare_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "log.h"
#include "rec_mem.h"
#include "rec_state.h"
#include "restore.h"
#include "res/vdso.h"

#define PAGE 4096ull
#define STEP (1ull << 20)

/* Room for a step of both. */
struct buffers {
	char have[STEP], want[STEP];
};

/* Bytes that the kernel writes on its own: rseq, and where a timed call reports what is left. */
static bool is_volatile(const struct restore *r, const struct unit *u, __u64 at)
{
	for (unsigned int i = 0; i < r->nr_units; i++) {
		const struct rec_task *t = r->units[i].task;
		const struct rec_regs *regs;
		__u32 sleep;

		if (!t || t->mm != u->body->mm)
			continue;
		if (t->rseq && at - t->rseq < 32)
			return true;
		regs = snap_find(&r->image.snap, REC_REGS, t->addr);
		if (!regs)
			continue;
		sleep = regs->restart ?: r->units[i].slept;
		if (sleep == RESTART_NANOSLEEP && regs->arg[1] && at - regs->arg[1] < 16)
			return true;
		if (sleep == RESTART_POLL && at - regs->arg[0] < regs->arg[1] * 8)
			return true;
	}
	return false;
}

static unsigned int compare_bytes(const struct restore *r, const struct unit *u, __u64 addr,
				  const char *want, const char *have, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (want[i] == have[i] || is_volatile(r, u, addr + i))
			continue;
		fail(-ERR_DIFFERS, "verify: task %d (%.16s): memory at %#llx differs from the image", u->tid,
		     u->task->comm, addr + i);
		return 1;
	}
	return 0;
}

static unsigned int compare_run(const struct restore *r, const struct unit *u,
				const struct image_page_run *run, int mem, struct buffers *b)
{
	int err;

	for (__u64 done = 0, len; done < run->ext.len; done += len) {
		__u64 addr = run->ext.offset + done;

		len = run->ext.len - done < STEP ? run->ext.len - done : STEP;
		err = image_read_at(&r->image, run->pos + done, b->want, len);
		if (err) {
			fail(err, "verify: read the image");
			return 1;
		}
		if (pread(mem, b->have, len, addr) != (ssize_t)len) {
			fail(-errno, "verify: read memory of task %d at %#llx", u->tid, addr);
			return 1;
		}
		if (memcmp(b->have, b->want, len) && compare_bytes(r, u, addr, b->want, b->have, len))
			return 1;
	}
	return 0;
}

static const struct page_ranges *live_pages(const struct dump *d, pid_t tid)
{
	for (size_t i = 0; i < d->nr_sources; i++)
		if (d->sources[i].tag == REC_MM && d->sources[i].pid == tid)
			return &d->sources[i].ranges;
	return NULL;
}

/* Processes that share memory: the new walk may have read it through another one of them. */
static const struct page_ranges *live_pages_of(struct restore *r, const struct dump *d, const struct unit *u)
{
	const struct page_ranges *pages = live_pages(d, restore_speaker(r, u));

	for (unsigned int i = 0; i < r->nr_procs && !pages; i++)
		if (r->units[i].body && r->units[i].body->mm == u->body->mm)
			pages = live_pages(d, restore_speaker(r, &r->units[i]));
	return pages;
}

static bool is_zero(int mem, char *buf, __u64 addr)
{
	return pread(mem, buf, PAGE, addr) == (ssize_t)PAGE && !buf[0] && !memcmp(buf, buf + 1, PAGE - 1);
}

/*
 * Pages that the image does not have are as fresh ones: the kernel may have given a huge page for a small one, and
 * before 6.7 nobody can tell the zero page from others. The vdso of another kernel is not the image's either.
 */
static unsigned int compare_rest(struct restore *r, const struct unit *u, const struct page_ranges *live, int mem,
				 char *buf)
{
	const struct rec_vma *vdso = vdso_led_on(r, u->body->mm);
	size_t nr, next = 0;
	const struct image_page_run *run = image_runs(&r->image, REC_MM, u->body->mm, &nr);

	for (size_t i = 0; i < live->nr; i++) {
		for (__u64 at = live->v[i].start; at < live->v[i].end; at += PAGE) {
			while (next < nr && run[next].ext.offset + run[next].ext.len <= at)
				next++;
			if ((next < nr && run[next].ext.offset <= at) ||
			    (vdso && at >= vdso->start && at < vdso->end) || is_zero(mem, buf, at))
				continue;
			fail(-ERR_DIFFERS, "verify: task %d (%.16s): the page at %#llx is not of the image", u->tid,
			     u->task->comm, at);
			return 1;
		}
	}
	return 0;
}

unsigned int compare_pages(struct restore *r, const struct dump *d)
{
	struct buffers *b _free_ = malloc(sizeof(*b));
	unsigned int differences = 0;

	for (unsigned int i = 0; i < r->nr_procs && b; i++) {
		const struct unit *u = &r->units[i];
		const struct image_page_run *run;
		const struct page_ranges *live;
		int mem _close_ = -1;
		char path[48];
		size_t nr;

		if (!restore_owns_memory(r, u))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/mem", restore_speaker(r, u));
		mem = open(path, O_RDONLY | O_CLOEXEC);
		run = image_runs(&r->image, REC_MM, u->body->mm, &nr);
		for (size_t j = 0; j < nr; j++)
			differences += compare_run(r, u, &run[j], mem, b);
		live = live_pages_of(r, d, u);
		if (live)
			differences += compare_rest(r, u, live, mem, b->have);
		else if (nr && fail(-ERR_DIFFERS, "verify: task %d (%.16s) has no memory", u->tid, u->task->comm))
			differences++;
	}
	return differences + !b;
}
