/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * audit_call.bpf.h - the calls that choose a pid namespace, also when they are refused. Optional: by
 * fexit where trampolines load, else at the end of every system call, which costs all of them.
 */
#ifndef BPF_CKPT_AUDIT_CALL_BPF_H
#define BPF_CKPT_AUDIT_CALL_BPF_H

#include "audit_fill.bpf.h"

#define CLONE_NEWPID 0x20000000
#define NSFS_MAGIC 0x6e736673
#define NR_clone 56 /* arch/x86/entry/syscalls/syscall_64.tbl */
#define NR_unshare 272
#define NR_setns 308
#define NR_clone3 435
#define TS_COMPAT 0x0002 /* arch/x86/include/asm/thread_info.h: the numbers are those of i386 */

/* The pid namespace that a descriptor of the caller is, or NULL. */
static __always_inline struct pid_namespace *fd_pidns(struct task_struct *t, __u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(t, files, fdt);
	struct ns_common *ns;
	struct file **slot, *file = NULL;
	char name[4] = {};

	if (fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	slot = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), &slot[fd]);
	if (!file || BPF_CORE_READ(file, f_inode, i_sb, s_magic) != NSFS_MAGIC)
		return NULL;
	ns = BPF_CORE_READ(file, f_inode, i_private);
	bpf_probe_read_kernel(name, sizeof(name), BPF_CORE_READ(ns, ops, name));
	if (name[0] != 'p' || name[1] != 'i' || name[2] != 'd' || name[3])
		return NULL;
	return (void *)ns - bpf_core_field_offset(struct pid_namespace, ns);
}

static __always_inline void tell_call(__u32 call, __u64 flags, struct pid_namespace *to, long ret)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct rec_audit_call *r = event_begin(REC_AUDIT_CALL, sizeof(*r));
	struct chain c;

	if (!r)
		return;
	c = process_chain(t);
	fill_who(&r->a, t, false);
	r->call = call;
	r->call_flags = flags;
	r->ret = ret;
	r->from = (__u64)active_ns(&c);
	if (to)
		fill_ns(&r->to, to);
	event_end(r);
}

static __always_inline void after_setns(__u32 fd, __u32 type, long ret)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct pid_namespace *to;

	if (type && !(type & CLONE_NEWPID))
		return;
	to = fd_pidns(t, fd);
	if (!type && !to)
		return;
	if (!ret)
		to = BPF_CORE_READ(t, nsproxy, pid_ns_for_children);
	tell_call(AUDIT_SETNS, type, to, ret);
}

static __always_inline void after_unshare(__u64 flags, long ret)
{
	struct task_struct *t = bpf_get_current_task_btf();

	if (!(flags & CLONE_NEWPID))
		return;
	tell_call(AUDIT_UNSHARE, flags, ret ? NULL : BPF_CORE_READ(t, nsproxy, pid_ns_for_children), ret);
}

/* Only refusals: a success is a birth. */
static __always_inline void after_clone(__u64 flags, long ret)
{
	if (ret < 0 && flags & CLONE_NEWPID)
		tell_call(AUDIT_CLONE, flags, NULL, ret);
}

static __always_inline void after_clone3(__u64 args, long ret)
{
	__u64 flags = 0;

	if (ret < 0 && !bpf_probe_read_user(&flags, sizeof(flags), (void *)args))
		after_clone(flags, ret);
}

SEC("?fexit/__x64_sys_setns")
int BPF_PROG(audit_setns, const struct pt_regs *regs, long ret)
{
	after_setns(BPF_CORE_READ(regs, di), BPF_CORE_READ(regs, si), ret);
	return 0;
}

SEC("?fexit/__x64_sys_unshare")
int BPF_PROG(audit_unshare, const struct pt_regs *regs, long ret)
{
	after_unshare(BPF_CORE_READ(regs, di), ret);
	return 0;
}

SEC("?fexit/__x64_sys_clone")
int BPF_PROG(audit_clone, const struct pt_regs *regs, long ret)
{
	after_clone(BPF_CORE_READ(regs, di), ret);
	return 0;
}

SEC("?fexit/__x64_sys_clone3")
int BPF_PROG(audit_clone3, const struct pt_regs *regs, long ret)
{
	after_clone3(BPF_CORE_READ(regs, di), ret);
	return 0;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(audit_sys_exit, struct pt_regs *regs, long ret)
{
	__u64 nr = BPF_CORE_READ(regs, orig_ax);

	if (nr != NR_setns && nr != NR_unshare && nr != NR_clone && nr != NR_clone3)
		return 0;
	if (bpf_get_current_task_btf()->thread_info.status & TS_COMPAT)
		return 0;
	if (nr == NR_setns)
		after_setns(BPF_CORE_READ(regs, di), BPF_CORE_READ(regs, si), ret);
	else if (nr == NR_unshare)
		after_unshare(BPF_CORE_READ(regs, di), ret);
	else if (nr == NR_clone)
		after_clone(BPF_CORE_READ(regs, di), ret);
	else
		after_clone3(BPF_CORE_READ(regs, di), ret);
	return 0;
}

struct pid_namespace___rcu { /* until 6.17; later kernels can be asked by ns_id */
	struct callback_head rcu;
} __attribute__((preserve_access_index));

SEC("?fentry/delayed_free_pidns")
int BPF_PROG(audit_nsfree, struct callback_head *rcu)
{
	struct pid_namespace___rcu *old = NULL;
	struct rec_audit *r;

	if (!bpf_core_field_exists(old->rcu))
		return 0;
	r = event_begin(REC_AUDIT_NSFREE, sizeof(*r));
	if (!r)
		return 0;
	r->key = (__u64)rcu - bpf_core_field_offset(struct pid_namespace___rcu, rcu);
	event_end(r);
	return 0;
}

#endif
