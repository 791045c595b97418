/* SPDX-License-Identifier: GPL-2.0-only */
/* flight.h - files that only a message in a queue holds (SCM_RIGHTS), and whom a socket talks to. */
#ifndef BPF_CKPT_FLIGHT_H
#define BPF_CKPT_FLIGHT_H

#include <stddef.h>
#include <linux/types.h>

#include "ids.h"

struct dump;

/* Files that were taken out of queues, by descriptors of ours that stand for them. */
struct flight {
	struct in_flight { __u64 file; int fd; } *v;
	size_t nr, cap;
	struct ids index; /* file -> place in v, counted from 1 */
};

/* Behind a walk of any tree: what it told of queues, each once. */
void flight_unique(struct dump *d);

/*
 * Behind a walk of a frozen tree: get hold of every file in flight, and of what is in its queue in turn. Of
 * one that runs (check.live), of those that can be had without a trace.
 */
int flight_find(struct dump *d);

/* Our descriptor for a file that no task has, or -1. */
int flight_fd(const struct flight *f, __u64 file);

/*
 * Behind the checks: sockets outside of the tree are no part of it. Those that it is connected with are
 * taken for closed.
 */
int flight_prune(struct dump *d);

void flight_free(struct flight *f);

#endif
