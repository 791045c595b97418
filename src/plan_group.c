// SPDX-License-Identifier: GPL-2.0-only
/* plan_group.c - how each process gets into its process group: by birth, or by a call afterwards. */
#include <errno.h>
#include <stdlib.h>

#include "planner.h"

static bool can_see(const struct planner *pl, const struct rec_pid *who, const struct rec_pid *group)
{
	return group->level >= who->level && pidns_within(pl->tree->snap, group->ns, who->ns);
}

/* Does it lead a group of its own while it makes its late children? */
static bool leads_group(const struct planner *pl, const struct proc *p)
{
	return leads(p) || p->pgid == p->pid || pl->followed[index_of(pl, p)];
}

/*
 * A group of an outer pid namespace cannot be joined from inside: it must be had by birth. So who
 * makes such a member should be in that group then, and be born in it, if it is to lead another. Children
 * come after their parents in the tree: from the last to the first, wishes go up.
 */
static void find_wishes(struct planner *pl)
{
	for (size_t i = pl->tree->nr; i-- > 1;) {
		const struct proc *p = &pl->tree->procs[i];
		const struct plan_task *t = task_of(pl, p);

		if (!leads_group(pl, p))
			pl->wish[i] = planner_is_outside(pl, p->pgid) ? NULL : p->pgid;
		if (pl->wish[i] && t->method == PLAN_FORK && t->creator < pl->tree->nr &&
		    (leads_group(pl, p) || !can_see(pl, p->pid, pl->wish[i])) &&
		    (t->before_setsid || !pl->plan->task[t->creator].setsid) &&
		    pl->wish[i] != pl->plan->task[t->creator].pid && !pl->wish[t->creator])
			pl->wish[t->creator] = pl->wish[i];
	}
}

static const struct rec_pid *group_at_birth(const struct planner *pl, const struct plan_task *t)
{
	unsigned int by = t->creator;

	if (by >= pl->tree->nr && pl->plan->task[by].kind == PLAN_HELPER)
		by = pl->plan->task[by].creator;
	return t->before_setsid ? pl->birth[by] : pl->group[by];
}

/* Was its creator in that group before it took one of its own? Then it is made before that. */
static bool be_born_early(struct planner *pl, struct plan_task *t, const struct rec_pid *group)
{
	if (t->method != PLAN_FORK || t->before_setsid || t->enter || t->creator >= pl->tree->nr ||
	    pl->plan->task[t->creator].setsid || pl->birth[t->creator] != group)
		return false;
	t->before_setsid = true;
	return true;
}

static bool descends(const struct planner *pl, unsigned int task, unsigned int from)
{
	while (task && task != from)
		task = pl->plan->task[task].creator;
	return task == from;
}

static void plan_group(struct planner *pl, const struct proc *p);

/* The leader of that group can make it with CLONE_PARENT, if they have one parent. */
static bool be_born_as_sibling(struct planner *pl, const struct proc *p, const struct rec_pid *group)
{
	const struct proc *leader = tree_find(pl->tree, group->addr);
	unsigned int i = index_of(pl, p), by;
	struct plan_task *t = task_of(pl, p);

	if (!leader || leader->parent != p->parent || pid_own_nr(leader->pid) == 1 ||
	    !same_ns(leader->pid, p->parent->pid) || leader->sid != p->parent->sid ||
	    t->method != PLAN_FORK || t->creator != t->parent || t->before_setsid || t->enter ||
	    leader->leader->exit_signal != t->exit_signal)
		return false;
	by = index_of(pl, leader);
	if (descends(pl, by, i))
		return false;
	plan_group(pl, leader);
	if (pl->group[by] != group)
		return false;
	t->method = PLAN_SIBLING;
	t->creator = by;
	return true;
}

static void find_birth_group(struct planner *pl, const struct proc *p)
{
	unsigned int i = index_of(pl, p);
	struct plan_task *t = task_of(pl, p);
	const struct rec_pid *wish = pl->wish[i];

	pl->birth[i] = t->method == PLAN_FOREIGN ? NULL : group_at_birth(pl, t);
	if (!wish || pl->birth[i] == wish)
		return;
	if (be_born_early(pl, t, wish) ||
	    ((leads_group(pl, p) || !can_see(pl, p->pid, wish)) && be_born_as_sibling(pl, p, wish)))
		pl->birth[i] = wish;
}

/* Make the dead leader of p's group anew, as a child of p that exits once the group has members. */
static void plan_group_ghost(struct planner *pl, const struct proc *p)
{
	struct plan_task *g;

	if (planner_find_ghost(pl, p->pgid) >= 0)
		return;
	if (!same_ns(p->pgid, p->pid)) {
		REFUSE(pl, p, "its process group's dead leader was in another pid namespace, which cannot "
		       "be rebuilt");
		return;
	}
	g = planner_add(pl, PLAN_GHOST, index_of(pl, p));
	if (!g)
		return;
	g->pid = p->pgid;
	g->group = GROUP_LEAD;
	pl->group[g - pl->plan->task] = p->pgid;
}

