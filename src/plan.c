// SPDX-License-Identifier: GPL-2.0-only
/* plan.c - how to make every process of a tree: creators, sessions, groups. */
#include "plan.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

struct planner {
	struct plan *plan;
	const struct tree *tree;
	const struct plan_opts *opts;
	plan_refuse_fn refuse;
	void *arg;
	const struct rec_pid **born;  /* session at birth, by process index */
	const struct rec_pid **group; /* group while it makes its late children, by task index */
	bool *followed; /* by process index: others are in the group that bears its number */
	bool refused;
};

#define REFUSE(pl, proc, ...)                                                                     \
	do {                                                                                      \
		(pl)->refused = true;                                                             \
		(pl)->refuse((pl)->arg, (proc), __VA_ARGS__);                                     \
	} while (0)

static unsigned int index_of(const struct planner *pl, const struct proc *p)
{
	return p - pl->tree->procs;
}

static bool leads(const struct proc *p)
{
	return p->sid == p->pid;
}

static bool same_ns(const struct rec_pid *a, const struct rec_pid *b)
{
	return a->ns == b->ns;
}

/* Led by a living task that is not of the tree. */
static bool is_outside(const struct planner *pl, const struct rec_pid *leader)
{
	return !leader || (leader->alive && !tree_find(pl->tree, leader->addr)) ||
	       (pl->tree->container && !tree_has_pidns(pl->tree, leader->ns));
}

/* The session as the planner compares it: all that are led from outside are one, NULL. */
static const struct rec_pid *session(const struct planner *pl, const struct proc *p)
{
	return is_outside(pl, p->sid) ? NULL : p->sid;
}

static struct plan_task *add_task(struct planner *pl, enum plan_kind kind, unsigned int creator)
{
	struct plan *plan = pl->plan;
	struct plan_task *t;

	if (plan->nr == plan->cap) {
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
				 .parent = creator, .exit_signal = SIGCHLD };
	return t;
}

/* ---- sessions ---- */

/* Does p have children that must be made in session s before its own setsid()? */
static bool wants_early(const struct planner *pl, const struct proc *p, const struct rec_pid *s)
{
	for (const struct proc *c = p->child; c; c = c->sibling) {
		if (!leads(c) ? session(pl, c) == s : wants_early(pl, c, s))
			return true;
	}
	return false;
}

static bool can_adopt(const struct proc *reaper)
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
	const struct rec_pid *final, *first;
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
	if (first != final && wants_early(pl, p, first))
		pl->born[i] = first;
	else if (early_session(pl, p))
		pl->born[i] = early_session(pl, p);
}

/* A ghost leads session s as a child of the reaper; it is made once. */
static int find_ghost(struct planner *pl, const struct rec_pid *s)
{
	for (unsigned int i = pl->tree->nr; i < pl->plan->nr; i++)
		if (pl->plan->task[i].kind == PLAN_GHOST && pl->plan->task[i].pid == s)
			return i;
	return -1;
}

static int make_session_ghost(struct planner *pl, const struct proc *p, const struct rec_pid *s,
			      unsigned int reaper)
{
	struct plan_task *g;
	int i = find_ghost(pl, s);

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
	g = add_task(pl, PLAN_GHOST, reaper);
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
		if (can_adopt(p))
			return p;
		if (!p->parent || !same_ns(p->parent->pid, p->pid))
			return NULL;
	}
	return NULL;
}

