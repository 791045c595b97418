/* SPDX-License-Identifier: GPL-2.0-only */
/* restore_userns.h - user namespaces of a tree, and tasks that have to be made inside of them. */
#ifndef BPF_CKPT_RESTORE_USERNS_H
#define BPF_CKPT_RESTORE_USERNS_H

#include "rec_ns.h"
#include "restore.h"

/* Make a user namespace and those above it, and keep a descriptor of it for the stubs. */
int restore_make_userns(struct restore *r, const struct rec_userns *ns);

/* Have the stub enter the user namespace; it has all rights there then, and none outside. */
int restore_enter_userns(struct restore *r, struct batch *b, __u64 ns);

/*
 * Make a task whose maker is not in the right user namespace, or may not choose all of its numbers. The
 * maker has nothing else to do. restore_ushered_root(): the maker is the coordinator.
 */
int restore_make_slow(struct restore *r, unsigned int task);
int restore_ushered_root(struct restore *r);

/*
 * The cursors of pid namespaces whose numbers a maker cannot choose, once all processes exist: of the one
 * of that member; what our own one says; the next task gets these outer numbers; wait until it may be worth another try; did it get
 * them, or was somebody faster; as they were, or are to be.
 */
int restore_send_cursor(struct restore *r, pid_t member, int next);
int restore_read_cursor(const struct restore *r, char *text, size_t size);
int restore_set_cursors_late(struct restore *r, const struct rec_pid *pid, unsigned int blind);
int restore_retry_number(const struct restore *r, const struct rec_pid *pid, __u64 deadline);
bool restore_has_numbers(const struct restore *r, const struct rec_pid *pid, const struct rec_pid *tgid,
			 const struct rec_pid *parent);
int restore_put_cursors_back(struct restore *r, unsigned int thread, const char *own);

#endif
