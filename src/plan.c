// SPDX-License-Identifier: GPL-2.0-only
/* plan.c - how to make every process of a tree: creators, sessions, groups. */
#include "plan.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "planner.h"

bool planner_is_outside(const struct planner *pl, const struct rec_pid *leader)
{
	return !leader || (leader->alive && !tree_find(pl->tree, leader->addr)) ||
	       (pl->tree->container && !tree_has_pidns(pl->tree, leader->ns));
}

struct plan_task *planner_add(struct planner *pl, enum plan_kind kind, unsigned int creator)
{
	struct plan *plan = pl->plan;
	struct plan_task *t;

	if (!pl->group || plan->nr == plan->cap) {
		unsigned int cap = plan->cap * 2 + 16;
		struct plan_task *v = realloc(plan->task, cap * sizeof(*v));
		const struct rec_pid **g = v ? realloc(pl->group, cap * sizeof(*g)) : NULL;

		if (v)
			plan->task = v;
		if (!g)
			return NULL;
		pl->group = g;
		plan->cap = cap;
	}
	pl->group[plan->nr] = NULL;
	t = &plan->task[plan->nr++];
	*t = (struct plan_task){ .kind = kind, .method = PLAN_FORK, .creator = creator,
				 .parent = creator, .exit_signal = SIGCHLD,
				 .ns = creator < plan->nr - 1 ? plan->task[creator].ns : 0 };
	return t;
}

int planner_find_ghost(const struct planner *pl, const struct rec_pid *s)
{
	for (unsigned int i = pl->tree->nr; i < pl->plan->nr; i++)
		if (pl->plan->task[i].kind == PLAN_GHOST && pl->plan->task[i].pid == s)
			return i;
	return -1;
}

/* ---- namespaces ---- */

/* Its creator enters with setns() the pid namespace that it is born in, or beside. */
static void plan_entry(struct planner *pl, const struct proc *p)
{
	struct plan_task *t = task_of(pl, p);
	__u64 from = pl->plan->task[t->creator].ns, to = t->new_pidns ? p->ns->parent : t->ns;

	if (from == to)
		return;
	t->enter = tree_ns_init(pl->tree, to);
	/* copy_pid_ns() makes a namespace only below the active one */
	if (!t->enter || !pidns_within(pl->tree->snap, to, from) || t->new_pidns)
		REFUSE(pl, p, "is in a pid namespace (%u) that its parent cannot have entered", p->ns->inum);
}

/* It came from outside with setns(), and will again. */
static void plan_foreigner(struct planner *pl, const struct proc *p)
{
	struct plan_task *t = task_of(pl, p);

	t->enter = tree_ns_init(pl->tree, p->pid->ns);
	if (!pl->opts->entrants)
		REFUSE(pl, p, "entered pid namespace %u with setns(), and its parent is outside of the tree; "
		       "--entrants=include takes it along as a child of the restorer, --entrants=ignore "
		       "leaves it out", p->ns->inum);
	else if (!t->enter || t->new_pidns)
		REFUSE(pl, p, "is in pid namespace %u, whose init is not in the tree", p->ns->inum);
}

static void plan_pidns(struct planner *pl, const struct proc *p)
{
	if (!p->ns) {
		REFUSE(pl, p, "its pid namespace could not be read");
		return;
	}
	if (!p->ns->adding && p != pl->tree->root)
		REFUSE(pl, p, "the init of its pid namespace %u is dead or dying", p->ns->inum);
	if (p == pl->tree->root)
		return;
	if (p->parent)
		plan_entry(pl, p);
	else
		plan_foreigner(pl, p);
}

/* The task of the plan that leads a group: of the tree, or a ghost. */
static unsigned int leader_of(const struct plan *plan, const struct tree *tree, const struct rec_pid *group)
{
	const struct proc *p = tree_find(tree, group->addr);
	unsigned int i = tree->nr;

	while (!p && i < plan->nr - 1 && plan->task[i].pid != group)
		i++;
	return p ? p - tree->procs : i;
}

