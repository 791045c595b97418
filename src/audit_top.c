// SPDX-License-Identifier: GPL-2.0-only
/* audit_top.c - audit --top: what is seen each second, and what keys do. */
#include "audit_top.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit_print.h"
#include "cleanup.h"
#include "log.h"
#include "markup.h"

#define SECOND 1e9

/* ---- what is there ---- */

static int by_where(const void *x, const void *y)
{
	const struct audit_where *a = &((const struct top_row *)x)->where, *b = &((const struct top_row *)y)->where;

	if (a->inum != b->inum)
		return a->inum < b->inum ? -1 : 1;
	return a->born_ns < b->born_ns ? -1 : a->born_ns > b->born_ns;
}

/* Who was not there before was made since: all its births are new. */
static void set_rates(struct top *t)
{
	double seconds = (t->rows_ns - t->before_ns) / SECOND;

	for (size_t i = 0; i < t->nr && t->before && seconds > 0; i++) {
		struct top_row *r = &t->rows[i];
		const struct top_row *old = bsearch(r, t->before, t->nr_before, sizeof(*r), by_where);

		r->born = (r->births - (old ? old->births : 0)) / seconds;
		r->ended = (r->exits - (old ? old->exits : 0)) / seconds;
	}
}

static int take_rows(struct top *t)
{
	struct audit *a = t->a;

	free(t->before);
	t->before = t->rows;
	t->nr_before = t->nr;
	t->before_ns = t->rows_ns;
	if (t->before)
		qsort(t->before, t->nr_before, sizeof(*t->before), by_where);
	t->nr = 0;
	t->rows_ns = a->now_ns;
	t->rows = calloc(a->nr_namespaces + 1, sizeof(*t->rows));
	if (!t->rows)
		return fail(-ENOMEM, "audit --top");
	for (const struct audit_ns *ns = a->namespaces; ns; ns = ns->next) {
		if (ns->gone || (a->opts.root && !ns->wanted))
			continue;
		t->rows[t->nr++] = (struct top_row){
			.where = ns->where, .tasks = ns->tasks - ns->zombies, .zombies = ns->zombies,
			.used = ns->used, .pid_max = ns->pid_max, .died = ns->died_ns, .births = ns->births,
			.exits = ns->exits, .alerts = ns->alerts, .init = audit_who(a, audit_task_find(a, ns->init)),
		};
	}
	set_rates(t);
	top_sort(t);
	return 0;
}

static int on_tick(struct audit_sink *s, const struct audit *a)
{
	struct top *t = (struct top *)s;

	if (t->paused)
		return 0;
	return take_rows(t) ?: top_draw(t);
}

static int on_event(struct audit_sink *s, const struct audit *a, const struct audit_event *e)
{
	struct top *t = (struct top *)s;
	char text[CLEAN_SIZE(sizeof(e->reason))], chain[400], comm[CLEAN_SIZE(16)];

	if (t->nr_alerts == TOP_ALERTS)
		memmove(t->alerts[0], t->alerts[1], sizeof(t->alerts[0]) * --t->nr_alerts);
	clean_text(e->reason, sizeof(e->reason), text, sizeof(text));
	clean_text(e->task.comm, sizeof(e->task.comm), comm, sizeof(comm));
	snprintf(t->alerts[t->nr_alerts++], sizeof(t->alerts[0]), "%s %s %s: %.200s", audit_type_names[e->type],
		 audit_chain(chain, sizeof(chain), &e->task), comm, text);
	return 0;
}

/* ---- keys ---- */

static void scroll(struct top *t, long by)
{
	long last = t->nr ? (long)t->nr - 1 : 0, first = (long)t->first + by;

	t->first = first < 0 ? 0 : first > last ? last : first;
}

static void choose_column(struct top *t, int by)
{
	t->sort = (t->sort + top_nr_columns + by) % top_nr_columns;
	t->first = 0;
	top_sort(t);
}

static void press(struct top *t, int key)
{
	long page = t->screen.lines > 8 ? t->screen.lines - 8 : 1;

	switch (key) {
	case 'q':
	case 'Q':
	case KEY_GONE:
		*t->stop = true;
		break;
	case KEY_LEFT:
	case '<':
		choose_column(t, -1);
		break;
	case KEY_RIGHT:
	case '>':
		choose_column(t, 1);
		break;
	case 'r':
		t->reverse = !t->reverse;
		top_sort(t);
		break;
	case ' ':
		t->paused = !t->paused;
		break;
	case KEY_UP:
	case 'k':
		scroll(t, -1);
		break;
	case KEY_DOWN:
	case 'j':
		scroll(t, 1);
		break;
	case KEY_PAGE_UP:
		scroll(t, -page);
		break;
	case KEY_PAGE_DOWN:
		scroll(t, page);
		break;
	case KEY_HOME:
		t->first = 0;
		break;
	case KEY_END:
		scroll(t, t->nr);
		break;
	}
}

static int on_keys(struct audit_sink *s, const struct audit *a)
{
	struct top *t = (struct top *)s;
	int key;

	do {
		key = terminal_key(&t->screen);
		press(t, key);
	} while (key && !*t->stop);
	return *t->stop ? 0 : top_draw(t);
}

/* Called at least ten times a second: a new size needs no signal. */
static int on_flush(struct audit_sink *s)
{
	struct top *t = (struct top *)s;

	if (!t->rows)
		return take_rows(t) ?: top_draw(t);
	return terminal_resized(&t->screen) ? top_draw(t) : 0;
}

/* ---- the sink ---- */

struct top *audit_top_open(struct audit *a, bool *stop)
{
	struct top *t = calloc(1, sizeof(*t));

	if (!t || terminal_open(&t->screen)) {
		free(t);
		return NULL;
	}
	t->a = a;
	t->stop = stop;
	t->sort = 2; /* the most tasks first */
	t->sink = (struct audit_sink){ .event = on_event, .tick = on_tick, .flush = on_flush, .ready = on_keys,
				       .fd = t->screen.fd, .types = AUDIT_ALERTS };
	return t;
}

void audit_top_close(struct top *t)
{
	if (!t)
		return;
	terminal_close(&t->screen);
	free(t->rows);
	free(t->before);
	free(t);
}
