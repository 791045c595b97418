// SPDX-License-Identifier: GPL-2.0-only
/*
 * plan_userns.c - in which user namespace each process is made.
 *
 * With the restorer's own rights wherever that goes: such a task enters its user namespace when it has
 * made its children. But who makes a pid namespace is in the user namespace that will own it, and its
 * init and all that this makes are in there from birth (kernel/pid_namespace.c). There they may choose
 * numbers only in pid namespaces that it owns, too; the outer ones come by the cursors of those
 * (ns_last_pid).
 */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>

#include "idmap.h"
#include "planner.h"

struct userns {
	struct planner *pl;
	const struct snap *snap;
	bool *done;   /* by task index */
	__u64 *owner; /* of the pid namespaces of the tree, in the order of tree->own_ns */
};

static const struct rec_task *body_of(const struct proc *p)
{
	return proc_body(p) ?: p->leader;
}

/* Who owns the pid namespace; those around the tree are the restorer's. */
static __u64 owner_of(const struct userns *u, __u64 ns)
{
	const struct tree *t = u->pl->tree;
	size_t at = tree_own_pidns(t, ns);

	if (at < t->nr_own_ns)
		return u->owner[at];
	return ns == t->root_ns->addr ? userns_of_pidns(u->snap, t->root->leader) : 0;
}

static void list_owners(struct userns *u)
{
	const struct tree *t = u->pl->tree;

	for (size_t i = 0; i < t->nr; i++)
		if (pid_own_nr(t->procs[i].pid) == 1)
			u->owner[tree_own_pidns(t, t->procs[i].pid->ns)] =
				userns_of_pidns(u->snap, t->procs[i].leader);
}

/* How many of the outermost numbers of a task in pid namespace ns cannot be chosen from within `from`. */
static unsigned int blind_levels(const struct userns *u, __u64 ns, __u64 from)
{
	unsigned int top = u->pl->tree->root_level - u->pl->opts->host_pids, blind = 0;
	const struct rec_pidns *r = from ? snap_find(u->snap, REC_PIDNS, ns) : NULL;

	for (; r && r->level >= top; r = snap_find(u->snap, REC_PIDNS, r->parent)) {
		if (!blind && !userns_within(u->snap, owner_of(u, r->addr), from))
			blind = r->level - top + 1;
		if (!r->level)
			break;
	}
	return blind;
}

/* Its init is made by an usher: a task that goes into the user namespace and makes it there. */
static void plan_usher(struct userns *u, const struct proc *p, __u64 from, const struct rec_task *like,
		       __u64 owner)
{
	struct plan_task *t = task_of(u->pl, p);
	char why[160];

	if (!userns_within(u->snap, owner, from))
		REFUSE(u->pl, p, "is the init of a pid namespace that another user namespace owns than any "
		       "which its maker can be in");
	else if (from && !cred_possible(u->snap, from, body_of(p), like, why, sizeof(why)))
		REFUSE(u->pl, p, "has %s", why);
	if (t->share & CLONE_FS)
		REFUSE(u->pl, p, "is the init of a pid namespace of another user namespace, and shares its "
		       "working directory with its maker (CLONE_FS), which cannot be rebuilt");
	t->ushered = true;
	t->blind_usher = blind_levels(u, p->ns->parent, from);
	t->userns = owner;
	t->like = body_of(p);
}

/* setns(2): "not sharing its directories with another process". */
static bool shares_directories(const struct userns *u, const struct proc *p)
{
	size_t nr;
	void **user = snap_referring(u->snap, REC_TASK, struct rec_task, fs, body_of(p)->fs, &nr);

	for (size_t i = 0; i < nr && body_of(p)->fs; i++)
		if (((const struct rec_task *)user[i])->tgid != p->leader->tgid)
			return true;
	return false;
}

/*
 * Who shares directories with others is born in the user namespace that it shares them in: the first of
 * them has entered it before it makes the others.
 */
static void find_early(struct userns *u)
{
	struct plan_task *task = u->pl->plan->task;

	for (size_t i = 0; i < u->pl->tree->nr; i++) {
		const struct proc *p = task[i].proc;
		unsigned int top = i;

		if (!userns_of_task(u->snap, body_of(p)) || !shares_directories(u, p))
			continue;
		while (task[top].share & CLONE_FS)
			top = task[top].creator;
		task[top].early = task[top].proc && body_of(task[top].proc)->fs == body_of(p)->fs;
	}
}

static void plan_birth(struct userns *u, unsigned int i);

/* Does it matter to p in which group it is born? It may lead one or join one later on. */
static bool inherits_group(const struct userns *u, const struct proc *p)
{
	return task_of(u->pl, p)->group == GROUP_INHERIT;
}

