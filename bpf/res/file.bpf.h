/* SPDX-License-Identifier: GPL-2.0-only */
/* file.bpf.h - struct file and the inode behind it: open, mapped or executed. */
#ifndef BPF_CKPT_FILE_BPF_H
#define BPF_CKPT_FILE_BPF_H

#include "compat.bpf.h"
#include "rec_file.h"

#define O_PATH 010000000
#define S_IFMT 0170000
#define S_IFIFO 0010000
#define S_IFSOCK 0140000

static __always_inline void fill_inode(struct rec_inode *r, struct inode *inode)
{
	r->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	r->ino = BPF_CORE_READ(inode, i_ino);
	r->size = BPF_CORE_READ(inode, i_size);
	inode_mtime(inode, &r->mtime_sec, &r->mtime_nsec);
	r->mode = BPF_CORE_READ(inode, i_mode);
	r->nlink = BPF_CORE_READ(inode, i_nlink);
	r->rdev = BPF_CORE_READ(inode, i_rdev);
	r->magic = BPF_CORE_READ(inode, i_sb, s_magic);
}

static __always_inline void fill_owner(struct rec_file *r, struct file *file)
{
	struct fown_struct *o = file_owner(file);

	if (!o)
		return;
	r->owner = (__u64)BPF_CORE_READ(o, pid);
	r->owner_type = BPF_CORE_READ(o, pid_type);
	r->owner_signum = BPF_CORE_READ(o, signum);
	r->owner_uid = BPF_CORE_READ(o, uid.val);
	r->owner_euid = BPF_CORE_READ(o, euid.val);
}

#define TMPFS_MAGIC 0x01021994
#define VM_NORESERVE 0x00200000 /* include/linux/mm.h; of shmem_inode_info, too */
#define NAME_SYSV 0x56535953u /* "SYSV" */

/* mm/shmem.c: what the kernel itself makes for shmget(2), which has no other name than that */
static __always_inline bool is_unreserved(struct inode *inode, const char *name)
{
	struct shmem_inode_info *info = (void *)inode - bpf_core_field_offset(struct shmem_inode_info, vfs_inode);

	return *(const __u32 *)name == NAME_SYSV && BPF_CORE_READ(inode, i_sb, s_magic) == TMPFS_MAGIC &&
	       !BPF_CORE_READ(inode, i_nlink) && BPF_CORE_READ(info, flags) & VM_NORESERVE;
}

/* file must be a pointer the verifier knows as struct file: bpf_d_path() asks for it */
static __always_inline struct rec_file *emit_file(struct frame *f, struct file *file)
{
	struct rec_file *r = frame_add(f, REC_FILE, sizeof(*r));
	struct inode *inode;

	if (!r)
		return NULL;
	inode = file->f_inode;
	r->addr = (__u64)file;
	r->inode = (__u64)inode;
	r->f_op = (__u64)file->f_op;
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFIFO && !(file->f_flags & O_PATH))
		r->object = (__u64)BPF_CORE_READ(inode, i_pipe);
	r->flags = file->f_flags;
	r->mode = file->f_mode;
	r->pos = file->f_pos;
	r->count = file_count(file);
	fill_owner(r, file);
	fill_inode(&r->id, inode);
	if (inode_is_linkable(inode))
		r->inode_flags |= INODE_F_LINKABLE;
	bpf_probe_read_kernel_str(r->name, sizeof(r->name),
				  BPF_CORE_READ(file, f_path.dentry, d_name.name));
	if (is_unreserved(inode, r->name))
		r->inode_flags |= INODE_F_UNRESERVED;
	r->path_len = frame_path(f, &r->h, (struct path *)&file->f_path);
	return r;
}

#endif
