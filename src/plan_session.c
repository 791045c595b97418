// SPDX-License-Identifier: GPL-2.0-only
/* plan_session.c - who makes each process, so that it is born in its session. */
#include <errno.h>

#include "planner.h"

/* The session as the planner compares it: all that are led from outside are one, NULL. */
static const struct rec_pid *session(const struct planner *pl, const struct proc *p)
{
	return planner_is_outside(pl, p->sid) ? NULL : p->sid;
}

/* Does p have children that must be made in session s before its own setsid()? */
static bool wants_early(const struct planner *pl, const struct proc *p, const struct rec_pid *s)
{
	for (const struct proc *c = p->child; c; c = c->sibling) {
		if (!leads(c) ? session(pl, c) == s : wants_early(pl, c, s))
			return true;
	}
	return false;
}

bool planner_can_adopt(const struct proc *reaper)
{
	return pid_own_nr(reaper->pid) == 1 || reaper->sig->flags & PROC_F_SUBREAPER;
}

/* Can a child of p be in session s as an orphan from below, with p never having been in it? */
static bool adopts_from(const struct planner *pl, const struct proc *p, const struct rec_pid *s)
{
	const struct proc *leader = tree_find(pl->tree, s->addr);

	while (leader && leader != p)
		leader = leader->parent;
	return leader;
}

/* A session that p must have been in before its own, as children of it were born in that; or NULL. */
static const struct rec_pid *early_session(const struct planner *pl, const struct proc *p)
{
	for (const struct proc *c = p->child; c; c = c->sibling) {
		const struct rec_pid *s = leads(c) ? early_session(pl, c) : session(pl, c);

		if (s && !adopts_from(pl, p, s))
			return s;
	}
	return NULL;
}

/*
 * A session leader was born in the session that its parent had then: its final one, or its first. Or
 * it has another parent by now.
 */
static void find_birth_session(struct planner *pl, const struct proc *p)
{
	const struct rec_pid *final, *first, *early;
	unsigned int i = index_of(pl, p);

	if (!leads(p)) {
		pl->born[i] = session(pl, p);
		return;
	}
	final = p->parent ? session(pl, p->parent) : NULL;
	first = p->parent ? pl->born[index_of(pl, p->parent)] : NULL;
	pl->born[i] = final;
	if (!p->parent || wants_early(pl, p, final))
		return;
	early = early_session(pl, p);
	if (first != final && wants_early(pl, p, first))
		pl->born[i] = first; /* NULL, too: one of the outside */
	else if (early)
		pl->born[i] = early;
}

static int make_session_ghost(struct planner *pl, const struct proc *p, const struct rec_pid *s,
			      unsigned int reaper)
{
	struct plan_task *g;
	int i = planner_find_ghost(pl, s);

	if (i >= 0) {
		if (pl->plan->task[i].parent == reaper)
			return i;
		REFUSE(pl, p, "its session's leader is dead, and members of that session are children of "
		       "several others: the session cannot be rebuilt");
		return -1;
	}
	if (!same_ns(s, pl->tree->procs[reaper].pid)) {
		REFUSE(pl, p, "its session's dead leader was in another pid namespace than its parent: "
		       "the session cannot be rebuilt");
		return -1;
	}
	g = planner_add(pl, PLAN_GHOST, reaper);
	if (!g)
		return -ENOMEM;
	g->pid = s;
	g->setsid = true;
	g->group = GROUP_LEAD;
	g->exit_signal = p->leader->exit_signal; /* it hands this on to p */
	pl->group[g - pl->plan->task] = s;
	return g - pl->plan->task;
}

/* Who takes in what a child of p leaves behind: the nearest subreaper, or the init of the namespace. */
static const struct proc *adopter_of(const struct proc *p)
{
	for (; p; p = p->parent) {
		if (planner_can_adopt(p))
			return p;
		if (!p->parent || !same_ns(p->parent->pid, p->pid))
			return NULL;
	}
	return NULL;
}

