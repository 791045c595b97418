// SPDX-License-Identifier: GPL-2.0-only
/*
 * picture_test.c - pictures of a small system with everything in it that is drawn in a way of its own,
 * compared with the files in tests/golden; what a picture must keep for systems of any shape.
 *
 * UPDATE_GOLDEN=1 writes these files anew: look at them before they are committed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "golden.h"
#include "picture.h"
#include "sim.h"

#include <cmocka.h>

enum { HOST = 0x2001, BOX, INNER, LOOSE };

static void add_ns(struct snap *s, __u64 addr, __u64 parent, unsigned int level, unsigned int inum)
{
	struct rec_pidns *r = snap_new(s, REC_PIDNS, sizeof(*r));

	r->addr = addr;
	r->parent = parent;
	r->level = level;
	r->inum = inum;
	r->owner_inum = 4026531837;
	r->allocated = 7;
	r->idr_next = 30;
	r->adding = 1;
}

static void add_thread(struct snap *s, int pid, int tgid, int parent, const char *comm)
{
	struct rec_task *t = snap_new(s, REC_TASK, sizeof(*t));

	t->addr = 0x10000 + pid;
	t->pid = pid;
	t->tgid = tgid;
	t->parent = parent;
	t->state = 1;
	t->start_boottime = pid;
	memcpy(t->comm, comm, strnlen(comm, 16));
}

/* Keys of pids are their outermost numbers. */
static struct rec_proc *add_proc(struct snap *s, __u64 ns, int parent, const char *comm, int levels,
				 const int *nr)
{
	struct rec_pid *p = snap_new(s, REC_PID, sizeof(*p) + levels * sizeof(__s32));
	struct rec_proc *sig;

	p->addr = nr[0];
	p->ns = ns;
	p->level = levels - 1;
	p->alive = 1;
	memcpy(p->numbers, nr, levels * sizeof(*nr));
	add_thread(s, nr[0], nr[0], parent, comm);
	sig = snap_new(s, REC_PROC, sizeof(*sig));
	sig->addr = 0x20000 + nr[0];
	sig->tgid = sig->pgid = sig->sid = nr[0];
	return sig;
}

#define NR(...) sizeof((int[]){ __VA_ARGS__ }) / sizeof(int), (int[]){ __VA_ARGS__ }

static void make_system(struct snap *s)
{
	add_ns(s, HOST, 0, 0, 4026531836);
	add_ns(s, BOX, HOST, 1, 4026532201);
	add_ns(s, INNER, BOX, 2, 4026532202);
	add_ns(s, LOOSE, BOX, 2, 4026532203);
	add_proc(s, HOST, 0, "systemd", NR(1));
	add_proc(s, HOST, 1, "sshd", NR(700));
	add_proc(s, HOST, 1, "containerd-shim-runc", NR(900));
	add_proc(s, HOST, 700, "nsenter", NR(1000));
	add_proc(s, BOX, 900, "sh", NR(901, 1));
	add_proc(s, BOX, 901, "nginx", NR(902, 2));
	for (int i = 0; i < 3; i++)
		add_thread(s, 920 + i, 902, 901, "nginx");
	add_proc(s, BOX, 901, "defunct", NR(903, 3));
	((struct rec_task *)snap_find(s, REC_TASK, 0x10000 + 903))->exit_state = 0x20;
	add_proc(s, BOX, 901, "unshare", NR(904, 4));
	add_proc(s, INNER, 904, "tini", NR(905, 5, 1));
	/* markup, a control character, one that turns the text round, no UTF-8, UTF-8 that was cut */
	add_proc(s, INNER, 905, "<&\"'\\n\x01\xe2\x80\xae\xff\xe6\x96\x87\xe6\x96", NR(906, 6, 2));
	add_proc(s, INNER, 905, "\xe6\x96\x87\xe6\x96\x87", NR(907, 7, 3));
	add_proc(s, BOX, 1000, "bash", NR(1001, 8)); /* by setns */
	add_proc(s, LOOSE, 1000, "init", NR(1002, 9, 1)); /* by setns and CLONE_NEWPID */
	add_proc(s, LOOSE, 1002, "sleep", NR(1003, 10, 2));
}

static bool all(const struct proc *p, const void *arg)
{
	return true;
}

static bool in_box(const struct proc *p, const void *arg)
{
	return pidns_within(arg, p->pid->ns, BOX);
}

static char *draw(const struct tree *t, bool (*shown)(const struct proc *, const void *),
		  void (*form)(const struct picture *, FILE *))
{
	struct picture p;
	char *text = NULL;
	size_t len;
	FILE *f;

	assert_int_equal(picture_build(&p, t, 0, shown, t->snap), 0);
	picture_place(&p);
	f = open_memstream(&text, &len);
	form(&p, f);
	fclose(f);
	picture_free(&p);
	return text;
}

