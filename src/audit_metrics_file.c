// SPDX-License-Identifier: GPL-2.0-only
/* audit_metrics_file.c - a file of metrics for the textfile collector of a node exporter. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit_metrics.h"
#include "log.h"
#include "replace_file.h"

#define EVERY_NS 5000000000ull /* it goes to disk: fsync(2) */

struct metrics_file {
	struct audit_sink sink;
	const char *path;
	const struct audit_metrics *metrics;
	__u64 written_ns;
	bool failing;
};

static int write_file(struct metrics_file *f, const struct audit *a)
{
	struct replace_file r;
	int err = replace_begin(&r, f->path);

	if (err)
		return err;
	audit_metrics_put(f->metrics, a, r.out);
	return replace_commit(&r);
}

static int tick(struct audit_sink *s, const struct audit *a)
{
	struct metrics_file *f = (struct metrics_file *)s;
	int err;

	if (f->written_ns && a->now_ns - f->written_ns < EVERY_NS && a->live)
		return 0;
	err = write_file(f, a);
	if (err && !f->failing)
		fail(err, "write metrics to %s (tried again; nothing else is affected)", f->path);
	f->failing = err != 0;
	f->written_ns = a->now_ns;
	return 0;
}

struct audit_sink *audit_metrics_file(const char *path, const struct audit_metrics *m)
{
	struct metrics_file *f = calloc(1, sizeof(*f));
	struct replace_file r;
	int err = f ? replace_begin(&r, path) : -ENOMEM;

	if (err) {
		fail(err, "write metrics to %s", path);
		free(f);
		return NULL;
	}
	replace_abort(&r); /* that it can be made there is known now; an old one stays until the first tick */
	*f = (struct metrics_file){ .sink.tick = tick, .path = path, .metrics = m };
	return &f->sink;
}