/* Can x send somebody who makes p in its pid namespace, in p's session and group, with more rights? */
static bool can_send(struct userns *u, const struct proc *p, const struct proc *x)
{
	const struct planner *pl = u->pl;
	unsigned int by = index_of(pl, x), up;

	if (x->zombie || same_ns(x->pid, p->pid) || !pidns_within(u->snap, p->pid->ns, x->pid->ns) ||
	    x->sid != p->sid || (inherits_group(u, p) && pl->group[by] != pl->birth[index_of(pl, p)]))
		return false;
	for (up = by; up && up != index_of(pl, p); up = pl->plan->task[up].creator)
		;
	if (up)
		return false;
	plan_birth(u, by);
	return userns_within(u->snap, userns_of_task(u->snap, body_of(p)), pl->plan->task[by].stands) &&
	       userns_within(u->snap, owner_of(u, p->pid->ns), pl->plan->task[by].stands);
}

/*
 * Its parent, the init of its pid namespace, has less rights than it: it is an orphan that the init took in.
 * Somebody from outside made it, and a helper does so again.
 */
static void be_orphan(struct userns *u, unsigned int i)
{
	const struct planner *pl = u->pl;
	struct plan_task *t = &pl->plan->task[i], *h;
	const struct proc *p = t->proc, *init = tree_ns_init(pl->tree, p->pid->ns);
	size_t x;

	if (!init || init != p->parent || t->method != PLAN_FORK || t->creator != t->parent || t->enter ||
	    t->new_pidns || t->share || t->put_in || leads(p) || t->exit_signal != SIGCHLD)
		return;
	for (x = 0; x < pl->tree->nr && !can_send(u, p, &pl->tree->procs[x]); x++)
		;
	h = x < pl->tree->nr ? planner_add(u->pl, PLAN_HELPER, x) : NULL;
	if (!h)
		return;
	h->ns = p->pid->ns;
	h->enter = init;
	t = &pl->plan->task[i];
	t->creator = h - pl->plan->task;
	t->before_setsid = false;
}

static bool has_less_rights(const struct userns *u, const struct plan_task *t)
{
	return t->proc && !userns_within(u->snap, userns_of_task(u->snap, body_of(t->proc)),
					 u->pl->plan->task[t->creator].stands);
}

/*
 * May its creator have entered its user namespace after that, clone() first, unshare() then? Who shares
 * directories with it came later (unshare(2): EINVAL while somebody does). What is made between the
 * rounds is made when it has entered, and so is what would be, from where the creator is before.
 */
static bool can_be_before(const struct userns *u, const struct plan_task *t)
{
	__u64 from = u->pl->plan->task[t->creator].userns;

	return !(t->share & CLONE_FS) && !plan_is_slow(t) && !blind_levels(u, t->ns, from) &&
	       (!t->new_pidns || owner_of(u, t->ns) == from);
}

static bool is_before(const struct userns *u, const struct plan_task *t)
{
	const struct plan_task *by = &u->pl->plan->task[t->creator];

	if (!by->early || !can_be_before(u, t))
		return false;
	return t->before_setsid ? by->enters_late || has_less_rights(u, t) : by->enters_late && has_less_rights(u, t);
}

/*
 * It has children that it made after its setsid(), and before it entered its user namespace. When it has
 * neither session nor group of its own, none of them need come before that.
 */
static bool enters_late(const struct userns *u, const struct plan_task *by)
{
	struct plan_task *task = u->pl->plan->task;
	bool settles = by->setsid || by->lead_first || by->group == GROUP_LEAD, late = false;

	for (unsigned int i = 1; i < u->pl->plan->nr; i++) {
		struct plan_task *t = &task[i];

		if (t->method == PLAN_FOREIGN || &task[t->creator] != by)
			continue;
		t->before_setsid &= settles;
		if (t->before_setsid && !can_be_before(u, t))
			return false;
		late |= !t->before_setsid && can_be_before(u, t) && has_less_rights(u, t);
	}
	return late;
}

static void be_born(struct userns *u, unsigned int i)
{
	struct plan_task *t = &u->pl->plan->task[i];
	const struct plan_task *by;
	__u64 from = 0, owner;
	const struct rec_task *like = NULL;

	if (t->method == PLAN_FORK || t->method == PLAN_SIBLING) {
		plan_birth(u, t->creator);
		t = &u->pl->plan->task[i]; /* there may be more of them now */
		t->before_userns = is_before(u, t);
		if (!t->before_userns && has_less_rights(u, t))
			be_orphan(u, i);
		t = &u->pl->plan->task[i]; /* there may be more of them now */
		plan_birth(u, t->creator);
		t = &u->pl->plan->task[i];
		by = &u->pl->plan->task[t->creator];
		from = t->before_userns ? by->userns : by->stands;
		like = t->before_userns ? by->like : by->stands_like;
	}
	t->userns = from;
	t->like = like;
	owner = t->new_pidns ? owner_of(u, t->ns) : from;
	if (t->new_pidns && owner != from)
		plan_usher(u, t->proc, from, like, owner);
	if (t->enter && !userns_within(u->snap, owner_of(u, t->enter->pid->ns), from))
		REFUSE(u->pl, t->proc ?: u->pl->tree->root, "is in a pid namespace (or has a child there) whose "
		       "user namespace its maker is not above");
	t->blind = blind_levels(u, t->ns, t->userns);
	t->stands = t->userns;
	t->stands_like = t->like;
	if (t->early && userns_of_task(u->snap, body_of(t->proc)) != t->userns) {
		t->stands = userns_of_task(u->snap, body_of(t->proc));
		t->stands_like = body_of(t->proc);
		t->enters_late = enters_late(u, t);
	} else {
		t->early = false;
	}
}

