// SPDX-License-Identifier: GPL-2.0-only
/* audit_test.c - what an audit makes of records that no kernel gives here on demand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "audit.h"
#include "audit_print.h"
#include "audit_record.h"

#define SECOND 1000000000ull

/* What was told, by type, and the last of each. */
struct ear {
	struct audit_sink sink;
	unsigned int nr[AE_TYPES];
	struct audit_event last[AE_TYPES];
};

static int hear(struct audit_sink *s, const struct audit *a, const struct audit_event *e)
{
	struct ear *ear = (struct ear *)s;

	ear->nr[e->type]++;
	ear->last[e->type] = *e;
	return 0;
}

static void begin(struct audit *a, struct ear *ear)
{
	*a = (struct audit){ .opts = { .max_level = 32, .near_percent = 90, .zombie_ns = 5 * SECOND }, .live = true };
	*ear = (struct ear){ .sink = { .event = hear, .types = ~0u } };
	a->sinks = &ear->sink;
	assert_int_equal(audit_table_init(a), 0);
}

/* A birth at that level; its numbers are nr, nr + 1000, ... and 1 or 2 in its own namespace. */
static struct rec_audit_born born(__u64 key, int nr, __u32 level, int own, __u64 ns, __u64 parent)
{
	struct rec_audit_born r = { .a = { .h = { REC_AUDIT_BORN, sizeof(r) }, .key = key, .boot_ns = nr * SECOND,
					   .start_ns = nr * SECOND, .pid = nr, .tid = nr, .comm = "task" },
				    .level = level, .parent = parent, .by = parent, .ppid_seen = 7 };

	r.ns = (struct rec_audit_ns){ .addr = ns, .inum = 4026530000u + ns, .level = level, .adding = 1 };
	for (__u32 l = 0; l <= level && l < AUDIT_NUMBERS_SHORT; l++)
		r.numbers[l] = l == level && level ? own : nr;
	return r;
}

static void apply(struct audit *a, const void *r)
{
	assert_int_equal(audit_apply(a, r), 0);
}

/* ---- */

static void test_born_above(void **state)
{
	struct audit a;
	struct ear ear;
	struct rec_audit_born r = born(0x10, 50, 1, 2, 0x1, 0);

	begin(&a, &ear);
	r.by = 0x99;
	r.by_level = 2;
	apply(&a, &r);
	assert_int_equal(ear.nr[AE_ESCAPE], 1);
	assert_string_equal(ear.last[AE_ESCAPE].how, "born_above");
	audit_table_free(&a);
}

static void test_clock(void **state)
{
	struct audit a;
	struct ear ear;

	begin(&a, &ear);
	a.real_offset = 1000 * SECOND;
	assert_int_equal(audit_clock(&a, 1000 * SECOND + 1000000, 5 * SECOND), 0); /* slewed */
	assert_int_equal(ear.nr[AE_CLOCK], 0);
	assert_int_equal(audit_clock(&a, 400 * SECOND, 6 * SECOND), 0); /* set back by ten minutes */
	assert_int_equal(ear.nr[AE_CLOCK], 1);
	assert_true(ear.last[AE_CLOCK].jump_ns < -599 * (__s64)SECOND);
	assert_int_equal(ear.last[AE_CLOCK].boot_ns, 6 * SECOND); /* which goes on */
	assert_int_equal(ear.last[AE_CLOCK].real_ns, 406 * SECOND);
	audit_table_free(&a);
}

/* A number that is given again: whoever had it was reaped, although nothing has said so. */
static void test_number_again(void **state)
{
	struct audit a;
	struct ear ear;
	struct rec_audit_born first = born(0x10, 50, 0, 0, 0x1, 0), second = born(0x20, 50, 0, 0, 0x1, 0);
	struct rec_audit late = { .h = { REC_AUDIT_FREE, sizeof(late) }, .key = 0x10, .boot_ns = 90 * SECOND,
				  .start_ns = 50 * SECOND };

	begin(&a, &ear);
	second.a.start_ns = second.a.boot_ns = 60 * SECOND;
	apply(&a, &first);
	apply(&a, &second);
	assert_int_equal(ear.nr[AE_REAPED], 1);
	assert_int_equal(a.nr_tasks, 1);
	assert_ptr_equal(audit_task_by_pid(&a, 50), audit_task_find(&a, 0x20));
	apply(&a, &late); /* of the first one: the second stays */
	assert_int_equal(ear.nr[AE_REAPED], 1);
	assert_int_equal(a.nr_tasks, 1);
	audit_table_free(&a);
}

