// SPDX-License-Identifier: GPL-2.0-only
/* audit_emit.c - events made of what the table knows, numbered, and given to the sinks. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "audit_cgroup.h"

/* What it runs, as long as it does; a number that was given again has started later. */
static const char *ask_exe(struct audit *a, struct audit_task *t)
{
	char link[32], path[4096];
	ssize_t n;

	if (t->exe || t->kthread || t->dead || t->exe_asked || !a->boot_id[0] || a->replay)
		return t->exe;
	t->exe_asked = true;
	snprintf(link, sizeof(link), "/proc/%d/exe", t->numbers[0]);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return NULL;
	path[n] = 0;
	t->exe = audit_name_get(a, path);
	return t->exe;
}

struct audit_who audit_who(struct audit *a, struct audit_task *t)
{
	struct audit_who w = {};

	if (!t)
		return w;
	w.start_ns = t->start_ns;
	w.level = t->level;
	w.uid = t->uid;
	memcpy(w.numbers, t->numbers, (t->level + 1) * sizeof(w.numbers[0]));
	memcpy(w.comm, t->comm, sizeof(w.comm) - 1);
	w.exe = a->opts.paths ? ask_exe(a, t) : t->exe;
	if (a->opts.paths)
		w.cgroup = audit_cgroup_path(&a->cgroups, t->cgroup, t->numbers[0]);
	return w;
}

struct audit_where audit_where(const struct audit_ns *ns)
{
	return ns ? ns->where : (struct audit_where){};
}

void audit_event_init(struct audit *a, struct audit_event *e, enum audit_type type, __u64 boot_ns)
{
	memset(e, 0, sizeof(*e));
	e->type = type;
	e->boot_ns = boot_ns;
	e->exit_code = e->exit_signal = -1;
}

/* Everything is told, or what is in the tree or namespace that was asked for. */
static bool in_scope(const struct audit *a, const struct audit_task *t)
{
	if (t->kthread && !a->opts.kthreads)
		return false;
	return !a->opts.root || t->wanted;
}

static __s32 seen_by(const struct audit_task *parent, const struct audit_task *t)
{
	const struct audit_ns *ns = parent->ns;

	while (ns && ns != t->ns)
		ns = ns->parent;
	return ns && t->level <= parent->level ? parent->numbers[t->level] : 0;
}

void audit_event_task(struct audit *a, struct audit_event *e, struct audit_task *t)
{
	e->task = audit_who(a, t);
	e->pidns = audit_where(t->ns);
	e->thread = t->thread;
	e->kthread = t->kthread;
	e->zombie = audit_task_is_zombie(t);
	e->hidden = !in_scope(a, t);
	e->parent.numbers[0] = t->ppid;
	if (!t->parent)
		return;
	e->parent = audit_who(a, t->parent);
	e->ppid_seen = seen_by(t->parent, t);
}

/* A namespace is of the tree when its init is, or who made it; of a namespace, when it is below. */
static bool ns_in_scope(const struct audit *a, const struct audit_ns *ns)
{
	return !a->opts.root || ns->wanted;
}

void audit_event_ns(struct audit *a, struct audit_event *e, const struct audit_ns *ns)
{
	e->pidns = ns->where;
	e->pidns_parent = audit_where(ns->parent);
	e->owner = ns->owner;
	e->owner_level = ns->owner_level;
	e->init = audit_who(a, audit_task_find(a, ns->init));
	e->used = ns->tasks;
	e->hidden = !ns_in_scope(a, ns);
}

static void count(struct audit *a, enum audit_type type, __u64 boot_ns, bool hidden)
{
	a->totals.events[type]++;
	if (boot_ns > a->now_ns)
		a->now_ns = boot_ns;
	a->seq += !hidden;
}

bool audit_only_counts(struct audit *a, enum audit_type type, const struct audit_task *t, __u64 boot_ns)
{
	for (const struct audit_sink *s = a->sinks; s; s = s->next)
		if (s->event && s->types >> type & 1)
			return false;
	count(a, type, boot_ns, !in_scope(a, t));
	return true;
}

int audit_emit(struct audit *a, struct audit_event *e)
{
	int err = 0;

	count(a, e->type, e->boot_ns, e->hidden);
	if (e->hidden)
		return 0;
	e->seq = a->seq;
	e->real_ns = e->boot_ns + a->real_offset;
	for (struct audit_sink *s = a->sinks; s && !err; s = s->next)
		if (s->event && s->types >> e->type & 1)
			err = s->event(s, a, e);
	return err;
}

int audit_flush(struct audit *a)
{
	int err = 0;

	for (struct audit_sink *s = a->sinks; s && !err; s = s->next)
		if (s->flush)
			err = s->flush(s);
	return err;
}

#define CLOCK_SET 200000000 /* ns: NTP slews slower than that between two looks */

int audit_clock(struct audit *a, __s64 real_offset, __u64 now)
{
	__s64 jump = real_offset - a->real_offset;
	struct audit_event e;

	a->real_offset = real_offset;
	if (llabs(jump) < CLOCK_SET)
		return 0;
	audit_event_init(a, &e, AE_CLOCK, now);
	e.jump_ns = jump;
	snprintf(e.reason, sizeof(e.reason), "the clock was set %s by %.3f s: order events by seq or boot_ns, not by ts",
		 jump < 0 ? "back" : "forward", llabs(jump) / 1e9);
	return audit_emit(a, &e);
}
