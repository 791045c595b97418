/* SPDX-License-Identifier: GPL-2.0-only */
/* audit_views.h - what an audit shows beside its stream of events. */
#ifndef BPF_CKPT_AUDIT_VIEWS_H
#define BPF_CKPT_AUDIT_VIEWS_H

#include "audit_metrics.h"
#include "audit_top.h"

struct audit_views {
	/* as asked for; NULL: not */
	const char *metrics_file, *listen;
	bool top;
	unsigned int max_series;
	/* open */
	struct audit_metrics metrics;
	struct audit_sink *file, *listener;
	struct top *table;
};

/*
 * Opens what is asked for and puts it in front of the sinks. stop is set when a user ends the audit. 0
 * or negative, reported.
 */
int audit_views_open(struct audit_views *v, struct audit *a, bool *stop);
void audit_views_close(struct audit_views *v);

#endif
