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
	struct pid *pid;
	__u32 level;

	if (!t->pid || (thread && !with_threads)) /* 0: the idle task of a CPU that comes up */
		return 0;
	pid = BPF_CORE_READ(t, thread_pid);
	level = pid_level(pid);
	if (level < AUDIT_NUMBERS_SHORT) {
		r = event_begin(REC_AUDIT_BORN, BORN_BYTES);
		if (!r)
			return 0;
		fill_numbers(r->numbers, pid, level, AUDIT_NUMBERS_SHORT);
	} else {
		r = event_begin(REC_AUDIT_BORN, BORN_BYTES_DEEP);
		if (!r)
			return 0;
		fill_numbers(r->numbers, pid, level, PID_NUMBERS_MAX);
	}
	fill_who(&r->a, t, thread);
	r->clone_flags = clone_flags;
	fill_born(r, t, bpf_get_current_task_btf(), pid, level);
	event_end(r);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(audit_exec, struct task_struct *t, pid_t old_tid, struct linux_binprm *bprm)
{
	struct rec_audit_exec *r = event_begin(REC_AUDIT_EXEC, sizeof(*r));
	struct pid *pid;

	if (!r)
		return 0;
	pid = BPF_CORE_READ(t, signal, pids[1]);
	fill_who(&r->a, t, false);
	r->task = (__u64)t;
	r->old_tid = old_tid;
	r->pidns_children = (__u64)BPF_CORE_READ(t, nsproxy, pid_ns_for_children);
	fill_place(&r->place, t, pid_active_ns(pid), pid_level(pid));
	bpf_probe_read_kernel_str(r->file, sizeof(r->file), BPF_CORE_READ(bprm, filename));
	event_end(r);
	return 0;
}

SEC("tp_btf/task_rename")
int BPF_PROG(audit_rename, struct task_struct *t, const char *comm)
{
	struct rec_audit *r;

	if (!is_first(t) && !with_threads)
		return 0;
	r = event_begin(REC_AUDIT_RENAME, sizeof(*r));
	if (!r)
		return 0;
	fill_who(r, t, !is_first(t));
	bpf_probe_read_kernel_str(r->comm, sizeof(r->comm), comm);
	if (bpf_core_field_exists(t->in_execve) && BPF_CORE_READ_BITFIELD_PROBED(t, in_execve))
		r->flags |= AUDIT_F_EXEC;
	event_end(r);
	return 0;
}

#define ANCESTORS 32

/* The subreaper that gets the children of t, or other; NULL when it may be further up than we look. */
static __always_inline struct task_struct *subreaper(struct task_struct *t, __u32 level,
						     struct task_struct *other)
{
	struct task_struct *up = BPF_CORE_READ(t, real_parent);

	for (int i = 0; i < ANCESTORS; i++) {
		struct signal_struct *s = BPF_CORE_READ(up, signal);

		if (pid_level(BPF_CORE_READ(up, thread_pid)) != level || !BPF_CORE_READ(up, pid))
			return other;
		if (BPF_CORE_READ_BITFIELD_PROBED(s, is_child_subreaper) &&
		    BPF_CORE_READ(s, live.counter) > 0)
			return up;
		up = BPF_CORE_READ(up, real_parent);
	}
	return NULL;
}

/*
 * Who gets the children of a process that ends: kernel/exit.c, find_new_reaper(). Nothing tells of
 * it when it happens, a moment later.
 */
static __always_inline void fill_heir(struct rec_audit_exit *r, struct task_struct *t, struct pid *pid)
{
	struct task_struct *heir;

	if (r->own_nr == 1) /* all its children are killed with it */
		return;
	heir = BPF_CORE_READ(pid_active_ns(pid), child_reaper);
	if (BPF_CORE_READ_BITFIELD_PROBED(t->signal, has_child_subreaper))
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
	struct upid *own;
	struct pid *pid;

	if (!r)
		return;
	fill_who(&r->a, t, thread);
	pid = thread ? BPF_CORE_READ(t, thread_pid) : BPF_CORE_READ(t, signal, pids[1]);
	r->level = pid_level(pid);
	r->pidns = (__u64)pid_active_ns(pid);
	own = pid_upid(pid, r->level);
	r->own_nr = BPF_CORE_READ(own, nr);
	r->exit_code = thread ? t->exit_code : process_exit_code(t);
	if (group_dead && !thread) {
		r->a.flags |= AUDIT_F_GROUP_DEAD;
		fill_heir(r, t, pid);
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
	struct pid *pid;
	__u32 level;

	if (!t || (!is_first(t) && !with_threads))
		return 0;
	if (t->flags & PF_KTHREAD && !BPF_CORE_READ(t, real_parent, pid)) { /* kthreadd never leaves the host's */
		host_mnt = BPF_CORE_READ(t, nsproxy, mnt_ns, ns.inum);
		host_cgroup = BPF_CORE_READ(t, nsproxy, cgroup_ns, ns.inum);
	}
	pid = BPF_CORE_READ(t, thread_pid);
	if (!pid) /* released between the iterator's find and now */
		return 0;
	level = pid_level(pid);
	r = bpf_ringbuf_reserve(&seen, BORN_BYTES_DEEP, 0);
	if (!r)
		return 1;
	bpf_probe_read_kernel(r, BORN_BYTES_DEEP, NULL); /* zero-fills */
	fill_head(&r->a, REC_AUDIT_SEEN, BORN_BYTES_DEEP);
	fill_who(&r->a, t, !is_first(t));
	fill_numbers(r->numbers, pid, level, PID_NUMBERS_MAX);
	fill_born(r, t, NULL, pid, level);
	r->exit_code = is_first(t) ? process_exit_code(t) : t->exit_code;
	if (is_first(t) ? !t->signal->live.counter : t->exit_state)
		r->a.flags |= AUDIT_F_DEAD;
	bpf_ringbuf_submit(r, RB_NO_WAKEUP);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
