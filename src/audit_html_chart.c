// SPDX-License-Identifier: GPL-2.0-only
/* audit_html_chart.c - draw the namespaces of a recording over time. */
#include <stdlib.h>
#include <string.h>

#include "audit_html.h"
#include "audit_print.h"
#include "cleanup.h"
#include "markup.h"

#define TINTS 6

/* ---- time ---- */

static void put_axis(const struct chart *c, FILE *out)
{
	static const __u64 steps[] = { 1000000ull, 2000000, 5000000, 10000000, 20000000, 50000000, 100000000,
				       200000000, 500000000, 1000000000, 2000000000, 5000000000, 10000000000,
				       15000000000, 30000000000, 60000000000, 120000000000, 300000000000,
				       600000000000, 900000000000, 1800000000000, 3600000000000,
				       7200000000000, 21600000000000, 43200000000000, 86400000000000 };
	const struct story *s = c->story;
	__u64 step = steps[0], offset = s->real_offset, at;
	char text[40];

	for (size_t i = 0; i < ARRAY_SIZE(steps) && (s->end - s->begin) / step > 9; i++)
		step = steps[i];
	while ((s->end - s->begin) / step > 9)
		step *= 2;
	for (at = ((s->begin + offset) / step + 1) * step - offset; at < s->end; at += step) {
		int x = chart_x(s, at);

		fprintf(out, "<path class=\"grid\" d=\"M%d %dV%d\"/>", x, CHART_TOP - 6, c->height);
		fprintf(out, "<text class=\"time\" x=\"%d\" y=\"14\">%s</text>\n", x,
			story_clock(text, sizeof(text), s, at, step < 1000000000));
	}
}

/* ---- a namespace ---- */

/* About 16 times the logarithm of 1 + n, straight between powers of two. */
static unsigned int log_of(unsigned int n)
{
	__u64 bit = 31 - __builtin_clz(n + 1);

	return 16 * bit + (((__u64)n + 1) * 16 >> bit) - 16;
}

/* Its processes over time; in the whole chart the same number has the same height. */
static void put_spark(const struct story *s, const struct story_ns *n, int y, FILE *out)
{
	const struct chart_bar *b = n->place;
	int base = y + CHART_HEAD - 1, x = b->x, last = base, end = b->x + b->w;

	if (!n->peak || b->w < 24)
		return;
	fprintf(out, "<path class=\"spark\" d=\"M%d %d", x, base);
	for (unsigned int i = 0; i < n->nr_points; i++) {
		int at = chart_x(s, n->points[i].when), most = 0, top;

		for (; i < n->nr_points && chart_x(s, n->points[i].when) <= at + 1; i++)
			most = (int)n->points[i].tasks > most ? (int)n->points[i].tasks : most;
		/* the last one of them is what it stays at; a peak between two pixels is seen for both */
		i--;
		top = base - (int)(log_of(most) * (CHART_HEAD - 4) / log_of(s->peak));
		if (top == last)
			continue;
		at = at < x ? x : at > end ? end : at;
		fprintf(out, "H%dV%d", at, top);
		last = top;
		x = at;
	}
	fprintf(out, "H%dV%dz\"/>", end, base);
}

static void put_hover(const struct story *s, const struct story_ns *n, FILE *out)
{
	char text[400], name[CLEAN_SIZE(16)];

	fprintf(out, "<title>level %u, pidns %u\n", n->where.level, n->where.inum);
	if (n->numbers[0]) {
		clean_text(n->comm, sizeof(n->comm), name, sizeof(name));
		fputs("init ", out);
		put_xml(out, name);
		fprintf(out, " %s\n", story_chain(text, sizeof(text), n));
	}
	fprintf(out, n->before ? "there before the recording\n" : "made %s\n",
		story_clock(text, sizeof(text), s, n->born, true));
	if (n->died)
		fprintf(out, "init died %s\n", story_clock(text, sizeof(text), s, n->died, true));
	if (n->end)
		fprintf(out, "ended %s, after %s\n", story_clock(text, sizeof(text), s, n->end, true),
			story_duration(text + 50, sizeof(text) - 50, n->end - n->born));
	fprintf(out, "at most %u processes; %u born, %u ended\n", n->peak, n->births, n->exits);
	if (n->entered)
		fprintf(out, "entered from elsewhere %u times\n", n->entered);
	if (chart_bar(n)->hidden)
		fprintf(out, "%u namespaces inside that are not drawn one by one\n", chart_bar(n)->hidden);
	fprintf(out, "%u alerts</title>", n->alerts);
}

