// SPDX-License-Identifier: GPL-2.0-only
/* audit_story.c - events of a recording into namespaces with their lives. */
#include "audit_story.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define LATE_NS 2000000000ull

void story_init(struct story *s)
{
	memset(s, 0, sizeof(*s));
	s->last_ns = &s->all;
	s->last_alert = &s->alerts;
}

void story_free(struct story *s)
{
	while (s->all) {
		struct story_ns *n = s->all;

		s->all = n->next;
		free(n->points);
		free(n->place);
		free(n);
	}
	while (s->alerts) {
		struct story_alert *a = s->alerts;

		s->alerts = a->next;
		free(a);
	}
	while (s->doubts) {
		struct story_doubt *d = s->doubts;

		s->doubts = d->next;
		free(d);
	}
	story_init(s);
}

/* ---- namespaces ---- */

static struct story_ns *find(const struct story *s, const struct audit_where *w)
{
	struct story_ns *n = s->hash[w->inum % ARRAY_SIZE(s->hash)];

	while (n && (n->where.inum != w->inum || n->where.born_ns != w->born_ns))
		n = n->hash_next;
	return n;
}

static struct story_ns *get(struct story *s, const struct audit_where *w, __u64 born)
{
	struct story_ns *n, **bucket = &s->hash[w->inum % ARRAY_SIZE(s->hash)];

	if (!w->inum)
		return NULL;
	n = find(s, w);
	if (n)
		return n;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->where = *w;
	n->born = born;
	n->before = born <= s->begin;
	n->last = &n->child;
	n->hash_next = *bucket;
	*bucket = n;
	*s->last_ns = n;
	s->last_ns = &n->next;
	s->nr_ns++;
	if (w->level > s->deepest)
		s->deepest = w->level;
	return n;
}

static void set_parent(struct story_ns *n, struct story_ns *parent)
{
	if (!parent || n->parent || parent->where.level >= n->where.level)
		return;
	n->parent = parent;
	*parent->last = n;
	parent->last = &n->sibling;
}

/* Joins neighbours that are nearer than twice as far as before. */
static void coarsen(struct story_ns *n, __u64 begin)
{
	unsigned int out = 0;

	n->grain = n->grain ? n->grain * 2 : (n->points[n->nr_points - 1].when - begin) / STORY_POINTS + 1;
	for (unsigned int i = 0; i < n->nr_points; i++) {
		struct story_point *p = &n->points[i];

		if (out && p->when - n->points[out - 1].when < n->grain) {
			if (p->tasks > n->points[out - 1].tasks)
				n->points[out - 1].tasks = p->tasks;
		} else {
			n->points[out++] = *p;
		}
	}
	n->nr_points = out;
}

