// SPDX-License-Identifier: GPL-2.0-only
/* audit_walk.c - all tasks at once: the table as it is at the start, and made right after a loss. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "audit_record.h"

void audit_walk_begin(struct audit *a, __u64 boot_ns)
{
	a->walk++;
	a->walk_ns = boot_ns;
	a->walk_result = (struct audit_walk_result){};
	a->settle = false;
}

/* A known task: what may have changed while nobody saw it. */
static bool update(struct audit *a, struct audit_task *t, const struct rec_audit_born *r)
{
	bool changed = memcmp(t->comm, r->a.comm, sizeof(t->comm)) != 0 ||
		       t->parent_key != r->parent || (r->a.flags & AUDIT_F_DEAD && !t->dead);

	audit_record_who(t, &r->a);
	audit_record_ns(a, &r->ns);
	t->children_ns = r->children.addr;
	if (r->children.addr)
		audit_record_ns(a, &r->children);
	return changed;
}

int audit_walk_seen(struct audit *a, const struct rec_audit_born *r)
{
	struct audit_task *t = audit_task_find(a, r->a.key);

	if (t && t->start_ns != r->a.start_ns) {
		a->walk_result.removed++;
		if (audit_tell_reaped(a, t, a->walk_ns, 0))
			return -EIO;
		t = NULL;
	}
	if (t) {
		t->parent_key = t->parent ? t->parent->key : t->ppid == r->ppid ? r->parent : 0;
		t->touched = update(a, t, r);
		a->walk_result.changed += t->touched;
	} else {
		t = audit_record_task(a, r);
		if (!t)
			return -ENOMEM;
		t->touched = true;
		t->since_ns = a->walk_ns;
		a->walk_result.added++;
	}
	t->walk = a->walk;
	t->parent_key = r->parent;
	t->parent_start = r->parent_start;
	t->ppid = r->ppid;
	if (r->a.flags & AUDIT_F_DEAD && !t->dead) {
		t->exit_untold = a->live; /* its event may be in the ring */
		t->exit_code = r->exit_code;
		audit_task_set_dead(a, t, r->a.boot_ns);
	}
	t->found = audit_signs(a, t, r);
	if (t->found & ~t->signs && !t->found_in)
		t->found_in = malloc(sizeof(*t->found_in));
	if (t->found_in)
		*t->found_in = r->place;
	return 0;
}

/* Who was not seen, and was there when the walk began, is gone. */
static int drop_unseen(struct audit *a)
{
	struct audit_task *t, *next;
	int err = 0;

	for (t = audit_task_next(a, NULL); t && !err; t = next) {
		next = audit_task_next(a, t);
		if (t->walk == a->walk || t->since_ns >= a->walk_ns)
			continue;
		a->walk_result.removed++;
		err = audit_tell_reaped(a, t, a->walk_ns, 0);
	}
	return err;
}

static void link_family(struct audit *a)
{
	for (struct audit_task *t = audit_task_next(a, NULL); t; t = audit_task_next(a, t)) {
		struct audit_task *p;
		__s32 ppid = t->ppid;

		if (t->walk != a->walk)
			continue;
		p = audit_record_parent(a, t->parent_key, t->parent_start);
		audit_task_set_parent(t, p);
		if (!p)
			t->ppid = ppid;
		else if (audit_task_is_zombie(p))
			a->settle = true; /* on its way to another parent: look again */
	}
}

/* Who was found later has it from whoever is above it. */
static void choose_late(struct audit *a)
{
	for (struct audit_task *t = audit_task_next(a, NULL); t; t = audit_task_next(a, t)) {
		if (!t->touched)
			continue;
		if (a->opts.pidns)
			t->wanted |= t->ns && t->ns->wanted;
		for (const struct audit_task *up = t->parent; up && !t->wanted && !a->opts.pidns; up = up->parent)
			t->wanted = up->wanted;
	}
}

/* What is asked for: the root task's descendants, or its namespace and those below. */
int audit_choose(struct audit *a)
{
	struct audit_task *root = a->opts.root ? audit_task_by_pid(a, a->opts.root) : NULL;

	if (!a->opts.root)
		return 0;
	if (a->live) {
		choose_late(a);
		return 0;
	}
	if (!root)
		return -ESRCH;
	for (struct audit_ns *ns = a->namespaces; ns && a->opts.pidns; ns = ns->next)
		for (const struct audit_ns *up = ns; up && !ns->wanted; up = up->parent)
			ns->wanted = up == root->ns;
	for (struct audit_task *t = audit_task_next(a, NULL); t; t = audit_task_next(a, t)) {
		if (a->opts.pidns)
			t->wanted = t->ns && t->ns->wanted;
		for (const struct audit_task *up = t; up && !t->wanted && !a->opts.pidns; up = up->parent)
			t->wanted = up == root;
		if (t->wanted && t->ns && t->numbers[t->level] == 1)
			t->ns->wanted = true;
	}
	return 0;
}

static int tell_ns(struct audit *a, struct audit_ns *ns, __u64 when)
{
	struct audit_event e;

	if (!ns->where.inum)
		return 0;
	audit_event_init(a, &e, AE_PIDNS, when);
	audit_event_ns(a, &e, ns);
	return audit_emit(a, &e);
}

static int tell_task(struct audit *a, struct audit_task *t, __u64 when)
{
	struct audit_event e;

	audit_event_init(a, &e, AE_TASK, when);
	audit_event_task(a, &e, t);
	return audit_emit(a, &e);
}

int audit_walk_tell(struct audit *a)
{
	int err = 0;

	for (struct audit_ns *ns = a->namespaces; ns && !err && !a->live; ns = ns->next)
		err = tell_ns(a, ns, a->walk_ns);
	for (struct audit_task *t = audit_task_next(a, NULL); t && !err; t = audit_task_next(a, t)) {
		if (t->touched)
			err = tell_task(a, t, a->walk_ns);
		t->touched = false;
	}
	for (struct audit_task *t = audit_task_next(a, NULL); t && !err; t = audit_task_next(a, t)) {
		if (t->found)
			err = audit_alert_signs(a, t, t->found, t->found_in, a->walk_ns);
		t->found = 0;
		free(t->found_in);
		t->found_in = NULL;
	}
	return err;
}

int audit_tell_all(struct audit *a)
{
	int err = 0;

	for (struct audit_ns *ns = a->namespaces; ns && !err; ns = ns->next)
		err = tell_ns(a, ns, a->now_ns);
	for (struct audit_task *t = audit_task_next(a, NULL); t && !err; t = audit_task_next(a, t))
		err = tell_task(a, t, a->now_ns);
	return err;
}

int audit_walk_end(struct audit *a)
{
	int err = drop_unseen(a);

	if (err)
		return err;
	link_family(a);
	return audit_choose(a);
}
