// SPDX-License-Identifier: GPL-2.0-only
/*
 * audit_html_place.c - the layout of a recording: x is time, a namespace is a bar from its birth to its
 * end, and holds the bars of those inside it.
 *
 * Bars of a parent stand in one row as long as they do not overlap. What is too short to be seen, or too
 * much for one page, is drawn as a crowd: columns of births.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit_html.h"

#define FEW 10           /* short ones of one parent that are still drawn one by one */
#define SHORT 5          /* pixels */
#define PAGE_BYTES 130000 /* of the chart without alerts, about */

int chart_x(const struct story *s, __u64 when)
{
	__u64 span = s->end > s->begin ? s->end - s->begin : 1;

	when = when < s->begin ? s->begin : when > s->end ? s->end : when;
	return CHART_X + (int)((double)(when - s->begin) * CHART_SPAN / span + 0.5);
}

/* ---- what is shown ---- */

static void measure(const struct story *s, struct story_ns *n)
{
	struct chart_bar *b = n->place;

	b->x = chart_x(s, n->born);
	b->w = chart_x(s, story_until(s, n)) - b->x;
	b->w = b->w < 4 ? 4 : b->w;
	if (b->x + b->w > CHART_X + CHART_SPAN)
		b->x = CHART_X + CHART_SPAN - b->w;
}

/* About how many bytes it takes. */
static size_t cost(const struct story_ns *n)
{
	const struct chart_bar *b = n->place;
	unsigned int columns = b->w / 2;

	return 700 + 9 * (n->nr_points < columns ? n->nr_points : columns);
}

/* Longest first, and outer ones before those in them, which are not longer. */
static int by_length(const void *a, const void *b)
{
	const struct story_ns *x = *(struct story_ns *const *)a, *y = *(struct story_ns *const *)b;
	int w = chart_bar(y)->w - chart_bar(x)->w;

	if (w || x->where.level == y->where.level)
		return w ? w : x->where.born_ns < y->where.born_ns ? -1 : x->where.born_ns > y->where.born_ns;
	return x->where.level < y->where.level ? -1 : 1;
}

static unsigned int count_short(const struct story_ns *n)
{
	unsigned int nr = 0;

	for (const struct story_ns *c = n->child; c; c = c->sibling)
		nr += chart_bar(c)->w < SHORT;
	return nr;
}

/* As many as may take so many bytes. */
static void show(struct chart *c, struct story_ns **sorted, size_t bytes)
{
	for (size_t i = 0; i < c->story->nr_ns; i++) {
		struct story_ns *n = sorted[i], *up = n->parent ? n->parent : &c->top;
		struct chart_bar *b = n->place;

		b->shown = n == c->root || (chart_bar(up)->shown && bytes >= cost(n) &&
					    (b->w >= SHORT || chart_bar(up)->few));
		if (b->shown)
			bytes -= bytes < cost(n) ? bytes : cost(n);
	}
}

/* Who is not shown counts for the one around it that is. Returns the bytes of all. */
static size_t count_hidden(struct story_ns *n, struct chart_bar *around)
{
	struct chart_bar *b = n->place;
	size_t bytes = b->shown ? cost(n) : 0;

	b->hidden = 0;
	if (!b->shown) {
		around->hidden++;
		around->hidden_long |= b->w >= SHORT;
	}
	for (struct story_ns *c = n->child; c; c = c->sibling)
		bytes += count_hidden(c, b->shown ? b : around);
	return bytes + (b->hidden ? b->w / CHART_BIN * 100 : 0);
}

static int choose(struct chart *c)
{
	struct story_ns **sorted = calloc(c->story->nr_ns + 1, sizeof(struct story_ns *));
	size_t nr = 0, bytes = PAGE_BYTES;

	if (!sorted)
		return -ENOMEM;
	for (struct story_ns *n = c->story->all; n; n = n->next) {
		sorted[nr++] = n;
		chart_bar(n)->few = count_short(n) <= FEW;
	}
	chart_bar(&c->top)->few = count_short(&c->top) <= FEW;
	chart_bar(&c->top)->shown = true;
	qsort(sorted, nr, sizeof(struct story_ns *), by_length);
	do {
		show(c, sorted, bytes);
		bytes /= 2;
	} while (count_hidden(c->root, chart_bar(c->root)) > PAGE_BYTES && bytes > 1000);
	free(sorted);
	return 0;
}

/* ---- where ---- */

struct row {
	int end, h, y;
};

static void place_children(struct story_ns *n, struct row *rows)
{
	struct chart_bar *b = n->place;
	int nr = 0, y = CHART_HEAD + (b->hidden ? CHART_CROWD : 0);

	for (struct story_ns *c = n->child; c; c = c->sibling) {
		struct chart_bar *in = c->place;
		int i = 0;

		if (!in->shown)
			continue;
		while (i < nr && rows[i].end + 1 > in->x)
			i++;
		if (i == nr)
			rows[nr++] = (struct row){};
		rows[i].end = in->x + in->w;
		rows[i].h = in->h > rows[i].h ? in->h : rows[i].h;
		in->y = i;
	}
	for (int i = 0; i < nr; i++) {
		rows[i].y = y + (i ? 0 : CHART_GAP);
		y = rows[i].y + rows[i].h + CHART_GAP;
	}
	for (struct story_ns *c = n->child; c; c = c->sibling)
		if (chart_bar(c)->shown)
			chart_bar(c)->y = rows[chart_bar(c)->y].y;
	b->h = y;
}

/* From the inside out. Levels of namespaces are few. */
static int place(struct chart *c, struct story_ns *n)
{
	struct row *rows;
	size_t nr = 1;

	for (struct story_ns *in = n->child; in; in = in->sibling) {
		if (chart_bar(in)->shown && place(c, in))
			return -ENOMEM;
		nr += chart_bar(in)->shown;
	}
	rows = calloc(nr, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	place_children(n, rows);
	free(rows);
	return 0;
}

/* A parent for those that have none; their sibling pointers are free for it. */
static void adopt(struct chart *c)
{
	struct story_ns **last = &c->top.child;

	for (struct story_ns *n = c->story->all; n; n = n->next) {
		if (n->parent)
			continue;
		n->sibling = NULL;
		*last = n;
		last = &n->sibling;
	}
	c->top.born = c->story->begin;
	c->root = c->top.child && !c->top.child->sibling ? c->top.child : &c->top;
}

int chart_place(struct chart *c, struct story *s)
{
	*c = (struct chart){ .story = s };
	c->top.place = calloc(1, sizeof(struct chart_bar));
	if (!c->top.place)
		return -ENOMEM;
	measure(s, &c->top);
	for (struct story_ns *n = s->all; n; n = n->next) {
		free(n->place);
		n->place = calloc(1, sizeof(struct chart_bar));
		if (!n->place)
			return -ENOMEM;
		measure(s, n);
	}
	adopt(c);
	if (choose(c) || place(c, c->root))
		return -ENOMEM;
	c->height = CHART_TOP + chart_bar(c->root)->h + 2;
	return 0;
}

void chart_free(struct chart *c)
{
	free(c->top.place);
	c->top.place = NULL;
}
