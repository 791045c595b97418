// SPDX-License-Identifier: GPL-2.0-only
/* snap_test.c - records stay where they are, and are found by tag and key in the order they came. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rec_mem.h"
#include "snap.h"

#include <cmocka.h>

#define TAG 0x0777u

struct item {
	struct rec_hdr h;
	__u64 key;
	__u64 order;
};

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static void add(struct snap *s, __u32 tag, __u64 key, __u64 order)
{
	struct item it = { { tag, sizeof(it) }, key, order };

	assert_int_equal(snap_add(s, &it.h), 0);
}

static void check_order(const struct snap *s, __u32 tag, size_t want)
{
	size_t nr;
	struct item **v = (struct item **)snap_all(s, tag, &nr);

	assert_int_equal(nr, want);
	for (size_t i = 1; i < nr; i++) {
		assert_true(v[i - 1]->key <= v[i]->key);
		if (v[i - 1]->key == v[i]->key)
			assert_true(v[i - 1]->order < v[i]->order);
	}
}

static void test_empty(void **state)
{
	struct snap s = {};
	size_t nr = 7, seen = 0;

	assert_null(snap_find(&s, TAG, 1));
	assert_null(snap_all(&s, TAG, &nr));
	assert_int_equal(nr, 0);
	assert_null(snap_range(&s, TAG, 1, &nr));
	snap_for_each(&s, TAG, struct item, it)
		seen += it->key;
	assert_int_equal(seen, 0);
	snap_unique(&s, TAG);
	snap_filter(&s, TAG, NULL, NULL);
	snap_free(&s);
	snap_free(&s);
}

static void test_new_is_zeroed_and_aligned(void **state)
{
	struct snap s = {};

	for (size_t len = 16; len < 200; len++) {
		struct rec_hdr *h = snap_new(&s, TAG, len);
		const char *p = (char *)h;

		assert_non_null(h);
		assert_int_equal((uintptr_t)h % 8, 0);
		assert_int_equal(h->tag, TAG);
		assert_int_equal(h->len, (len + 7) / 8 * 8);
		for (size_t i = sizeof(*h); i < h->len; i++)
			assert_int_equal(p[i], 0);
		memset(h + 1, 0xff, h->len - sizeof(*h));
	}
	snap_free(&s);
}

static void test_large_records(void **state)
{
	struct snap s = {};
	struct item *small[3];
	struct rec_hdr *big = calloc(1, 3 << 20);

	*big = (struct rec_hdr){ TAG, 3 << 20 };
	for (int i = 0; i < 3; i++) {
		small[i] = snap_new(&s, TAG + 1, sizeof(struct item));
		small[i]->key = i;
		memset(big + 1, i + 1, big->len - sizeof(*big));
		assert_int_equal(snap_add(&s, big), 0);
	}
	assert_ptr_equal(small[2], small[0] + 2); /* a big one does not spoil the block of the others */
	for (int i = 0; i < 3; i++) {
		size_t nr;
		const char *p = snap_all(&s, TAG, &nr)[i];

		assert_int_equal(nr, 3);
		assert_int_equal(p[sizeof(*big)], i + 1);
		assert_int_equal(p[(3 << 20) - 1], i + 1);
	}
	free(big);
	snap_free(&s);
}

/* Records arrive in bursts, some in order, some not, and are looked up in between. */
static void test_order_survives_lookups(void **state)
{
	struct snap s = {};
	size_t nr = 0;

	srandom(1);
	for (int burst = 0; burst < 400; burst++) {
		__u64 key = random() % 500;

		for (int i = 0; i < 1 + burst % 37; i++, nr++)
			add(&s, TAG, burst % 3 ? key++ : (__u64)random() % 500, nr);
		if (burst % 5 == 0)
			check_order(&s, TAG, nr);
	}
	check_order(&s, TAG, nr);
	for (__u64 key = 0, sum = 0; key < 600; key++) {
		size_t n;
		struct item **v = (struct item **)snap_range(&s, TAG, key, &n);

		for (size_t i = 0; i < n; i++)
			assert_int_equal(v[i]->key, key);
		assert_ptr_equal(snap_find(&s, TAG, key), n ? v[0] : NULL);
		sum += n;
		if (key == 599)
			assert_int_equal(sum, nr);
	}
	snap_free(&s);
}

static void test_extreme_keys(void **state)
{
	struct snap s = {};
	size_t nr;

	add(&s, TAG, ~0ull, 0);
	add(&s, TAG, 0, 1);
	add(&s, TAG, ~0ull, 2);
	snap_range(&s, TAG, ~0ull, &nr);
	assert_int_equal(nr, 2);
	snap_range(&s, TAG, 0, &nr);
	assert_int_equal(nr, 1);
	assert_null(snap_find(&s, TAG, 5));
	snap_free(&s);
}