/* As much of "nginx 4711.12.1, level 1" as there is room for. */
static void put_name(const struct story_ns *n, int y, FILE *out)
{
	const struct chart_bar *b = n->place;
	size_t room = b->w > 16 ? (b->w - 12) * 10 / 66 : 0, columns;
	char name[CLEAN_SIZE(16)] = "", chain[400], rest[480];

	columns = clean_text(n->comm, sizeof(n->comm), name, sizeof(name));
	if (!n->where.inum)
		snprintf(name, sizeof(name), "not shown");
	else if (!columns)
		columns = sprintf(name, n->where.level ? "pidns" : "host");
	if (room < columns)
		return;
	snprintf(rest, sizeof(rest), " %s%slevel %u, at most %u", story_chain(chain, sizeof(chain), n),
		 n->numbers[0] ? ", " : "", n->where.level, n->peak);
	if (columns + strlen(rest) > room)
		snprintf(rest, sizeof(rest), " %s", chain);
	if (columns + strlen(rest) > room)
		rest[0] = 0;
	fprintf(out, "<text x=\"%d\" y=\"%d\"><tspan class=\"name\">", b->x + 6, y + 13);
	put_xml(out, name);
	fprintf(out, "</tspan>%s</text>", rest);
}

static void put_rect(FILE *out, const char *class, int x, int y, int w, int h)
{
	fprintf(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>", class, x, y, w, h);
}

/* Births of those that are not drawn one by one, a column each few pixels. */
static void count_births(const struct chart *c, const struct story_ns *n, unsigned int *columns)
{
	for (const struct story_ns *in = n->child; in; in = in->sibling) {
		if (!chart_bar(in)->shown) {
			columns[chart_x(c->story, in->born) / CHART_BIN]++;
			count_births(c, in, columns);
		}
	}
}

static void put_crowd(const struct chart *c, const struct story_ns *n, int y, FILE *out)
{
	unsigned int columns[CHART_W / CHART_BIN + 1] = {}, most = 1;
	const struct chart_bar *b = n->place;
	int base = y + CHART_HEAD + CHART_CROWD - 2;

	count_births(c, n, columns);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		most = columns[i] > most ? columns[i] : most;
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		int h = columns[i] ? 2 + columns[i] * (CHART_CROWD - 6) / most : 0;

		if (columns[i])
			fprintf(out, "<rect class=\"crowd\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"><title>"
				"%u namespaces made</title></rect>", (int)i * CHART_BIN, base - h, CHART_BIN - 1, h,
				columns[i]);
	}
	if (b->w > 240)
		fprintf(out, "<text class=\"note\" x=\"%d\" y=\"%d\">%u %s namespaces</text>", b->x + 6,
			y + CHART_HEAD + 10, b->hidden, b->hidden_long ? "more" : "short-lived");
	fputc('\n', out);
}

static void put_bar(const struct chart *c, const struct story_ns *n, int y, int deep, FILE *out)
{
	const struct chart_bar *b = n->place;
	char class[24];

	snprintf(class, sizeof(class), "bar b%d%s", deep < TINTS ? deep : TINTS - 1, n->before ? " open" : "");
	fputs("<g>", out);
	put_hover(c->story, n, out);
	put_rect(out, class, b->x, y, b->w, b->h);
	put_spark(c->story, n, y, out);
	if (n->died && chart_x(c->story, story_until(c->story, n)) > chart_x(c->story, n->died) + 1)
		put_rect(out, "orphaned", chart_x(c->story, n->died), y,
			 b->x + b->w - chart_x(c->story, n->died), CHART_HEAD);
	put_name(n, y, out);
	fputs("</g>\n", out);
	if (b->hidden)
		put_crowd(c, n, y, out);
	for (const struct story_ns *in = n->child; in; in = in->sibling)
		if (chart_bar(in)->shown)
			put_bar(c, in, y + chart_bar(in)->y, deep + 1, out);
}

