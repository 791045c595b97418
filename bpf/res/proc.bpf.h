/* SPDX-License-Identifier: GPL-2.0-only */
/* proc.bpf.h - struct signal_struct: what the threads of a process share. */
#ifndef BPF_CKPT_PROC_BPF_H
#define BPF_CKPT_PROC_BPF_H

#include "compat.bpf.h"
#include "rec_task.h"
#include "res/pid.bpf.h"

static __always_inline __u32 proc_flags(struct signal_struct *s)
{
	__u32 flags = 0;

	if (BPF_CORE_READ_BITFIELD_PROBED(s, is_child_subreaper))
		flags |= PROC_F_SUBREAPER;
	if (BPF_CORE_READ_BITFIELD_PROBED(s, has_child_subreaper))
		flags |= PROC_F_HAS_SUBREAPER;
	if (BPF_CORE_READ(s, leader))
		flags |= PROC_F_SESSION_LEADER;
	if (BPF_CORE_READ(s, tty))
		flags |= PROC_F_TTY;
	if (BPF_CORE_READ(s, real_timer.state) & 1) /* HRTIMER_STATE_ENQUEUED */
		flags |= PROC_F_ITIMER_REAL;
	return flags;
}

/* What is left of a CPU timer; a due one is given the least that still arms it. */
static __always_inline __u64 cpu_left(__u64 expires, __u64 now)
{
	if (!expires)
		return 0;
	return expires > now ? expires - now : 1;
}

static __always_inline void fill_itimers(struct rec_proc *r, struct signal_struct *s)
{
	__u64 now = bpf_ktime_get_ns(), expires;
	/* the group's clock that armed CPU timers are compared with */
	__u64 ut = BPF_CORE_READ(s, cputimer.cputime_atomic.utime.counter);
	__u64 st = BPF_CORE_READ(s, cputimer.cputime_atomic.stime.counter);

	if (r->flags & PROC_F_ITIMER_REAL) {
		expires = BPF_CORE_READ(s, real_timer.node.expires);
		r->itimer[0].value = expires > now ? expires - now : 1;
	}
	r->itimer[0].interval = BPF_CORE_READ(s, it_real_incr);
	r->itimer[1].value = cpu_left(BPF_CORE_READ(s, it[1].expires), ut);
	r->itimer[1].interval = BPF_CORE_READ(s, it[1].incr);
	r->itimer[2].value = cpu_left(BPF_CORE_READ(s, it[0].expires), ut + st);
	r->itimer[2].interval = BPF_CORE_READ(s, it[0].incr);
}

static __always_inline void emit_proc(struct frame *f, struct task_struct *t, struct pid *own)
{
	struct signal_struct *s = BPF_CORE_READ(t, signal);
	struct pid *pgid = BPF_CORE_READ(s, pids[2]), *sid = BPF_CORE_READ(s, pids[3]);
	struct rec_proc *r;

	/* leaders may be dead (ghosts) or outside of what is walked: their chains come with members */
	if (pgid && pgid != own)
		emit_pid(f, pgid);
	if (sid && sid != own && sid != pgid)
		emit_pid(f, sid);
	r = frame_add(f, REC_PROC, sizeof(*r));
	if (!r)
		return;
	r->addr = (__u64)s;
	r->tgid = (__u64)own;
	r->pgid = (__u64)pgid;
	r->sid = (__u64)sid;
	r->flags = proc_flags(s);
	r->signal_flags = BPF_CORE_READ(s, flags);
	r->nr_threads = BPF_CORE_READ(s, nr_threads);
	r->group_exit_code = BPF_CORE_READ(s, group_exit_code);
	r->pending = BPF_CORE_READ(s, shared_pending.signal.sig[0]);
	r->oom_score_adj = BPF_CORE_READ(s, oom_score_adj);
	r->oom_score_adj_min = BPF_CORE_READ(s, oom_score_adj_min);
	r->utime = BPF_CORE_READ(s, utime) + BPF_CORE_READ(t, utime);
	r->stime = BPF_CORE_READ(s, stime) + BPF_CORE_READ(t, stime);
	fill_itimers(r, s);
	bpf_probe_read_kernel(r->rlimit, sizeof(r->rlimit),
			      (char *)s + bpf_core_field_offset(struct signal_struct, rlim));
	if (r->flags & PROC_F_TTY)
		BPF_CORE_READ_STR_INTO(&r->tty, s, tty, name);
}

#endif