static void test_golden(void **state)
{
	static const struct {
		const char *name;
		bool (*shown)(const struct proc *, const void *);
		void (*form)(const struct picture *, FILE *);
	} files[] = {
		{ "picture.svg", all, picture_svg },
		{ "picture.dot", all, picture_dot },
		{ "picture_part.svg", in_box, picture_svg },
		{ "picture_part.dot", in_box, picture_dot },
	};
	struct snap s = {};
	struct tree t = {};

	make_system(&s);
	assert_int_equal(tree_build_all(&t, &s), 0);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char *text _free_ = draw(&t, files[i].shown, files[i].form);

		golden_compare(files[i].name, text);
	}
	tree_free(&t);
	snap_free(&s);
}

static bool inside(const struct area *in, const struct area *out)
{
	return in->x >= out->x && in->y >= out->y && in->x + in->w <= out->x + out->w &&
	       in->y + in->h <= out->y + out->h;
}

static bool apart(const struct area *a, const struct area *b)
{
	return a->x + a->w <= b->x || b->x + b->w <= a->x || a->y + a->h <= b->y ||
	       b->y + b->h <= a->y;
}

/* Cards lie in their boxes and boxes in theirs, nothing lies over anything else. */
static void check_places(const struct picture *p)
{
	for (size_t i = 0; i < p->nr_tasks; i++) {
		assert_true(inside(&p->tasks[i].card, &p->tasks[i].box->area));
		for (size_t j = 0; j < i; j++)
			assert_true(apart(&p->tasks[i].card, &p->tasks[j].card));
		for (size_t j = 0; j < p->nr_boxes; j++) {
			const struct picture_box *b = p->tasks[i].box;

			while (b && b != p->boxes[j])
				b = b->parent;
			if (!b)
				assert_true(apart(&p->tasks[i].card, &p->boxes[j]->area));
		}
	}
	for (size_t i = 0; i < p->nr_boxes; i++)
		if (p->boxes[i]->parent)
			assert_true(inside(&p->boxes[i]->area, &p->boxes[i]->parent->area));
}

static void test_random(void **state)
{
	struct sim *sim = malloc(sizeof(*sim));

	for (unsigned int seed = 1; seed <= 200; seed++) {
		struct snap s = {};
		struct tree t = {};
		struct picture p;

		memset(sim, 0, sizeof(*sim));
		sim->seed = seed;
		sim_start(sim, true);
		for (int i = 0; i < 150; i++)
			sim_step(sim);
		sim_records(sim, &s);
		assert_int_equal(tree_build_all(&t, &s), 0);
		assert_int_equal(picture_build(&p, &t, 0, all, &s), 0);
		assert_int_equal(p.nr_tasks, t.nr);
		picture_place(&p);
		check_places(&p);
		picture_free(&p);
		tree_free(&t);
		snap_free(&s);
	}
	free(sim);
}

/* A chain of parents as long as there are numbers needs no stack. */
static void test_long_chain(void **state)
{
	struct snap s = {};
	struct tree t = {};
	struct picture p;

	add_ns(&s, HOST, 0, 0, 4026531836);
	for (int i = 1; i <= 200000; i++)
		add_proc(&s, HOST, i - 1, "deep", NR(i));
	assert_int_equal(tree_build_all(&t, &s), 0);
	assert_int_equal(picture_build(&p, &t, 0, all, &s), 0);
	picture_place(&p);
	assert_int_equal(p.nr_tasks, 200000);
	assert_true(p.tasks[199999].card.x > p.tasks[0].card.x);
	picture_free(&p);
	tree_free(&t);
	snap_free(&s);
}

static void test_clean(void **state)
{
	static const struct {
		const char *in, *out;
		size_t columns;
	} text[] = {
		{ "plain", "plain", 5 },	    { "", "", 0 },
		{ "a\nb\x7f", "a\\x0ab\\x7f", 10 }, { "\xc3\xa9", "\xc3\xa9", 1 },
		{ "\xc0\x80", "\\xc0\\x80", 8 },    { "\xed\xa0\x80", "\\xed\\xa0\\x80", 12 },
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae", 12 }, { "\xf0\x9f\x90\xa7", "\xf0\x9f\x90\xa7", 2 },
		{ "\xef\xbf\xbf", "\\xef\\xbf\\xbf", 12 }, { "\xe6\x96", "\\xe6\\x96", 8 },
	};
	char buf[CLEAN_SIZE(16)];

	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		assert_int_equal(clean_text(text[i].in, 16, buf, sizeof(buf)), text[i].columns);
		assert_string_equal(buf, text[i].out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_long_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