/* ---- alerts ---- */

struct mark {
	int x, y;
	const struct story_alert *alert;
};

static int by_place(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;

	if (x->y != y->y)
		return x->y < y->y ? -1 : 1;
	return x->x < y->x ? -1 : x->x > y->x;
}

/* Those of a namespace that is not drawn stand with the one around it that is. */
static int alert_y(const struct chart *c, const struct story_ns *n)
{
	int y = CHART_TOP + CHART_HEAD - 9;

	while (n && !chart_bar(n)->shown)
		n = n->parent;
	for (; n && n != c->root; n = n->parent)
		y += chart_bar(n)->y;
	return y;
}

static void put_mark(const struct chart *c, const struct mark *m, size_t nr, FILE *out)
{
	char text[400], name[CLEAN_SIZE(256)];

	fprintf(out, "<g class=\"mark\"><title>%zu alert%s", nr, nr == 1 ? "" : "s");
	for (size_t i = 0; i < nr && i < 6; i++) {
		clean_text(m[i].alert->reason, sizeof(m[i].alert->reason), name, sizeof(name));
		fprintf(out, "\n%s %s %s: ", story_clock(text, sizeof(text), c->story, m[i].alert->when, true),
			audit_type_names[m[i].alert->type],
			audit_chain(text + 50, sizeof(text) - 50, &m[i].alert->task));
		put_xml(out, name);
	}
	fputs(nr > 6 ? "\n..." : "", out);
	fprintf(out, "</title><circle cx=\"%d\" cy=\"%d\" r=\"7\"/><text x=\"%d\" y=\"%d\">", m->x, m->y, m->x,
		m->y + 4);
	if (nr > 9)
		fputs("+", out);
	else if (nr > 1)
		fprintf(out, "%zu", nr);
	else
		fprintf(out, "%c", audit_type_names[m->alert->type][0] - 'a' + 'A');
	fputs("</text></g>\n", out);
}

static void put_alerts(const struct chart *c, FILE *out)
{
	struct mark *marks _free_ = calloc(c->story->nr_kept + 1, sizeof(*marks));
	size_t nr = 0, from = 0;

	if (!marks)
		return;
	for (const struct story_alert *a = c->story->alerts; a; a = a->next)
		marks[nr++] = (struct mark){ chart_x(c->story, a->when), alert_y(c, a->ns), a };
	qsort(marks, nr, sizeof(*marks), by_place);
	for (size_t i = 1; i <= nr; i++) {
		if (i < nr && marks[i].y == marks[from].y && marks[i].x < marks[from].x + CHART_BADGE)
			continue;
		put_mark(c, &marks[from], i - from, out);
		from = i;
	}
}

void chart_draw(const struct chart *c, FILE *out)
{
	const struct story *s = c->story;

	fprintf(out, "<svg class=\"chart\" viewBox=\"0 0 %d %d\" data-x=\"%d\" data-w=\"%d\" data-from=\"%lld\" "
		"data-ms=\"%.3f\" role=\"img\" aria-label=\"pid namespaces over time\">\n<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" "
		"patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><path class=\"stripe\" "
		"d=\"M0 0V6\"/></pattern></defs>\n", CHART_W, c->height, CHART_X, CHART_SPAN,
		(long long)(s->begin + s->real_offset) / 1000000, (s->end - s->begin) / 1e6);
	put_bar(c, c->root, CHART_TOP, 0, out);
	put_axis(c, out);
	for (const struct story_doubt *d = s->doubts; d; d = d->next) {
		int x = chart_x(s, d->from), end = chart_x(s, d->to);

		fprintf(out, "<rect class=\"doubt\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"><title>%llu events "
			"were lost here</title></rect>\n", x, CHART_TOP, end - x < 3 ? 3 : end - x,
			c->height - CHART_TOP, d->lost);
	}
	put_alerts(c, out);
	fputs("</svg>\n", out);
}
