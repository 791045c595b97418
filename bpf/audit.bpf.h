/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * audit.bpf.h - how audit's events leave the kernel, and what is common to them.
 *
 * An event that finds no room is dropped and counted by type; the count is never set back, so the
 * loader sees a loss whenever it looks. A helper costs ten times a load, and this runs at every fork:
 * pointers whose types the verifier knows are followed by loads. Records are built in the ring itself: a scratch buffer of
 * the CPU would not do, as sched_process_free comes in a soft interrupt, in the middle of another.
 */
#ifndef BPF_CKPT_AUDIT_BPF_H
#define BPF_CKPT_AUDIT_BPF_H

#include "chain.bpf.h"
#include "rec_audit.h"

#define PF_EXITING 0x00000004
#define PF_KTHREAD 0x00200000
#define SIGNAL_GROUP_EXIT 0x00000004 /* include/linux/sched/signal.h */
#define WAKE_SHARE 4                 /* wake the loader when 1/4 of the ring is full; else it looks by itself */

enum { RB_AVAIL_DATA = 0, RB_NO_WAKEUP = 1, RB_FORCE_WAKEUP = 2 }; /* include/uapi/linux/bpf.h: BPF_RB_* */

const volatile bool with_threads;
const volatile __u64 ring_bytes;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} events SEC(".maps");

/* Read by the loader through its mapping of this section; what is not lost, it counts itself. */
__u64 event_lost[AUDIT_TYPES][AUDIT_LOST_REASONS];
__u64 event_lost_ns;                          /* when the last one was lost, CLOCK_BOOTTIME */
__u32 host_mnt, host_cgroup;                  /* namespaces of the host, when a walk has seen one of its threads */
__u32 pid_max_global;                         /* told by the loader, for kernels before 6.14 */

static __always_inline __u64 process_key(struct task_struct *t)
{
	return (__u64)t->signal;
}

static __always_inline bool is_first(struct task_struct *t)
{
	return t->pid == t->tgid;
}

static __always_inline void fill_head(struct rec_audit *r, __u32 tag, __u32 size)
{
	r->h.tag = tag;
	r->h.len = size;
	r->boot_ns = bpf_ktime_get_boot_ns();
	r->cpu = bpf_get_smp_processor_id();
}

/* What that controller's part of a set of cgroups is; NULL: this kernel has no such controller. */
static __always_inline struct cgroup_subsys_state *pids_css(struct css_set *set)
{
	struct cgroup_subsys_state **slot;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id))
		return NULL;
	slot = (void *)set + bpf_core_field_offset(struct css_set, subsys) +
	       bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id) * sizeof(*slot);
	return *slot;
}

/* In the unified hierarchy; where that is not used, that of the pids controller, with the highest bit. */
static __always_inline __u64 cgroup_id(struct task_struct *t)
{
	struct cgroup_subsys_state *css;
	struct cgroup *dfl = t->cgroups->dfl_cgrp;

	if (dfl->level)
		return dfl->kn->id;
	css = pids_css(t->cgroups);
	return css ? css->cgroup->kn->id | AUDIT_CGROUP_V1 : dfl->kn->id;
}

/* Of a process, by any of its threads; or of a thread that is not the first. */
static __always_inline void fill_who(struct rec_audit *r, struct task_struct *t, bool thread)
{
	struct task_struct *of = thread ? t : t->group_leader;

	r->key = thread ? (__u64)t : process_key(t);
	r->start_ns = of->start_boottime;
	r->pid = t->tgid;
	r->tid = of->pid;
	r->uid = t->real_cred->uid.val;
	r->cgroup = cgroup_id(t);
	((__u64 *)r->comm)[0] = ((__u64 *)of->comm)[0];
	((__u64 *)r->comm)[1] = ((__u64 *)of->comm)[1];
	if (t->flags & PF_KTHREAD)
		r->flags |= AUDIT_F_KTHREAD;
	if (thread)
		r->flags |= AUDIT_F_THREAD;
}

/*
 * Room for an event of that size (a constant), zeroed, or NULL: then it is counted as lost. Look at
 * once: the verifier of 6.1 takes a pointer that it has seen to be one for NULL later.
 */
static __always_inline void *event_begin(__u32 tag, __u32 size)
{
	struct rec_audit *r = bpf_ringbuf_reserve(&events, size, 0);
	__u32 type = tag & 0xff;

	if (!r) {
		event_lost_ns = bpf_ktime_get_boot_ns();
		__sync_fetch_and_add(&event_lost[type < AUDIT_TYPES ? type : 0][AUDIT_LOST_RING], 1);
		return NULL;
	}
	bpf_probe_read_kernel(r, size, NULL); /* zero-fills */
	fill_head(r, tag, size);
	return r;
}

static __always_inline void event_end(void *r)
{
	__u64 filled = bpf_ringbuf_query(&events, RB_AVAIL_DATA);

	bpf_ringbuf_submit(r, filled > ring_bytes / WAKE_SHARE ? RB_FORCE_WAKEUP : RB_NO_WAKEUP);
}

#endif