static int add_point(struct story_ns *n, __u64 when)
{
	struct story_point *last = n->nr_points ? &n->points[n->nr_points - 1] : NULL;

	if (n->tasks > n->peak)
		n->peak = n->tasks;
	if (last && (when <= last->when || when - last->when < n->grain)) {
		if (n->tasks > last->tasks || when <= last->when)
			last->tasks = n->tasks;
		return 0;
	}
	if (n->nr_points == n->cap_points) {
		unsigned int cap = n->cap_points ? n->cap_points * 2 : 8;
		struct story_point *p = realloc(n->points, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		n->points = p;
		n->cap_points = cap;
	}
	n->points[n->nr_points++] = (struct story_point){ when, n->tasks };
	while (n->nr_points >= STORY_POINTS)
		coarsen(n, n->points[0].when);
	return 0;
}

/* The init gives a namespace its name; an exec gives it another. */
static void name_by_init(struct story_ns *n, const struct audit_who *w)
{
	if (!w->numbers[0] || w->level != n->where.level || w->numbers[w->level] != 1)
		return;
	memcpy(n->numbers, w->numbers, sizeof(n->numbers));
	if (*w->comm) /* not every event tells it */
		memcpy(n->comm, w->comm, sizeof(n->comm));
}

/* ---- events ---- */

static int add_alert(struct story *s, const struct audit_event *e, struct story_ns *n)
{
	struct story_alert *a;

	s->nr_alerts++;
	if (n)
		n->alerts++;
	if (s->nr_kept == STORY_ALERTS)
		return 0;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->ns = n;
	a->type = e->type;
	a->when = e->boot_ns;
	a->task = e->task;
	memcpy(a->reason, e->reason, sizeof(a->reason) - 1);
	*s->last_alert = a;
	s->last_alert = &a->next;
	s->nr_kept++;
	return 0;
}

static int add_doubt(struct story *s, const struct audit_event *e)
{
	struct story_doubt *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	*d = (struct story_doubt){ s->doubts, e->from_ns, e->to_ns, e->lost_all };
	s->doubts = d;
	s->lost += e->lost_all;
	return 0;
}

static int members(struct story *s, const struct audit_event *e, struct story_ns *n)
{
	bool process = !e->thread;

	if (e->type == AE_TASK && process)
		n->tasks += !e->zombie;
	if (e->type == AE_BORN && process) {
		n->tasks++;
		n->births++;
		s->births++;
	}
	if (e->type == AE_EXIT && process) {
		n->tasks -= n->tasks > 0;
		n->exits++;
		s->exits++;
	}
	if (n->tasks > s->peak)
		s->peak = n->tasks;
	name_by_init(n, &e->parent); /* who enters one has no parent of its level that is an init */
	name_by_init(n, &e->task);
	return add_point(n, e->boot_ns);
}

/* What was not told but found out a little later is taken to have ended with its init. */
static void set_end(struct story_ns *n, const struct audit_event *e)
{
	bool late = e->how && strcmp(e->how, "event");

	n->end = late && n->died && e->boot_ns - n->died < LATE_NS ? n->died : e->boot_ns;
	n->tasks = 0;
}

static int lives(struct story *s, const struct audit_event *e, struct story_ns *n)
{
	struct audit_where up = e->pidns_parent;

	up.level = e->pidns.level - (e->pidns.level > 0); /* a recording tells its id alone */
	set_parent(n, get(s, &up, s->begin));
	name_by_init(n, &e->init);
	if (e->type == AE_CREATED && !n->before)
		n->born = e->boot_ns;
	if (e->type == AE_INIT_DIED)
		n->died = e->boot_ns;
	if (e->type == AE_DESTROYED) {
		set_end(n, e);
		return add_point(n, n->end);
	}
	return 0;
}

static void begin(struct story *s, const struct audit_event *e)
{
	s->begin = e->boot_ns;
	s->real_offset = e->real_ns - (__s64)e->boot_ns;
	snprintf(s->kernel, sizeof(s->kernel), "%s", e->kernel ? e->kernel : "");
	memcpy(s->boot_id, e->boot_id, sizeof(s->boot_id) - 1);
}

int story_event(struct story *s, const struct audit_event *e)
{
	struct story_ns *n;

	if (!s->begin)
		begin(s, e);
	if (e->boot_ns > s->end)
		s->end = e->boot_ns;
	n = get(s, &e->pidns, e->type == AE_CREATED || e->type == AE_BORN ? e->boot_ns : s->begin);
	if (e->pidns.inum && !n)
		return -ENOMEM;
	if (e->type == AE_ENTERED) {
		struct story_ns *to = find(s, &e->to);

		if (to)
			to->entered++;
	}
	if (e->type == AE_CLOCK)
		s->clock_set = true;
	if (e->type == AE_LOST)
		return add_doubt(s, e);
	if (audit_is_alert(e->type))
		return add_alert(s, e, n);
	switch (n ? e->type : AE_TYPES) {
	case AE_TASK:
	case AE_BORN:
	case AE_EXEC:
	case AE_EXIT:
		return members(s, e, n);
	case AE_PIDNS:
	case AE_CREATED:
	case AE_INIT_DIED:
	case AE_DESTROYED:
		return lives(s, e, n);
	default:
		return 0;
	}
}
