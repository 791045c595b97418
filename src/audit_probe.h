/* SPDX-License-Identifier: GPL-2.0-only */
/* audit_probe.h - load and attach audit's BPF programs, and read what they tell. Their only user. */
#ifndef BPF_CKPT_AUDIT_PROBE_H
#define BPF_CKPT_AUDIT_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "rec_audit.h"

struct audit_probe;

struct audit_probe_opts {
	bool threads; /* births and ends of threads, too */
	bool calls;   /* see setns, unshare and refusals, even where that costs every system call */
	bool stats;   /* let the kernel measure the programs */
	bool verbose;
	size_t ring;  /* bytes, rounded up to a power of two of pages; 0: the default */
};

/* What is in force, and what this kernel does not show: phrases, comma in between. */
struct audit_hooks {
	bool calls;   /* setns and unshare are told when they are called */
	bool nsfree;  /* the end of a pid namespace is told */
	char in_force[256];
	char missing[512];
};

/* Since the start; never set back. Losses are counted by the kernel side. */
struct audit_counts {
	__u64 lost[AUDIT_TYPES];
	__u64 seen_all; /* read by now, or lost */
	__u64 lost_all, lost_ns;
	__u32 host_mnt, host_cgroup; /* namespaces of kernel threads, once a walk has seen one */
};

struct audit_prog_stat {
	const char *name;
	__u64 runs, ns;
};

/* Optional programs: do they load on this kernel? */
bool audit_probe_has_calls(void);
bool audit_probe_has_nsfree(void);

/* Attached when it returns: every event from then on is kept until it is read. Reports. */
int audit_probe_open(struct audit_probe **out, const struct audit_probe_opts *opts);
void audit_probe_close(struct audit_probe *p);

const struct audit_hooks *audit_probe_hooks(const struct audit_probe *p);
size_t audit_probe_ring(const struct audit_probe *p);
int audit_probe_fd(const struct audit_probe *p); /* readable when the ring fills; also look now and then */

/*
 * Give what has come to fn, at most so many; how many there were, or the negative value of fn that
 * ended it.
 */
long audit_probe_read(struct audit_probe *p, int (*fn)(void *, const struct rec_audit *), void *arg, long most);

/* All tasks as they are, each to fn; loses nothing. */
int audit_probe_walk(struct audit_probe *p, int (*fn)(void *, const struct rec_audit *), void *arg);

void audit_probe_counts(const struct audit_probe *p, struct audit_counts *c);
void audit_probe_pid_max(struct audit_probe *p, __u32 pid_max); /* for kernels before 6.14 */

/* Programs that are loaded; the number of them, at most nr are filled in. */
size_t audit_probe_stats(const struct audit_probe *p, struct audit_prog_stat *stats, size_t nr);

#endif