/* When whoever is entered, and whoever enters, has been made; setsid() comes after early entrants. */
static bool later_round(struct plan *plan, const struct tree *tree, unsigned int i)
{
	struct plan_task *t = &plan->task[i];
	struct plan_task *by = &plan->task[t->creator];
	unsigned int round = by->round;

	if (!t->before_setsid && by->settle_round > round)
		round = by->settle_round;
	if (t->enter) {
		unsigned int init = plan->task[t->enter - tree->procs].round;

		round = round > init ? round : init;
	}
	if (t->put_in) {
		const struct plan_task *leader = &plan->task[leader_of(plan, tree, t->put_in)];
		unsigned int led = leader->round > leader->settle_round ? leader->round : leader->settle_round;

		round = round > led ? round : led;
	}
	round += plan_is_slow(t);
	if (round <= t->round)
		return false;
	t->round = round;
	if (plan_is_slow(t) && t->before_setsid && by->settle_round < round)
		by->settle_round = round;
	if (plan->rounds <= round)
		plan->rounds = round + 1;
	return true;
}

static void plan_rounds(struct planner *pl)
{
	bool changed = true;

	pl->plan->rounds = 1;
	for (unsigned int n = 0; changed && n <= pl->plan->nr; n++) {
		changed = false;
		for (unsigned int i = 1; i < pl->plan->nr; i++)
			changed |= later_round(pl->plan, pl->tree, i);
	}
	if (changed)
		REFUSE(pl, pl->tree->root, "has pid namespaces below it that were entered in a circle");
}

/* ---- helpers ---- */

/* Nobody can be made by one of those that it makes. */
static bool refuse_circles(struct planner *pl)
{
	bool any = false;

	for (unsigned int i = 1; i < pl->tree->nr; i++) {
		unsigned int by = pl->plan->task[i].creator, steps = 0;

		while (by && steps++ < pl->plan->nr)
			by = pl->plan->task[by].creator;
		if (by)
			REFUSE(pl, &pl->tree->procs[i],
			       "was born in session %d, whose leader descends from it",
			       pid_own_nr(pl->tree->procs[i].sid));
		any |= by;
	}
	return any;
}

/* A number that no pid of the tree has at this level. */
static int free_number(const struct snap *s, unsigned int level)
{
	int nr = 1;

	snap_for_each(s, REC_PID, const struct rec_pid, pid)
		if (pid_nr(pid, level) > nr)
			nr = pid_nr(pid, level);
	return nr + 1;
}

/*
 * The kernel might give a helper just the number that somebody else must get later. In the namespace
 * of this system the numbers of others are unknown, so there it may choose (0).
 */
static int choose_numbers(struct planner *pl, __u64 in, const struct rec_pid **out)
{
	struct plan *plan = pl->plan;
	const struct rec_pidns *ns = snap_find(pl->tree->snap, REC_PIDNS, in);
	struct rec_pid **v = realloc(plan->chosen, (plan->nr_chosen + 1) * sizeof(*v));
	struct rec_pid *pid = calloc(1, sizeof(*pid) + PID_NUMBERS_MAX * sizeof(pid->numbers[0]));

	if (v)
		plan->chosen = v;
	if (!v || !pid || !ns) {
		free(pid);
		return -ENOMEM;
	}
	plan->chosen[plan->nr_chosen++] = pid;
	pid->ns = ns->addr;
	pid->level = ns->level;
	for (unsigned int l = pl->tree->root_level + !pl->tree->container; l <= pid->level; l++)
		pid->numbers[l] = free_number(pl->tree->snap, l) + plan->nr_chosen - 1;
	*out = pid;
	return 0;
}

static int number_helpers(struct planner *pl)
{
	int err = 0;

	for (unsigned int i = 0; i < pl->plan->nr && !err; i++) {
		struct plan_task *t = &pl->plan->task[i];

		if (t->kind == PLAN_HELPER)
			err = choose_numbers(pl, t->ns, &t->pid);
		else if (t->ushered && i)
			err = choose_numbers(pl, t->proc->ns->parent, &t->usher);
	}
	return err;
}

