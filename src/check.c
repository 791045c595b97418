// SPDX-License-Identifier: GPL-2.0-only
/* check.c - what stands in the way of a checkpoint: all of it at once, each by name. */
#include "check.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "cleanup.h"
#include "log.h"
#include "markup.h"
#include "res.h"
#include "res/fanotify.h"

static bool same_text(const struct refusal *r, const char *kind, const char *text)
{
	return !strcmp(r->kind, kind) && !strcmp(r->text, text);
}

/* Where that text is in the list, counted from 1, or comes next. They are many, and numbered as they come. */
static size_t find_text(struct check *c, const char *kind, const char *text)
{
	__u64 key = XXH3_64bits(text, strlen(text)) | 1, nr;

	for (;;) {
		nr = ids_get(&c->texts, key);
		if (!nr)
			abort(); /* a refusal must never get lost */
		if (nr > c->nr || same_text(&c->v[nr - 1], kind, text))
			return nr;
		key += 2;
	}
}

static void note(struct check *c, const struct rec_task *t, const char *kind, bool warning,
		 const char *fmt, va_list ap)
{
	char text[1024];
	size_t nr;

	vsnprintf(text, sizeof(text), fmt, ap);
	nr = find_text(c, kind, text);
	if (nr <= c->nr) {
		c->v[nr - 1].more += c->v[nr - 1].task != t;
		return;
	}
	if (!(c->nr & (c->nr + 1))) {
		struct refusal *v = realloc(c->v, (c->nr * 2 + 2) * sizeof(*v));

		if (!v)
			abort();
		c->v = v;
	}
	c->v[c->nr++] = (struct refusal){ t, kind, strdup(text), 0, warning };
	c->refused += !warning;
}

void check_refuse(struct check *c, __u64 user, const char *kind, const char *fmt, ...)
{
	const struct shared_by *u = users_find(c->users, user);
	va_list ap;

	va_start(ap, fmt);
	note(c, u ? u->task : NULL, kind, false, fmt, ap);
	va_end(ap);
}

void check_leak(struct check *c, const char *kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(c, NULL, kind, c->leaks_warn, fmt, ap);
	va_end(ap);
}

void check_warn(struct check *c, const char *kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(c, NULL, kind, true, fmt, ap);
	va_end(ap);
}

void check_warn_user(struct check *c, __u64 user, const char *kind, const char *fmt, ...)
{
	const struct shared_by *u = users_find(c->users, user);
	va_list ap;

	va_start(ap, fmt);
	note(c, u ? u->task : NULL, kind, true, fmt, ap);
	va_end(ap);
}

void check_outside(struct check *c, __u64 id, const char *kind, const char *what)
{
	const struct shared_by *u = users_find(c->users, id);

	if (u && u->outside)
		check_refuse(c, id, kind, "shares its %s with task %d (%.16s), which is not of the tree",
			     what, u->outside, u->outside_comm);
}

static void refuse_plan(void *arg, const struct proc *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(arg, p ? p->leader : NULL, "tree", false, fmt, ap);
	va_end(ap);
}

/* In a namespace of the tree every number must belong to a task that was seen: pidns.md D6. */
static void check_complete(struct check *c)
{
	if (c->live || c->entrants == ENTRANTS_IGNORE) /* who is left out is not counted */
		return;
	snap_for_each(c->snap, REC_PIDNS, const struct rec_pidns, ns) {
		size_t seen;

		if (!tree_has_pidns(c->tree, ns->addr))
			continue;
		seen = tree_count_pids(c->snap, ns->addr);
		if (seen != ns->allocated)
			check_refuse(c, 0, "pidns", "pid namespace %u holds %u pids, but only %zu of "
				     "them could be seen: something entered or left it during the walk",
				     ns->inum, ns->allocated, seen);
	}
}

static int check_records(struct check *c)
{
	for (unsigned int i = 0; i < nr_res_types; i++) {
		const struct res_type *type = res_types[i];
		size_t nr;
		void **rec;

		if (!type->check)
			continue;
		rec = snap_all(c->snap, type->tag, &nr);
		for (size_t j = 0; j < nr; j++) {
			int err = type->check(c, rec[j]);

			if (err)
				return err;
		}
	}
	return 0;
}

int check_run(struct check *c)
{
	struct plan_opts opts = { .shell_job = c->shell_job,
				  .entrants = c->entrants == ENTRANTS_INCLUDE };
	struct plan plan = {};
	int err;

	/* whoever opens a file may have to wait for a task that is stopped */
	if (!c->live && fanotify_check_asks(c))
		return -ERR_BLOCKED;
	err = check_records(c);
	if (err)
		return err;
	check_complete(c);
	err = plan_build(&plan, c->tree, &opts, refuse_plan, c);
	plan_free(&plan);
	if (err && err != -ERR_BLOCKED)
		return err;
	return c->refused ? -ERR_BLOCKED : 0;
}

void check_free(struct check *c)
{
	for (size_t i = 0; i < c->nr; i++)
		free(c->v[i].text);
	free(c->v);
	ids_free(&c->texts);
	c->v = NULL;
	c->nr = c->refused = 0;
}

static void task_name(const struct check *c, const struct refusal *r, char *buf, size_t len)
{
	const struct rec_pid *pid = r->task ? snap_find(c->snap, REC_PID, r->task->pid) : NULL;
	char chain[PID_NUMBERS_MAX * 12];

	if (!pid) {
		snprintf(buf, len, "the tree");
		return;
	}
	pid_chain(pid, 0, chain, sizeof(chain));
	snprintf(buf, len, "task %s (%.16s)", chain, r->task->comm);
}

void check_report(const struct check *c, FILE *out)
{
	for (size_t i = 0; i < c->nr; i++) {
		const struct refusal *r = &c->v[i];
		char name[512];

		task_name(c, r, name, sizeof(name));
		fprintf(out, "bpf-ckpt: %s", r->warning ? "warning: " : "");
		put_clean(out, name, sizeof(name));
		fprintf(out, ": %s: ", r->kind);
		put_clean(out, r->text, -1);
		if (r->more)
			fprintf(out, " (and %u more tasks)", r->more);
		fputc('\n', out);
	}
}

static struct json_object *refusal_json(const struct check *c, const struct refusal *r)
{
	const struct rec_pid *pid = r->task ? snap_find(c->snap, REC_PID, r->task->pid) : NULL;
	struct json_object *o = json_object_new_object(), *chain;

	if (pid) {
		chain = json_object_new_array();
		for (unsigned int l = 0; l <= pid->level; l++)
			json_object_array_add(chain, json_object_new_int(pid->numbers[l]));
		json_object_object_add(o, "chain", chain);
		json_object_object_add(o, "comm", json_object_new_string_len(r->task->comm,
						  strnlen(r->task->comm, sizeof(r->task->comm))));
	}
	json_object_object_add(o, "kind", json_object_new_string(r->kind));
	json_object_object_add(o, "reason", json_object_new_string(r->text));
	json_object_object_add(o, "warning", json_object_new_boolean(r->warning));
	json_object_object_add(o, "more_tasks", json_object_new_int64(r->more));
	return o;
}

void check_report_json(const struct check *c, FILE *out)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	for (size_t i = 0; i < c->nr; i++)
		json_object_array_add(list, refusal_json(c, &c->v[i]));
	json_object_object_add(o, "ok", json_object_new_boolean(!c->refused));
	json_object_object_add(o, "refusals", list);
	fprintf(out, "%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
}
