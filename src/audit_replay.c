// SPDX-License-Identifier: GPL-2.0-only
/* audit_replay.c - the table of a recording, event by event, and the events to the sinks. */
#include "audit_replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

/* Keys are addresses in a live audit; here they are made of the ids. */
static __u64 mix(__u64 a, __u64 b)
{
	__u64 x = a * 0x9e3779b97f4a7c15ull ^ (b + 1) * 0xc2b2ae3d27d4eb4full;

	x ^= x >> 31;
	return x ?: 1;
}

static __u64 who_key(const struct audit_who *w)
{
	return w->start_ns || w->numbers[0] ? mix(w->start_ns, w->numbers[0]) : 0;
}

static __u64 where_key(const struct audit_where *w)
{
	return w->inum ? mix(w->born_ns, w->inum) : 0;
}

static struct audit_ns *ns_of(struct audit *a, const struct audit_where *w)
{
	__u64 key = where_key(w);
	struct audit_ns *ns = key ? audit_ns_find(a, key) : NULL;

	if (ns || !key)
		return ns;
	ns = audit_ns_add(a, key);
	if (ns)
		ns->where = *w;
	return ns;
}

static int apply_ns(struct audit *a, const struct audit_event *e)
{
	struct audit_ns *ns = ns_of(a, &e->pidns), *parent = ns_of(a, &e->pidns_parent);

	if (!ns)
		return e->pidns.inum ? -ENOMEM : 0;
	ns->where = e->pidns;
	ns->owner = e->owner;
	ns->owner_level = e->owner_level;
	if (parent && parent->where.level >= ns->where.level)
		parent = NULL; /* nonsense: a loop would never end */
	audit_ns_set_parent(ns, parent);
	if (e->init.start_ns)
		ns->init = who_key(&e->init);
	if (e->type == AE_INIT_DIED)
		ns->died_ns = e->boot_ns;
	if (e->type == AE_DESTROYED)
		ns->gone = true;
	return 0;
}

static void set_exe(struct audit *a, struct audit_task *t, const char *exe)
{
	const char *old = t->exe;

	t->exe = audit_name_get(a, exe);
	audit_name_put(a, old);
}

/* A task that is told of, made when it is not known yet. */
static struct audit_task *task_of(struct audit *a, const struct audit_event *e)
{
	struct audit_task *t = audit_task_find(a, who_key(&e->task)), *parent;

	if (!e->task.numbers[0])
		return NULL;
	if (!t)
		t = audit_task_add(a, who_key(&e->task), e->task.numbers, e->task.level);
	if (!t)
		return NULL;
	parent = audit_task_find(a, who_key(&e->parent));
	t->start_ns = e->task.start_ns;
	t->parent_key = who_key(&e->parent);
	t->ppid = e->parent.numbers[0];
	t->thread = e->thread;
	t->kthread = e->kthread;
	t->uid = e->task.uid;
	memcpy(t->comm, e->task.comm, sizeof(t->comm));
	set_exe(a, t, e->task.exe);
	if (e->pidns.inum && e->type != AE_NEAR_LIMIT)
		audit_task_set_ns(t, ns_of(a, &e->pidns));
	for (const struct audit_task *up = parent; up; up = up->parent)
		if (up == t)
			return t; /* nonsense again */
	audit_task_set_parent(t, parent);
	return t;
}

/* Tasks of a snapshot come in any order. */
static void link_all(struct audit *a)
{
	for (struct audit_task *t = audit_task_next(a, NULL); t; t = audit_task_next(a, t)) {
		struct audit_task *p = t->parent ? NULL : audit_task_find(a, t->parent_key);
		const struct audit_task *up = p;

		while (up && up != t)
			up = up->parent;
		if (p && !up)
			audit_task_set_parent(t, p);
	}
}

static void give_children(struct audit *a, struct audit_task *t, const struct audit_event *e)
{
	struct audit_task *heir = audit_task_find(a, who_key(&e->heir));

	for (const struct audit_task *up = heir; up; up = up->parent)
		if (up == t)
			heir = NULL;
	while (e->heir.numbers[0] && t->child) {
		struct audit_task *c = t->child;

		audit_task_set_parent(c, heir);
		c->parent_key = who_key(&e->heir);
		if (!heir)
			c->ppid = e->heir.numbers[0];
	}
}

static __u32 sign_of(const struct audit_event *e)
{
	return e->type == AE_FOREIGN ? TASK_SIGN_FOREIGN : e->type == AE_ZOMBIE ? TASK_SIGN_ZOMBIE :
	       e->type == AE_TOO_DEEP ? TASK_SIGN_DEEP : e->type == AE_ESCAPE ? TASK_SIGN_MNT : 0;
}

