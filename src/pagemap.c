// SPDX-License-Identifier: GPL-2.0-only
/* pagemap.c - which pages of an address space exist and are its own. */
#include "pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "cleanup.h"
#include "log.h"

#define PAGE 4096ull
#define REGIONS 1024

/* linux/fs.h of 6.7; Debian 12's headers are older */
struct scan_region {
	__u64 start, end, categories;
};

struct scan_arg {
	__u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
	__u64 category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define SCAN_IOCTL _IOWR('f', 16, struct scan_arg)
#define IS_FILE (1ull << 2)
#define IS_PRESENT (1ull << 3)
#define IS_SWAPPED (1ull << 4)
#define IS_PFNZERO (1ull << 5)
#define IS_GUARD (1ull << 8)

int ranges_add(struct page_ranges *r, __u64 start, __u64 end)
{
	if (r->nr && r->v[r->nr - 1].end == start) {
		r->v[r->nr - 1].end = end;
		return 0;
	}
	if (r->nr && r->v[r->nr - 1].end > start)
		return fail(-EPROTO, "areas of memory are not in order"); /* pages would get lost */
	if (r->nr == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 32;
		struct page_range *v = realloc(r->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		r->v = v;
		r->cap = cap;
	}
	r->v[r->nr++] = (struct page_range){ start, end };
	return 0;
}

void ranges_free(struct page_ranges *r)
{
	free(r->v);
	*r = (struct page_ranges){};
}

struct scan {
	int fd;
	pid_t tid;
	const struct page_ranges *areas;
	size_t area; /* the first that may still hold something */
	struct page_ranges *pages, *guards;
};

/* What of [start, end) lies in the areas; calls come with ascending addresses. */
static int take(struct scan *s, __u64 start, __u64 end, bool guard)
{
	int err = 0;

	while (s->area < s->areas->nr && s->areas->v[s->area].end <= start)
		s->area++;
	for (size_t i = s->area; i < s->areas->nr && s->areas->v[i].start < end && !err; i++) {
		__u64 from = start > s->areas->v[i].start ? start : s->areas->v[i].start;
		__u64 to = end < s->areas->v[i].end ? end : s->areas->v[i].end;

		err = ranges_add(guard ? s->guards : s->pages, from, to);
	}
	return err;
}

/*
 * One PAGEMAP_SCAN from start on. Its walk_end is stale when the walk came to the real end (seen on
 * 6.12 and 6.18), so only a full vector says that there is more.
 */
static int scan_once(struct scan *s, __u64 start, __u64 end, __u64 guard, __u64 *next)
{
	struct scan_region region[REGIONS];
	struct scan_arg arg = {
		.size = sizeof(arg), .start = start, .end = end,
		.vec = (__u64)region, .vec_len = REGIONS,
		.category_inverted = IS_FILE | IS_PFNZERO, .category_mask = IS_FILE | IS_PFNZERO,
		.category_anyof_mask = IS_PRESENT | IS_SWAPPED, .return_mask = guard,
	};
	int n = ioctl(s->fd, SCAN_IOCTL, &arg), err = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n && !err; i++)
		err = take(s, region[i].start, region[i].end, region[i].categories & IS_GUARD);
	*next = n == REGIONS ? arg.walk_end : end;
	return err;
}

static int scan_all(struct scan *s, __u64 start, __u64 end)
{
	__u64 guard = IS_GUARD;
	int err = 0;

	while (start < end && !err) {
		err = scan_once(s, start, end, guard, &start);
		if (err == -EINVAL && guard) { /* before 6.14 the category is unknown, and no guard exists */
			guard = 0;
			err = 0;
		}
	}
	return err;
}

/* Documentation/admin-guide/mm/pagemap.rst: bit 63 present, 62 swapped, 61 file or shared, 58 guard */
static int read_area(struct scan *s, const struct page_range *area)
{
	__u64 entry[512];
	int err = 0;

	for (__u64 at = area->start; at < area->end && !err;) {
		size_t want = (area->end - at) / PAGE;
		ssize_t n;

		if (want > ARRAY_SIZE(entry))
			want = ARRAY_SIZE(entry);
		n = pread(s->fd, entry, want * sizeof(*entry), at / PAGE * sizeof(*entry));
		if (n <= 0)
			return n ? -errno : -EIO;
		for (size_t i = 0; i < n / sizeof(*entry) && !err; i++, at += PAGE) {
			__u64 e = entry[i];

			if (e >> 62 && !(e >> 61 & 1))
				err = take(s, at, at + PAGE, e >> 58 & 1);
		}
	}
	return err;
}

int pagemap_private(pid_t tid, const struct page_ranges *areas, struct page_ranges *pages,
		    struct page_ranges *guards)
{
	struct scan s = { .tid = tid, .areas = areas, .pages = pages, .guards = guards };
	char path[48];
	int fd _close_ = -1, err;

	if (!areas->nr)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/pagemap", tid);
	fd = s.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "open %s", path);
	err = scan_all(&s, areas->v[0].start, areas->v[areas->nr - 1].end);
	if (err == -ENOTTY) {
		err = 0;
		for (size_t i = 0; i < areas->nr && !err; i++)
			err = read_area(&s, &areas->v[i]);
	}
	return err ? fail(err, "find the pages of process %d", tid) : 0;
}

bool pagemap_has_scan(void)
{
	struct scan_arg arg = { .size = sizeof(arg) };
	int fd _close_ = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && !ioctl(fd, SCAN_IOCTL, &arg);
}
