/* SPDX-License-Identifier: GPL-2.0-only */
/* timerfd.bpf.h - struct timerfd_ctx: a high-resolution timer, or an alarm for the two clocks that wake. */
#ifndef BPF_CKPT_TIMERFD_BPF_H
#define BPF_CKPT_TIMERFD_BPF_H

#include "compat.bpf.h"
#include "rec_file.h"

#define CLOCK_REALTIME_ALARM 8
#define CLOCK_BOOTTIME_ALARM 9
#define KTIME_MAX 0x7fffffffffffffffll

static __always_inline void emit_timerfd(struct frame *f, struct file *file)
{
	struct timerfd_ctx *ctx = BPF_CORE_READ(file, private_data);
	struct rec_timerfd *r = frame_add(f, REC_TIMERFD, sizeof(*r));

	if (!r)
		return;
	r->file = (__u64)file;
	r->addr = (__u64)ctx;
	r->clockid = BPF_CORE_READ(ctx, clockid);
	r->interval = BPF_CORE_READ(ctx, tintv);
	r->ticks = BPF_CORE_READ(ctx, ticks);
	r->flags = BPF_CORE_READ(ctx, settime_flags);
	/* fs/timerfd.c: a clock that was set is noted by moffs until the next read says ECANCELED */
	r->cancelled = BPF_CORE_READ(ctx, might_cancel) && BPF_CORE_READ(ctx, moffs) == KTIME_MAX;
	if (r->clockid == CLOCK_REALTIME_ALARM || r->clockid == CLOCK_BOOTTIME_ALARM) {
		r->expires = BPF_CORE_READ(ctx, t.alarm.node.expires);
		r->armed = BPF_CORE_READ(ctx, t.alarm.state) & 1; /* ALARMTIMER_STATE_ENQUEUED */
		r->base = r->clockid;
	} else {
		r->expires = BPF_CORE_READ(ctx, t.tmr.node.expires);
		r->armed = BPF_CORE_READ(ctx, t.tmr.state) & 1; /* HRTIMER_STATE_ENQUEUED */
		r->base = BPF_CORE_READ(ctx, t.tmr.base, clockid);
	}
}

#endif
