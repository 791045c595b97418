// SPDX-License-Identifier: GPL-2.0-only
/*
 * audit_alert.c - what asks for a person, each with the reason why.
 *
 * A task is told of once for each sign, and its children not at all for what they have from it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "audit_record.h"
#include "audit_rules.h"

#define SIGNS_PLACE \
	(TASK_SIGN_MNT | TASK_SIGN_CGROUP | TASK_SIGN_ROOT | TASK_SIGN_USER)
#define SECOND 1000000000ull

int audit_alert(struct audit *a, struct audit_task *t, struct audit_event *e)
{
	if (a->opts.rules && audit_rules_allow(a->opts.rules, e)) {
		a->totals.allowed[e->type]++;
		return 0;
	}
	if (t && t->ns)
		t->ns->alerts++;
	return audit_emit(a, e);
}

/* ---- signs: which a record shows ---- */

static unsigned int place_signs(const struct audit *a, const struct audit_task *t,
				const struct rec_audit_place *p)
{
	unsigned int signs = 0;

	if (!t->level || t->thread)
		return 0;
	if (a->host_mnt && p->mnt == a->host_mnt && p->init_mnt && p->init_mnt != p->mnt)
		signs |= TASK_SIGN_MNT;
	if (a->host_cgroup && p->cgroup == a->host_cgroup && p->init_cgroup && p->init_cgroup != p->cgroup)
		signs |= TASK_SIGN_CGROUP;
	if (p->root_mnt && p->mnt && p->root_mnt != p->mnt)
		signs |= TASK_SIGN_ROOT;
	if (p->user && t->ns && p->user_level < t->ns->owner_level)
		signs |= TASK_SIGN_USER;
	return signs;
}

static unsigned int birth_signs(const struct audit *a, const struct rec_audit_born *r)
{
	unsigned int signs = 0;

	if (r->a.flags & AUDIT_F_THREAD)
		return 0;
	if (r->level && !r->ppid_seen && r->numbers[r->level] != 1)
		signs |= TASK_SIGN_FOREIGN;
	if (r->by && r->by_level > r->level)
		signs |= TASK_SIGN_ABOVE;
	if (r->level > a->opts.max_level)
		signs |= TASK_SIGN_DEEP;
	return signs;
}

unsigned int audit_signs(const struct audit *a, const struct audit_task *t,
			 const struct rec_audit_born *r)
{
	return place_signs(a, t, &r->place) | birth_signs(a, r);
}

/* ---- signs: told ---- */

static const char *who(char *buf, size_t len, const struct audit_task *t, __s32 pid)
{
	if (t)
		snprintf(buf, len, "%d (%.16s)", t->numbers[0], t->comm);
	else
		snprintf(buf, len, "%d (not in sight)", pid);
	return buf;
}

static void why_foreign(struct audit_event *e, const struct audit_task *t)
{
	const char *came = "it came in by setns";
	char parent[64];

	e->how = "setns";
	if (t->ns && t->parent && t->ns->maker == t->parent->key) {
		came = "that one made the namespace by unshare and stayed outside";
		e->how = "unshare";
	} else if (t->parent && t->parent->ns == t->ns) {
		came = "it was given to that one"; /* cannot be: the parent would be seen */
		e->how = "other";
	}
	snprintf(e->reason, sizeof(e->reason), "its parent %s is outside of pid namespace %u: %s",
		 who(parent, sizeof(parent), t->parent, t->ppid), t->ns ? t->ns->where.inum : 0, came);
}

