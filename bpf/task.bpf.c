// SPDX-License-Identifier: GPL-2.0-only
/* task.bpf.c - iter/task: every thread of the system with its pid objects, chains and process. */
#include "res/pid.bpf.h"
#include "res/proc.bpf.h"
#include "res/cred.bpf.h"

#define PF_EXITING 0x00000004
#define PF_KTHREAD 0x00200000
#define MM_CONTEXT_UPROBE_IA32 1 /* arch/x86/include/asm/mmu.h, a bit; TIF_ADDR32 has several numbers */
#define ATOMIC_NO_NEW_PRIVS 0   /* include/linux/sched.h: PFA_NO_NEW_PRIVS */
#define ARCH_SHSTK_SHSTK (1ULL << 0)

struct thread_struct___shstk {
	unsigned long features;
} __attribute__((preserve_access_index));
/* since 6.12 */
struct sched_entity___slice {
	unsigned char custom_slice;
} __attribute__((preserve_access_index));
struct task_struct___slice {
	struct sched_entity___slice se;
} __attribute__((preserve_access_index));
struct task_struct___dispatch {
	struct syscall_user_dispatch syscall_dispatch;
} __attribute__((preserve_access_index));

static __always_inline __u32 task_flags(struct task_struct *t)
{
	struct task_struct___dispatch *d = (void *)t;
	struct task_struct___slice *s = (void *)t;
	struct thread_struct___shstk *th = (void *)&t->thread;
	__u32 flags = 0;

	if (t->flags & PF_KTHREAD)
		flags |= TASK_F_KTHREAD;
	if (t->flags & PF_EXITING)
		flags |= TASK_F_EXITING;
	if (t->pid == t->tgid)
		flags |= TASK_F_LEADER;
	if (t->ptrace)
		flags |= TASK_F_TRACED;
	if (t->vfork_done)
		flags |= TASK_F_VFORK;
	if (bpf_core_field_exists(t->io_uring) && t->io_uring)
		flags |= TASK_F_IO_URING;
	if (BPF_CORE_READ(t, cred, thread_keyring) || BPF_CORE_READ(t, cred, process_keyring))
		flags |= TASK_F_KEYRING;
	if (bpf_core_field_exists(d->syscall_dispatch) &&
	    (BPF_CORE_READ(d, syscall_dispatch.selector) || BPF_CORE_READ(d, syscall_dispatch.len)))
		flags |= TASK_F_USER_DISPATCH;
	if (BPF_CORE_READ(t, mm, context.flags) & MM_CONTEXT_UPROBE_IA32)
		flags |= TASK_F_COMPAT;
	if (BPF_CORE_READ_BITFIELD_PROBED(t, sched_reset_on_fork))
		flags |= TASK_F_RESET_ON_FORK;
	if (bpf_core_field_exists(th->features) && BPF_CORE_READ(th, features) & ARCH_SHSTK_SHSTK)
		flags |= TASK_F_SHSTK;
	if (bpf_core_field_exists(s->se.custom_slice) && BPF_CORE_READ(s, se.custom_slice))
		flags |= TASK_F_SLICE;
	return flags;
}

static __always_inline void fill_namespaces(struct rec_task *r, struct task_struct *t)
{
	struct nsproxy *ns = t->nsproxy;

	r->ns_user = BPF_CORE_READ(t, real_cred, user_ns, ns.inum);
	if (!ns)
		return;
	r->nsproxy = (__u64)ns;
	r->pidns_children = (__u64)BPF_CORE_READ(ns, pid_ns_for_children);
	r->mntns = (__u64)BPF_CORE_READ(ns, mnt_ns);
	r->ns_mnt = BPF_CORE_READ(ns, mnt_ns, ns.inum);
	r->ns_uts = BPF_CORE_READ(ns, uts_ns, ns.inum);
	r->ns_ipc = BPF_CORE_READ(ns, ipc_ns, ns.inum);
	r->ns_net = BPF_CORE_READ(ns, net_ns, ns.inum);
	r->ns_cgroup = BPF_CORE_READ(ns, cgroup_ns, ns.inum);
	r->ns_time = BPF_CORE_READ(ns, time_ns, ns.inum);
	r->ns_time_children = BPF_CORE_READ(ns, time_ns_for_children, ns.inum);
}

static __always_inline void fill_sched(struct rec_task *r, struct task_struct *t)
{
	__u32 bytes = bpf_core_field_size(t->cpus_mask);

	r->policy = t->policy;
	r->nice = t->static_prio - 120; /* include/linux/sched/prio.h: DEFAULT_PRIO */
	r->rt_priority = t->rt_priority;
	r->timer_slack = t->timer_slack_ns;
	r->ioprio = BPF_CORE_READ(t, io_context, ioprio);
	if (bytes > sizeof(r->cpus))
		bytes = sizeof(r->cpus);
	bpf_probe_read_kernel(r->cpus, bytes, &t->cpus_mask);
}