static void test_new_key_comes_later(void **state)
{
	struct snap s = {};
	struct item *a = snap_new(&s, TAG, sizeof(*a));

	a->key = 9;
	add(&s, TAG, 3, 0);
	assert_ptr_equal(snap_find(&s, TAG, 9), a);
	a = snap_new(&s, TAG, sizeof(*a));
	a->key = 5;
	assert_ptr_equal(snap_find(&s, TAG, 5), a);
	snap_free(&s);
}

static bool is_even(const void *rec, void *arg)
{
	++*(int *)arg;
	return ((const struct item *)rec)->key % 2 == 0;
}

static void test_unique_and_filter(void **state)
{
	struct snap s = {};
	int calls = 0;

	for (int i = 0; i < 300; i++)
		add(&s, TAG, 99 - i % 100, i);
	snap_filter(&s, TAG, is_even, &calls);
	assert_int_equal(calls, 300);
	check_order(&s, TAG, 150);
	snap_unique(&s, TAG);
	check_order(&s, TAG, 50);
	snap_for_each(&s, TAG, const struct item, it)
		assert_true(it->order < 100);
	add(&s, TAG, 4, 1000);
	check_order(&s, TAG, 51);
	snap_free(&s);
}

static void test_unique_bytes(void **state)
{
	struct snap s = {};
	struct { struct item it; __u64 more; } longer = { { { TAG, sizeof(longer) }, 1, 5 }, 0 };

	add(&s, TAG, 1, 5);
	assert_int_equal(snap_add(&s, &longer.it.h), 0);
	add(&s, TAG, 1, 6);
	add(&s, TAG, 1, 5);
	assert_int_equal(snap_add(&s, &longer.it.h), 0);
	snap_unique_bytes(&s, TAG);
	assert_int_equal(s.list[0].nr, 3);
	snap_free(&s);
}

static void test_for_each_can_be_left(void **state)
{
	struct snap s = {};
	int seen = 0, outer = 0;

	for (int i = 0; i < 10; i++)
		add(&s, TAG, i, i);
	snap_for_each(&s, TAG, const struct item, it) {
		if (it->key == 2)
			continue;
		if (it->key == 5)
			break;
		seen++;
	}
	assert_int_equal(seen, 4);
	snap_for_each(&s, TAG, const struct item, a)
		snap_for_each(&s, TAG, const struct item, b) {
			if (b->key > a->key)
				break;
			outer++;
		}
	assert_int_equal(outer, 55);
	snap_free(&s);
}

static void test_too_many_kinds(void **state)
{
	struct snap s = {};
	int err = 0;

	for (__u32 tag = 1; tag < 1000 && !err; tag++) {
		struct item it = { { tag, sizeof(it) } };

		err = snap_add(&s, &it.h);
	}
	assert_int_equal(err, -E2BIG);
	snap_free(&s);
}

/* 500 address spaces of 24 areas: each one in order, the spaces in none. Printed, not judged. */
static void bench(const char *what, size_t nr, size_t run)
{
	struct snap s = {};
	struct rec_vma v = { { REC_VMA, sizeof(v) } };
	double start = now_ms(), added, sorted;

	for (size_t i = 0; i < nr; i++) {
		v.mm = (i / run + 1) * 0x9e3779b97f4a7c15ull;
		assert_int_equal(snap_add(&s, &v.h), 0);
	}
	added = now_ms();
	snap_find(&s, REC_VMA, 1);
	sorted = now_ms();
	for (size_t i = 0; i < nr; i++)
		assert_non_null(snap_find(&s, REC_VMA, (i / run + 1) * 0x9e3779b97f4a7c15ull));
	print_message("  %zu %s: add %.2f ms, sort %.2f ms, find all %.2f ms\n", nr, what,
		      added - start, sorted - added, now_ms() - sorted);
	snap_free(&s);
}

static void test_speed(void **state)
{
	bench("areas of 500 processes", 12000, 24);
	bench("areas in random order", 12000, 1);
	bench("areas in random order", 200000, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_new_is_zeroed_and_aligned),
		cmocka_unit_test(test_large_records),
		cmocka_unit_test(test_order_survives_lookups),
		cmocka_unit_test(test_extreme_keys),
		cmocka_unit_test(test_new_key_comes_later),
		cmocka_unit_test(test_unique_and_filter),
		cmocka_unit_test(test_unique_bytes),
		cmocka_unit_test(test_for_each_can_be_left),
		cmocka_unit_test(test_too_many_kinds),
		cmocka_unit_test(test_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
