/* SPDX-License-Identifier: GPL-2.0-only */
/* reach.h - an open file of a tree through a descriptor of whoever has it. */
#ifndef BPF_CKPT_REACH_H
#define BPF_CKPT_REACH_H

#include <fcntl.h>
#include <linux/types.h>
#include <stdbool.h>

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* since Linux 6.9 */
#endif

struct rec_task;
struct snap;
struct users;

/* Any open descriptor of the tree that refers to this file: fills task and fd. false: none. */
bool reach_find(const struct snap *s, const struct users *u, __u64 file, const struct rec_task **t,
		unsigned int *fd);

/* A duplicate of a descriptor of a task, or -errno (not reported). */
int reach_getfd(const struct snap *s, const struct rec_task *t, unsigned int fd);

/* A duplicate of any descriptor of the tree for this file, or -errno (not reported). */
int reach_file(const struct snap *s, const struct users *u, __u64 file);

#endif
