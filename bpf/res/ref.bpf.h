/* SPDX-License-Identifier: GPL-2.0-only */
/* ref.bpf.h - descriptors that refer to tasks and namespaces: pidfds, files of proc, nsfs. */
#ifndef BPF_CKPT_REF_BPF_H
#define BPF_CKPT_REF_BPF_H

#include "compat.bpf.h"
#include "rec_ref.h"
#include "res/pid.bpf.h"
#include "res/proc_view.bpf.h"

#define PROC_SUPER_MAGIC 0x9fa0
#define NSFS_MAGIC 0x6e736673
#define PID_FS_MAGIC 0x50494446
#define ANON_INODE_FS_MAGIC 0x09041934

/* Somebody has it as a number: a task, or one that waits to be reaped. */
static __always_inline bool pid_has_task(struct pid *pid)
{
	return BPF_CORE_READ(pid, tasks[0].first) != NULL; /* PIDTYPE_PID */
}

/* pidfds lie on a file system of their own since 6.9, and are anonymous files before */
static __always_inline void emit_pidfd(struct frame *f, struct file *file, __u64 magic)
{
	struct pid *pid = magic == PID_FS_MAGIC ? BPF_CORE_READ(file, f_inode, i_private) :
						  BPF_CORE_READ(file, private_data);
	struct rec_pidfd *r = frame_add(f, REC_PIDFD, sizeof(*r));

	if (!r)
		return;
	r->file = (__u64)file;
	if (pid_has_task(pid))
		r->pid = (__u64)pid;
	else
		r->pidns = (__u64)pid_active_ns(pid);
}

#define PROC_DEPTH_MAX 16

/* How deep it lies in its proc, and below which of the directories there. */
static __always_inline void fill_place(struct rec_procfs *r, struct dentry *d)
{
	struct dentry *up = BPF_CORE_READ(d, d_parent), *below = d;
	int i;

	for (i = 0; i < PROC_DEPTH_MAX && up != d; i++) {
		below = d;
		d = up;
		up = BPF_CORE_READ(d, d_parent);
	}
	r->depth = i;
	if (i)
		bpf_probe_read_kernel_str(r->top, sizeof(r->top), BPF_CORE_READ(below, d_name.name));
}

static __always_inline void emit_procfs(struct frame *f, struct file *file)
{
	struct rec_procfs *r = frame_add(f, REC_PROCFS, sizeof(*r));
	struct inode *inode = file->f_inode;
	struct proc_inode *pi = (void *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
	struct proc_fs_info *info = BPF_CORE_READ(inode, i_sb, s_fs_info);
	struct pid *pid = BPF_CORE_READ(pi, pid);

	if (!r)
		return;
	r->file = (__u64)file;
	r->pidns = (__u64)BPF_CORE_READ(info, pid_ns);
	r->opener = BPF_CORE_READ(file, f_cred, fsuid.val);
	fill_place(r, BPF_CORE_READ(file, f_path.dentry));
	if (pid && pid_has_task(pid))
		r->pid = (__u64)pid;
	else if (pid)
		r->gone = 1;
	emit_proc_view(f, file, pid);
}

static __always_inline void emit_nsfd(struct frame *f, struct file *file)
{
	struct rec_nsfd *r = frame_add(f, REC_NSFD, sizeof(*r));
	struct ns_common *ns = BPF_CORE_READ(file, f_inode, i_private);
	const char *name = BPF_CORE_READ(ns, ops, name);
	char type = 0;

	if (!r)
		return;
	r->file = (__u64)file;
	r->inum = BPF_CORE_READ(ns, inum);
	bpf_probe_read_kernel(&type, sizeof(type), name); /* "pid", "pid_for_children", "mnt": no other has these */
	if (type == 'p')
		r->pidns = (__u64)ns - bpf_core_field_offset(struct pid_namespace, ns);
	else if (type == 'm')
		r->mntns = (__u64)ns - bpf_core_field_offset(struct mnt_namespace, ns);
}

static __always_inline bool is_pidfd_name(struct file *file)
{
	char name[8] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	return name[0] == '[' && name[1] == 'p' && name[2] == 'i' && name[3] == 'd' && name[4] == 'f' &&
	       name[5] == 'd';
}

static __always_inline void emit_ref(struct frame *f, struct file *file)
{
	__u64 magic = BPF_CORE_READ(file, f_inode, i_sb, s_magic);

	if (magic == PROC_SUPER_MAGIC)
		emit_procfs(f, file);
	else if (magic == NSFS_MAGIC)
		emit_nsfd(f, file);
	else if (magic == PID_FS_MAGIC || (magic == ANON_INODE_FS_MAGIC && is_pidfd_name(file)))
		emit_pidfd(f, file, magic);
	else
		emit_kernfs_view(f, file, magic);
}

#endif
