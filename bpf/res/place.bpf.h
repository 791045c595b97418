/* SPDX-License-Identifier: GPL-2.0-only */
/* place.bpf.h - through which mount somebody reached a file. */
#ifndef BPF_CKPT_PLACE_BPF_H
#define BPF_CKPT_PLACE_BPF_H

#include "compat.bpf.h"
#include "rec_place.h"

#define MAX_ERRNO  4095
#define MNT_UMOUNT 0x8000000 /* include/linux/mount.h: it was taken out of its namespace */

/*
 * Mounts of the kernel's own (pipes, sockets, memory) are of no namespace: MNT_NS_INTERNAL; before 6.17
 * that of huge pages has none, as those that were taken away, but never had any.
 */
static __always_inline void emit_place(struct frame *f, struct task_struct *t, __u64 user, struct vfsmount *mnt)
{
	struct mount *m = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
	__u64 ns = (__u64)BPF_CORE_READ(m, mnt_ns);
	struct rec_place *r;

	if (!ns && !(BPF_CORE_READ(mnt, mnt_flags) & MNT_UMOUNT))
		return;
	if (ns == (__u64)BPF_CORE_READ(t, nsproxy, mnt_ns) || ns >= (__u64)-MAX_ERRNO)
		return;
	r = frame_add(f, REC_PLACE, sizeof(*r));
	if (!r)
		return;
	r->user = user;
	r->mntns = ns;
}

#endif
