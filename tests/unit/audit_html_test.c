// SPDX-License-Identifier: GPL-2.0-only
/*
 * audit_html_test.c - the page of a recording: of a small one, compared with tests/golden/audit.html;
 * what it must keep for recordings of any size.
 *
 * UPDATE_GOLDEN=1 writes the file anew: look at it before it is committed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_html.h"
#include "cleanup.h"
#include "golden.h"

#include <cmocka.h>

#define MS 1000000ull
#define SECOND (1000 * MS)
#define BEGIN (5000 * SECOND)
#define REAL 1790000000000000000ll /* 2026-09-21 */
#define PAGE_MAX 300000

static void tell(struct story *s, struct audit_event *e, enum audit_type type, __u64 when)
{
	e->type = type;
	e->boot_ns = BEGIN + when;
	e->real_ns = REAL + e->boot_ns;
	assert_int_equal(story_event(s, e), 0);
}

static struct audit_where ns(unsigned int inum, unsigned int level, __u64 born)
{
	return (struct audit_where){ .inum = inum, .level = level, .born_ns = born };
}

static struct audit_who who(const char *comm, unsigned int level, int outer, int inner)
{
	struct audit_who w = { .start_ns = 1, .level = level };

	memcpy(w.comm, comm, strnlen(comm, sizeof(w.comm) - 1));
	for (unsigned int l = 0; l <= level; l++)
		w.numbers[l] = l ? inner + 10 * (int)(level - l) : outer;
	return w;
}

static void start(struct story *s, const struct audit_where *host)
{
	struct audit_event e = { .kernel = "6.18.0-test", .boot_id = "b1946ac9-0000" };

	story_init(s);
	tell(s, &e, AE_START, 0);
	e = (struct audit_event){ .pidns = *host };
	tell(s, &e, AE_PIDNS, 0);
}

static void task(struct story *s, enum audit_type type, __u64 when, const struct audit_where *w, struct audit_who t)
{
	struct audit_event e = { .pidns = *w, .task = t };

	tell(s, &e, type, when);
}

static void life(struct story *s, enum audit_type type, __u64 when, const struct audit_where *w,
		 const struct audit_where *parent)
{
	struct audit_event e = { .pidns = *w, .pidns_parent = *parent };

	tell(s, &e, type, when);
}

static void alert(struct story *s, enum audit_type type, __u64 when, const struct audit_where *w,
		  struct audit_who t, const char *reason)
{
	struct audit_event e = { .pidns = *w, .task = t };

	strcpy(e.reason, reason);
	tell(s, &e, type, when);
}

static void make_small(struct story *s)
{
	struct audit_where host = ns(4026531836, 0, 0), web = ns(4026532201, 1, BEGIN + 8 * SECOND);
	struct audit_where ci = ns(4026532301, 2, BEGIN + 20 * SECOND), old = ns(4026532101, 1, 77);
	struct audit_event lost = { .from_ns = BEGIN + 70 * SECOND, .to_ns = BEGIN + 73 * SECOND, .lost_all = 412 };

	start(s, &host);
	life(s, AE_PIDNS, 0, &old, &host);
	task(s, AE_TASK, 0, &host, who("systemd", 0, 1, 1));
	task(s, AE_TASK, 0, &old, who("postgres", 1, 300, 1));
	life(s, AE_CREATED, 8 * SECOND, &web, &host);
	task(s, AE_BORN, 8 * SECOND, &web, who("shim", 1, 901, 1));
	task(s, AE_EXEC, 8 * SECOND + 4 * MS, &web, who("nginx", 1, 901, 1));
	for (int i = 2; i < 40; i++)
		task(s, AE_BORN, (9 + i / 2) * SECOND, &web, who("worker", 1, 900 + i, i));
	for (int i = 2; i < 30; i++)
		task(s, AE_EXIT, (50 + i) * SECOND, &web, who("worker", 1, 900 + i, i));
	life(s, AE_CREATED, 20 * SECOND, &ci, &web);
	task(s, AE_BORN, 20 * SECOND, &ci, who("<init>&", 2, 950, 1));
	alert(s, AE_FOREIGN, 31 * SECOND, &web, who("bash", 1, 960, 41), "its parent \"nsenter\" lives in level 0");
	alert(s, AE_ESCAPE, 32 * SECOND, &ci, who("sh", 2, 961, 4), "sees the host's <mounts>");
	for (int i = 0; i < 12; i++)
		alert(s, AE_ZOMBIE, (60 + i % 3) * SECOND + i, &old, who("cron", 1, 500 + i, 60 + i), "nobody waits");
	life(s, AE_INIT_DIED, 58 * SECOND, &ci, &web);
	life(s, AE_DESTROYED, 66 * SECOND, &ci, &web);
	for (unsigned int i = 0; i < 300; i++) {
		__u64 at = (25 + i * i % 60) * SECOND + i * 7 * MS;
		struct audit_where job = ns(4026540000 + i % 7, 1, BEGIN + at);

		life(s, AE_CREATED, at, &job, &host);
		task(s, AE_BORN, at, &job, who("job", 1, 3000 + i, 1));
		life(s, AE_DESTROYED, at + 40 * MS, &job, &host);
	}
	tell(s, &lost, AE_LOST, 73 * SECOND);
	task(s, AE_EXIT, 100 * SECOND, &host, who("sshd", 0, 700, 1));
}

