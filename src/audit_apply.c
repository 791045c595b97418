// SPDX-License-Identifier: GPL-2.0-only
/*
 * audit_apply.c - records of the kernel change the table and become events.
 *
 * Records come in the order of their causes: what happens to one task is in order, and a child's
 * birth comes before anything it does. A record from before the last walk is in that walk already.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "audit.h"
#include "audit_record.h"

/* ---- records into the table ---- */

static bool is_other_ns(const struct audit_ns *ns, const struct rec_audit_ns *r)
{
	if (!ns->where.inum)
		return false; /* known by its key alone yet */
	return ns->where.inum != r->inum || ns->where.level != r->level || ns->where.ns_id != r->id ||
	       (r->init_start && ns->where.born_ns && r->level && r->init_start != ns->where.born_ns);
}

static void fill_ns(struct audit *a, struct audit_ns *ns, const struct rec_audit_ns *r)
{
	struct audit_ns *parent = r->parent ? audit_ns_find(a, r->parent) : NULL;

	if (r->parent && !parent)
		parent = audit_ns_add(a, r->parent);
	ns->where.inum = r->inum;
	ns->where.level = r->level;
	ns->where.ns_id = r->id;
	ns->owner = r->owner_inum;
	ns->owner_level = r->owner_level;
	ns->used = r->allocated;
	ns->pid_max = r->pid_max;
	if (r->init) {
		ns->init = r->init;
		ns->where.born_ns = r->level ? r->init_start : 0;
	}
	if (!ns->parent)
		audit_ns_set_parent(ns, parent);
	if (parent && parent->wanted && a->opts.pidns)
		ns->wanted = true;
}

struct audit_ns *audit_record_ns(struct audit *a, const struct rec_audit_ns *r)
{
	struct audit_ns *ns = audit_ns_find(a, r->addr);

	if (!r->inum) { /* nothing but its number of tasks: it should be known */
		if (!ns)
			ns = audit_ns_add(a, r->addr);
		if (!ns)
			return NULL;
		ns->used = r->allocated;
		a->settle |= !ns->where.inum;
		return ns;
	}
	if (ns && is_other_ns(ns, r)) {
		audit_ns_rekey(a, ns); /* its memory is another's now: it is gone */
		ns = NULL;
	}
	if (!ns)
		ns = audit_ns_add(a, r->addr);
	if (ns)
		fill_ns(a, ns, r);
	return ns;
}

void audit_record_who(struct audit_task *t, const struct rec_audit *r)
{
	t->uid = r->uid;
	t->cgroup = r->cgroup;
	memcpy(t->comm, r->comm, sizeof(t->comm));
}

struct audit_task *audit_record_task(struct audit *a, const struct rec_audit_born *r)
{
	struct audit_ns *ns = audit_record_ns(a, &r->ns);
	struct audit_task *t;

	if (!ns || r->level > PIDNS_LEVEL_MAX)
		return NULL;
	t = audit_task_add(a, r->a.key, r->numbers, r->level);
	if (!t)
		return NULL;
	t->start_ns = r->a.start_ns;
	t->thread = r->a.flags & AUDIT_F_THREAD;
	t->kthread = r->a.flags & AUDIT_F_KTHREAD;
	t->ppid = r->ppid;
	t->children_ns = r->children.addr;
	if (r->children.addr)
		audit_record_ns(a, &r->children);
	audit_record_who(t, &r->a);
	audit_task_set_ns(t, ns);
	return t;
}

/* The task that a record is of. */
static struct audit_task *task_of(const struct audit *a, const struct rec_audit *r)
{
	struct audit_task *t = audit_task_find(a, r->key);

	return t && t->start_ns == r->start_ns ? t : NULL;
}

/* ---- ends ---- */

/* A namespace whose init and members are gone; when the kernel can say more, it is asked (audit_ns.c). */
static void forget_task(struct audit *a, struct audit_task *t)
{
	if (t->signs & TASK_SIGN_FOREIGN)
		a->nr_foreign--;
	audit_task_remove(a, t);
}

