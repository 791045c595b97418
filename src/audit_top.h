/* SPDX-License-Identifier: GPL-2.0-only */
/* audit_top.h - audit --top: pid namespaces as a table on the whole screen. */
#ifndef BPF_CKPT_AUDIT_TOP_H
#define BPF_CKPT_AUDIT_TOP_H

#include "audit.h"
#include "terminal.h"

#define TOP_ALERTS 4 /* the last ones, below the table */

/* A namespace as it was at a moment; rates are per second since the moment before. */
struct top_row {
	struct audit_where where;
	__u32 tasks, zombies, used, pid_max;
	bool died;
	__u64 births, exits, alerts;
	double born, ended;
	struct audit_who init;
};

struct top {
	struct audit_sink sink;
	struct terminal screen;
	struct audit *a;
	bool *stop;                /* set to end the audit */
	struct top_row *rows, *before;
	size_t nr, nr_before;
	__u64 rows_ns, before_ns;  /* when they were taken */
	unsigned int sort, first;  /* column; row at the top */
	bool reverse, paused;
	char alerts[TOP_ALERTS][300]; /* oldest first */
	unsigned int nr_alerts;
};

/* Takes the terminal. NULL: reported. */
struct top *audit_top_open(struct audit *a, bool *stop);
void audit_top_close(struct top *t); /* NULL is allowed */

/* audit_top_draw.c: columns, order, frame */
extern const unsigned int top_nr_columns;
void top_sort(struct top *t);
int top_draw(struct top *t);

#endif
