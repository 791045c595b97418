/* SPDX-License-Identifier: GPL-2.0-only */
/* audit_metrics.h - the state of an audit as Prometheus text: for a file, and over HTTP. */
#ifndef BPF_CKPT_AUDIT_METRICS_H
#define BPF_CKPT_AUDIT_METRICS_H

#include "audit.h"

#define AUDIT_SERIES 10000 /* of namespaces, at most, unless told otherwise */

/* A sink that counts what the table does not. */
struct audit_metrics {
	struct audit_sink sink;
	unsigned int max_series;
	__u64 entered[3]; /* by direction */
	bool in_doubt;    /* events were lost, and no walk has made it good yet */
};

void audit_metrics_init(struct audit_metrics *m, unsigned int max_series);

/* Everything, in the exposition format 0.0.4; namespaces of at most that many series, outer ones first. */
void audit_metrics_put(const struct audit_metrics *m, const struct audit *a, FILE *out);

/*
 * A sink that keeps path up to date. NULL: it cannot be written, which is reported. Later failures are
 * reported when they begin, and the audit goes on. Freed with free().
 */
struct audit_sink *audit_metrics_file(const char *path, const struct audit_metrics *m);

/* A sink that answers /metrics and /healthz: "PORT" of 127.0.0.1, "ADDRESS:PORT" or "unix:PATH". */
struct audit_sink *audit_listen(const char *where, const struct audit_metrics *m);
void audit_listen_close(struct audit_sink *s); /* NULL is allowed */

#endif
