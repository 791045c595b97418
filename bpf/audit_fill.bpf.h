/* SPDX-License-Identifier: GPL-2.0-only */
/* audit_fill.bpf.h - tasks and pid namespaces into audit's records. */
#ifndef BPF_CKPT_AUDIT_FILL_BPF_H
#define BPF_CKPT_AUDIT_FILL_BPF_H

#include "audit.bpf.h"

struct ns_common___id { /* since 6.18 */
	__u64 ns_id;
} __attribute__((preserve_access_index));

/*
 * The numbers of a task. Most are at level 0 alone, whose number and namespace are members of struct pid
 * that the verifier knows. Where deeper ones lie is computed, which it lets nobody do with such a pointer:
 * that takes another one, and a helper for each read.
 */
struct chain {
	struct pid *pid;   /* known */
	struct pid *plain; /* the same, to compute with; NULL at level 0 */
	__u32 level;
};

/* at: where a pointer to a struct pid lies. */
static __always_inline struct chain chain_at(struct pid **at)
{
	struct chain c = { .pid = *at };

	c.level = c.pid->level & 63;
	if (c.level)
		bpf_probe_read_kernel(&c.plain, sizeof(c.plain), at);
	return c;
}

static __always_inline struct chain process_chain(struct task_struct *t)
{
	return chain_at(&t->signal->pids[1]); /* PIDTYPE_TGID */
}

static __always_inline __s32 chain_nr(const struct chain *c, __u32 level)
{
	struct upid *upid;

	if (!c->level)
		return c->pid->numbers[0].nr;
	upid = pid_upid(c->plain, level & 63);
	return BPF_CORE_READ(upid, nr);
}

static __always_inline struct pid_namespace *chain_ns(const struct chain *c, __u32 level)
{
	struct upid *upid;

	if (!c->level)
		return c->pid->numbers[0].ns;
	upid = pid_upid(c->plain, level & 63);
	return BPF_CORE_READ(upid, ns);
}

static __always_inline struct pid_namespace *active_ns(const struct chain *c)
{
	return chain_ns(c, c->level);
}

/* The number it has in a namespace of that level, 0 when it has none there. */
static __always_inline __s32 nr_in(const struct chain *c, struct pid_namespace *ns, __u32 level)
{
	if (level > c->level || chain_ns(c, level) != ns)
		return 0;
	return chain_nr(c, level);
}

/*
 * The init of a namespace. After its death child_reaper still points to where it was, which may be
 * another's memory by now: only who has the number 1 there is the init.
 */
static __always_inline struct task_struct *ns_init(struct pid_namespace *ns, __u32 level)
{
	struct task_struct *t = BPF_CORE_READ(ns, child_reaper);
	struct pid *pid = BPF_CORE_READ(t, signal, pids[1]);
	struct upid *upid = pid_upid(pid, level & 63);

	if (!pid || level > BPF_CORE_READ(pid, level) || BPF_CORE_READ(upid, ns) != ns)
		return NULL;
	return BPF_CORE_READ(upid, nr) == 1 ? t : NULL;
}

static __always_inline void fill_ns(struct rec_audit_ns *r, struct pid_namespace *ns)
{
	__u32 allocated = BPF_CORE_READ(ns, pid_allocated);
	struct ns_common___id *common = (void *)ns + bpf_core_field_offset(struct pid_namespace, ns);
	struct task_struct *init;

	r->addr = (__u64)ns;
	r->parent = (__u64)BPF_CORE_READ(ns, parent);
	if (bpf_core_field_exists(common->ns_id))
		r->id = BPF_CORE_READ(common, ns_id);
	r->level = BPF_CORE_READ(ns, level);
	r->inum = BPF_CORE_READ(ns, ns.inum);
	r->owner_inum = BPF_CORE_READ(ns, user_ns, ns.inum);
	r->owner_level = BPF_CORE_READ(ns, user_ns, level);
	r->allocated = allocated & ~PIDNS_ADDING;
	r->adding = allocated >> 31;
	r->pid_max = pidns_pid_max(ns);
	init = ns_init(ns, r->level);
	if (!init)
		return;
	r->init = (__u64)BPF_CORE_READ(init, signal);
	r->init_start = BPF_CORE_READ(init, group_leader, start_boottime);
}

/* Of a task's namespace that has its init already: the loader knows the rest. inum is 0. */
static __always_inline void fill_known_ns(struct rec_audit_ns *r, struct pid_namespace *ns, const struct chain *c)
{
	__u32 allocated = c->level ? BPF_CORE_READ(ns, pid_allocated) : c->pid->numbers[0].ns->pid_allocated;

	r->addr = (__u64)ns;
	r->level = c->level;
	r->allocated = allocated & ~PIDNS_ADDING;
}

/* The mount namespace that the root directory of a task lies in. */
static __always_inline __u32 root_mntns(struct task_struct *t)
{
	struct vfsmount *mnt = BPF_CORE_READ(t, fs, root.mnt);
	struct mount *m = (void *)mnt - bpf_core_field_offset(struct mount, mnt);

	return mnt ? BPF_CORE_READ(m, mnt_ns, ns.inum) : 0;
}

static __always_inline void fill_place(struct rec_audit_place *r, struct task_struct *t,
				       struct pid_namespace *ns, __u32 level)
{
	struct task_struct *init;

