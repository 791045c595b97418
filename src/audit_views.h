/* SPDX-License-Identifier: GPL-2.0-only */
/* audit_views.h - what an audit shows beside its stream of events. */
#ifndef BPF_CKPT_AUDIT_VIEWS_H
#define BPF_CKPT_AUDIT_VIEWS_H

#include "audit_metrics.h"

struct audit_views {
	/* as asked for; NULL: not */
	const char *metrics_file, *listen;
	unsigned int max_series;
	/* open */
	struct audit_metrics metrics;
	struct audit_sink *file, *listener;
};

/* Opens what is asked for and puts it in front of the sinks. 0 or negative, reported. */
int audit_views_open(struct audit_views *v, struct audit *a);
void audit_views_close(struct audit_views *v);

#endif
