/* SPDX-License-Identifier: GPL-2.0-only */
/* audit_html.h - a recording as one page: namespaces over time, alerts, tables; no server, no script needed. */
#ifndef BPF_CKPT_AUDIT_HTML_H
#define BPF_CKPT_AUDIT_HTML_H

#include "audit_story.h"

/* Places of the chart, in pixels of its own. */
#define CHART_W 1200
#define CHART_X 12       /* the recording begins there */
#define CHART_SPAN (CHART_W - 2 * CHART_X)
#define CHART_TOP 26     /* times */
#define CHART_HEAD 32    /* a namespace's name and its processes */
#define CHART_CROWD 30   /* those that are too short to be drawn one by one */
#define CHART_GAP 5
#define CHART_BIN 6      /* width of a column of the crowd */
#define CHART_BADGE 15   /* alerts that are nearer are one mark */

struct chart_bar {
	bool shown;
	int x, w, h;
	int y;           /* below the top of the parent's bar */
	unsigned int hidden; /* namespaces inside that are not drawn one by one */
	bool hidden_long;    /* some of them are no short ones */
	bool few;            /* short ones inside may be drawn */
};

struct chart {
	const struct story *story;
	struct story_ns top; /* around namespaces whose parent was not told; or the only one there is */
	struct story_ns *root;
	int height;
};

/* Choose what is drawn, so that the page stays small, and place it. 0 or -ENOMEM. */
int chart_place(struct chart *c, struct story *s);
void chart_free(struct chart *c);
int chart_x(const struct story *s, __u64 when);
static inline struct chart_bar *chart_bar(const struct story_ns *n)
{
	return n->place;
}

void chart_draw(const struct chart *c, FILE *out); /* audit_html_chart.c */

/* The whole page. Errors stay in out. 0 or -ENOMEM, not reported. */
int audit_html_put(struct story *s, FILE *out);

/* A sink for all events of a recording; the page is written when it has ended. */
struct audit_page {
	struct audit_sink sink;
	struct story story;
};

void audit_page_init(struct audit_page *p);
int audit_page_write(struct audit_page *p, const char *path); /* "-": standard output. Reports */
void audit_page_free(struct audit_page *p);

/* "4711.12.1" */
char *story_chain(char *buf, size_t len, const struct story_ns *n);
/* "1.5 s", "3 min 20 s" */
char *story_duration(char *buf, size_t len, __u64 ns);
/* "10:04:31.250" in UTC */
char *story_clock(char *buf, size_t len, const struct story *s, __u64 when, bool ms);

#endif
