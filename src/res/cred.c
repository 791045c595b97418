// SPDX-License-Identifier: GPL-2.0-only
/* cred.c - operations that give a stub a thread's credentials. */
#include "cred.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "idmap.h"
#include "restore_userns.h"

static void set_caps(struct machine *m, struct batch *b, __u64 eff, __u64 perm, __u64 inh)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = {
		{ (__u32)eff, (__u32)perm, (__u32)inh },
		{ eff >> 32, perm >> 32, inh >> 32 },
	};

	batch_op(b, SYS_capset, machine_dup(m, &h, sizeof(h)), machine_dup(m, d, sizeof(d)));
}

/* The kernel takes ids as the task's own user namespace calls them. */
static __u32 inside(struct restore *r, __u64 ns, int map, __u32 id)
{
	__u32 out;

	userns_id(&r->image.snap, ns, map, id, &out); /* cred_possible() has looked */
	return out;
}

static void set_groups(struct restore *r, struct batch *b, __u64 ns, const struct rec_task *t)
{
	__u32 *v = t->ngroups ? machine_dup(&r->machine, t->groups, t->ngroups * sizeof(*v)) : NULL;

	for (__u32 i = 0; v && i < t->ngroups; i++)
		v[i] = inside(r, ns, MAP_GID, v[i]);
	batch_op(b, SYS_setgroups, t->ngroups, v);
}

void cred_set_ids(struct restore *r, struct batch *b, __u64 ns, const struct rec_task *t,
		  const struct rec_task *like)
{
	if (!like || !cred_same_groups(t, like))
		set_groups(r, b, ns, t);
	if (!like || !cred_same_gids(t, like)) {
		batch_op(b, SYS_setresgid, inside(r, ns, MAP_GID, t->gid), inside(r, ns, MAP_GID, t->egid),
			 inside(r, ns, MAP_GID, t->sgid));
		/* returns the old one */
		batch_op(b, SYS_setfsgid, inside(r, ns, MAP_GID, t->fsgid))->flags = OP_MAY_FAIL;
	}
	if (!like || !cred_same_uids(t, like)) {
		batch_op(b, SYS_setresuid, inside(r, ns, MAP_UID, t->uid), inside(r, ns, MAP_UID, t->euid),
			 inside(r, ns, MAP_UID, t->suid));
		batch_op(b, SYS_setfsuid, inside(r, ns, MAP_UID, t->fsuid))->flags = OP_MAY_FAIL;
	}
}

int cred_enter(struct restore *r, struct unit *u)
{
	const struct rec_task *t = u->body ?: u->task;
	__u64 to = userns_of_task(&r->image.snap, t);

	if (to == u->plan->userns)
		return 0;
	/* the ids first: in there they may have no name, or must not be changed */
	batch_op(&u->batch, SYS_prctl, PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP);
	cred_set_ids(r, &u->batch, u->plan->userns, t, u->plan->like);
	return restore_enter_userns(r, &u->batch, to);
}

/* Whose ids a task has by now: those of who entered its user namespace, or from birth; NULL: ours. */
static const struct rec_task *ids_so_far(struct restore *r, const struct rec_task *t, __u64 ns)
{
	const struct unit *leader = restore_unit(r, t->signal);

	if (ns != leader->plan->userns)
		return leader->body ?: leader->task;
	return leader->plan->like;
}

int cred_join(struct restore *r, struct batch *b, const struct rec_task *t)
{
	struct machine *m = &r->machine;
	__u64 ns = userns_of_task(&r->image.snap, t);
	/* what the stub may keep until the last call: what it has, and the target, and SETPCAP */
	__u64 keep = t->cap_permitted | 1ull << CAP_SETPCAP;

	/* keep capabilities across the change of ids, whatever securebits say later */
	batch_op(b, SYS_prctl, PR_SET_SECUREBITS, SECBIT_KEEP_CAPS);
	for (unsigned int cap = 0; cap < 64; cap++)
		if (!(t->cap_bounding >> cap & 1))
			batch_op(b, SYS_prctl, PR_CAPBSET_DROP, cap)->flags = OP_MAY_FAIL;
	cred_set_ids(r, b, ns, t, ids_so_far(r, t, ns));
	set_caps(m, b, keep, keep, t->cap_inheritable);
	for (unsigned int cap = 0; cap < 64; cap++)
		if (t->cap_ambient >> cap & 1)
			batch_op(b, SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
	batch_op(b, SYS_prctl, PR_SET_SECUREBITS, t->securebits);
	set_caps(m, b, t->cap_effective, t->cap_permitted, t->cap_inheritable);
	return 0;
}
