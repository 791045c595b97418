/* SPDX-License-Identifier: GPL-2.0-only */
/* idmap.h - user namespaces of records: who is in which, and how they number ids. */
#ifndef BPF_CKPT_IDMAP_H
#define BPF_CKPT_IDMAP_H

#include <stdbool.h>

#include "rec_ns.h"
#include "rec_task.h"
#include "snap.h"

/*
 * A user namespace as these functions return it: the key of its record, or 0 for the initial one, which
 * is also that of an image that knows of no others.
 */
__u64 userns_of_task(const struct snap *s, const struct rec_task *t);
__u64 userns_of_children(const struct snap *s, const struct rec_task *t); /* its pid_ns_for_children's */
__u64 userns_of_pidns(const struct snap *s, const struct rec_task *member);
__u64 userns_of_mntns(const struct snap *s, __u64 mntns);

/* Is ns equal to top or below it? Bounded. */
bool userns_within(const struct snap *s, __u64 ns, __u64 top);

/*
 * What an id of the initial namespace (of users: MAP_UID, or of groups: MAP_GID) is called in ns; false
 * when it has no name there.
 */
bool userns_id(const struct snap *s, __u64 ns, int map, __u32 id, __u32 *inside);

/* The ranges of one map, *nr of them. */
const struct rec_idrange *userns_map(const struct rec_userns *ns, int map, __u32 *nr);

/* Have two tasks the same users, or groups? */
bool cred_same_uids(const struct rec_task *a, const struct rec_task *b);
bool cred_same_gids(const struct rec_task *a, const struct rec_task *b);
bool cred_same_groups(const struct rec_task *a, const struct rec_task *b);

/*
 * Can a task that is in ns, and has all rights there, get the ids of t? like: whose ids it has so far;
 * NULL: ours. Otherwise why says which it cannot.
 */
bool cred_possible(const struct snap *s, __u64 ns, const struct rec_task *t, const struct rec_task *like,
		   char *why, size_t len);

#endif