static void why_place(struct audit_event *e, const struct audit_task *t, unsigned int sign,
		      const struct rec_audit_place *p)
{
	static const struct rec_audit_place unknown; /* a walk found it and did not keep the numbers */

	p = p ?: &unknown;
	switch (sign) {
	case TASK_SIGN_MNT:
		e->how = "mount_namespace";
		snprintf(e->reason, sizeof(e->reason), "it is in the host's mount namespace %u; the init of its "
			 "pid namespace is in %u", p->mnt, p->init_mnt);
		break;
	case TASK_SIGN_CGROUP:
		e->how = "cgroup_namespace";
		snprintf(e->reason, sizeof(e->reason), "it is in the host's cgroup namespace %u; the init of its "
			 "pid namespace is in %u", p->cgroup, p->init_cgroup);
		break;
	case TASK_SIGN_ROOT:
		e->how = "root_directory";
		snprintf(e->reason, sizeof(e->reason), "its root directory lies in mount namespace %u, not in its "
			 "own %u", p->root_mnt, p->mnt);
		break;
	default:
		e->how = "user_namespace";
		snprintf(e->reason, sizeof(e->reason), "its credentials are of user namespace %u (level %u), above "
			 "the one that owns its pid namespace (%u, level %u)", p->user, p->user_level,
			 t->ns->owner, t->ns->owner_level);
	}
}

static int tell_sign(struct audit *a, struct audit_task *t, unsigned int sign,
		     const struct rec_audit_place *p, __u64 when)
{
	struct audit_event e;

	audit_event_init(a, &e, sign == TASK_SIGN_FOREIGN ? AE_FOREIGN :
				sign == TASK_SIGN_DEEP ? AE_TOO_DEEP : AE_ESCAPE, when);
	audit_event_task(a, &e, t);
	if (sign == TASK_SIGN_FOREIGN) {
		why_foreign(&e, t);
	} else if (sign == TASK_SIGN_DEEP) {
		e.how = "level";
		e.max = a->opts.max_level;
		snprintf(e.reason, sizeof(e.reason), "it lives at level %u, deeper than %u", t->level,
			 a->opts.max_level);
	} else if (sign == TASK_SIGN_ABOVE) {
		e.how = "born_above";
		snprintf(e.reason, sizeof(e.reason), "it was born in a pid namespace that is not below its "
			 "creator's, which the kernel does not allow");
	} else {
		why_place(&e, t, sign, p);
	}
	return audit_alert(a, t, &e);
}

int audit_alert_signs(struct audit *a, struct audit_task *t, unsigned int signs,
		      const struct rec_audit_place *p, __u64 when)
{
	unsigned int inherited = t->parent && t->parent->ns == t->ns ? t->parent->signs : 0;
	unsigned int news = signs & ~t->signs & ~inherited;
	int err = 0;

	if (signs & ~t->signs & TASK_SIGN_FOREIGN)
		a->nr_foreign++;
	t->signs |= signs;
	for (unsigned int sign = 1; sign <= news && !err; sign <<= 1)
		if (news & sign)
			err = tell_sign(a, t, sign, p, when);
	return err;
}

/* What it was in has changed: a sign that is gone may be told again. */
int audit_alert_place(struct audit *a, struct audit_task *t, const struct rec_audit_place *p, __u64 when)
{
	unsigned int signs = place_signs(a, t, p);

	t->signs &= ~SIGNS_PLACE | signs;
	return audit_alert_signs(a, t, signs, p, when);
}

/* ---- limits of numbers ---- */

static bool is_near(const struct audit *a, __u64 used, __u64 max, unsigned int slack)
{
	return a->opts.near_percent && max && used * 100 + slack * max >= (__u64)a->opts.near_percent * max;
}

static int tell_near(struct audit *a, struct audit_task *t, __u64 used, __u64 max, const char *how,
		     struct audit_event *e)
{
	e->how = how;
	e->used = used;
	e->max = max;
	return audit_alert(a, t, e);
}

static int check_ns_room(struct audit *a, struct audit_task *t, const struct rec_audit_room *r, __u64 when)
{
	struct audit_ns *ns = t->ns;
	struct audit_event e;

	while (ns && ns->where.level > r->ns_level)
		ns = ns->parent;
	if (!is_near(a, r->ns_used, r->ns_max, 5)) /* it was the fullest of them: none is near */
		for (struct audit_ns *up = t->ns; up; up = up->parent)
			up->near_limit = false;
	if (!ns || ns->near_limit || !is_near(a, r->ns_used, r->ns_max, 0))
		return 0;
	ns->near_limit = true;
	audit_event_init(a, &e, AE_NEAR_LIMIT, when);
	audit_event_task(a, &e, t);
	e.pidns = ns->where;
	e.at_level = ns->where.level;
	snprintf(e.reason, sizeof(e.reason), "pid namespace %u has %u of %u numbers in use: forks fail when all "
		 "are (pid_max)", ns->where.inum, r->ns_used, r->ns_max);
	return tell_near(a, t, r->ns_used, r->ns_max, "pid_max", &e);
}

