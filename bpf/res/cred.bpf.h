/* SPDX-License-Identifier: GPL-2.0-only */
/* cred.bpf.h - struct cred into the task record. */
#ifndef BPF_CKPT_CRED_BPF_H
#define BPF_CKPT_CRED_BPF_H

#include "compat.bpf.h"
#include "rec_task.h"

static __always_inline void fill_groups(struct rec_task *r, const struct cred *c)
{
	struct group_info *g = BPF_CORE_READ(c, group_info);
	__u32 n = BPF_CORE_READ(g, ngroups);

	r->ngroups = n;
	if (n > REC_GROUPS_MAX)
		n = REC_GROUPS_MAX;
	if (n)
		bpf_probe_read_kernel(r->groups, n * sizeof(__u32),
				      (char *)g + bpf_core_field_offset(struct group_info, gid));
}

static __always_inline void fill_cred(struct rec_task *r, struct task_struct *t)
{
	const struct cred *c = BPF_CORE_READ(t, real_cred);

	r->uid = BPF_CORE_READ(c, uid.val);
	r->gid = BPF_CORE_READ(c, gid.val);
	r->suid = BPF_CORE_READ(c, suid.val);
	r->sgid = BPF_CORE_READ(c, sgid.val);
	r->euid = BPF_CORE_READ(c, euid.val);
	r->egid = BPF_CORE_READ(c, egid.val);
	r->fsuid = BPF_CORE_READ(c, fsuid.val);
	r->fsgid = BPF_CORE_READ(c, fsgid.val);
	r->securebits = BPF_CORE_READ(c, securebits);
	r->cap_inheritable = cap_word(c, cap_inheritable);
	r->cap_permitted = cap_word(c, cap_permitted);
	r->cap_effective = cap_word(c, cap_effective);
	r->cap_bounding = cap_word(c, cap_bset);
	r->cap_ambient = cap_word(c, cap_ambient);
	fill_groups(r, c);
}

#endif
