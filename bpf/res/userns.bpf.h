/* SPDX-License-Identifier: GPL-2.0-only */
/* userns.bpf.h - struct user_namespace as a record, with its maps of ids. */
#ifndef BPF_CKPT_USERNS_BPF_H
#define BPF_CKPT_USERNS_BPF_H

#include "compat.bpf.h"
#include "rec_ns.h"

#define USERNS_SETGROUPS_ALLOWED 1ul /* include/linux/user_namespace.h */

/* Five ranges lie in the map itself; of more, it has a pointer to those in order of the inner id. */
static __always_inline void copy_map(struct frame *f, __u32 off, struct uid_gid_map *map, __u32 nr)
{
	void *from = (void *)map + bpf_core_field_offset(struct uid_gid_map, extent);

	if (nr > 5)
		from = BPF_CORE_READ(map, forward);
	bpf_probe_read_kernel(f->data + bounded(off, FRAME_BYTES / 2 - 1),
			      bounded(nr * sizeof(struct rec_idrange), 2047), from);
}

static __always_inline void emit_maps(struct frame *f, struct rec_userns *r, struct user_namespace *ns)
{
	__u32 off = f->used, u, g, p, bytes;

	u = BPF_CORE_READ(ns, uid_map.nr_extents);
	g = BPF_CORE_READ(ns, gid_map.nr_extents);
	p = BPF_CORE_READ(ns, projid_map.nr_extents);
	r->nr[MAP_UID] = u;
	r->nr[MAP_GID] = g;
	r->nr[MAP_PROJID] = p;
	if (u > USERNS_RANGES_MAX || g > USERNS_RANGES_MAX || p > USERNS_RANGES_MAX) {
		r->flags |= USERNS_F_CUT;
		return;
	}
	bytes = (u + g + p) * sizeof(struct rec_idrange);
	copy_map(f, off, &ns->uid_map, u);
	copy_map(f, off + u * sizeof(struct rec_idrange), &ns->gid_map, g);
	copy_map(f, off + (u + g) * sizeof(struct rec_idrange), &ns->projid_map, p);
	bpf_probe_read_kernel(f->data + bounded(off + bytes, FRAME_BYTES / 2 - 1), REC_ALIGN, NULL);
	frame_grow(f, &r->h, bytes);
}

static __always_inline void emit_userns(struct frame *f, struct user_namespace *ns)
{
	struct rec_userns *r = frame_add(f, REC_USERNS, sizeof(*r));
	__u32 bytes;

	if (!r)
		return;
	r->addr = (__u64)ns;
	r->parent = (__u64)BPF_CORE_READ(ns, parent);
	r->level = BPF_CORE_READ(ns, level);
	r->inum = BPF_CORE_READ(ns, ns.inum);
	if (!r->level)
		return;
	r->owner = BPF_CORE_READ(ns, owner.val);
	r->group = BPF_CORE_READ(ns, group.val);
	if (BPF_CORE_READ(ns, flags) & USERNS_SETGROUPS_ALLOWED)
		r->flags |= USERNS_F_SETGROUPS;
	if (BPF_CORE_READ(ns, parent_could_setfcap))
		r->flags |= USERNS_F_SETFCAP;
	bytes = bpf_core_field_size(ns->ucount_max);
	bpf_probe_read_kernel(r->limit, bytes > sizeof(r->limit) ? sizeof(r->limit) : bytes,
			      (void *)ns + bpf_core_field_offset(struct user_namespace, ucount_max));
	bytes = bpf_core_field_size(ns->rlimit_max);
	bpf_probe_read_kernel(r->rlimit, bytes > sizeof(r->rlimit) ? sizeof(r->rlimit) : bytes,
			      (void *)ns + bpf_core_field_offset(struct user_namespace, rlimit_max));
	emit_maps(f, r, ns);
}

#endif