static int check_cgroup_room(struct audit *a, struct audit_task *t, const struct rec_audit_room *r,
			     __u64 when)
{
	struct audit_full_cgroup *slot = &a->full[r->cgroup % AUDIT_FULL_CGROUPS];
	struct audit_event e;

	if (slot->id == r->cgroup && !is_near(a, r->cg_used, r->cg_max, 5))
		slot->id = 0;
	if (slot->id == r->cgroup || !is_near(a, r->cg_used, r->cg_max, 0))
		return 0;
	slot->id = r->cgroup;
	audit_event_init(a, &e, AE_NEAR_LIMIT, when);
	audit_event_task(a, &e, t);
	e.at_level = t->level;
	snprintf(e.reason, sizeof(e.reason), "cgroup %s has %llu of %llu tasks: forks fail when all are "
		 "(pids.max)", e.task.cgroup ?: "?", r->cg_used, r->cg_max);
	return tell_near(a, t, r->cg_used, r->cg_max, "pids.max", &e);
}

int audit_alert_born(struct audit *a, struct audit_task *t, const struct rec_audit_born *r)
{
	int err = audit_alert_signs(a, t, audit_signs(a, t, r), &r->place, r->a.boot_ns);

	if (!err && r->room.ns_max)
		err = check_ns_room(a, t, &r->room, r->a.boot_ns);
	if (!err && r->room.cg_max)
		err = check_cgroup_room(a, t, &r->room, r->a.boot_ns);
	return err;
}

/* ---- zombies ---- */

static int tell_zombie(struct audit *a, struct audit_task *t, __u64 now)
{
	struct audit_event e;
	char parent[64];

	t->signs |= TASK_SIGN_ZOMBIE;
	audit_event_init(a, &e, AE_ZOMBIE, now);
	audit_event_task(a, &e, t);
	audit_event_exit(&e, t->exit_code);
	e.age_ns = now - t->exit_ns;
	e.how = "zombie";
	if (!audit_task_is_zombie(t)) {
		e.how = "init";
		snprintf(e.reason, sizeof(e.reason), "this init ended %llu s ago, and its pid namespace %u cannot end: "
			 "%u others are left in it, for whom their parents outside do not wait", e.age_ns / SECOND,
			 t->ns->where.inum, t->ns->inside - 1);
		return audit_alert(a, t, &e);
	}
	snprintf(e.reason, sizeof(e.reason), "it ended %llu s ago and its parent %s does not wait for it; %zu "
		 "zombies in all", e.age_ns / SECOND, who(parent, sizeof(parent), t->parent, t->ppid),
		 a->nr_zombies);
	return audit_alert(a, t, &e);
}

/*
 * The kernel forgets a task a grace period after it was reaped, and a busy one lets that last: seconds
 * were seen. So whoever should be a zombie is asked for, less and less often.
 */
int audit_ask_zombies(struct audit *a, __u64 now, bool all)
{
	struct audit_task *next;
	int err = 0;

	for (struct audit_task *t = a->oldest; t && !err; t = next) {
		next = t->newer;
		if (!all && now < t->ask_ns)
			continue;
		if (kill(t->numbers[0], 0) && errno == ESRCH)
			err = audit_tell_reaped(a, t, now, 0);
		else
			t->ask_ns = now + (now - t->exit_ns) + SECOND;
	}
	return err;
}

int audit_alert_tick(struct audit *a, __u64 now)
{
	int err = audit_ask_zombies(a, now, false);

	while (!err && a->opts.zombie_ns && a->unasked && a->unasked->exit_ns + a->opts.zombie_ns <= now) {
		struct audit_task *t = a->unasked;

		a->unasked = t->newer;
		if (!(t->signs & TASK_SIGN_ZOMBIE))
			err = tell_zombie(a, t, now);
	}
	return err;
}