int audit_tell_reaped(struct audit *a, struct audit_task *t, __u64 when, __u32 cpu)
{
	struct audit_event e;
	int err = 0;

	if (!audit_only_counts(a, AE_REAPED, t, when)) {
		audit_event_init(a, &e, AE_REAPED, when);
		e.cpu = cpu;
		audit_event_task(a, &e, t);
		e.age_ns = t->exit_ns && when > t->exit_ns ? when - t->exit_ns : 0;
		err = audit_emit(a, &e);
	}
	forget_task(a, t);
	return err;
}

/* ---- births ---- */

static const char *call_of(const struct rec_audit_born *r)
{
	return r->clone_flags & CLONE_NEWPID ? "clone" : "unshare";
}

/* A namespace begins to be with its first task. */
static int tell_created(struct audit *a, struct audit_task *t, const struct rec_audit_born *r)
{
	struct audit_task *by = audit_task_find(a, r->by);
	struct audit_event e;
	int err = 0;

	if (!(r->clone_flags & CLONE_NEWPID)) {
		t->ns->maker = r->by;
		if (!a->opts.calls) {
			audit_event_init(a, &e, AE_UNSHARED, r->a.boot_ns);
			e.cpu = r->a.cpu;
			audit_event_task(a, &e, by ?: t);
			e.by = audit_who(a, by);
			e.from = audit_where(audit_ns_find(a, r->by_pidns));
			e.to = audit_where(t->ns);
			e.how = "fork";
			err = audit_emit(a, &e);
		}
	}
	if (err)
		return err;
	a->totals.created++;
	t->ns->wanted |= t->wanted;
	audit_event_init(a, &e, AE_CREATED, r->a.boot_ns);
	e.cpu = r->a.cpu;
	audit_event_ns(a, &e, t->ns);
	e.by = audit_who(a, by);
	e.how = call_of(r);
	return audit_emit(a, &e);
}

static int tell_entered(struct audit *a, struct audit_task *t, const struct rec_audit_born *r)
{
	struct audit_event e;

	audit_event_init(a, &e, AE_ENTERED, r->a.boot_ns);
	e.cpu = r->a.cpu;
	audit_event_task(a, &e, t);
	e.by = audit_who(a, audit_task_find(a, r->by));
	e.from = audit_where(audit_ns_find(a, r->by_pidns));
	e.to = audit_where(t->ns);
	e.how = "fork";
	return audit_emit(a, &e);
}

static int tell_born(struct audit *a, struct audit_task *t, const struct rec_audit_born *r)
{
	struct audit_event e;

	t->ns->births += !t->thread;
	if (audit_only_counts(a, AE_BORN, t, r->a.boot_ns))
		return 0;
	audit_event_init(a, &e, AE_BORN, r->a.boot_ns);
	e.cpu = r->a.cpu;
	audit_event_task(a, &e, t);
	e.by = audit_who(a, audit_task_find(a, r->by));
	return audit_emit(a, &e);
}

/* Its parent, or who got that one's children when it has ended by now. */
struct audit_task *audit_record_parent(const struct audit *a, __u64 key, __u64 start_ns)
{
	struct audit_task *p = audit_task_find(a, key);

	for (int i = 0; p && p->dead && p->heir && i < 64; i++) {
		p = audit_task_find(a, p->heir);
		start_ns = p ? p->start_ns : 0;
	}
	return p && p->start_ns == start_ns ? p : NULL;
}

/* Whoever had the key or the number before is gone, even if nobody has said so yet. */
static int make_room(struct audit *a, const struct rec_audit_born *r)
{
	struct audit_task *old = audit_task_find(a, r->a.key);
	int err = 0;

	if (old)
		err = audit_tell_reaped(a, old, r->a.boot_ns, r->a.cpu);
	old = r->a.flags & AUDIT_F_THREAD ? NULL : audit_task_by_pid(a, r->a.pid);
	if (old && !err)
		err = audit_tell_reaped(a, old, r->a.boot_ns, r->a.cpu);
	return err;
}

