// SPDX-License-Identifier: GPL-2.0-only
/*
 * audit.bpf.c - births, execs and ends of tasks as they happen, and all tasks at once.
 *
 * A pid namespace is made, and entered, by the first fork into it: until then setns() and unshare()
 * have only chosen where children go. So task_newtask tells all of it, on every kernel.
 */
#include "audit_fill.bpf.h"
#include "audit_call.bpf.h"

/* A deep chain needs more room; both sizes are constants for the verifier. */
#define BORN_BYTES sizeof(struct rec_audit_born)
#define BORN_BYTES_DEEP \
	(BORN_BYTES + (PID_NUMBERS_MAX + 1 - AUDIT_NUMBERS_SHORT) * sizeof(__s32))

SEC("tp_btf/task_newtask")
int BPF_PROG(audit_born, struct task_struct *t, unsigned long clone_flags)
{
	bool thread = !is_first(t);
	struct rec_audit_born *r;
	struct chain c;

	if (!t->pid || (thread && !with_threads)) /* 0: the idle task of a CPU that comes up */
		return 0;
	c = chain_at(&t->thread_pid);
	if (c.level < AUDIT_NUMBERS_SHORT) {
		r = event_begin(REC_AUDIT_BORN, BORN_BYTES);
		if (!r)
			return 0;
		fill_numbers(r->numbers, &c, AUDIT_NUMBERS_SHORT);
	} else {
		r = event_begin(REC_AUDIT_BORN, BORN_BYTES_DEEP);
		if (!r)
			return 0;
		fill_numbers(r->numbers, &c, PID_NUMBERS_MAX);
	}
	fill_who(&r->a, t, thread);
	r->clone_flags = clone_flags;
	fill_born(r, t, bpf_get_current_task_btf(), &c);
	event_end(r);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(audit_exec, struct task_struct *t, pid_t old_tid, struct linux_binprm *bprm)
{
	struct rec_audit_exec *r = event_begin(REC_AUDIT_EXEC, sizeof(*r));
	struct chain c;

	if (!r)
		return 0;
	c = process_chain(t);
	fill_who(&r->a, t, false);
	r->task = (__u64)t;
	r->old_tid = old_tid;
	r->pidns_children = (__u64)t->nsproxy->pid_ns_for_children;
	fill_place(&r->place, t, active_ns(&c), c.level);
	bpf_probe_read_kernel_str(r->file, sizeof(r->file), bprm->filename);
	event_end(r);
	return 0;
}

/* An exec tells the name itself, a moment later. */
SEC("tp_btf/task_rename")
int BPF_PROG(audit_rename, struct task_struct *t, const char *comm)
{
	struct rec_audit *r;

	if (!is_first(t) && !with_threads)
		return 0;
	if (bpf_core_field_exists(t->in_execve) && BPF_CORE_READ_BITFIELD(t, in_execve))
		return 0;
	r = event_begin(REC_AUDIT_RENAME, sizeof(*r));
	if (!r)
		return 0;
	fill_who(r, t, !is_first(t));
	bpf_probe_read_kernel_str(r->comm, sizeof(r->comm), comm);
	event_end(r);
	return 0;
}

#define ANCESTORS 32

/* The subreaper that gets the children of t, or other; NULL when it may be further up than we look. */
static __always_inline struct task_struct *subreaper(struct task_struct *t, __u32 level,
						     struct task_struct *other)
{
	struct task_struct *up = t->real_parent;

	for (int i = 0; i < ANCESTORS; i++) {
		struct signal_struct *s = up->signal;

		if (up->thread_pid->level != level || !up->pid)
			return other;
		if (BPF_CORE_READ_BITFIELD(s, is_child_subreaper) && s->live.counter > 0)
			return up;
		up = up->real_parent;
	}
	return NULL;
}

/*
 * Who gets the children of a process that ends: kernel/exit.c, find_new_reaper(). Nothing tells of
 * it when it happens, a moment later.
 */
static __always_inline void fill_heir(struct rec_audit_exit *r, struct task_struct *t, struct pid_namespace *ns)
{
	struct task_struct *heir;

	if (r->own_nr == 1) /* all its children are killed with it */
		return;
	heir = BPF_CORE_READ(ns, child_reaper);
	if (BPF_CORE_READ_BITFIELD(t->signal, has_child_subreaper))
		heir = subreaper(t, r->level, heir);
	if (!heir) {
		r->a.flags |= AUDIT_F_SUBREAPER_FAR;
		return;
	}
	r->heir = (__u64)BPF_CORE_READ(heir, signal);
	r->heir_start = BPF_CORE_READ(heir, group_leader, start_boottime);
	r->heir_pid = BPF_CORE_READ(heir, tgid);
}

static __always_inline void tell_exit(struct task_struct *t, bool thread, bool group_dead)
{
	struct rec_audit_exit *r = event_begin(REC_AUDIT_EXIT, sizeof(*r));
	struct pid_namespace *ns;
	struct chain c;

	if (!r)
		return;
	fill_who(&r->a, t, thread);
	c = thread ? chain_at(&t->thread_pid) : process_chain(t);
	ns = active_ns(&c);
	r->level = c.level;
	r->pidns = (__u64)ns;
	r->own_nr = chain_nr(&c, c.level);
	r->exit_code = thread ? t->exit_code : process_exit_code(t);
	if (group_dead && !thread) {
		r->a.flags |= AUDIT_F_GROUP_DEAD;
		fill_heir(r, t, ns);
	}
	event_end(r);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(audit_exit, struct task_struct *t)
{
	bool group_dead = !t->signal->live.counter;

	if (with_threads && !is_first(t))
		tell_exit(t, true, group_dead);
	if (group_dead)
		tell_exit(t, false, true);
	return 0;
}

/* A grace period of RCU after the task was reaped; it has no struct pid any more. */
SEC("tp_btf/sched_process_free")
int BPF_PROG(audit_free, struct task_struct *t)
{
	struct rec_audit *r;

	if (!is_first(t) && !with_threads)
		return 0;
	r = event_begin(REC_AUDIT_FREE, sizeof(*r));
	if (!r)
		return 0;
	fill_who(r, t, !is_first(t));
	event_end(r);
	return 0;
}

/* ---- all tasks at once: never loses, as the walk of emit.bpf.h ---- */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} seen SEC(".maps");

SEC("iter/task")
int audit_walk(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	struct rec_audit_born *r;
	struct chain c;

	if (!t || (!is_first(t) && !with_threads))
		return 0;
	if (t->flags & PF_KTHREAD && !t->real_parent->pid) { /* kthreadd never leaves the host's */
		host_mnt = t->nsproxy->mnt_ns->ns.inum;
		host_cgroup = t->nsproxy->cgroup_ns->ns.inum;
	}
	if (!t->thread_pid) /* released between the iterator's find and now */
		return 0;
	c = chain_at(&t->thread_pid);
	r = bpf_ringbuf_reserve(&seen, BORN_BYTES_DEEP, 0);
	if (!r)
		return 1;
	bpf_probe_read_kernel(r, BORN_BYTES_DEEP, NULL); /* zero-fills */
	fill_head(&r->a, REC_AUDIT_SEEN, BORN_BYTES_DEEP);
	fill_who(&r->a, t, !is_first(t));
	fill_numbers(r->numbers, &c, PID_NUMBERS_MAX);
	fill_born(r, t, NULL, &c);
	r->exit_code = is_first(t) ? process_exit_code(t) : t->exit_code;
	if (is_first(t) ? !t->signal->live.counter : t->exit_state)
		r->a.flags |= AUDIT_F_DEAD;
	bpf_ringbuf_submit(r, RB_NO_WAKEUP);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
