// SPDX-License-Identifier: GPL-2.0-only
/* validate_test.c - records that belong together, and one by one made impossible. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "log.h"
#include "plan.h"
#include "rec_state.h"
#include "sim.h"
#include "tree.h"

#include <cmocka.h>

static struct sim sim;
static struct image img;

/* init (1) - leader (2, session) - inner init (3.1) - member (4.2), and a zombie (5) */
static void make_records(void)
{
	struct rec_tree *t;
	int leader, inner;

	memset(&sim, 0, sizeof(sim));
	img = (struct image){ .fd = -1 };
	sim_start(&sim, true);
	sim_setsid(&sim, 0);
	leader = sim_clone(&sim, 0, 0, SIGCHLD, 0);
	sim_setsid(&sim, leader);
	inner = sim_clone(&sim, leader, SIM_NEWPID, SIGCHLD, 0);
	sim_clone(&sim, inner, 0, SIGCHLD, 0);
	sim_exit(&sim, sim_clone(&sim, 0, 0, SIGCHLD, 0));
	sim_records(&sim, &img.snap);
	t = snap_new(&img.snap, REC_TREE, sizeof(*t));
	t->root = sim_pid_key(sim.task[0].pid);
	t->root_pidns = 0x2001u + sim.pid[sim.task[0].pid].ns;
	t->root_level = 1;
	t->flags = TREE_F_CONTAINER;
}

static void refuse(void *arg, const struct proc *p, const char *fmt, ...)
{
	(void)arg, (void)p, (void)fmt;
}

/* What a restore does with an image before any task exists. */
static int look(void)
{
	struct tree tree = {};
	struct plan plan = {};
	struct plan_opts opts = {};
	int err = image_validate(&img);

	if (!err && tree_build(&tree, &img.snap, sim_pid_key(sim.task[0].pid)))
		err = -ERR_IMAGE;
	if (!err && plan_build(&plan, &tree, &opts, refuse, NULL))
		err = -ERR_IMAGE;
	plan_free(&plan);
	tree_free(&tree);
	snap_free(&img.snap);
	return err;
}

static void *record(__u32 tag, size_t index)
{
	size_t nr;
	void **v = snap_all(&img.snap, tag, &nr);

	assert_true(index < nr);
	return v[index];
}

static struct rec_pid *pid_of(int task)
{
	return snap_find(&img.snap, REC_PID, sim_pid_key(sim.task[task].pid));
}

static struct rec_proc *proc_of(int task)
{
	return record(REC_PROC, task);
}

static struct rec_task *task_of(int task)
{
	return record(REC_TASK, task);
}

static void test_sound(void **state)
{
	(void)state;
	make_records();
	assert_int_equal(look(), 0);
}

#define SPOIL(name, ...)                                                                           \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		make_records();                                                                    \
		__VA_ARGS__;                                                                       \
		assert_int_equal(look(), -ERR_IMAGE);                                              \
	}

SPOIL(level_too_deep, pid_of(3)->level = 33)
SPOIL(level_negative, pid_of(3)->level = (__u32)-1)
SPOIL(level_of_another, pid_of(3)->level = 1)
SPOIL(level_beyond_record, pid_of(0)->level = 2)
SPOIL(number_zero, pid_of(3)->numbers[1] = 0)
SPOIL(number_negative, pid_of(3)->numbers[2] = -5)
SPOIL(number_huge, pid_of(3)->numbers[0] = 0x7fffffff)
SPOIL(number_twice_inside, pid_of(3)->numbers[2] = 1)
SPOIL(number_twice_outside, pid_of(3)->numbers[1] = pid_of(1)->numbers[1])
SPOIL(namespace_missing, pid_of(3)->ns = 0x7777)
SPOIL(namespace_in_circle, ((struct rec_pidns *)record(REC_PIDNS, 0))->parent = 0x2001u + 2)
SPOIL(namespace_level, ((struct rec_pidns *)record(REC_PIDNS, 2))->level = 7)
SPOIL(namespace_without_init, pid_of(2)->numbers[2] = 9)
SPOIL(namespace_dead, ((struct rec_pidns *)record(REC_PIDNS, 2))->adding = 0)
SPOIL(parents_in_circle, task_of(1)->parent = sim_pid_key(sim.task[3].pid))
SPOIL(parent_is_itself, task_of(1)->parent = task_of(1)->pid)
SPOIL(parent_missing, task_of(1)->parent = 0x7777)
SPOIL(parent_nobody, task_of(1)->parent = 0)
SPOIL(group_missing, proc_of(3)->pgid = 0x7777)
SPOIL(group_nobody, proc_of(3)->pgid = 0)
SPOIL(group_of_other_session, proc_of(3)->pgid = sim_pid_key(sim.task[0].pid))
SPOIL(session_nobody, proc_of(3)->sid = 0)
SPOIL(alive_without_task, pid_of(3)->alive = 1; task_of(3)->pid = task_of(3)->tgid = task_of(0)->pid)
SPOIL(task_of_the_dead, pid_of(3)->alive = 0)
SPOIL(two_tasks_one_pid, task_of(3)->pid = task_of(1)->pid)
SPOIL(root_missing, ((struct rec_tree *)record(REC_TREE, 0))->root = 0x7777)

int main(void)
{
#define T(name) cmocka_unit_test(test_##name)
	const struct CMUnitTest tests[] = {
		T(sound), T(level_too_deep), T(level_negative), T(level_of_another), T(level_beyond_record),
		T(number_zero), T(number_negative), T(number_huge), T(number_twice_inside),
		T(number_twice_outside), T(namespace_missing), T(namespace_in_circle), T(namespace_level),
		T(namespace_without_init), T(namespace_dead), T(parents_in_circle), T(parent_is_itself),
		T(parent_missing), T(parent_nobody), T(group_missing), T(group_nobody),
		T(group_of_other_session), T(session_nobody), T(alive_without_task), T(task_of_the_dead),
		T(two_tasks_one_pid), T(root_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
