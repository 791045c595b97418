/* SPDX-License-Identifier: GPL-2.0-only */
/* compat.bpf.h - struct members that moved between kernels; each with the kernel that moved it. */
#ifndef BPF_CKPT_COMPAT_BPF_H
#define BPF_CKPT_COMPAT_BPF_H

#include "chain.bpf.h"
#include "emit.bpf.h"

/* mm_struct.flags: unsigned long until 6.17, then mm_flags_t (a bitmap of one word) */
struct mm_struct___word {
	unsigned long flags;
} __attribute__((preserve_access_index));

static __always_inline __u64 mm_flags(struct mm_struct *mm)
{
	struct mm_struct___word *old = (void *)mm;
	unsigned long word = 0;

	/* a field's type decides whether it "exists": the word that holds all bits comes first in both */
	if (bpf_core_field_exists(old->flags))
		word = BPF_CORE_READ(old, flags);
	else if (bpf_core_field_exists(mm->flags))
		bpf_probe_read_kernel(&word, sizeof(word),
				      (char *)mm + bpf_core_field_offset(struct mm_struct, flags));
	return word;
}

/* kernel_cap_t: u32[2] until 6.2, then u64; 8 bytes either way */
#define cap_word(c_, member)                                                                      \
	({                                                                                        \
		__u64 cap_ = 0;                                                                   \
		bpf_probe_read_kernel(&cap_, sizeof(cap_),                                        \
				      (char *)(c_) + bpf_core_field_offset(struct cred, member)); \
		cap_;                                                                             \
	})

/* pid.ino: since 6.9 */
static __always_inline __u64 pid_ino(struct pid *pid)
{
	return bpf_core_field_exists(pid->ino) ? BPF_CORE_READ(pid, ino) : 0;
}

/* inode times: timespec64 i_mtime until 6.6, __i_mtime until 6.10, then i_mtime_sec and _nsec */
struct timespec64___any {
	__s64 tv_sec;
	long tv_nsec;
} __attribute__((preserve_access_index));
struct inode___67 {
	struct timespec64___any __i_mtime;
} __attribute__((preserve_access_index));
struct inode___61 {
	struct timespec64___any i_mtime;
} __attribute__((preserve_access_index));

static __always_inline void inode_mtime(struct inode *inode, __s64 *sec, __u32 *nsec)
{
	struct inode___67 *i67 = (void *)inode;
	struct inode___61 *i61 = (void *)inode;

	if (bpf_core_field_exists(inode->i_mtime_sec)) {
		*sec = BPF_CORE_READ(inode, i_mtime_sec);
		*nsec = BPF_CORE_READ(inode, i_mtime_nsec);
	} else if (bpf_core_field_exists(i67->__i_mtime)) {
		*sec = BPF_CORE_READ(i67, __i_mtime.tv_sec);
		*nsec = BPF_CORE_READ(i67, __i_mtime.tv_nsec);
	} else {
		*sec = BPF_CORE_READ(i61, i_mtime.tv_sec);
		*nsec = BPF_CORE_READ(i61, i_mtime.tv_nsec);
	}
}

/* inode.i_state: a word until 6.17, then an enum, in which the bit has moved */
#define I_LINKABLE_WORD (1u << 10)
#define I_LINKABLE_ENUM (1u << 11)

struct inode___word {
	unsigned long i_state;
} __attribute__((preserve_access_index));

static __always_inline bool inode_is_linkable(struct inode *inode)
{
	struct inode___word *old = (void *)inode;
	__u32 state = 0;

	if (bpf_core_field_exists(old->i_state))
		return BPF_CORE_READ(old, i_state) & I_LINKABLE_WORD;
	bpf_probe_read_kernel(&state, sizeof(state), (char *)inode + bpf_core_field_offset(struct inode, i_state));
	return state & I_LINKABLE_ENUM;
}

/* file.f_owner: embedded until 6.11, then a pointer that may be NULL */
struct file___embedded {
	struct fown_struct f_owner;
} __attribute__((preserve_access_index));

static __always_inline struct fown_struct *file_owner(struct file *file)
{
	struct file___embedded *old = (void *)file;

	if (bpf_core_field_exists(old->f_owner))
		return (void *)old + bpf_core_field_offset(struct file___embedded, f_owner);
	return BPF_CORE_READ(file, f_owner);
}

/* file.f_count (atomic_long_t) until 6.13, then f_ref, which counts from -1 up: one less */
struct atomic___any {
	__s64 counter;
} __attribute__((preserve_access_index));
struct file___counted {
	struct atomic___any f_count;
} __attribute__((preserve_access_index));

static __always_inline __u64 file_count(struct file *file)
{
	struct file___counted *old = (void *)file;
	__u64 n = 0;

	if (bpf_core_field_exists(old->f_count)) {
		n = BPF_CORE_READ(old, f_count.counter);
	} else if (bpf_core_field_exists(file->f_ref)) {
		bpf_probe_read_kernel(&n, sizeof(n),
				      (char *)file + bpf_core_field_offset(struct file, f_ref));
		n += 1;
	}
	return n;
}

/* k_itimer: list_head, sigqueue pointer, it_active (6.1); hlist (6.8); embedded sigqueue, it_status (6.13) */
struct k_itimer___old {
	struct sigqueue *sigq;
	int it_requeue_pending;
	int it_active;
} __attribute__((preserve_access_index));

/* file_lock: its common part became file_lock_core in 6.9 */
struct file_lock___flat {
	struct list_head fl_list;
	fl_owner_t fl_owner;
	unsigned int fl_flags;
	unsigned char fl_type;
	struct file *fl_file;
	loff_t fl_start;
	loff_t fl_end;
} __attribute__((preserve_access_index));

/* anon_vma_name: a member of its own when configured; 5.17 to 6.1 a union with the rmap node */
struct vm_area_struct___named {
	struct anon_vma_name *anon_name;
} __attribute__((preserve_access_index));

/* sem_undo.semadj: a pointer until 6.8, then the array itself */
struct sem_undo___pointer {
	short *semadj;
} __attribute__((preserve_access_index));

static __always_inline short *undo_adjustments(struct sem_undo *un)
{
	struct sem_undo___pointer *old = (void *)un;

	if (bpf_core_field_exists(old->semadj))
		return BPF_CORE_READ(old, semadj);
	return (void *)un + bpf_core_field_offset(struct sem_undo, semadj);
}

/* proc_maps_private.mm: since 6.17 in a proc_maps_locking_ctx */
struct proc_maps_private___61 {
	struct mm_struct *mm;
} __attribute__((preserve_access_index));

static __always_inline struct mm_struct *maps_mm(struct proc_maps_private *maps)
{
	struct proc_maps_private___61 *old = (void *)maps;

	if (bpf_core_field_exists(old->mm))
		return BPF_CORE_READ(old, mm);
	return BPF_CORE_READ(maps, lock_ctx.mm);
}

/* rseq_len: since 6.3; 32 bytes before */
static __always_inline __u32 task_rseq_len(struct task_struct *task)
{
	if (bpf_core_field_exists(task->rseq_len))
		return BPF_CORE_READ(task, rseq_len);
	return 32;
}

#endif
