// SPDX-License-Identifier: GPL-2.0-only
/*
 * plan_test.c - random trees, planned, made anew by the plan in a simulated kernel, and compared.
 * PLAN_SEED=N runs that seed alone and tells what it does; PLAN_SEEDS=N another number of them.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "plan.h"
#include "reasons.h"
#include "sim.h"

#include <cmocka.h>

#define SEEDS 3000

struct run {
	uint64_t seed;
	bool loud;
	struct sim was, is;
	struct snap snap;
	struct tree tree;
	struct plan plan;
	int made[SIM_TASKS]; /* plan task -> task in is, -1 */
	int chain[SIM_TASKS + 1]; /* pid index in was -> in is, 0 */
	char problem[200], refusal[120];
};

static void print_tree(const struct sim *s)
{
	for (int i = 0; i < s->nr_tasks; i++) {
		const struct sim_task *t = &s->task[i];

		if (t->state == SIM_LIVE || t->state == SIM_ZOMBIE)
			printf("  task %d pid %d ns %d parent %d sid %d pgid %d%s%s\n", i, t->pid,
			       s->pid[t->pid].ns, t->parent, t->sid, t->pgid,
			       t->state == SIM_ZOMBIE ? " zombie" : "", t->subreaper ? " subreaper" : "");
	}
}

static void refuse(void *arg, const struct proc *p, const char *fmt, ...)
{
	struct run *r = arg;
	va_list ap;

	(void)p;
	/* the reason without its numbers: the format */
	snprintf(r->refusal, sizeof(r->refusal), "%s", fmt);
	va_start(ap, fmt);
	if (r->loud) {
		vprintf(fmt, ap);
		printf("\n");
	}
	va_end(ap);
}

/* ---- the plan, in the order of src/restore_create.c, tasks side by side in any order ---- */

static int pid_of(const struct run *r, const struct rec_pid *pid)
{
	return pid->addr ? r->chain[pid->addr - 0x1000] : 0; /* 0: a helper's, chosen by the plan */
}

struct stub {
	unsigned int next; /* child to consider */
	int stage;	   /* 0 early children, 1 session, 2 late children, 3 done */
};

static bool problem(struct run *r, const char *what, unsigned int i)
{
	snprintf(r->problem, sizeof(r->problem), "task %u of the plan: %s", i, what);
	return false;
}

static int user_of(const struct plan_task *t)
{
	return t->userns ? t->userns - 0x5001 : 0;
}

/* May a task in that user namespace choose the numbers of a new one in pid namespace ns, but the outermost? */
static bool may_choose(const struct run *r, int user, int ns, unsigned int blind)
{
	for (; ns >= 0; ns = r->is.ns[ns].parent)
		if (r->is.ns[ns].level >= (int)(r->tree.root_level + blind) &&
		    !sim_has_rights(&r->is, user, r->was.ns[ns].owner))
			return false;
	return true;
}

/* Who makes it goes into its user namespace for that, or sends somebody: the effect is the same. */
static bool make(struct run *r, unsigned int i)
{
	const struct plan_task *t = &r->plan.task[i];
	int pid = pid_of(r, t->pid), from, by = r->made[t->creator], user = r->is.task[by].user;
	int flags = (t->new_pidns ? SIM_NEWPID : 0) | (t->method == PLAN_SIBLING ? SIM_PARENT : 0);

	for (int k = 0; pid && k < r->is.nr_tasks; k++)
		if (r->is.task[k].pid == pid)
			return problem(r, "its number is taken", i);
	if (t->enter && r->made[t->enter - r->tree.procs] < 0)
		return problem(r, "the init that it enters is not there", i);
	from = r->is.pid[r->is.task[by].pid].ns;
	if (t->enter && sim_enterable(&r->is, by, r->made[t->enter - r->tree.procs]) < 0)
		return problem(r, "its maker cannot enter its pid namespace", i);
	if (t->enter)
		from = r->is.pid[r->is.task[r->made[t->enter - r->tree.procs]].pid].ns;
	if (t->ushered && !sim_enter_user(&r->is, by, user_of(t)))
		return problem(r, "nobody can be sent to its user namespace", i);
	if (!t->ushered && user_of(t) != user)
		return problem(r, "its maker is in another user namespace than planned", i);
	if (pid && !may_choose(r, r->is.task[by].user, r->is.pid[pid].ns, t->blind))
		return problem(r, "its maker may not choose its numbers", i);
	r->made[i] = sim_clone_in(&r->is, by, from, flags, t->exit_signal, pid);
	r->is.task[by].user = user;
	if (r->made[i] < 0)
		return problem(r, "clone3() fails", i);
	r->is.task[r->made[i]].subreaper = t->subreaper;
	if (t->put_in && !sim_setpgid(&r->is, r->made[t->parent], r->made[i], pid_of(r, t->put_in)))
		return problem(r, "its parent cannot put it in its first group", i);
	return true;
}

