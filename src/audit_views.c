// SPDX-License-Identifier: GPL-2.0-only
/* audit_views.c - what an audit shows beside its stream of events. */
#include "audit_views.h"

#include <errno.h>
#include <stdlib.h>

static void add(struct audit *a, struct audit_sink *s)
{
	s->next = a->sinks;
	a->sinks = s;
}

static int open_metrics(struct audit_views *v, struct audit *a)
{
	audit_metrics_init(&v->metrics, v->max_series);
	if (v->metrics_file) {
		v->file = audit_metrics_file(v->metrics_file, &v->metrics);
		if (!v->file)
			return -EIO;
		add(a, v->file);
	}
	if (v->listen) {
		v->listener = audit_listen(v->listen, &v->metrics);
		if (!v->listener)
			return -EIO;
		add(a, v->listener);
	}
	add(a, &v->metrics.sink); /* in front: it counts first */
	return 0;
}

int audit_views_open(struct audit_views *v, struct audit *a, bool *stop)
{
	int err = v->metrics_file || v->listen ? open_metrics(v, a) : 0;

	if (err || !v->top)
		return err;
	v->table = audit_top_open(a, stop);
	if (!v->table)
		return -EIO;
	add(a, &v->table->sink);
	return 0;
}

void audit_views_close(struct audit_views *v)
{
	audit_top_close(v->table);
	free(v->file);
	audit_listen_close(v->listener);
	v->file = v->listener = NULL;
	v->table = NULL;
}
