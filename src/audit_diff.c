// SPDX-License-Identifier: GPL-2.0-only
/* audit_diff.c - what differs between the ends of two recordings. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit_print.h"
#include "audit_replay.h"
#include "log.h"

struct side {
	struct audit audit;
	const char *name;
};

static int read_all(struct side *s)
{
	struct audit_replay r;
	struct audit_event e;
	int err = audit_replay_open(&r, s->name), n = 0;

	if (!err)
		err = audit_table_init(&s->audit);
	while (!err && (n = audit_replay_next(&r, &e)) > 0)
		if (audit_replay_apply(&s->audit, &e))
			err = fail(-ENOMEM, "read %s", s->name);
	audit_replay_close(&r);
	return err ?: n;
}

struct diff {
	struct side *a, *b;
	bool json;
	unsigned long nr;
};

/* side: '-' only in the first, '+' only in the second, '~' in both, changed. */
static void tell(struct diff *d, char side, const char *what, const char *id, const char *chain,
		 const char *comm, const char *change)
{
	const char *in = side == '-' ? "first" : side == '+' ? "second" : "both";

	d->nr++;
	if (!d->json) {
		printf("%c %s %s %s%s%s\n", side, what, *chain ? chain : id, comm, *change ? ": " : "", change);
		return;
	}
	printf("{\"schema\":%d,\"type\":\"diff\",\"in\":\"%s\",\"what\":\"%s\",\"id\":\"%s\",\"pid\":\"%s\",\"comm\":",
	       AUDIT_SCHEMA, in, what, id, chain);
	audit_print_string(stdout, comm);
	fputs(",\"change\":", stdout);
	audit_print_string(stdout, change);
	fputs("}\n", stdout);
}

static void tell_task(struct diff *d, char side, struct side *s, struct audit_task *t, const char *change)
{
	struct audit_who w = audit_who(&s->audit, t);
	char id[80], chain[400];

	tell(d, side, t->thread ? "thread" : "task", audit_who_id(id, sizeof(id), &w, s->audit.boot_id),
	     audit_chain(chain, sizeof(chain), &w), w.comm, change);
}

static void compare_task(struct diff *d, struct audit_task *x, struct audit_task *y)
{
	char change[200] = "";
	size_t used = 0;

	if (strcmp(x->comm, y->comm))
		used += snprintf(change + used, sizeof(change) - used, "name %.15s is %.15s", x->comm, y->comm);
	if (x->ppid != y->ppid)
		used += snprintf(change + used, sizeof(change) - used, "%sparent %d is %d", used ? ", " : "",
				 x->ppid, y->ppid);
	if (x->dead != y->dead)
		used += snprintf(change + used, sizeof(change) - used, "%s%s", used ? ", " : "",
				 y->dead ? "it is a zombie" : "it was a zombie");
	if (used)
		tell_task(d, '~', d->b, y, change);
}

static void compare_ns(struct diff *d, char side, struct side *s, struct side *other)
{
	for (struct audit_ns *ns = s->audit.namespaces; ns; ns = ns->next) {
		const struct audit_ns *twin = audit_ns_find(&other->audit, ns->key);
		char id[80], change[64];

		if (ns->gone || (twin && !twin->gone))
			continue;
		snprintf(change, sizeof(change), "level %u, %u members", ns->where.level, ns->tasks);
		tell(d, side, "pidns", audit_where_id(id, sizeof(id), &ns->where, s->audit.boot_id), "", "", change);
	}
}

static void compare(struct diff *d)
{
	struct audit *a = &d->a->audit, *b = &d->b->audit;

	compare_ns(d, '-', d->a, d->b);
	compare_ns(d, '+', d->b, d->a);
	for (struct audit_task *t = audit_task_next(a, NULL); t; t = audit_task_next(a, t)) {
		struct audit_task *twin = audit_task_find(b, t->key);

		if (twin)
			compare_task(d, t, twin);
		else
			tell_task(d, '-', d->a, t, "");
	}
	for (struct audit_task *t = audit_task_next(b, NULL); t; t = audit_task_next(b, t))
		if (!audit_task_find(a, t->key))
			tell_task(d, '+', d->b, t, "");
}

int audit_diff(const char *path_a, const char *path_b, bool json)
{
	struct side a = { .name = path_a }, b = { .name = path_b };
	struct diff d = { &a, &b, json };
	int err = read_all(&a);

	if (!err)
		err = read_all(&b);
	if (!err && strcmp(a.audit.boot_id, b.audit.boot_id))
		warn("%s and %s are of different boots: nothing in them is the same", path_a, path_b);
	if (!err)
		compare(&d);
	audit_table_free(&a.audit);
	audit_table_free(&b.audit);
	if (!err && fflush(stdout))
		err = fail(-errno, "write standard output");
	return err ?: d.nr ? -ERR_DIFFERS : 0;
}