/* One operation of a stub; false: trouble. */
static bool stub_step(struct run *r, unsigned int i, struct stub *s)
{
	const struct plan_task *t = &r->plan.task[i];
	bool early = s->stage == 0;

	if (s->stage == 1) {
		s->stage = 2;
		s->next = 0;
		if (t->setsid)
			return sim_setsid(&r->is, r->made[i]) || problem(r, "setsid() fails", i);
		if (t->group == GROUP_LEAD || t->lead_first)
			return sim_setpgid(&r->is, r->made[i], r->made[i], r->is.task[r->made[i]].pid) ||
			       problem(r, "setpgid(0, 0) fails", i);
		return true;
	}
	for (; s->stage < 3 && s->next < r->plan.nr; s->next++) {
		const struct plan_task *c = &r->plan.task[s->next];

		if (s->next && c->creator == i && c->before_setsid == early && !plan_is_slow(c))
			return make(r, s->next++);
	}
	s->stage++;
	return true;
}

/* How far a task comes in this round. */
static int last_stage(const struct plan_task *t, unsigned int round)
{
	return t->settle_round > round ? 1 : 3;
}

static bool make_round(struct run *r, struct stub *stub, unsigned int round)
{
	unsigned int left = 0;

	for (unsigned int i = 0; i < r->plan.nr; i++) {
		const struct plan_task *t = &r->plan.task[i];

		if (t->round == round && i && plan_is_slow(t) && !make(r, i))
			return false;
		left += t->round == round || (round && t->settle_round == round);
	}
	while (left) {
		unsigned int i = sim_random(&r->is, r->plan.nr);
		const struct plan_task *t = &r->plan.task[i];

		if (r->made[i] < 0 || stub[i].stage >= last_stage(t, round))
			continue;
		if (!stub_step(r, i, &stub[i]))
			return false;
		left -= stub[i].stage == last_stage(t, round);
	}
	return true;
}

static bool make_all(struct run *r)
{
	struct stub stub[SIM_TASKS] = {};

	for (unsigned int round = 0; round < r->plan.rounds; round++)
		if (!make_round(r, stub, round))
			return false;
	return true;
}

static bool join_turn(struct run *r, unsigned int turn)
{
	for (unsigned int i = 0; i < r->plan.nr; i++) {
		const struct plan_task *t = &r->plan.task[i];
		int by = t->group == GROUP_JOIN ? r->made[i] : r->made[t->parent];

		if (t->turn != turn || (t->group != GROUP_JOIN && t->group != GROUP_BY_PARENT))
			continue;
		if (!sim_setpgid(&r->is, by, r->made[i], pid_of(r, t->pgid)))
			return problem(r, "joining its group fails", i);
	}
	return true;
}

static bool join_groups(struct run *r)
{
	for (unsigned int turn = 0; turn < r->plan.turns; turn++)
		if (!join_turn(r, turn))
			return false;
	return true;
}

/* In the end everybody goes where it belongs. */
static bool enter_users(struct run *r)
{
	for (size_t i = 0; i < r->tree.nr; i++) {
		int user = r->was.task[r->tree.procs[i].leader->addr - 0x3001].user;

		if (r->is.task[r->made[i]].user != user && !sim_enter_user(&r->is, r->made[i], user))
			return problem(r, "cannot enter its user namespace", i);
	}
	return true;
}

static bool end_placeholders(struct run *r)
{
	for (unsigned int i = r->tree.nr; i < r->plan.nr; i++)
		sim_exit(&r->is, r->made[i]);
	for (unsigned int i = r->plan.nr; i-- > r->tree.nr;)
		if (!sim_reap(&r->is, r->made[r->plan.task[i].parent], r->made[i]))
			return problem(r, "nobody can reap this placeholder", i);
	for (size_t i = 0; i < r->tree.nr; i++)
		if (r->plan.task[i].kind == PLAN_ZOMBIE)
			sim_exit(&r->is, r->made[i]);
	return true;
}

/* ---- the comparison ---- */

/* The task of `was` that a process of the tree stands for. */
static const struct sim_task *original(const struct run *r, size_t i)
{
	return &r->was.task[r->tree.procs[i].leader->addr - 0x3001];
}