static __always_inline void fill_restart(struct rec_restart *r, struct task_struct *t)
{
	struct restart_block *b = &t->restart_block;

	r->fn = (__u64)BPF_CORE_READ(b, fn);
	r->clockid = BPF_CORE_READ(b, nanosleep.clockid);
	r->type = BPF_CORE_READ(b, nanosleep.type);
	r->rmtp = (__u64)BPF_CORE_READ(b, nanosleep.rmtp);
	r->expires = BPF_CORE_READ(b, nanosleep.expires);
	r->uaddr = (__u64)BPF_CORE_READ(b, futex.uaddr);
	r->val = BPF_CORE_READ(b, futex.val);
	r->futex_flags = BPF_CORE_READ(b, futex.flags);
	r->bitset = BPF_CORE_READ(b, futex.bitset);
	r->futex_time = BPF_CORE_READ(b, futex.time);
	r->ufds = (__u64)BPF_CORE_READ(b, poll.ufds);
	r->nfds = BPF_CORE_READ(b, poll.nfds);
	r->has_timeout = BPF_CORE_READ(b, poll.has_timeout);
	r->tv_sec = BPF_CORE_READ(b, poll.tv_sec);
	r->tv_nsec = BPF_CORE_READ(b, poll.tv_nsec);
}

static __always_inline void fill_signals(struct rec_task *r, struct task_struct *t)
{
	r->pdeath_signal = t->pdeath_signal;
	r->blocked = t->blocked.sig[0];
	r->pending = t->pending.signal.sig[0];
	r->altstack_sp = t->sas_ss_sp;
	r->altstack_size = t->sas_ss_size;
	r->altstack_flags = t->sas_ss_flags;
	r->robust_list = (__u64)t->robust_list;
	r->clear_child_tid = (__u64)t->clear_child_tid;
	r->rseq = (__u64)t->rseq;
	r->rseq_sig = t->rseq_sig;
	r->rseq_len = r->rseq ? task_rseq_len(t) : 0;
}

static __always_inline void emit_task(struct frame *f, struct task_struct *t, struct pid *pid)
{
	struct rec_task *r = frame_add(f, REC_TASK, sizeof(*r));

	if (!r)
		return;
	r->addr = (__u64)t;
	r->pid = (__u64)pid;
	r->tgid = (__u64)BPF_CORE_READ(t, signal, pids[1]);
	r->parent = (__u64)BPF_CORE_READ(t, real_parent, signal, pids[1]);
	r->mm = (__u64)t->mm;
	r->files = (__u64)t->files;
	r->fs = (__u64)t->fs;
	r->sighand = (__u64)t->sighand;
	r->signal = (__u64)t->signal;
	r->flags = task_flags(t);
	r->pf = t->flags;
	r->state = t->__state;
	r->exit_state = t->exit_state;
	r->exit_code = t->exit_code;
	r->exit_signal = t->exit_signal;
	r->jobctl = t->jobctl;
	r->start_boottime = t->start_boottime;
	bpf_probe_read_kernel(r->comm, sizeof(r->comm), t->comm);
	r->personality = t->personality;
	r->cgroup = BPF_CORE_READ(t, cgroups, dfl_cgrp, kn, id);
	r->no_new_privs = BPF_CORE_READ(t, atomic_flags) >> ATOMIC_NO_NEW_PRIVS & 1;
	r->seccomp_mode = t->seccomp.mode;
	r->seccomp_filter = (__u64)t->seccomp.filter;
	r->seccomp_count = t->seccomp.filter_count.counter;
	if (t->ptrace)
		r->ptracer = BPF_CORE_READ(t, parent, tgid);
	fill_namespaces(r, t);
	fill_cred(r, t);
	fill_sched(r, t);
	fill_signals(r, t);
	fill_restart(&r->restart, t);
}

SEC("iter/task")
int walk_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	struct pid_namespace *ns, *children;
	struct pid *pid;
	struct frame *f;

	if (!t)
		return 0;
	f = frame_get();
	if (!f)
		return 0;
	pid = BPF_CORE_READ(t, thread_pid);
	if (!pid) /* released between the iterator's find and now: it is gone */
		return 0;
	ns = pid_active_ns(pid);
	/* by every process: the init of a namespace may be hidden from us, as pid 1 is in some sandboxes */
	if (t->pid == t->tgid)
		emit_pidns(f, ns);
	children = BPF_CORE_READ(t, nsproxy, pid_ns_for_children);
	if (children && children != ns)
		emit_pidns(f, children);
	emit_pid(f, pid);
	if (t->pid == t->tgid)
		emit_proc(f, t, pid);
	emit_task(f, t, pid);
	return frame_send(f);
}

char LICENSE[] SEC("license") = "GPL";
