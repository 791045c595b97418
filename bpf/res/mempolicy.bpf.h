/* SPDX-License-Identifier: GPL-2.0-only */
/* mempolicy.bpf.h - struct mempolicy: where the memory of a thread or of an area is to come from. */
#ifndef BPF_CKPT_MEMPOLICY_BPF_H
#define BPF_CKPT_MEMPOLICY_BPF_H

#include "compat.bpf.h"
#include "rec_ipc.h"

#define MPOL_MODE_FLAGS 0xe000  /* include/uapi/linux/mempolicy.h: static, relative, balancing */
#define MPOL_USER_NODEMASK 0xc000 /* with these two the kernel keeps what it was given */

static __always_inline struct rec_mempolicy *emit_mempolicy(struct frame *f, __u32 tag, __u64 owner,
							    struct mempolicy *p)
{
	struct rec_mempolicy *r = frame_add(f, tag, sizeof(*r));
	__u32 bytes = bpf_core_field_size(p->nodes);
	void *nodes = &p->nodes;

	if (!r)
		return NULL;
	r->owner = owner;
	r->mode = BPF_CORE_READ(p, mode);
	r->flags = BPF_CORE_READ(p, flags);
	r->home_node = BPF_CORE_READ(p, home_node);
	if (r->flags & MPOL_USER_NODEMASK)
		nodes = &p->w.user_nodemask;
	r->flags &= MPOL_MODE_FLAGS;
	if (bytes > sizeof(r->nodes))
		bytes = sizeof(r->nodes);
	bpf_probe_read_kernel(r->nodes, bytes, nodes);
	return r;
}

/*
 * Has that part of an object in memory a policy, by a mapping that is gone or another task's? Policies
 * of ranges are in a search tree, mm/mempolicy.c: sp_lookup().
 */
static __always_inline bool has_inode_policy(struct inode *inode, __u64 start, __u64 end)
{
	struct shmem_inode_info *info =
		(void *)inode - bpf_core_field_offset(struct shmem_inode_info, vfs_inode);
	struct rb_node *node;

	if (!bpf_core_field_exists(info->policy))
		return false;
	node = BPF_CORE_READ(info, policy.root.rb_node);
	for (int depth = 0; depth < 64 && node; depth++) {
		struct sp_node *n = (void *)node - bpf_core_field_offset(struct sp_node, nd);

		if (start >= BPF_CORE_READ(n, end))
			node = BPF_CORE_READ(node, rb_right);
		else if (end <= BPF_CORE_READ(n, start))
			node = BPF_CORE_READ(node, rb_left);
		else
			return true;
	}
	return node;
}

#endif
