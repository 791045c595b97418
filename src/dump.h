/* SPDX-License-Identifier: GPL-2.0-only */
/* dump.h - one checkpoint in the making: find, freeze, walk, check, collect, write, release. */
#ifndef BPF_CKPT_DUMP_H
#define BPF_CKPT_DUMP_H

#include <stdbool.h>
#include <sys/types.h>

#include "check.h"
#include "external.h"
#include "flight.h"
#include "freeze.h"
#include "ids.h"
#include "image.h"
#include "pages.h"
#include "restart_block.h"
#include "rec_cpu.h"
#include "res/tcp.h"
#include "snap.h"
#include "tree.h"
#include "users.h"
#include "walk.h"

enum dump_after { DUMP_LEAVE_RUNNING, DUMP_KILL, DUMP_LEAVE_STOPPED };

#define DUMP_PIDFDS 64

struct dump_opts {
	pid_t pid;             /* root task, as the caller's pid namespace numbers it */
	const char *path;      /* of the image; "-": standard output */
	enum dump_after after;
	bool shell_job;
	bool leaks_warn;
	bool sysv_all;         /* every System V IPC object of the namespace is the tree's */
	enum tcp_how tcp;      /* what becomes of connections */
	enum entrants entrants;
	struct externals external; /* open files that restore will be handed */
	enum { SCOPE_ANY, SCOPE_CONTAINER, SCOPE_SUBTREE } scope;
	bool json;             /* refusals as JSON on stdout */
	bool verbose;
	unsigned int timeout_ms; /* longest the tree may be stopped before it is let go */
};

struct dump {
	const struct dump_opts *opts;
	struct walk *walk;
	struct snap snap;
	struct tree tree;
	struct users users;
	const struct snap *sysv_like; /* the records of an image say which System V objects; else NULL */
	struct rec_cpu cpu;  /* of this system */
	const void *vdso;    /* of this kernel, with its length */
	size_t vdso_len;
	struct restart_names restarts;
	struct rec_task own; /* this process, for what must be equal */
	struct freeze freeze;
	struct check check;
	struct ids ids;
	struct ids programs;     /* inodes whose build ids have been looked for */
	struct image_writer *image;
	struct page_source *sources;
	size_t nr_sources, cap_sources;
	struct flight flight;
	struct pidfd { pid_t pid; int fd; } pidfds[DUMP_PIDFDS]; /* recently used, by pid */
	struct page_pool *pool;
	struct tcp_lock *tcp_lock;     /* keeps connections of a tree that is to be killed quiet */
	struct tcp_tuple *tcp_tuples;
	int *tcp_fds;                  /* duplicates of their sockets */
	size_t nr_tcp, nr_tcp_fds;
	__u64 tcp_token;               /* names what keeps them quiet until the restore */
	struct sockopt_sort *sockopts; /* what fresh sockets have */
	struct pages_stats pages;
	__u64 deadline;  /* CLOCK_MONOTONIC, ns */
	__u64 froze_at, released_at;
	__u64 tasks_ns, state_ns; /* how long the last walk of all tasks took, and of the members' state */
};

/* The whole checkpoint. 0 or a negative error that was reported. */
int dump_run(const struct dump_opts *opts);

/* What can be done for a tree of about this size before it is stopped: space and memory. */
void dump_make_room(struct dump *d);

/* Fetch what BPF could not give, kind by kind, from a frozen tree that dump_walk() has read. */
int dump_collect(struct dump *d);

/*
 * Who of the whole system has files of the tree open, besides it, as rec_holder; counts that somebody had raised
 * for a moment are put right.
 */
int dump_find_holders(struct dump *d);

/* Everything a dump holds; lets go of what is frozen, throws an uncommitted image away. */
void dump_free(struct dump *d);

/* The thread whose own number a pid object is, or NULL. */
const struct rec_task *dump_task_of(const struct dump *d, __u64 pid);

/* A duplicate of a descriptor of a task of the tree, or -errno (not reported). */
int dump_getfd(struct dump *d, const struct rec_task *t, unsigned int fd);

/* A duplicate of an open file that a task of the tree has, or a message in flight, or -errno. */
int dump_reach(struct dump *d, __u64 file);

/* Any open descriptor of the tree that refers to this file: fills task and fd. false: none. */
bool dump_find_fd(struct dump *d, __u64 file, const struct rec_task **t, unsigned int *fd);

/* Have pages copied into the image; ranges and descriptor are taken over, whatever is returned. */
int dump_add_pages(struct dump *d, struct page_source *src);

/* The level-0 number of a task: what ptrace, /proc and process_vm_readv want here. */
pid_t task_tid(const struct tree *t, const struct rec_task *task);

#endif