/* As a child of a short-lived child of the session's leader: it goes to the adopter when that exits. */
static void plan_helper(struct planner *pl, const struct proc *p, const struct proc *leader)
{
	struct plan_task *h, *t;

	if (adopter_of(leader) != p->parent || !same_ns(p->pid, leader->pid)) {
		REFUSE(pl, p, "was orphaned out of session %d in a way that cannot be rebuilt",
		       pid_own_nr(leader->pid));
		return;
	}
	h = add_task(pl, PLAN_HELPER, index_of(pl, leader));
	if (!h)
		return;
	t = &pl->plan->task[index_of(pl, p)];
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
	struct plan_task *t = &pl->plan->task[index_of(pl, p)];
	int by;

	/* a sibling gets its creator's exit signal, an orphan SIGCHLD */
	if (leader && (leader->parent != p->parent ||
		       leader->leader->exit_signal != t->exit_signal)) {
		if (can_adopt(p->parent))
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
	t = &pl->plan->task[index_of(pl, p)];
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
	if (!p->sid || (is_outside(pl, p->sid) && !pl->opts->shell_job))
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

/* ---- namespaces ---- */

static void plan_pidns(struct planner *pl, const struct proc *p)
{
	struct plan_task *t = &pl->plan->task[index_of(pl, p)];

	if (!p->ns) {
		REFUSE(pl, p, "its pid namespace could not be read");
		return;
	}
	t->new_pidns = pid_own_nr(p->pid) == 1;
	if (!p->ns->adding && p != pl->tree->root)
		REFUSE(pl, p, "the init of its pid namespace %u is dead or dying", p->ns->inum);
	if (p == pl->tree->root)
		return;
	if (!p->parent) {
		REFUSE(pl, p, "entered pid namespace %u with setns(): its parent is outside of the tree, "
		       "which is not supported yet", p->ns->inum);
		return;
	}
	if (t->new_pidns ? p->ns->parent != p->parent->pid->ns : p->pid->ns != p->parent->pid->ns)
		REFUSE(pl, p, "is in another pid namespace (%u) than its parent, entered with setns(), "
		       "which is not supported yet", p->ns->inum);
}

/* ---- groups ---- */

static const struct rec_pid *group_at_birth(const struct planner *pl, const struct plan_task *t,
					    const struct rec_pid **birth)
{
	return t->before_setsid ? birth[t->creator] : pl->group[t->creator];
}

/* Make the dead leader of p's group anew, as a child of p that exits once the group has members. */
static void plan_group_ghost(struct planner *pl, const struct proc *p)
{
	struct plan_task *g;

	if (find_ghost(pl, p->pgid) >= 0)
		return;
	if (!same_ns(p->pgid, p->pid)) {
		REFUSE(pl, p, "its process group's dead leader was in another pid namespace, which cannot "
		       "be rebuilt");
		return;
	}
	g = add_task(pl, PLAN_GHOST, index_of(pl, p));
	if (!g)
		return;
	g->pid = p->pgid;
	g->group = GROUP_LEAD;
	pl->group[g - pl->plan->task] = p->pgid;
}

/* Was its creator in its group before it took one of its own? Then it is made before that. */
static bool born_in_group(struct planner *pl, const struct proc *p, const struct rec_pid **birth)
{
	struct plan_task *t = &pl->plan->task[index_of(pl, p)];

	if (t->method != PLAN_FORK || t->before_setsid || t->creator >= pl->tree->nr ||
	    pl->plan->task[t->creator].setsid || birth[t->creator] != p->pgid)
		return false;
	t->before_setsid = true;
	birth[index_of(pl, p)] = pl->group[index_of(pl, p)] = p->pgid;
	return true;
}

static void join_group(struct planner *pl, const struct proc *p)
{
	const struct proc *leader = tree_find(pl->tree, p->pgid->addr);
	struct plan_task *t = &pl->plan->task[index_of(pl, p)];

	if (leader && leader->sid != p->sid) {
		REFUSE(pl, p, "is in process group %d of another session", pid_own_nr(p->pgid));
		return;
	}
	if (!leader)
		plan_group_ghost(pl, p);
	t = &pl->plan->task[index_of(pl, p)];
	t->pgid = p->pgid;
	if (p->pgid->level >= p->pid->level &&
	    pidns_within(pl->tree->snap, p->pgid->ns, p->pid->ns))
		t->group = GROUP_JOIN;
	else if (t->method == PLAN_FORK && p->parent && p->parent->sid == p->sid &&
		 pidns_within(pl->tree->snap, p->pgid->ns, p->parent->pid->ns))
		t->group = GROUP_BY_PARENT;
	else
		REFUSE(pl, p, "is in process group %d of an outer pid namespace, which nobody who could "
		       "put it there can see", pid_own_nr(p->pgid));
}

/* Parents come before children in the tree, and ghosts are known: groups can be followed down. */
static void plan_group(struct planner *pl, const struct proc *p, const struct rec_pid **birth)
{
	unsigned int i = index_of(pl, p);
	struct plan_task *t = &pl->plan->task[i];
	bool outside = is_outside(pl, p->pgid);

	birth[i] = p == pl->tree->root ? NULL : group_at_birth(pl, t, birth);
	t->lead_first = pl->followed[i] && p->pgid != p->pid && !t->setsid;
	pl->group[i] = t->setsid || t->lead_first ? p->pid : birth[i];
	if (t->setsid) {
		t->group = GROUP_LEAD;
		if (p->pgid != p->pid)
			REFUSE(pl, p, "leads a session but not its process group");
	} else if (p->pgid == p->pid) {
		t->group = GROUP_LEAD;
		pl->group[i] = p->pid;
	} else if (outside) {
		if (!pl->opts->shell_job && !is_outside(pl, p->sid))
			REFUSE(pl, p, "is in process group %d, whose leader is outside of the tree",
			       p->pgid ? p->pgid->numbers[0] : 0);
		if (birth[i] || t->lead_first)
			REFUSE(pl, p, "left the process group of its parent for one led from outside");
	} else if (t->lead_first || (birth[i] != p->pgid && !born_in_group(pl, p, birth))) {
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

/* ---- helpers ---- */

/* Nobody can be made by one of those that it makes. */
static void refuse_circles(struct planner *pl)
{
	for (unsigned int i = 1; i < pl->tree->nr; i++) {
		unsigned int by = pl->plan->task[i].creator, steps = 0;

		while (by && steps++ < pl->plan->nr)
			by = pl->plan->task[by].creator;
		if (by)
			REFUSE(pl, &pl->tree->procs[i],
			       "was born in session %d, whose leader descends from it",
			       pid_own_nr(pl->tree->procs[i].sid));
	}
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
static int choose_numbers(struct planner *pl, unsigned int helper)
{
	struct plan *plan = pl->plan;
	const struct rec_pid *like = plan->task[plan->task[helper].creator].pid;
	struct rec_pid **v = realloc(plan->chosen, (plan->nr_chosen + 1) * sizeof(*v));
	struct rec_pid *pid = calloc(1, sizeof(*pid) + PID_NUMBERS_MAX * sizeof(pid->numbers[0]));

	if (v)
		plan->chosen = v;
	if (!v || !pid) {
		free(pid);
		return -ENOMEM;
	}
	plan->chosen[plan->nr_chosen++] = pid;
	pid->ns = like->ns;
	pid->level = like->level;
	for (unsigned int l = pl->tree->root_level + !pl->tree->container; l <= pid->level; l++)
		pid->numbers[l] = free_number(pl->tree->snap, l) + plan->nr_chosen - 1;
	plan->task[helper].pid = pid;
	return 0;
}

static int number_helpers(struct planner *pl)
{
	int err = 0;

	for (unsigned int i = pl->tree->nr; i < pl->plan->nr && !err; i++)
		if (pl->plan->task[i].kind == PLAN_HELPER)
			err = choose_numbers(pl, i);
	return err;
}

static int plan_all(struct planner *pl)
{
	const struct tree *t = pl->tree;
	const struct rec_pid **birth;

	for (size_t i = 0; i < t->nr; i++) {
		const struct proc *p = &t->procs[i];
		struct plan_task *task = add_task(pl, p->zombie ? PLAN_ZOMBIE : PLAN_LIVE, 0);

		if (!task)
			return -ENOMEM;
		task->proc = p;
		task->pid = p->pid;
		task->exit_signal = p->leader->exit_signal;
		task->subreaper = p->sig->flags & PROC_F_SUBREAPER && !p->zombie;
		task->method = i ? PLAN_FORK : PLAN_ROOT;
		task->creator = task->parent = p->parent ? index_of(pl, p->parent) : 0;
		if (p->leader->exit_state && !p->zombie)
			REFUSE(pl, p, "its first thread has exited while others run, which is not "
			       "supported yet");
	}
	for (size_t i = 0; i < t->nr; i++)
		find_birth_session(pl, &t->procs[i]);
	for (size_t i = 0; i < t->nr; i++)
		plan_session(pl, &t->procs[i]);
	for (size_t i = 0; i < t->nr; i++)
		plan_pidns(pl, &t->procs[i]);
	birth = calloc(t->nr + 1, sizeof(*birth));
	if (!birth)
		return -ENOMEM;
	find_followed(pl);
	for (size_t i = 0; i < t->nr; i++)
		plan_group(pl, &t->procs[i], birth);
	plan_turns(pl);
	refuse_circles(pl);
	free(birth);
	return number_helpers(pl);
}

int plan_build(struct plan *p, const struct tree *t, const struct plan_opts *opts,
	       plan_refuse_fn refuse, void *arg)
{
	struct planner pl = { .plan = p, .tree = t, .opts = opts, .refuse = refuse, .arg = arg };
	int err = -ENOMEM;

	*p = (struct plan){ .tree = t };
	pl.born = calloc(t->nr + 1, sizeof(*pl.born));
	pl.followed = calloc(t->nr + 1, sizeof(*pl.followed));
	if (pl.born && pl.followed)
		err = plan_all(&pl);
	free(pl.born);
	free(pl.followed);
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
	static const char *const methods[] = { "root", "fork", "sibling" };
	static const char *const groups[] = { "inherit", "lead", "join", "by-parent" };

	for (unsigned int i = 0; i < p->nr; i++) {
		const struct plan_task *t = &p->task[i];
		char chain[PID_NUMBERS_MAX * 12] = "-";

		if (t->pid)
			pid_chain(t->pid, 0, chain, sizeof(chain));
		fprintf(out, "%u %s %s %s by %u parent %u%s%s%s group %s%s\n", i, chain,
			kinds[t->kind], methods[t->method], t->creator, t->parent,
			t->new_pidns ? " newpid" : "", t->setsid ? " setsid" : "",
			t->before_setsid ? " early" : "", t->lead_first ? " lead, then" : "",
			groups[t->group]);
	}
}
