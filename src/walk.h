/* SPDX-License-Identifier: GPL-2.0-only */
/* walk.h - run the BPF iterators and collect their records. The only user of the BPF object. */
#ifndef BPF_CKPT_WALK_H
#define BPF_CKPT_WALK_H

#include <stdbool.h>
#include <sys/types.h>

#include "snap.h"

struct walk;

struct walk_opts {
	bool verbose;            /* libbpf's own messages to stderr */
};

struct walk_stats {
	unsigned long records, bytes, retries; /* retries: reads that ended because the ring was full */
};

enum walk_pass {
	WALK_TASKS = 1, /* pidns, pid, task, proc: every task of the system */
	WALK_STATE = 2, /* sighand, fs, mm, timer: members only */
	WALK_VMAS = 4,  /* vma, file: members only */
	WALK_FILES = 8, /* fd, file and what the file is: members only */
	WALK_HOLDERS = 16, /* who outside of the members holds a file of theirs: holder */
	WALK_UNDOS = 32, /* undo_list, undo: members only, of the sets named to walk_sems() */
	WALK_TTYS = 64, /* tty, tty_file, ctty, tty_raw: terminals of the members */
	WALK_MQUEUES = 128, /* mqueue, mq_part: members only */
	WALK_QUEUES = 256, /* tcp, skb: connections of members with what is in their queues; datagrams */
	WALK_ALL_MEMBERS = WALK_STATE | WALK_VMAS | WALK_FILES,
};

/*
 * Load the BPF object and attach the iterators: 50-200 ms, done before anything is stopped.
 * -EPERM, -ENOENT (no BTF), ...: reported in one line. *out is freed by walk_close().
 */
int walk_open(struct walk **out, const struct walk_opts *opts);
void walk_close(struct walk *w);

/* Whose state, areas and files the passes after WALK_TASKS tell: level-0 tgids. */
int walk_members(struct walk *w, const __u32 *tgids, size_t nr);

/* Which files WALK_HOLDERS looks for: kernel addresses, as rec_file.addr. They add up. */
int walk_held(struct walk *w, const __u64 *files, size_t nr);

/* How many semaphores a System V set has, for WALK_UNDOS. */
int walk_sems(struct walk *w, __u32 semid, __u32 nsems);

/* What WALK_FILES tells, of those of these files that this very process has open; appended to s. */
int walk_own(struct walk *w, const __u64 *files, size_t nr, struct snap *s);
/* The same of all of these, and of nobody else's. */
int walk_alone(struct walk *w, struct snap *s);

/* Run the passes and append what they bring to s; nothing is stopped or changed by it. */
int walk_run(struct walk *w, unsigned int passes, struct snap *s);

/* Counters since walk_open(). */
const struct walk_stats *walk_stats(const struct walk *w);

#endif