static bool same(struct run *r, size_t i)
{
	const struct sim_task *a = original(r, i), *b = &r->is.task[r->made[i]];

	if (a->state != b->state)
		return problem(r, "another state", i);
	if (r->was.ns[r->was.pid[a->pid].ns].owner != r->is.ns[r->is.pid[b->pid].ns].owner)
		return problem(r, "another owner of its pid namespace", i);
	if (r->chain[a->pid] != b->pid)
		return problem(r, "another pid", i);
	if (r->chain[a->sid] != b->sid)
		return problem(r, "another session", i);
	if (r->chain[a->pgid] != b->pgid)
		return problem(r, "another group", i);
	if (a->exit_signal != b->exit_signal && i)
		return problem(r, "another exit signal", i);
	if (i && (b->parent < 0 || r->is.task[b->parent].pid != r->chain[r->was.task[a->parent].pid]))
		return problem(r, "another parent", i);
	return true;
}

static bool compare(struct run *r)
{
	for (size_t i = 0; i < r->tree.nr; i++)
		if (!same(r, i))
			return false;
	return true;
}

/* The same namespaces and chains, none in use yet; the root is the coordinator's to make. */
static void start_anew(struct run *r)
{
	r->is = r->was;
	r->is.nr_tasks = 0;
	for (int i = 0; i < r->is.nr_ns; i++)
		r->is.ns[i].owner = 0;
	for (int i = 0; i <= SIM_TASKS; i++)
		r->chain[i] = i;
	for (int i = 0; i < r->is.nr_ns; i++)
		r->is.ns[i].init = -1;
	for (int i = 0; i < SIM_TASKS; i++)
		r->made[i] = -1;
	r->is.task[r->is.nr_tasks++] = (struct sim_task){ .state = SIM_LIVE, .pid = r->was.task[0].pid,
							 .parent = -1, .exit_signal = SIGCHLD };
	if (r->was.ns[r->was.pid[r->was.task[0].pid].ns].init == 0)
		r->is.ns[r->is.pid[r->is.task[0].pid].ns].init = 0;
	r->made[0] = 0;
	r->is.task[0].subreaper = r->was.task[0].subreaper;
}

/* 1: done and equal, 0: refused, -1: a problem. */
static int run(struct run *r)
{
	struct plan_opts opts = {};
	int err, result = -1;

	sim_records(&r->was, &r->snap);
	err = tree_build(&r->tree, &r->snap, sim_pid_key(r->was.task[0].pid));
	if (err) {
		snprintf(r->problem, sizeof(r->problem), "tree_build() gives %d", err);
		return -1;
	}
	err = plan_build(&r->plan, &r->tree, &opts, refuse, r);
	if (r->loud) {
		print_tree(&r->was);
		plan_describe(&r->plan, stdout);
	}
	start_anew(r);
	if (err == -ERR_BLOCKED)
		result = 0;
	else if (!err && make_all(r) && join_groups(r) && end_placeholders(r) && enter_users(r) && compare(r))
		result = 1;
	else if (err)
		snprintf(r->problem, sizeof(r->problem), "plan_build() gives %d", err);
	plan_free(&r->plan);
	tree_free(&r->tree);
	snap_free(&r->snap);
	return result;
}

static int run_seed(struct run *r, uint64_t seed)
{
	int steps;

	memset(r, 0, sizeof(*r));
	r->seed = seed;
	r->loud = getenv("PLAN_SEED");
	r->was.seed = seed * 0x9e3779b97f4a7c15ull + 1;
	sim_start(&r->was, seed & 1);
	r->was.users = seed & 2;
	sim_setsid(&r->was, 0);
	steps = 4 + sim_random(&r->was, 60);
	for (int i = 0; i < steps; i++)
		sim_step(&r->was);
	return run(r);
}

static void test_random(void **state)
{
	static struct run r;
	static struct reasons reasons;
	unsigned int seeds = getenv("PLAN_SEEDS") ? atoi(getenv("PLAN_SEEDS")) : SEEDS;
	uint64_t first = getenv("PLAN_SEED") ? strtoull(getenv("PLAN_SEED"), NULL, 10) : 1;

	(void)state;
	if (getenv("PLAN_SEED"))
		seeds = 1;
	for (uint64_t seed = first; seed < first + seeds; seed++) {
		int result = run_seed(&r, seed);

		if (result < 0)
			fail_msg("seed %lu: %s", seed, r.problem);
		if (!result)
			reasons_count(&reasons, r.refusal);
	}
	reasons_print(&reasons, seeds, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