/*
 * As a child of a short-lived child of the session's leader: it goes to the adopter when that exits.
 * When the leader sees p's namespace from outside, that child enters it first, and its init adopts.
 */
static void plan_helper(struct planner *pl, const struct proc *p, const struct proc *leader)
{
	__u64 ns = pid_own_nr(p->pid) == 1 && p->ns ? p->ns->parent : p->pid->ns;
	const struct proc *init = ns == leader->pid->ns ? NULL : tree_ns_init(pl->tree, ns);
	struct plan_task *h, *t;

	if (init ? !pidns_within(pl->tree->snap, ns, leader->pid->ns) || init != p->parent :
		   ns != leader->pid->ns || adopter_of(leader) != p->parent) {
		REFUSE(pl, p, "was orphaned out of session %d in a way that cannot be rebuilt",
		       pid_own_nr(leader->pid));
		return;
	}
	h = planner_add(pl, PLAN_HELPER, index_of(pl, leader));
	if (!h)
		return;
	h->ns = ns;
	h->enter = init;
	t = task_of(pl, p);
	t->creator = h - pl->plan->task;
	t->parent = index_of(pl, p->parent);
}

/*
 * Its parent was never in session s: a sibling made it with CLONE_PARENT, or it was an orphan that init
 * or a subreaper took in. Either can be had from the session's leader.
 */
static void plan_foreign(struct planner *pl, const struct proc *p, const struct rec_pid *s)
{
	const struct proc *leader = tree_find(pl->tree, s->addr);
	struct plan_task *t = task_of(pl, p);
	int by;

	/* a sibling gets its creator's exit signal, an orphan SIGCHLD */
	if (leader && (leader->parent != p->parent ||
		       leader->leader->exit_signal != t->exit_signal)) {
		if (planner_can_adopt(p->parent))
			plan_helper(pl, p, leader);
		else
			REFUSE(pl, p, "was born in session %d, which its parent can never have been in",
			       pid_own_nr(s));
		return;
	}
	by = leader ? (int)index_of(pl, leader) :
		      make_session_ghost(pl, p, s, index_of(pl, p->parent));
	if (by < 0)
		return;
	t = task_of(pl, p);
	t->method = PLAN_SIBLING;
	t->creator = by;
	if (t->exit_signal != pl->plan->task[by].exit_signal)
		REFUSE(pl, p, "has exit signal %d, which its session's leader cannot give it",
		       t->exit_signal);
}

static void plan_session(struct planner *pl, const struct proc *p)
{
	unsigned int i = index_of(pl, p);
	struct plan_task *t = &pl->plan->task[i];
	const struct rec_pid *need = pl->born[i];

	t->setsid = leads(p);
	if (!p->sid || (planner_is_outside(pl, p->sid) && !pl->opts->shell_job))
		REFUSE(pl, p, "is in session %d, whose leader is outside of the tree; start the tree with "
		       "setsid(1), or give it the restorer's session with --shell-job",
		       p->sid ? p->sid->numbers[0] : 0);
	if (!p->parent)
		return;
	if (leads(p) && !wants_early(pl, p, need))
		return; /* any session will do at birth: the parent's at last */
	if (need == session(pl, p->parent))
		return;
	if (leads(p->parent) && need == pl->born[index_of(pl, p->parent)]) {
		t->before_setsid = true;
		return;
	}
	if (!need)
		REFUSE(pl, p, "was born in a session outside of the tree, in which its parent never was");
	else
		plan_foreign(pl, p, need);
}

void planner_sessions(struct planner *pl)
{
	for (size_t i = 0; i < pl->tree->nr; i++)
		find_birth_session(pl, &pl->tree->procs[i]);
	for (size_t i = 0; i < pl->tree->nr; i++)
		plan_session(pl, &pl->tree->procs[i]);
}
