// SPDX-License-Identifier: GPL-2.0-only
/* userns.bpf.c - iter/task, members only: user namespaces, and which of them own what a task is in. */
#include "res/pid.bpf.h"
#include "res/userns.bpf.h"

struct ancestry {
	struct user_namespace *ns;
	bool full; /* the ring is: once more */
};

static long emit_one(__u32 i, struct ancestry *a)
{
	struct user_namespace *ns = a->ns;
	struct frame *f = frame_get();

	if (!f || !ns)
		return 1;
	emit_userns(f, ns);
	if (frame_send(f)) {
		a->full = true;
		return 1;
	}
	a->ns = BPF_CORE_READ(ns, parent);
	return 0;
}

/* A namespace and those above it, a frame each: a map alone can be most of one. */
static __always_inline bool emit_ancestry(struct user_namespace *ns)
{
	struct ancestry a = { .ns = ns };

	if (ns)
		bpf_loop(USERNS_LEVEL_MAX + 2, emit_one, &a, 0);
	return !a.full;
}

SEC("iter/task")
int walk_owners(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	struct user_namespace *user, *of_pid, *of_children, *of_mnt;
	struct rec_owners *r;
	struct frame *f;
	struct pid *pid;

	if (!t || !is_member(t))
		return 0;
	pid = BPF_CORE_READ(t, thread_pid);
	f = frame_get();
	if (!f || !pid)
		return 0;
	user = BPF_CORE_READ(t, real_cred, user_ns);
	of_pid = BPF_CORE_READ(pid_active_ns(pid), user_ns);
	of_children = BPF_CORE_READ(t, nsproxy, pid_ns_for_children, user_ns);
	of_mnt = BPF_CORE_READ(t, nsproxy, mnt_ns, user_ns);
	r = frame_add(f, REC_OWNERS, sizeof(*r));
	if (!r)
		return 0;
	r->task = (__u64)t;
	r->user = (__u64)user;
	r->pid = (__u64)of_pid;
	r->children = (__u64)of_children;
	r->mnt = (__u64)of_mnt;
	if (frame_send(f) || !emit_ancestry(user))
		return 1;
	/* mostly the same one */
	if ((of_pid != user && !emit_ancestry(of_pid)) ||
	    (of_children != user && of_children != of_pid && !emit_ancestry(of_children)) ||
	    (of_mnt != user && of_mnt != of_pid && !emit_ancestry(of_mnt)))
		return 1;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
