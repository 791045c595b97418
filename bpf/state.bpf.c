// SPDX-License-Identifier: GPL-2.0-only
/* state.bpf.c - iter/task, members only: signal actions and timers, memory descriptor, fs. */
#include "res/file.bpf.h"
#include "res/place.bpf.h"
#include "res/timer.bpf.h"
#include "res/aio.bpf.h"
#include "res/mempolicy.bpf.h"
#include "rec_mem.h"

static __always_inline void emit_sighand(struct frame *f, struct sighand_struct *sighand)
{
	struct rec_sighand *r = frame_add(f, REC_SIGHAND, sizeof(*r));

	if (!r)
		return;
	r->addr = (__u64)sighand;
	/* struct k_sigaction is handler, flags, restorer, mask on x86-64: as struct rec_sigaction */
	bpf_probe_read_kernel(r->action, sizeof(r->action), sighand->action);
}

static __always_inline __u64 live_aio(struct mm_struct *mm)
{
	struct kioctx_table *table = BPF_CORE_READ(mm, ioctx_table);
	__u32 i, n = BPF_CORE_READ(table, nr);
	void *ctx, **slot;
	__u64 live = 0;

	if (!table)
		return 0;
	slot = (void *)table + bpf_core_field_offset(struct kioctx_table, table);
	for (i = 0; i < 64 && i < n; i++) {
		ctx = NULL;
		bpf_probe_read_kernel(&ctx, sizeof(ctx), slot + i);
		live += !!ctx;
	}
	return live + (n > 64);
}

static __always_inline void emit_mm(struct frame *f, struct mm_struct *mm)
{
	struct rec_mm *r = frame_add(f, REC_MM, sizeof(*r));
	__u32 bytes = bpf_core_field_size(mm->saved_auxv);

	if (!r)
		return;
	r->addr = (__u64)mm;
	r->exe = (__u64)mm->exe_file;
	r->start_code = mm->start_code;
	r->end_code = mm->end_code;
	r->start_data = mm->start_data;
	r->end_data = mm->end_data;
	r->start_brk = mm->start_brk;
	r->brk = mm->brk;
	r->start_stack = mm->start_stack;
	r->arg_start = mm->arg_start;
	r->arg_end = mm->arg_end;
	r->env_start = mm->env_start;
	r->env_end = mm->env_end;
	r->flags = mm_flags(mm);
	r->def_flags = mm->def_flags;
	r->map_count = mm->map_count;
	r->users = mm->mm_users.counter;
	r->total_vm = mm->total_vm;
	r->aio = live_aio(mm);
	r->membarrier = mm->membarrier_state.counter;
	if (bytes > sizeof(r->auxv))
		bytes = sizeof(r->auxv);
	r->auxv_words = bytes / sizeof(r->auxv[0]);
	bpf_probe_read_kernel(r->auxv, bytes, mm->saved_auxv);
}

/* arch/x86: key 0 always is; protection keys of others are the program's, or made for PROT_EXEC alone */
static __always_inline void emit_pkeys(struct frame *f, struct mm_struct *mm)
{
	struct rec_pkeys *r;
	__u64 map;

	if (!bpf_core_field_exists(mm->context.pkey_allocation_map))
		return;
	map = mm->context.pkey_allocation_map;
	if (!(map & ~1ull))
		return;
	r = frame_add(f, REC_PKEYS, sizeof(*r));
	if (!r)
		return;
	r->mm = (__u64)mm;
	r->map = map;
	r->exec_only = mm->context.execute_only_pkey;
}

static __always_inline void emit_fs(struct frame *f, struct fs_struct *fs)
{
	struct rec_fs *r = frame_add(f, REC_FS, sizeof(*r));

	if (!r)
		return;
	r->addr = (__u64)fs;
	r->umask = fs->umask;
	fill_inode(&r->cwd, BPF_CORE_READ(fs, pwd.dentry, d_inode));
	fill_inode(&r->root, BPF_CORE_READ(fs, root.dentry, d_inode));
	r->cwd_len = frame_path(f, &r->h, &fs->pwd);
	r->root_len = frame_path(f, &r->h, &fs->root);
}

SEC("iter/task")
int walk_signals(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	struct frame *f;

	if (!t || !is_member(t))
		return 0;
	f = frame_get();
	if (!f)
		return 0;
	if (t->pid == t->tgid)
		emit_timers(f, t->signal);
	if (bpf_core_field_exists(t->mempolicy) && t->mempolicy)
		emit_mempolicy(f, REC_TASK_POLICY, (__u64)t, t->mempolicy);
	if (t->sighand && (t->pid == t->tgid || t->sighand != t->group_leader->sighand))
		emit_sighand(f, t->sighand);
	return frame_send(f);
}

SEC("iter/task")
int walk_mm(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	struct mm_struct *mm;
	struct frame *f;

	if (!t || !is_member(t))
		return 0;
	mm = t->mm;
	if (!mm || (t->pid != t->tgid && mm == t->group_leader->mm))
		return 0;
	f = frame_get();
	if (!f)
		return 0;
	if (emit_aios(f, mm))
		return 1;
	emit_mm(f, mm);
	emit_pkeys(f, mm);
	if (mm->exe_file)
		emit_file(f, mm->exe_file);
	return frame_send(f);
}

SEC("iter/task")
int walk_fs(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	struct frame *f;

	if (!t || !is_member(t) || !t->fs)
		return 0;
	if (t->pid != t->tgid && t->fs == t->group_leader->fs)
		return 0;
	f = frame_get();
	if (!f)
		return 0;
	emit_place(f, t, (__u64)t->fs, BPF_CORE_READ(t, fs, pwd.mnt));
	emit_place(f, t, (__u64)t->fs, BPF_CORE_READ(t, fs, root.mnt));
	emit_fs(f, t->fs);
	return frame_send(f);
}

char LICENSE[] SEC("license") = "GPL";