/* The memory of a namespace that ended is another's: ids differ, and the old one is gone. */
static void test_namespace_again(void **state)
{
	struct audit a;
	struct ear ear;
	struct rec_audit_born first = born(0x10, 50, 1, 1, 0x5, 0), second = born(0x20, 60, 1, 1, 0x5, 0);
	char one[80], two[80];

	begin(&a, &ear);
	first.ns.init = 0x10, first.ns.init_start = 50 * SECOND;
	second.ns.init = 0x20, second.ns.init_start = 60 * SECOND;
	apply(&a, &first);
	audit_where_id(one, sizeof(one), &ear.last[AE_CREATED].pidns, "boot");
	apply(&a, &second);
	audit_where_id(two, sizeof(two), &ear.last[AE_CREATED].pidns, "boot");
	assert_int_equal(ear.last[AE_CREATED].pidns.inum, 4026530005u);
	assert_string_not_equal(one, two);
	assert_int_equal(a.nr_namespaces, 2);
	assert_int_equal(audit_tell_reaped(&a, audit_task_find(&a, 0x10), 65 * SECOND, 0), 0);
	assert_int_equal(audit_ns_tick(&a, 70 * SECOND), 0);
	assert_int_equal(ear.nr[AE_DESTROYED], 1);
	assert_int_equal(a.nr_namespaces, 1);
	audit_table_free(&a);
}

/* An init that has ended is no zombie while somebody is inside. */
static void test_dying_init(void **state)
{
	struct audit a;
	struct ear ear;
	struct rec_audit_born init = born(0x10, 50, 1, 1, 0x5, 0), guest = born(0x20, 51, 1, 2, 0x5, 0x99);
	struct rec_audit_exit end = { .a = { .h = { REC_AUDIT_EXIT, sizeof(end) }, .key = 0x10, .boot_ns = 60 * SECOND,
					     .start_ns = 50 * SECOND, .flags = AUDIT_F_GROUP_DEAD },
				      .level = 1, .own_nr = 1 };
	struct rec_audit gone = { .h = { REC_AUDIT_FREE, sizeof(gone) }, .key = 0x20, .boot_ns = 61 * SECOND,
				  .start_ns = 51 * SECOND };

	begin(&a, &ear);
	apply(&a, &init);
	apply(&a, &guest);
	apply(&a, &end);
	assert_int_equal(ear.nr[AE_INIT_DIED], 1);
	assert_false(audit_task_is_zombie(audit_task_find(&a, 0x10)));
	apply(&a, &gone);
	assert_true(audit_task_is_zombie(audit_task_find(&a, 0x10)));
	audit_table_free(&a);
}

/* Children of a child that is born while its parent ends go to the heir. */
static void test_heir(void **state)
{
	struct audit a;
	struct ear ear;
	struct rec_audit_born heir = born(0x10, 50, 0, 0, 0x1, 0), parent = born(0x20, 51, 0, 0, 0x1, 0x10),
			      late = born(0x30, 52, 0, 0, 0x1, 0x20);
	struct rec_audit_exit end = { .a = { .h = { REC_AUDIT_EXIT, sizeof(end) }, .key = 0x20, .boot_ns = 52 * SECOND,
					     .start_ns = 51 * SECOND, .flags = AUDIT_F_GROUP_DEAD },
				      .heir = 0x10, .heir_start = 50 * SECOND, .heir_pid = 50 };

	begin(&a, &ear);
	late.parent_start = 51 * SECOND;
	apply(&a, &heir);
	apply(&a, &parent);
	apply(&a, &end);
	apply(&a, &late);
	assert_ptr_equal(audit_task_find(&a, 0x30)->parent, audit_task_find(&a, 0x10));
	assert_int_equal(ear.last[AE_EXIT].heir.numbers[0], 50);
	audit_table_free(&a);
}

/* Many tasks: growing keeps all of them, with their numbers. */
static void test_many(void **state)
{
	struct audit a;
	struct ear ear;

	begin(&a, &ear);
	for (int i = 1; i <= 5000; i++) {
		struct rec_audit_born r = born(0x1000 + i * 8, i, 0, 0, 0x1, 0x1000 + (i / 2) * 8);

		r.parent_start = (__u64)(i / 2) * SECOND;
		apply(&a, &r);
	}
	assert_int_equal(a.nr_tasks, 5000);
	for (int i = 2; i <= 5000; i++)
		assert_ptr_equal(audit_task_by_pid(&a, i)->parent, audit_task_by_pid(&a, i / 2));
	assert_int_equal(audit_ns_find(&a, 0x1)->tasks, 5000);
	audit_table_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_born_above), cmocka_unit_test(test_clock),
		cmocka_unit_test(test_number_again), cmocka_unit_test(test_namespace_again),
		cmocka_unit_test(test_dying_init), cmocka_unit_test(test_heir), cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