/* All that begins with a birth. */
static int tell_birth(struct audit *a, struct audit_task *t, const struct rec_audit_born *r)
{
	const struct audit_task *by = audit_task_find(a, r->by);
	int err = 0;

	t->wanted |= a->opts.pidns ? t->ns->wanted : (t->parent && t->parent->wanted) || (by && by->wanted);
	if (r->level && t->numbers[r->level] == 1 && !t->thread)
		err = tell_created(a, t, r);
	if (!err)
		err = tell_born(a, t, r);
	if (!err && !t->thread && t->numbers[r->level] != 1 && r->by_pidns != t->ns->key &&
	    t->ns->maker != r->by && !a->opts.calls)
		err = tell_entered(a, t, r);
	return err ? err : audit_alert_born(a, t, r);
}

static int apply_born(struct audit *a, const struct rec_audit_born *r)
{
	struct audit_task *t = task_of(a, &r->a);
	const struct audit_task *by = audit_task_find(a, r->by);
	int err = t ? 0 : make_room(a, r);

	if (err || (t && !(a->live && t->touched)))
		return err; /* the first walk saw it, and it was told */
	if (!t)
		t = audit_record_task(a, r);
	if (!t)
		return -ENOMEM;
	t->touched = false; /* a later walk may have been quicker than this event */
	t->since_ns = r->a.boot_ns;
	audit_task_set_parent(t, audit_record_parent(a, r->parent, r->parent_start));
	if (!t->exe && by)
		t->exe = audit_name_get(a, by->exe);
	return tell_birth(a, t, r);
}

/* ---- what happens to them ---- */

static int tell_exec(struct audit *a, struct audit_task *t, const struct rec_audit *r)
{
	struct audit_event e;

	if (audit_only_counts(a, AE_EXEC, t, r->boot_ns))
		return 0;
	audit_event_init(a, &e, AE_EXEC, r->boot_ns);
	e.cpu = r->cpu;
	audit_event_task(a, &e, t);
	return audit_emit(a, &e);
}

static int apply_exec(struct audit *a, const struct rec_audit_exec *r)
{
	struct audit_task *t = task_of(a, &r->a), *thread;
	char file[sizeof(r->file)];
	int err;

	if (!t)
		return 0;
	thread = r->old_tid != r->a.tid ? audit_task_find(a, r->task) : NULL;
	if (thread)
		audit_task_remove(a, thread); /* it is the first one of its process now */
	memcpy(file, r->file, sizeof(file) - 1);
	file[sizeof(file) - 1] = 0;
	audit_name_put(a, t->exe);
	t->exe = audit_name_get(a, file);
	audit_record_who(t, &r->a);
	t->children_ns = r->pidns_children == (t->ns ? t->ns->key : 0) ? 0 : r->pidns_children;
	err = tell_exec(a, t, &r->a);
	return err ? err : audit_alert_place(a, t, &r->place, r->a.boot_ns);
}

/* The kernel gives them to heir a moment after it has told of the end. */
static void give_children(struct audit *a, struct audit_task *t, const struct rec_audit_exit *r)
{
	struct audit_task *heir = audit_record_parent(a, r->heir, r->heir_start);

	t->heir = r->heir;
	if (!r->heir)
		return;
	while (t->child) {
		struct audit_task *c = t->child;

		audit_task_set_parent(c, heir == t ? NULL : heir);
		if (!heir)
			c->ppid = r->heir_pid;
	}
}

static int tell_init_died(struct audit *a, struct audit_ns *ns, __u64 when, __u32 cpu)
{
	struct audit_event e;

	ns->died_ns = when;
	audit_event_init(a, &e, AE_INIT_DIED, when);
	e.cpu = cpu;
	audit_event_ns(a, &e, ns);
	return audit_emit(a, &e);
}

static int tell_exit(struct audit *a, struct audit_task *t, const struct rec_audit_exit *r)
{
	struct audit_event e;

	if (audit_only_counts(a, AE_EXIT, t, r->a.boot_ns))
		return 0;
	audit_event_init(a, &e, AE_EXIT, r->a.boot_ns);
	e.cpu = r->a.cpu;
	audit_event_task(a, &e, t);
	audit_event_exit(&e, r->exit_code);
	e.heir = audit_who(a, audit_record_parent(a, r->heir, r->heir_start));
	if (!e.heir.numbers[0])
		e.heir.numbers[0] = r->heir_pid;
	e.age_ns = r->a.boot_ns - t->start_ns;
	return audit_emit(a, &e);
}