	if (!level)
		return;
	r->mnt = t->nsproxy->mnt_ns->ns.inum;
	r->cgroup = t->nsproxy->cgroup_ns->ns.inum;
	r->user = t->real_cred->user_ns->ns.inum;
	r->user_level = t->real_cred->user_ns->level;
	r->root_mnt = root_mntns(t);
	init = ns_init(ns, level);
	if (!init)
		return;
	r->init_mnt = BPF_CORE_READ(init, nsproxy, mnt_ns, ns.inum);
	r->init_cgroup = BPF_CORE_READ(init, nsproxy, cgroup_ns, ns.inum);
}

/* Is a of b fuller than c of d? */
static __always_inline bool fuller(__u64 a, __u64 b, __u64 c, __u64 d)
{
	return !d || a * d > c * b;
}

static __always_inline void fill_host_room(struct rec_audit_room *r, struct pid_namespace *ns)
{
	r->ns_used = ns->pid_allocated & ~PIDNS_ADDING;
	r->ns_max = (bpf_core_field_exists(ns->pid_max) ? ns->pid_max : 0) ?: pid_max_global;
}

static __always_inline void fill_ns_room(struct rec_audit_room *r, const struct chain *c)
{
	struct pid_namespace *ns;
	struct upid *upid;
	__u32 i, used, max;

	if (!c->level) {
		fill_host_room(r, c->pid->numbers[0].ns);
		return;
	}
	for (i = 0; i < PID_NUMBERS_MAX; i++) {
		if (i > c->level)
			break;
		upid = pid_upid(c->plain, i);
		ns = BPF_CORE_READ(upid, ns);
		used = BPF_CORE_READ(ns, pid_allocated) & ~PIDNS_ADDING;
		max = pidns_pid_max(ns) ?: pid_max_global;
		if (!max || !fuller(used, max, r->ns_used, r->ns_max))
			continue;
		r->ns_level = i;
		r->ns_used = used;
		r->ns_max = max;
		if (!bpf_core_field_exists(ns->pid_max))
			break; /* one limit: the outermost is the fullest */
	}
}

#define CGROUP_LEVELS 16
#define PIDS_MAX (4 * 1024 * 1024 + 1) /* kernel/cgroup/pids.c, 64 bit: no limit */

static __always_inline void fill_cgroup_room(struct rec_audit_room *r, struct task_struct *t)
{
	struct cgroup_subsys_state *css;
	__u64 used, max;

	if (!bpf_core_type_exists(struct pids_cgroup))
		return;
	css = pids_css(t->cgroups);
	for (int i = 0; css && i < CGROUP_LEVELS; i++) {
		struct cgroup_subsys_state *up = css->parent;
		struct pids_cgroup *p = (void *)css; /* its first member */

		if (!up) /* the root has no limit */
			break;
		used = BPF_CORE_READ(p, counter.counter);
		max = BPF_CORE_READ(p, limit.counter);
		if (max && max < PIDS_MAX && fuller(used, max, r->cg_used, r->cg_max)) {
			r->cgroup = css->cgroup->kn->id;
			r->cg_used = used;
			r->cg_max = max;
		}
		css = up;
	}
}

/* As wait(2) encodes it: kernel/exit.c, wait_task_zombie(). */
static __always_inline __s32 process_exit_code(struct task_struct *t)
{
	if (t->signal->flags & SIGNAL_GROUP_EXIT)
		return t->signal->group_exit_code;
	return t->group_leader->exit_code;
}

/* room: a constant, as the verifier of 6.1 forgets what it knew of a level that is kept on the stack. */
static __always_inline void fill_numbers(__s32 *numbers, const struct chain *c, __u32 room)
{
	numbers[0] = chain_nr(c, 0);
	for (__u32 i = 1; i < room; i++) {
		if (i > c->level)
			break;
		numbers[i] = chain_nr(c, i);
	}
}

/* Everything but head and numbers; by: who called fork, or NULL in a walk. */
static __always_inline void fill_born(struct rec_audit_born *r, struct task_struct *t,
				      struct task_struct *by, const struct chain *c)
{
	struct pid_namespace *ns = active_ns(c), *children;
	struct task_struct *parent = t->real_parent;
	struct chain up = process_chain(parent);

	r->parent = (__u64)parent->signal;
	r->parent_start = parent->group_leader->start_boottime;
	r->ppid = parent->tgid;
	r->ppid_seen = nr_in(&up, ns, c->level);
	if (by) {
		struct chain caller = process_chain(by);

		r->by = process_key(by);
		r->by_pid = by->tgid;
		r->by_level = caller.level;
		r->by_pidns = (__u64)active_ns(&caller);
	}
	if (!by || chain_nr(c, c->level) == 1)
		fill_ns(&r->ns, ns);
	else
		fill_known_ns(&r->ns, ns, c);
	children = t->nsproxy->pid_ns_for_children;
	r->pidns_children = (__u64)children;
	if (children && children != ns)
		fill_ns(&r->children, children);
	fill_place(&r->place, t, ns, c->level);
	fill_ns_room(&r->room, c);
	fill_cgroup_room(&r->room, t);
	r->level = c->level;
}

#endif