static char *page_of(struct story *s)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_int_equal(audit_html_put(s, f), 0);
	fclose(f);
	return text;
}

static void test_small(void **state)
{
	struct story s;
	char *page _free_ = NULL;

	make_small(&s);
	page = page_of(&s);
	assert_int_equal(s.nr_ns, 304);
	assert_int_equal(s.nr_alerts, 14);
	assert_non_null(strstr(page, "300 short-lived namespaces"));
	assert_non_null(strstr(page, "&lt;init&gt;&amp;"));
	assert_non_null(strstr(page, "412 events were lost here"));
	assert_non_null(strstr(page, "sees the host&#39;s &lt;mounts&gt;"));
	assert_non_null(strstr(page, "ended 15:37:46"));
	assert_null(strstr(page, "http://") == strstr(page, "http://www.w3.org/2000/svg") ? NULL : "a link");
	golden_compare("audit.html", page);
	story_free(&s);
}

/* Everything short, everything long, everything at once, deep: a page is small and has all of it. */
static void test_large(void **state)
{
	for (int shape = 0; shape < 4; shape++) {
		struct audit_where host = ns(1, 0, 0), in = host;
		char *page _free_ = NULL;
		struct story s;

		start(&s, &host);
		for (unsigned int i = 0; i < 20000; i++) {
			struct audit_where outer = shape == 3 && i % 32 ? in : host;
			__u64 at = i * 3 * MS;

			in = ns(10 + i, shape == 3 ? i % 32 + 1 : 1, BEGIN + at);
			life(&s, AE_CREATED, at, &in, &outer);
			task(&s, AE_BORN, at, &in, who("job", 1, 2 + i, 1));
			if (shape == 2)
				alert(&s, AE_ZOMBIE, at, &in, who("z", 1, 2 + i, 2), "a reason that is somewhat long");
			if (shape == 0)
				life(&s, AE_DESTROYED, at + MS, &in, &outer);
		}
		page = page_of(&s);
		assert_int_equal(s.nr_ns, 20001);
		if (strlen(page) >= PAGE_MAX) print_error("shape %d: %zu bytes\n", shape, strlen(page));
		assert_true(strlen(page) < PAGE_MAX);
		assert_non_null(strstr(page, shape ? "more namespaces" : "short-lived namespaces"));
		assert_non_null(strstr(page, "</html>"));
		story_free(&s);
	}
}

/* The recording of a part: nobody tells what is around it, or nothing happens at all. */
static void test_odd(void **state)
{
	struct audit_where a = ns(5, 3, BEGIN), b = ns(6, 3, BEGIN + SECOND), none = {};
	char *page _free_ = NULL, *empty _free_ = NULL;
	struct audit_event e = {};
	struct story s;

	story_init(&s);
	tell(&s, &e, AE_START, 0);
	empty = page_of(&s);
	assert_non_null(strstr(empty, "</html>"));
	life(&s, AE_PIDNS, 0, &a, &none);
	life(&s, AE_CREATED, SECOND, &b, &none);
	task(&s, AE_EXIT, 2 * SECOND, &b, who("x", 3, 4, 1));
	page = page_of(&s);
	assert_non_null(strstr(page, "level 3, pidns 5"));
	assert_non_null(strstr(page, "level 3, pidns 6"));
	story_free(&s);
}

/* How many processes there were does not get lost when points are joined, and their memory is bounded. */
static void test_points(void **state)
{
	struct audit_where host = ns(1, 0, 0);
	struct story s;

	start(&s, &host);
	for (int i = 0; i < 100000; i++)
		task(&s, AE_BORN, SECOND + i * MS, &host, who("x", 0, 10 + i, 1));
	for (int i = 0; i < 100000; i++)
		task(&s, AE_EXIT, 200 * SECOND + i * MS, &host, who("x", 0, 10 + i, 1));
	assert_int_equal(s.all->peak, 100000);
	assert_true(s.all->nr_points <= STORY_POINTS);
	assert_true(s.all->nr_points > STORY_POINTS / 4);
	assert_int_equal(s.all->tasks, 0);
	story_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
