// SPDX-License-Identifier: GPL-2.0-only
/* audit_top_draw.c - audit --top: columns of the table, their order, a frame. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit_print.h"
#include "audit_top.h"
#include "cleanup.h"
#include "markup.h"

#define INVERSE "\033[7m"
#define HOT "\033[1;38;5;208m" /* orange: told from the others by every kind of eyes, and bold */
#define PLAIN "\033[0m"
#define SORTED "\033[27;1m"

/* ---- columns: a number to sort by, and a text ---- */

static double of_inum(const struct top_row *r)
{
	return r->where.inum;
}

static double of_level(const struct top_row *r)
{
	return r->where.level;
}

static double of_tasks(const struct top_row *r)
{
	return r->tasks;
}

static double of_used(const struct top_row *r)
{
	return r->used;
}

static double of_max(const struct top_row *r)
{
	return r->pid_max;
}

static double of_zombies(const struct top_row *r)
{
	return r->zombies;
}

static double of_born(const struct top_row *r)
{
	return r->born;
}

static double of_ended(const struct top_row *r)
{
	return r->ended;
}

static double of_alerts(const struct top_row *r)
{
	return r->alerts;
}

static const struct top_column {
	const char *name;
	int width;
	double (*value)(const struct top_row *r);
	bool rate;
} columns[] = {
	{ "PIDNS", 10, of_inum },   { "LEVEL", 5, of_level },     { "TASKS", 6, of_tasks },
	{ "PIDS", 6, of_used },     { "MAX", 8, of_max },         { "ZOMBIES", 7, of_zombies },
	{ "BORN/s", 8, of_born, true }, { "ENDED/s", 8, of_ended, true }, { "ALERTS", 6, of_alerts },
};

const unsigned int top_nr_columns = ARRAY_SIZE(columns);

static int compare(const void *x, const void *y, void *arg)
{
	const struct top *t = arg;
	const struct top_row *a = x, *b = y;
	double (*value)(const struct top_row *) = columns[t->sort].value;
	double d = value(b) - value(a);

	if (d == 0)
		return a->where.inum < b->where.inum ? -1 : a->where.inum > b->where.inum;
	return (d < 0) != t->reverse ? -1 : 1;
}

void top_sort(struct top *t)
{
	qsort_r(t->rows, t->nr, sizeof(*t->rows), compare, t);
}

/* ---- a frame ---- */

static void put_line_end(FILE *f)
{
	fputs(PLAIN "\033[K\r\n", f);
}

static void put_summary(const struct top *t, FILE *f)
{
	const struct audit *a = t->a;
	time_t now = (time_t)((t->rows_ns + a->real_offset) / 1000000000ll);
	char clock[16];
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(clock, sizeof(clock), "%T", &tm);
	fprintf(f, "bpf-ckpt audit %s   %zu tasks  %zu pid namespaces  %zu zombies  ", clock, a->nr_tasks,
		a->nr_namespaces, a->nr_zombies);
	fprintf(f, "%s%zu foreign%s  %s%llu events lost%s%s", a->nr_foreign ? HOT : "", a->nr_foreign, PLAIN,
		a->totals.lost ? HOT : "", a->totals.lost, PLAIN, t->paused ? "  [paused]" : "");
	put_line_end(f);
}

static void put_heads(const struct top *t, FILE *f)
{
	fputs(INVERSE, f);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		fprintf(f, "%s%*s%s ", i == t->sort ? SORTED : "", columns[i].width, columns[i].name,
			i == t->sort ? PLAIN INVERSE : "");
	fputs("INIT", f);
	/* the rest of the line as well */
	fputs("\033[K" PLAIN "\r\n", f);
}

static void put_row(const struct top *t, const struct top_row *r, FILE *f)
{
	char chain[400], comm[CLEAN_SIZE(16)];

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		double v = columns[i].value(r);
		bool hot = v > 0 && (columns[i].value == of_alerts || columns[i].value == of_zombies);

		if (columns[i].value == of_max && !r->pid_max)
			fprintf(f, "%*s ", columns[i].width, "-");
		else
			fprintf(f, "%s%*.*f%s ", hot ? HOT : "", columns[i].width, columns[i].rate && v < 1000, v,
				hot ? PLAIN : "");
	}
	clean_text(r->init.comm, sizeof(r->init.comm), comm, sizeof(comm));
	fprintf(f, "%s%s %s", audit_chain(chain, sizeof(chain), &r->init), r->died ? " (died)" : "", comm);
	put_line_end(f);
}

static void put_frame(const struct top *t, FILE *f)
{
	unsigned int lines = t->screen.lines, alerts = t->nr_alerts;
	unsigned int room;

	/* two lines above the table, one below it and its alerts */
	if (alerts + 6 > lines)
		alerts = 0;
	room = lines > alerts + 3 ? lines - alerts - 3 : 1;
	fputs("\033[H", f);
	put_summary(t, f);
	put_heads(t, f);
	for (size_t i = 0; i < room; i++) {
		if (t->first + i < t->nr)
			put_row(t, &t->rows[t->first + i], f);
		else
			put_line_end(f);
	}
	for (unsigned int i = t->nr_alerts - alerts; i < t->nr_alerts; i++) {
		fprintf(f, HOT "%s", t->alerts[i]);
		put_line_end(f);
	}
	fprintf(f, "q quit  <> column to sort by  r reverse  up down page scroll  space pause   %u-%zu of %zu" PLAIN
		"\033[K\033[J", t->nr ? t->first + 1 : 0, t->first + room < t->nr ? t->first + room : t->nr, t->nr);
}

int top_draw(struct top *t)
{
	char *text _free_ = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int err;

	if (!f)
		return -ENOMEM;
	put_frame(t, f);
	err = fclose(f) ? -ENOMEM : terminal_write(&t->screen, text, len);
	if (err == -EIO) /* hung up */
		*t->stop = true;
	return err == -EIO ? 0 : err;
}
