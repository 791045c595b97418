/* SPDX-License-Identifier: GPL-2.0-only */
/* timer.bpf.h - POSIX timers of a process. */
#ifndef BPF_CKPT_TIMER_BPF_H
#define BPF_CKPT_TIMER_BPF_H

#include "compat.bpf.h"
#include "rec_task.h"

#define TIMERS_MAX 16 /* in one frame; rec_timer.armed TIMER_MORE says that there are more */

/* Nanoseconds left until an hrtimer's expiry, on the clock it is queued on. */
static __always_inline __u64 hrtimer_left(struct hrtimer *t, __u64 interval)
{
	/* base->offset is that of its clock to CLOCK_MONOTONIC (kernel/time/hrtimer.c) */
	__s64 left = BPF_CORE_READ(t, node.expires) - BPF_CORE_READ(t, base, offset) -
		     bpf_ktime_get_ns();

	if (left > 0)
		return left;
	if (!interval)
		return 1;
	return interval - (__u64)-left % interval;
}

/* Left of a CPU-clock timer: expires is absolute in the clock of its target. */
static __always_inline __u64 cpu_timer_left(struct k_itimer *k, struct signal_struct *s)
{
	__u64 expires = BPF_CORE_READ(k, it.cpu.node.expires), now, ut, st;
	__s32 clock = BPF_CORE_READ(k, it_clock);

	/* include/linux/posix-timers.h: bit 2 is "per thread", bits 0-1 PROF, VIRT, SCHED */
	if (clock & 4)
		return 0; /* the loader refuses it: the thread's clock is not here */
	ut = BPF_CORE_READ(s, cputimer.cputime_atomic.utime.counter);
	st = BPF_CORE_READ(s, cputimer.cputime_atomic.stime.counter);
	now = (clock & 3) == 0	 ? ut + st
	      : (clock & 3) == 1 ? ut
				 : BPF_CORE_READ(s, cputimer.cputime_atomic.sum_exec_runtime.counter);
	return expires > now ? expires - now : 1;
}

static __always_inline void read_armed(struct rec_timer *r, struct k_itimer *k, struct signal_struct *s)
{
	struct k_itimer___old *old = (void *)k;
	bool queued, cpu = r->clock < 0;

	if (cpu)
		queued = BPF_CORE_READ(k, it.cpu.head) != NULL;
	else if (r->notify == 1) /* SIGEV_NONE: runs without being queued */
		queued = BPF_CORE_READ(k, it.real.timer.node.expires) != 0;
	else
		queued = BPF_CORE_READ(k, it.real.timer.state) & 1;
	if (bpf_core_field_exists(k->it_status))
		r->requeue = BPF_CORE_READ(k, it_status) == 2; /* POSIX_TIMER_REQUEUE_PENDING */
	else if (bpf_core_field_exists(old->it_requeue_pending))
		r->requeue = BPF_CORE_READ(old, it_requeue_pending) & 1;
	r->armed = queued || (r->requeue && r->interval);
	if (!r->armed)
		return;
	r->value = cpu ? cpu_timer_left(k, s) : hrtimer_left(&k->it.real.timer, r->interval);
}

static __always_inline void read_notify(struct rec_timer *r, struct k_itimer *k)
{
	struct k_itimer___old *old = (void *)k;
	struct sigqueue *q;

	if (bpf_core_field_exists(old->sigq))
		q = BPF_CORE_READ(old, sigq);
	else
		q = (void *)k + bpf_core_field_offset(struct k_itimer, sigq);
	r->signo = BPF_CORE_READ(q, info.si_signo);
	r->sival = (__u64)BPF_CORE_READ(q, info._sifields._timer._sigval.sival_ptr);
	r->target = (__u64)BPF_CORE_READ(k, it_pid);
}

static __always_inline void emit_timers(struct frame *f, struct signal_struct *s)
{
	/* a list_head or a hlist_head: the first word is the first node either way */
	void *head = (void *)s + bpf_core_field_offset(struct signal_struct, posix_timers);
	void *node = NULL;
	struct k_itimer *k;
	struct rec_timer *r;
	int i;

	bpf_probe_read_kernel(&node, sizeof(node), head);
	for (i = 0; i < TIMERS_MAX; i++) {
		if (!node || node == head)
			return;
		k = node - bpf_core_field_offset(struct k_itimer, list);
		bpf_probe_read_kernel(&node, sizeof(node), node);
		r = frame_add(f, REC_TIMER, sizeof(*r));
		if (!r)
			return;
		r->signal = (__u64)s;
		r->id = BPF_CORE_READ(k, it_id);
		r->clock = BPF_CORE_READ(k, it_clock);
		r->notify = BPF_CORE_READ(k, it_sigev_notify);
		r->interval = BPF_CORE_READ(k, it_interval);
		r->overrun = BPF_CORE_READ(k, it_overrun);
		read_notify(r, k);
		read_armed(r, k, s);
	}
	if (node && node != head) {
		r = frame_add(f, REC_TIMER, sizeof(*r));
		if (!r)
			return;
		r->signal = (__u64)s;
		r->armed = TIMER_MORE;
	}
}

#endif
