// SPDX-License-Identifier: GPL-2.0-only
/* idmap.c - user namespaces of records: who is in which, and how they number ids. */
#include "idmap.h"

#include <stdio.h>
#include <string.h>

/* The initial namespace is nobody's in particular: 0. */
static __u64 named(const struct snap *s, __u64 ns)
{
	const struct rec_userns *r = ns ? snap_find(s, REC_USERNS, ns) : NULL;

	return r && r->level ? ns : 0;
}

__u64 userns_of_task(const struct snap *s, const struct rec_task *t)
{
	const struct rec_owners *o = t ? snap_find(s, REC_OWNERS, t->addr) : NULL;

	return o ? named(s, o->user) : 0;
}

__u64 userns_of_children(const struct snap *s, const struct rec_task *t)
{
	const struct rec_owners *o = snap_find(s, REC_OWNERS, t->addr);

	return o ? named(s, o->children) : 0;
}

__u64 userns_of_pidns(const struct snap *s, const struct rec_task *member)
{
	const struct rec_owners *o = member ? snap_find(s, REC_OWNERS, member->addr) : NULL;

	return o ? named(s, o->pid) : 0;
}

__u64 userns_of_mntns(const struct snap *s, __u64 mntns)
{
	size_t nr;
	void **t = snap_referring(s, REC_TASK, struct rec_task, mntns, mntns, &nr);
	const struct rec_owners *o = nr ? snap_find(s, REC_OWNERS, rec_key(t[0])) : NULL;

	return o ? named(s, o->mnt) : 0;
}

bool userns_within(const struct snap *s, __u64 ns, __u64 top)
{
	for (int i = 0; ns && ns != top && i <= USERNS_LEVEL_MAX; i++) {
		const struct rec_userns *r = snap_find(s, REC_USERNS, ns);

		ns = r ? named(s, r->parent) : 0;
	}
	return ns == top;
}

const struct rec_idrange *userns_map(const struct rec_userns *ns, int map, __u32 *nr)
{
	const struct rec_idrange *v = ns->range;

	for (int i = 0; i < map; i++)
		v += ns->nr[i];
	*nr = ns->nr[map];
	return v;
}

bool userns_id(const struct snap *s, __u64 ns, int map, __u32 id, __u32 *inside)
{
	const struct rec_userns *r = ns ? snap_find(s, REC_USERNS, ns) : NULL;
	const struct rec_idrange *v;
	__u32 nr;

	*inside = id;
	if (!r || !r->level)
		return true;
	v = userns_map(r, map, &nr);
	for (__u32 i = 0; i < nr; i++) {
		if (id - v[i].outside < v[i].count) {
			*inside = v[i].inside + (id - v[i].outside);
			return true;
		}
	}
	return false;
}

bool cred_same_uids(const struct rec_task *a, const struct rec_task *b)
{
	return a->uid == b->uid && a->euid == b->euid && a->suid == b->suid && a->fsuid == b->fsuid;
}

bool cred_same_gids(const struct rec_task *a, const struct rec_task *b)
{
	return a->gid == b->gid && a->egid == b->egid && a->sgid == b->sgid && a->fsgid == b->fsgid;
}

bool cred_same_groups(const struct rec_task *a, const struct rec_task *b)
{
	return a->ngroups == b->ngroups &&
	       (a->ngroups > REC_GROUPS_MAX || !memcmp(a->groups, b->groups, a->ngroups * sizeof(__u32)));
}

static bool has_names(const struct snap *s, __u64 ns, int map, const __u32 *id, unsigned int nr,
		      const char *what, char *why, size_t len)
{
	__u32 inside;

	for (unsigned int i = 0; i < nr; i++) {
		if (!userns_id(s, ns, map, id[i], &inside)) {
			snprintf(why, len, "%s %u, which its user namespace does not map", what, id[i]);
			return false;
		}
	}
	return true;
}

bool cred_possible(const struct snap *s, __u64 ns, const struct rec_task *t, const struct rec_task *like,
		   char *why, size_t len)
{
	const __u32 uid[] = { t->uid, t->euid, t->suid, t->fsuid };
	const __u32 gid[] = { t->gid, t->egid, t->sgid, t->fsgid };
	const struct rec_userns *r = ns ? snap_find(s, REC_USERNS, ns) : NULL;

	if (!(like && cred_same_uids(t, like)) && !has_names(s, ns, MAP_UID, uid, 4, "user", why, len))
		return false;
	if (!(like && cred_same_gids(t, like)) && !has_names(s, ns, MAP_GID, gid, 4, "group", why, len))
		return false;
	if ((like && cred_same_groups(t, like)) || !r)
		return true;
	if (!(r->flags & USERNS_F_SETGROUPS)) {
		snprintf(why, len, "other supplementary groups than the task that it has them from, in a user "
			 "namespace where setgroups(2) is denied");
		return false;
	}
	return t->ngroups > REC_GROUPS_MAX ||
	       has_names(s, ns, MAP_GID, t->groups, t->ngroups, "group", why, len);
}
