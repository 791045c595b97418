// SPDX-License-Identifier: GPL-2.0-only
/* vma.bpf.c - iter/task_vma: the areas of the members' address spaces and the files behind them. */
#include "res/file.bpf.h"
#include "res/mempolicy.bpf.h"
#include "rec_mem.h"

#define VM_PKEY_SHIFT 32 /* 4 bits on x86 */
#define VM_SHARED 0x00000008
#define VM_MAYSHARE 0x00000080
#define VM_HUGETLB 0x00400000
#define AIO_RING_MAGIC 0xa10a10a1 /* fs/aio.c */

static __always_inline bool is_shared_anon(struct vm_area_struct *vma, struct file *file)
{
	char name[9] = {}; /* mm/shmem.c: shmem_zero_setup() names it "dev/zero" */

	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != TMPFS_MAGIC)
		return false;
	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	return BPF_CORE_READ(file, f_inode, i_nlink) == 0 &&
	       *(__u64 *)name == *(const __u64 *)"dev/zero";
}

/* Anonymous memory in huge pages: its file is the kernel's own affair, and each mapping's own. */
static __always_inline bool is_private_huge(struct rec_vma *r, struct file *file)
{
	char name[16] = {}; /* fs/hugetlbfs/inode.c: HUGETLB_ANON_FILE */

	if (!(r->flags & VM_HUGETLB) || r->flags & VM_MAYSHARE || BPF_CORE_READ(file, f_inode, i_nlink))
		return false;
	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	return *(__u64 *)name == *(const __u64 *)"anon_hug" && name[8] == 'e';
}

static __always_inline void fill_name(struct rec_vma *r, struct vm_area_struct *vma)
{
	struct vm_area_struct___named *named = (void *)vma;
	struct vm_special_mapping *special;
	struct anon_vma_name *anon;

	if (BPF_CORE_READ(vma, vm_ops, name)) { /* mm/mmap.c: special_mapping_vmops */
		r->kind |= VMA_F_SPECIAL;
		special = BPF_CORE_READ(vma, vm_private_data);
		bpf_probe_read_kernel_str(r->name, sizeof(r->name), BPF_CORE_READ(special, name));
	} else if (bpf_core_field_exists(named->anon_name)) {
		anon = BPF_CORE_READ(named, anon_name);
		if (anon)
			bpf_probe_read_kernel_str(r->name, sizeof(r->name), anon->name);
	}
}

static __always_inline void note_policy(struct frame *f, struct rec_vma *r, struct vm_area_struct *vma)
{
	struct rec_mempolicy *p;
	struct file *file = vma->vm_file;

	if (!bpf_core_field_exists(vma->vm_policy))
		return;
	if (vma->vm_policy) {
		r->kind |= VMA_F_POLICY;
		p = emit_mempolicy(f, REC_AREA_POLICY, r->mm, vma->vm_policy);
		if (p) {
			p->start = r->start;
			p->end = r->end;
		}
	} else if (file && BPF_CORE_READ(file, f_inode, i_sb, s_magic) == TMPFS_MAGIC &&
		   has_inode_policy(file->f_inode, r->pgoff, r->pgoff + (r->end - r->start) / 4096)) {
		r->kind |= VMA_F_INODE_POLICY;
	}
}

SEC("iter/task_vma")
int walk_vmas(struct bpf_iter__task_vma *ctx)
{
	struct task_struct *t = ctx->task;
	struct vm_area_struct *vma = ctx->vma;
	struct rec_vma *r;
	struct file *file;
	struct frame *f;

	if (!t || !vma || !is_member(t))
		return 0;
	f = frame_get();
	if (!f)
		return 0;
	r = frame_add(f, REC_VMA, sizeof(*r));
	if (!r)
		return 0;
	r->mm = (__u64)vma->vm_mm;
	r->start = vma->vm_start;
	r->end = vma->vm_end;
	r->flags = vma->vm_flags;
	r->pkey = r->flags >> VM_PKEY_SHIFT & 0xf;
	r->pgoff = vma->vm_pgoff;
	if (vma->anon_vma)
		r->kind |= VMA_F_ANON_VMA;
	note_policy(f, r, vma);
	if (bpf_core_field_exists(vma->vm_userfaultfd_ctx.ctx) && vma->vm_userfaultfd_ctx.ctx)
		r->kind |= VMA_F_UFFD;
	file = vma->vm_file;
	if (!file) {
		fill_name(r, vma);
		return frame_send(f);
	}
	if (r->flags & VM_HUGETLB)
		r->kind |= VMA_F_HUGETLB | (__u32)BPF_CORE_READ(file, f_inode, i_sb, s_blocksize_bits) << VMA_HUGE_SHIFT;
	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) == AIO_RING_MAGIC)
		r->kind |= VMA_F_AIO;
	if (r->kind & VMA_F_AIO || is_private_huge(r, file))
		return frame_send(f);
	r->file = (__u64)file;
	if (r->flags & VM_SHARED && is_shared_anon(vma, file))
		r->kind |= VMA_F_SHMEM;
	emit_file(f, file);
	return frame_send(f);
}

char LICENSE[] SEC("license") = "GPL";