static void plan_birth(struct userns *u, unsigned int i)
{
	if (u->done[i])
		return;
	u->done[i] = true; /* circles were refused */
	be_born(u, i);
}

static void check_threads(struct userns *u, const struct proc *p, __u64 in, const struct rec_task *like)
{
	char why[160];

	for (unsigned int i = 0; i < p->nr_threads; i++)
		if (!cred_possible(u->snap, in, p->threads[i], like, why, sizeof(why))) {
			REFUSE(u->pl, p, "has %s%s", i ? "a thread with " : "", why);
			return;
		}
}

/* What a task does once it is in its user namespace must be allowed from there. */
static void check_children_ns(struct userns *u, const struct proc *p, __u64 in)
{
	for (unsigned int i = 0; i < p->nr_threads; i++) {
		const struct rec_task *t = p->threads[i];
		__u64 owner = userns_of_children(u->snap, t);

		if (t->exit_state || t->pidns_children == p->pid->ns)
			continue;
		if (!userns_within(u->snap, owner, in) ||
		    (owner != in && !tree_ns_init(u->pl->tree, t->pidns_children)))
			REFUSE(u->pl, p, "makes its children in a pid namespace that belongs to another user "
			       "namespace than its own, which cannot be rebuilt");
	}
}

static void check_mounts(struct userns *u, const struct proc *p, const struct plan_task *t)
{
	__u64 mntns = body_of(p)->mntns, owner;

	if (!t->userns || !mntns || mntns == t->like->mntns)
		return;
	owner = userns_of_mntns(u->snap, mntns);
	if (!userns_within(u->snap, owner, t->userns))
		REFUSE(u->pl, p, "is in a mount namespace that its user namespace cannot have entered");
}

static void check_final(struct userns *u, unsigned int i)
{
	struct plan_task *t = &u->pl->plan->task[i];
	const struct proc *p = t->proc;
	__u64 in = userns_of_task(u->snap, body_of(p));
	char why[160];

	if (!userns_within(u->snap, in, t->userns)) {
		REFUSE(u->pl, p, "is in a user namespace that a child of its parent cannot be in (it came with "
		       "setns(), or is an orphan of somebody who did)");
		return;
	}
	if (in != t->userns) {
		if (shares_directories(u, p) && !t->early)
			REFUSE(u->pl, p, "shares its working directory (CLONE_FS) in a user namespace that it "
			       "has to enter alone, which cannot be rebuilt");
		if (!cred_possible(u->snap, t->userns, body_of(p), t->like, why, sizeof(why)))
			REFUSE(u->pl, p, "has %s", why);
	}
	t->blind_threads = blind_levels(u, t->ns, in);
	check_threads(u, p, in, in == t->userns ? t->like : body_of(p));
	check_children_ns(u, p, in);
	check_mounts(u, p, t);
}

int planner_userns(struct planner *pl)
{
	struct userns u = { .pl = pl, .snap = pl->tree->snap };
	const struct tree *t = pl->tree;
	size_t nr;

	snap_all(u.snap, REC_USERNS, &nr);
	if (nr < 2) /* all are in the initial one */
		return 0;
	if (!t->container && userns_of_pidns(u.snap, t->root->leader))
		REFUSE(pl, t->root, "is in a pid namespace of another user namespace without being its init: it "
		       "cannot be put there from outside; dump the init");
	u.done = calloc(pl->plan->nr + t->nr + 1, sizeof(*u.done)); /* a helper each at most */
	u.owner = calloc(t->nr_own_ns + 1, sizeof(*u.owner));
	if (!u.done || !u.owner) {
		free(u.done);
		free(u.owner);
		return -ENOMEM;
	}
	list_owners(&u);
	find_early(&u);
	for (unsigned int i = 0; i < pl->plan->nr; i++)
		plan_birth(&u, i);
	for (size_t i = 0; i < t->nr; i++)
		check_final(&u, i);
	free(u.done);
	free(u.owner);
	return 0;
}
