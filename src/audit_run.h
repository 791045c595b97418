/* SPDX-License-Identifier: GPL-2.0-only */
/* audit_run.h - the live audit: attach, walk, merge, stream, heal. */
#ifndef BPF_CKPT_AUDIT_RUN_H
#define BPF_CKPT_AUDIT_RUN_H

#include "audit.h"
#include "audit_probe.h"

struct audit_run {
	struct audit audit;
	struct audit_probe_opts probe_opts;
	struct audit_probe *probe;
	__u64 for_ns;       /* how long, 0: until a signal */
	__u64 count;        /* how many events after the start, 0: any */
	int signals;        /* signalfd, -1: none */
	const char *rules;  /* file of opts.rules, or NULL */
	bool stop, tell_all;
	/* what the loop knows */
	__u64 begin_ns, tick_ns;
	__u64 clean_ns;     /* until then nothing was lost */
	__u64 healed_lost;  /* losses that a walk has made good */
	__u64 doubt_ns;     /* since then the table is in doubt, 0: it is right */
	__u64 heal_ns, pause_ns; /* when a walk may heal next, and how long after the last one */
	struct audit_counts told; /* losses that were told */
};

/* From loading to the last event; opts and sinks are set. 0, or negative. Reports. */
int audit_run(struct audit_run *r);

/* CLOCK_BOOTTIME */
__u64 audit_now(void);

#endif
