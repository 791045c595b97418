/* SPDX-License-Identifier: GPL-2.0-only */
/* pid.bpf.h - struct pid and struct pid_namespace as records. */
#ifndef BPF_CKPT_PID_BPF_H
#define BPF_CKPT_PID_BPF_H

#include "chain.bpf.h"
#include "compat.bpf.h"
#include "rec_task.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct upid[64]); /* PID_NUMBERS_MAX, and a power of two for bounded() */
} upids __weak SEC(".maps");

/*
 * All numbers at once, and without a branch for each: the verifier walks every path there is. What
 * lies behind the last one is cut off by frame_grow(), but for the bytes that round it up.
 */
static __always_inline void fill_numbers(struct rec_pid *r, struct pid *pid, __u32 nr)
{
	__u32 i, bytes = nr * bpf_core_type_size(struct upid);
	struct upid *upid = bpf_map_lookup_elem(&upids, &(__u32){ 0 });

	if (!upid || bytes > sizeof(struct upid) * PID_NUMBERS_MAX)
		return;
	bpf_probe_read_kernel(upid, sizeof(struct upid) * PID_NUMBERS_MAX, NULL); /* zero-fills */
	bpf_probe_read_kernel(upid, bounded(bytes, sizeof(struct upid) * 64 - 1), pid_upid(pid, 0));
	for (i = 0; i < PID_NUMBERS_MAX; i++)
		r->numbers[i] = upid[i].nr;
}

static __always_inline void emit_pid(struct frame *f, struct pid *pid)
{
	struct rec_pid *r;
	__u32 level;

	if (f->used > REC_FRAME_MAX - sizeof(*r) - PID_NUMBERS_MAX * sizeof(__s32))
		return;
	r = frame_add(f, REC_PID, sizeof(*r));
	if (!r)
		return;
	level = BPF_CORE_READ(pid, level);
	r->addr = (__u64)pid;
	r->ino = pid_ino(pid);
	r->level = level;
	r->alive = BPF_CORE_READ(pid, tasks[0].first) != NULL; /* PIDTYPE_PID */
	if (level > PIDNS_LEVEL_MAX)
		return;
	r->ns = (__u64)pid_active_ns(pid);
	fill_numbers(r, pid, level + 1);
	frame_grow(f, &r->h, (level + 1) * sizeof(__s32));
}

static __always_inline void emit_pidns(struct frame *f, struct pid_namespace *ns)
{
	struct rec_pidns *r = frame_add(f, REC_PIDNS, sizeof(*r));
	__u32 allocated;

	if (!r)
		return;
	allocated = BPF_CORE_READ(ns, pid_allocated);
	r->addr = (__u64)ns;
	r->parent = (__u64)BPF_CORE_READ(ns, parent);
	r->reaper = (__u64)BPF_CORE_READ(ns, child_reaper, thread_pid);
	r->level = BPF_CORE_READ(ns, level);
	r->inum = BPF_CORE_READ(ns, ns.inum);
	r->owner_inum = BPF_CORE_READ(ns, user_ns, ns.inum);
	r->owner_level = BPF_CORE_READ(ns, user_ns, level);
	r->allocated = allocated & ~PIDNS_ADDING;
	r->adding = allocated >> 31;
	r->idr_next = BPF_CORE_READ(ns, idr.idr_next);
	r->pid_max = pidns_pid_max(ns);
}

#endif