static int apply_task(struct audit *a, const struct audit_event *e)
{
	struct audit_task *t = e->type == AE_REAPED ? audit_task_find(a, who_key(&e->task)) : task_of(a, e);

	if (!t)
		return e->type == AE_REAPED ? 0 : -ENOMEM;
	if (e->type == AE_REAPED) {
		audit_task_remove(a, t);
		return 0;
	}
	t->signs |= sign_of(e);
	if (e->type == AE_EXIT || (e->type == AE_TASK && e->zombie)) {
		audit_task_set_dead(a, t, e->boot_ns);
		if (!t->thread && e->type == AE_EXIT)
			give_children(a, t, e);
	}
	return 0;
}

int audit_replay_apply(struct audit *a, const struct audit_event *e)
{
	a->now_ns = e->boot_ns;
	switch (e->type) {
	case AE_START:
		memcpy(a->boot_id, e->boot_id, sizeof(a->boot_id));
		return 0;
	case AE_READY:
	case AE_RESYNC:
		link_all(a);
		return 0;
	case AE_PIDNS:
	case AE_CREATED:
	case AE_INIT_DIED:
	case AE_DESTROYED:
		return apply_ns(a, e);
	case AE_LOST:
	case AE_CLOCK:
	case AE_END:
		return 0;
	default:
		return e->task.numbers[0] ? apply_task(a, e) : 0;
	}
}

/* ---- to the sinks ---- */

static bool is_of_ns(const struct audit_event *e)
{
	return e->type == AE_PIDNS || e->type == AE_CREATED || e->type == AE_INIT_DIED ||
	       e->type == AE_DESTROYED;
}

/* As in a live audit; what is of no task is told to all. */
static bool is_hidden(struct audit *a, const struct audit_event *e)
{
	struct audit_task *t;
	struct audit_ns *ns;

	if (is_of_ns(e)) {
		ns = audit_ns_find(a, where_key(&e->pidns));
		return a->opts.root && (!ns || !ns->wanted);
	}
	if (!e->task.numbers[0])
		return false;
	if (e->kthread && !a->opts.kthreads)
		return true;
	t = audit_task_find(a, who_key(&e->task));
	return a->opts.root && (!t || !t->wanted);
}

/* A birth hands on what is wanted; the same rule as for a live one. */
static void inherit(struct audit *a, const struct audit_event *e)
{
	struct audit_task *t = audit_task_find(a, who_key(&e->task));
	struct audit_ns *ns = audit_ns_find(a, where_key(&e->pidns));
	const struct audit_task *by = audit_task_find(a, who_key(&e->by));

	if (e->type == AE_BORN && t)
		t->wanted |= a->opts.pidns ? t->ns && t->ns->wanted :
					     (t->parent && t->parent->wanted) || (by && by->wanted);
	if (e->type == AE_CREATED && ns)
		ns->wanted |= a->opts.pidns ? ns->parent && ns->parent->wanted : by && by->wanted;
}

static int deliver(struct audit *a, struct audit_event *e)
{
	int err = 0;

	inherit(a, e);
	a->totals.events[e->type]++;
	if (is_hidden(a, e))
		return 0;
	for (struct audit_sink *s = a->sinks; s && !err; s = s->next)
		if (s->event && s->types >> e->type & 1)
			err = s->event(s, a, e);
	return err;
}

/* The table as it was when the recording began: who is wanted is known only then. */
static int read_snapshot(struct audit *a, struct audit_replay *r)
{
	struct audit_event e = {};
	int n = 1;

	while (n > 0 && e.type != AE_READY) {
		n = audit_replay_next(r, &e);
		if (n > 0 && audit_replay_apply(a, &e))
			return fail(-ENOMEM, "read %s", r->name);
	}
	if (n < 0)
		return n;
	if (audit_choose(a))
		return fail(-ESRCH, "%s: pid %d at its start", r->name, a->opts.root);
	rewind(r->file);
	r->line = 0;
	return ferror(r->file) ? fail(-ESPIPE, "read %s twice", r->name) : 0;
}

int audit_replay_run(struct audit *a, const char *path)
{
	struct audit_replay r;
	bool known = a->opts.root; /* the snapshot is in the table already */
	struct audit_event e;
	int err = audit_replay_open(&r, path), n;

	a->replay = true;

	if (!err)
		err = audit_table_init(a);
	if (!err && known)
		err = read_snapshot(a, &r);
	while (!err && (n = audit_replay_next(&r, &e))) {

		if (n < 0) {
			err = n;
			break;
		}
		/* whoever is reaped is needed to know whether that is told */
		if (e.type == AE_REAPED)
			err = deliver(a, &e);
		if (!err && !known && audit_replay_apply(a, &e))
			err = fail(-ENOMEM, "read %s", path);
		known = known && e.type != AE_READY;
		if (!err && e.type != AE_REAPED)
			err = deliver(a, &e);
	}
	if (!err)
		err = audit_flush(a);
	audit_replay_close(&r);
	return err;
}
