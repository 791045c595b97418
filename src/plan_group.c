// SPDX-License-Identifier: GPL-2.0-only
/* plan_group.c - how each process gets into its process group: by birth, or by a call afterwards. */
#include <errno.h>
#include <signal.h>
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

/* Is somebody's being in that group at stake whom p makes? */
static bool is_for_children(const struct planner *pl, const struct proc *p, const struct rec_pid *group)
{
	for (const struct proc *c = p->child; c; c = c->sibling)
		if (pl->wish[index_of(pl, c)] == group && task_of(pl, c)->creator == index_of(pl, p) &&
		    (leads_group(pl, c) || !can_see(pl, c->pid, group)))
			return true;
	return false;
}

/* Its parent can put it there when it has just been made, before it makes children itself. */
static bool be_put(struct planner *pl, const struct proc *p, const struct rec_pid *group)
{
	const struct proc *leader = tree_find(pl->tree, group->addr), *up = p->parent;
	unsigned int i = index_of(pl, p), by;
	struct plan_task *t = task_of(pl, p);
	const struct rec_pid *session;

	if (!leader || !up || t->method != PLAN_FORK || t->creator != t->parent || t->share ||
	    !can_see(pl, up->pid, group) || !is_for_children(pl, p, group))
		return false;
	session = t->before_setsid ? pl->born[index_of(pl, up)] : up->sid;
	by = index_of(pl, leader);
	if (leader->sid != session || descends(pl, by, i))
		return false;
	plan_group(pl, leader);
	if (pl->group[by] != group)
		return false;
	t->put_in = group;
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
	    ((leads_group(pl, p) || !can_see(pl, p->pid, wish)) &&
	     (be_born_as_sibling(pl, p, wish) || be_put(pl, p, wish))))
		pl->birth[i] = wish;
}

/* The dead leader of a group is made anew, as a child of maker that exits once the group has members. */
static bool make_group_ghost(struct planner *pl, const struct rec_pid *group, const struct proc *maker)
{
	struct plan_task *g;

	if (planner_find_ghost(pl, group) >= 0)
		return true;
	if (!same_ns(group, maker->pid))
		return false;
	g = planner_add(pl, PLAN_GHOST, index_of(pl, maker));
	if (!g)
		return false;
	g->pid = group;
	g->group = GROUP_LEAD;
	pl->group[g - pl->plan->task] = group;
	return true;
}

/* Somebody leads that group, or shall, before maker puts a child of its there; not one that p is to make. */
static bool has_leader(struct planner *pl, const struct proc *p, const struct rec_pid *group,
		       const struct proc *maker)
{
	const struct proc *leader = tree_find(pl->tree, group->addr);

	if (!can_see(pl, maker->pid, group))
		return false;
	if (!leader)
		return make_group_ghost(pl, group, maker);
	if (descends(pl, index_of(pl, leader), index_of(pl, p)))
		return false;
	plan_group(pl, leader);
	return pl->group[index_of(pl, leader)] == group;
}

/* It is made by a helper: who makes that one puts it in the group. */
static bool be_put_with_helper(struct planner *pl, const struct proc *p)
{
	unsigned int i = index_of(pl, p), by = task_of(pl, p)->creator;
	struct plan_task *h = &pl->plan->task[by];
	const struct proc *maker = by >= pl->tree->nr && h->kind == PLAN_HELPER ? pl->plan->task[h->creator].proc : NULL;

	if (!maker || h->put_in || maker->sid != p->sid || task_of(pl, p)->lead_first ||
	    !has_leader(pl, p, p->pgid, maker))
		return false;
	pl->plan->task[by].put_in = p->pgid;
	pl->birth[i] = pl->group[i] = p->pgid;
	return true;
}

/* Can x, outside of p's pid namespace, send somebody in there who is in p's group, and makes p? */
static bool can_send(struct planner *pl, const struct proc *p, const struct proc *x, bool put)
{
	unsigned int by = index_of(pl, x);

	if (x->zombie || x->sid != p->sid || same_ns(x->pid, p->pid) ||
	    !pidns_within(pl->tree->snap, p->pid->ns, x->pid->ns) || descends(pl, by, index_of(pl, p)))
		return false;
	plan_group(pl, x);
	return put ? has_leader(pl, p, p->pgid, x) : pl->group[by] == p->pgid;
}

/*
 * A child of the init of its pid namespace may have been made by anybody: here by a helper, who comes from
 * a member of the group outside, and dies (kernel/exit.c: find_new_reaper()).
 */
static bool be_born_of_helper(struct planner *pl, const struct proc *p)
{
	struct plan_task *t = task_of(pl, p), *h;
	const struct proc *init = tree_ns_init(pl->tree, p->pid->ns);
	bool put;
	size_t x;

	if (!init || init != p->parent || t->method != PLAN_FORK || t->creator != t->parent || t->enter ||
	    t->new_pidns || t->lead_first || t->exit_signal != SIGCHLD)
		return false;
	for (x = 0; x < pl->tree->nr && !can_send(pl, p, &pl->tree->procs[x], false); x++)
		;
	put = x == pl->tree->nr;
	for (x = put ? 0 : x; put && x < pl->tree->nr && !can_send(pl, p, &pl->tree->procs[x], true); x++)
		;
	h = x < pl->tree->nr ? planner_add(pl, PLAN_HELPER, x) : NULL;
	if (!h)
		return false;
	h->put_in = put ? p->pgid : NULL;
	h->ns = p->pid->ns;
	h->enter = init;
	t = task_of(pl, p);
	t->creator = h - pl->plan->task;
	t->before_setsid = false;
	pl->birth[index_of(pl, p)] = pl->group[index_of(pl, p)] = p->pgid;
	return true;
}

static void join_group(struct planner *pl, const struct proc *p)
{
	const struct proc *leader = tree_find(pl->tree, p->pgid->addr);
	struct plan_task *t = task_of(pl, p);

	if (leader && leader->sid != p->sid) {
		REFUSE(pl, p, "is in process group %d of another session", pid_own_nr(p->pgid));
		return;
	}
	t->pgid = p->pgid;
	if (can_see(pl, p->pid, p->pgid)) {
		t->group = GROUP_JOIN;
		if (leader || make_group_ghost(pl, p->pgid, p))
			return;
	} else if (t->method == PLAN_FORK && p->parent && p->parent->sid == p->sid &&
		   can_see(pl, p->parent->pid, p->pgid)) {
		t->group = GROUP_BY_PARENT;
		if (leader || make_group_ghost(pl, p->pgid, p->parent))
			return;
	} else if (be_put_with_helper(pl, p) || be_born_of_helper(pl, p)) {
		task_of(pl, p)->pgid = NULL;
		return;
	}
	if (leader)
		REFUSE(pl, p, "is in process group %d of an outer pid namespace, which nobody who could "
		       "put it there can see", pid_own_nr(p->pgid));
	else
		REFUSE(pl, p, "its process group's dead leader was in another pid namespace, which cannot "
		       "be rebuilt");
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