static int plan_all(struct planner *pl)
{
	const struct tree *t = pl->tree;
	int err;

	for (size_t i = 0; i < t->nr; i++) {
		const struct proc *p = &t->procs[i];
		struct plan_task *task = planner_add(pl, p->zombie ? PLAN_ZOMBIE : PLAN_LIVE, 0);

		if (!task)
			return -ENOMEM;
		task->proc = p;
		task->pid = p->pid;
		task->ns = p->pid->ns;
		task->new_pidns = pid_own_nr(p->pid) == 1;
		task->exit_signal = p->leader->exit_signal;
		task->subreaper = p->sig->flags & PROC_F_SUBREAPER && !p->zombie;
		task->method = !i ? PLAN_ROOT : p->parent ? PLAN_FORK : PLAN_FOREIGN;
		task->creator = task->parent = p->parent ? index_of(pl, p->parent) : 0;
		if (p->leader->exit_state && !p->zombie &&
		    (p->leader->exit_code & 0x7f || p->sig->signal_flags & 1)) /* SIGNAL_STOP_STOPPED */
			REFUSE(pl, p, "its first thread was killed, or exited and others are stopped, which "
			       "cannot be rebuilt");
	}
	planner_sessions(pl);
	for (size_t i = 0; i < t->nr; i++)
		plan_pidns(pl, &t->procs[i]);
	if (refuse_circles(pl))
		return 0;
	err = planner_groups(pl);
	if (err || refuse_circles(pl))
		return err;
	err = planner_sharing(pl);
	if (!err)
		err = planner_userns(pl);
	plan_rounds(pl);
	return err ? err : number_helpers(pl);
}

int plan_build(struct plan *p, const struct tree *t, const struct plan_opts *opts,
	       plan_refuse_fn refuse, void *arg)
{
	struct planner pl = { .plan = p, .tree = t, .opts = opts, .refuse = refuse, .arg = arg };
	int err = -ENOMEM;

	*p = (struct plan){ .tree = t };
	pl.born = calloc(t->nr + 1, sizeof(*pl.born));
	if (pl.born)
		err = plan_all(&pl);
	free(pl.born);
	free(pl.birth);
	free(pl.wish);
	free(pl.followed);
	free(pl.placed);
	free(pl.group);
	return err ? err : pl.refused ? -ERR_BLOCKED : 0;
}

void plan_free(struct plan *p)
{
	for (unsigned int i = 0; i < p->nr_chosen; i++)
		free(p->chosen[i]);
	free(p->chosen);
	free(p->task);
	*p = (struct plan){};
}

void plan_describe(const struct plan *p, FILE *out)
{
	static const char *const kinds[] = { "live", "zombie", "ghost", "helper" };
	static const char *const methods[] = { "root", "fork", "foreign", "sibling" };
	static const char *const groups[] = { "inherit", "lead", "join", "by-parent" };

	for (unsigned int i = 0; i < p->nr; i++) {
		const struct plan_task *t = &p->task[i];
		char chain[PID_NUMBERS_MAX * 12] = "-";

		if (t->pid)
			pid_chain(t->pid, 0, chain, sizeof(chain));
		fprintf(out, "%u %s %s %s by %u parent %u%s%s%s%s%s%s%s%s%s group %s\n", i, chain,
			kinds[t->kind], methods[t->method], t->creator, t->parent,
			t->new_pidns ? " newpid" : "", t->ushered ? " ushered" : "",
			t->blind ? " blind" : "", t->put_in ? " put" : "", t->enter ? " entrant" : "", t->setsid ? " setsid" : "",
			t->before_setsid ? " early" : "", t->before_userns ? " before" : "", t->lead_first ? " lead, then" : "",
			groups[t->group]);
	}
}
