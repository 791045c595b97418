// SPDX-License-Identifier: GPL-2.0-only
/* cred.c - operations that give a stub a thread's credentials. */
#include "cred.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "cleanup.h"

static void set_caps(struct machine *m, struct batch *b, __u64 eff, __u64 perm, __u64 inh)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = {
		{ (__u32)eff, (__u32)perm, (__u32)inh },
		{ eff >> 32, perm >> 32, inh >> 32 },
	};

	batch_op(b, SYS_capset, machine_dup(m, &h, sizeof(h)), machine_dup(m, d, sizeof(d)));
}

static void set_ids(struct machine *m, struct batch *b, const struct rec_task *t)
{
	batch_op(b, SYS_setgroups, t->ngroups,
		 t->ngroups ? machine_dup(m, t->groups, t->ngroups * sizeof(__u32)) : NULL);
	batch_op(b, SYS_setresgid, t->gid, t->egid, t->sgid);
	batch_op(b, SYS_setfsgid, t->fsgid)->flags = OP_MAY_FAIL; /* returns the old one */
	batch_op(b, SYS_setresuid, t->uid, t->euid, t->suid);
	batch_op(b, SYS_setfsuid, t->fsuid)->flags = OP_MAY_FAIL;
}

void cred_join(struct machine *m, struct batch *b, const struct rec_task *t)
{
	/* what the stub may keep until the last call: what it has, and the target, and SETPCAP */
	__u64 keep = t->cap_permitted | 1ull << CAP_SETPCAP;

	/* keep capabilities across the change of ids, whatever securebits say later */
	batch_op(b, SYS_prctl, PR_SET_SECUREBITS, SECBIT_KEEP_CAPS);
	for (unsigned int cap = 0; cap < 64; cap++)
		if (!(t->cap_bounding >> cap & 1))
			batch_op(b, SYS_prctl, PR_CAPBSET_DROP, cap)->flags = OP_MAY_FAIL;
	set_ids(m, b, t);
	set_caps(m, b, keep, keep, t->cap_inheritable);
	for (unsigned int cap = 0; cap < 64; cap++)
		if (t->cap_ambient >> cap & 1)
			batch_op(b, SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
	batch_op(b, SYS_prctl, PR_SET_SECUREBITS, t->securebits);
	set_caps(m, b, t->cap_effective, t->cap_permitted, t->cap_inheritable);
}