static void join_group(struct planner *pl, const struct proc *p)
{
	const struct proc *leader = tree_find(pl->tree, p->pgid->addr);
	struct plan_task *t = task_of(pl, p);

	if (leader && leader->sid != p->sid) {
		REFUSE(pl, p, "is in process group %d of another session", pid_own_nr(p->pgid));
		return;
	}
	if (!leader)
		plan_group_ghost(pl, p);
	t = task_of(pl, p);
	t->pgid = p->pgid;
	if (can_see(pl, p->pid, p->pgid))
		t->group = GROUP_JOIN;
	else if (t->method == PLAN_FORK && p->parent && p->parent->sid == p->sid &&
		 can_see(pl, p->parent->pid, p->pgid))
		t->group = GROUP_BY_PARENT;
	else
		REFUSE(pl, p, "is in process group %d of an outer pid namespace, which nobody who could "
		       "put it there can see", pid_own_nr(p->pgid));
}

/* Whoever makes it comes first. */
static void plan_group(struct planner *pl, const struct proc *p)
{
	unsigned int i = index_of(pl, p), by;
	struct plan_task *t = task_of(pl, p);
	bool outside = planner_is_outside(pl, p->pgid);

	if (pl->placed[i])
		return;
	pl->placed[i] = true;
	for (by = t->creator; by >= pl->tree->nr; by = pl->plan->task[by].creator)
		;
	if (i)
		plan_group(pl, &pl->tree->procs[by]);
	if (i)
		find_birth_group(pl, p);
	t->lead_first = pl->followed[i] && p->pgid != p->pid && !t->setsid;
	pl->group[i] = leads_group(pl, p) ? p->pid : pl->birth[i];
	if (t->setsid) {
		t->group = GROUP_LEAD;
		if (p->pgid != p->pid)
			REFUSE(pl, p, "leads a session but not its process group");
	} else if (p->pgid == p->pid) {
		t->group = GROUP_LEAD;
	} else if (outside) {
		if (!pl->opts->shell_job && !planner_is_outside(pl, p->sid))
			REFUSE(pl, p, "is in process group %d, whose leader is outside of the tree",
			       p->pgid ? p->pgid->numbers[0] : 0);
		if (pl->birth[i] || t->lead_first)
			REFUSE(pl, p, "left the process group of its parent for one led from outside");
	} else if (t->lead_first || pl->birth[i] != p->pgid) {
		join_group(pl, p);
	}
}

static void find_followed(struct planner *pl)
{
	for (size_t i = 0; i < pl->tree->nr; i++) {
		const struct proc *p = &pl->tree->procs[i];
		const struct proc *leader = p->pgid ? tree_find(pl->tree, p->pgid->addr) : NULL;

		if (leader && leader != p)
			pl->followed[index_of(pl, leader)] = true;
	}
}

/* A group must have members when its leader leaves it: those come first, in as many turns as it takes. */
static void plan_turns(struct planner *pl)
{
	struct plan *plan = pl->plan;
	bool changed = true;

	plan->turns = 1;
	for (size_t round = 0; changed && round <= pl->tree->nr; round++) {
		changed = false;
		for (size_t i = 0; i < pl->tree->nr; i++) {
			const struct plan_task *m = &plan->task[i];
			const struct proc *leader = m->pgid ? tree_find(pl->tree, m->pgid->addr) : NULL;
			struct plan_task *t = leader ? &plan->task[index_of(pl, leader)] : NULL;

			if (!t || !t->lead_first || t->turn > m->turn)
				continue;
			t->turn = m->turn + 1;
			changed = true;
			if (plan->turns <= t->turn)
				plan->turns = t->turn + 1;
		}
	}
	if (changed)
		REFUSE(pl, pl->tree->root, "has process groups below it whose leaders went round in a circle, which cannot be rebuilt");
}

int planner_groups(struct planner *pl)
{
	pl->birth = calloc(pl->tree->nr + 1, sizeof(*pl->birth));
	pl->wish = calloc(pl->tree->nr + 1, sizeof(*pl->wish));
	pl->followed = calloc(pl->tree->nr + 1, sizeof(*pl->followed));
	pl->placed = calloc(pl->tree->nr + 1, sizeof(*pl->placed));
	if (!pl->birth || !pl->wish || !pl->followed || !pl->placed)
		return -ENOMEM;
	find_followed(pl);
	find_wishes(pl);
	for (size_t i = 0; i < pl->tree->nr; i++)
		plan_group(pl, &pl->tree->procs[i]);
	plan_turns(pl);
	return 0;
}