static int apply_exit(struct audit *a, const struct rec_audit_exit *r)
{
	struct audit_task *t = task_of(a, &r->a);
	int err;

	if (!t || (t->dead && !t->exit_untold))
		return 0;
	t->exit_untold = false;
	t->exit_code = r->exit_code;
	audit_record_who(t, &r->a);
	audit_task_set_dead(a, t, r->a.boot_ns);
	if (!t->thread)
		give_children(a, t, r);
	if (t->ns)
		t->ns->exits += !t->thread;
	if (r->a.flags & AUDIT_F_SUBREAPER_FAR)
		a->settle = true;
	err = tell_exit(a, t, r);
	if (!err && !t->thread && r->level && r->own_nr == 1 && t->ns)
		err = tell_init_died(a, t->ns, r->a.boot_ns, r->a.cpu);
	return err;
}

static int apply_rename(struct audit *a, const struct rec_audit *r)
{
	struct audit_task *t = task_of(a, r);
	struct audit_event e;

	if (!t || !strncmp(t->comm, r->comm, sizeof(t->comm)))
		return 0;
	memcpy(t->comm, r->comm, sizeof(t->comm));
	audit_event_init(a, &e, AE_RENAMED, r->boot_ns);
	e.cpu = r->cpu;
	audit_event_task(a, &e, t);
	return audit_emit(a, &e);
}

static int apply_free(struct audit *a, const struct rec_audit *r)
{
	struct audit_task *t = task_of(a, r);

	return t ? audit_tell_reaped(a, t, r->boot_ns, r->cpu) : 0;
}

/* ---- the calls themselves, where they can be seen ---- */

static int apply_call(struct audit *a, const struct rec_audit_call *r)
{
	struct audit_task *t = task_of(a, &r->a);
	struct audit_ns *to = r->to.addr ? audit_record_ns(a, &r->to) : NULL;
	struct audit_event e;

	if (!t)
		return 0;
	audit_record_who(t, &r->a);
	if (!r->ret && r->to.addr == r->from && !t->children_ns)
		return 0; /* into where it is */
	audit_event_init(a, &e, r->ret < 0 ? AE_REFUSED : r->call == AUDIT_SETNS ? AE_ENTERED : AE_UNSHARED,
			 r->a.boot_ns);
	e.cpu = r->a.cpu;
	audit_event_task(a, &e, t);
	e.by = audit_who(a, t);
	e.from = audit_where(audit_ns_find(a, r->from));
	e.to = audit_where(to);
	e.how = (const char *[]){ "setns", "unshare", "clone" }[r->call % 3];
	if (!r->ret) {
		t->children_ns = r->to.addr == r->from ? 0 : r->to.addr;
		if (r->call == AUDIT_UNSHARE && to)
			to->maker = t->key;
		return audit_emit(a, &e);
	}
	e.error = strerrorname_np(-r->ret);
	snprintf(e.reason, sizeof(e.reason), "%s of a pid namespace was refused: %s", e.how,
		 strerror(-r->ret));
	return audit_alert(a, t, &e);
}

void audit_event_exit(struct audit_event *e, __s32 code)
{
	e->exit_code = WIFEXITED(code) ? WEXITSTATUS(code) : -1;
	e->exit_signal = WIFSIGNALED(code) ? WTERMSIG(code) : -1;
}

int audit_apply(struct audit *a, const struct rec_audit *r)
{
	if (r->boot_ns < a->first_ns)
		return 0; /* the first walk began later and saw what it led to */
	a->totals.received++;
	switch (r->h.tag) {
	case REC_AUDIT_BORN:
		return apply_born(a, (const void *)r);
	case REC_AUDIT_EXEC:
		return apply_exec(a, (const void *)r);
	case REC_AUDIT_EXIT:
		return apply_exit(a, (const void *)r);
	case REC_AUDIT_FREE:
		return apply_free(a, r);
	case REC_AUDIT_RENAME:
		return apply_rename(a, r);
	case REC_AUDIT_CALL:
		return apply_call(a, (const void *)r);
	case REC_AUDIT_NSFREE:
		return audit_ns_freed(a, r->key, r->boot_ns);
	default:
		return -EPROTO;
	}
}
