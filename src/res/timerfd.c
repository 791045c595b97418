// SPDX-License-Identifier: GPL-2.0-only
/*
 * timerfd.c - kind "timerfd": clock, next expiry, interval, and expiries that nobody has read.
 *
 * Dates on the real-time clocks stay dates. On the monotonic ones what was left is left. Unread
 * expiries are brought back by setting the timer to so long ago that it counts them itself
 * (fs/timerfd.c: the count is made when it is read, from the last expiry and the interval).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/timerfd.h>
#include <time.h>

#include "check.h"
#include "log.h"
#include "rec_file.h"
#include "rec_state.h"
#include "res.h"
#include "restore.h"
#include "timerfd.h"

#define R struct rec_timerfd
#define CLOCKS (1u << CLOCK_REALTIME | 1u << CLOCK_MONOTONIC | 1u << CLOCK_BOOTTIME |              \
		1u << CLOCK_REALTIME_ALARM | 1u << CLOCK_BOOTTIME_ALARM)
#define NS_MAX (1ull << 61)
#define TICKS_MAX (1ull << 32)

static const struct field fields[] = {
	FIELD_OWNER(R, file, REC_FILE),
	FIELD(R, addr, NEVER_SAVED, AS_HEX),
	FIELD(R, expires, MAY_DIFFER, AS_DEC),
	FIELD(R, interval, MUST_MATCH, AS_DEC),
	FIELD(R, ticks, MAY_DIFFER, AS_DEC), /* counted by the next read */
	FIELD(R, clockid, MUST_MATCH, AS_DEC),
	FIELD(R, base, MAY_DIFFER, AS_DEC),
	FIELD(R, flags, MAY_DIFFER, AS_HEX),
	FIELD(R, armed, MAY_DIFFER, AS_DEC), /* it may fire while we compare */
	FIELD(R, cancelled, MUST_MATCH, AS_DEC),
};

static int check(struct check *c, const void *rec)
{
	const struct rec_timerfd *t = rec;

	if (t->cancelled)
		check_refuse(c, 0, "timerfd", "the clock was set, and a timer with TFD_TIMER_CANCEL_ON_SET has "
			     "yet to tell its reader, which is not supported");
	return 0;
}

static bool is_clock(__u32 clock)
{
	return clock <= CLOCK_BOOTTIME_ALARM && CLOCKS & 1u << clock;
}

static int read_timerfd(const struct image *img, const void *rec)
{
	const struct rec_timerfd *t = rec;

	if (!is_clock(t->clockid) || !is_clock(t->base) || t->interval > NS_MAX || t->expires > NS_MAX ||
	    t->ticks > TICKS_MAX || (t->interval && t->ticks > NS_MAX / t->interval) || t->armed > 1 || t->cancelled ||
	    t->flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return fail(-ERR_IMAGE, "image: timerfd of file %llu is impossible", t->file);
	return 0;
}

static __s64 now_on(clockid_t clock)
{
	struct timespec now;

	/* those that wake a system show the same time, but not where there is no RTC */
	clock_gettime(clock == CLOCK_REALTIME_ALARM ? CLOCK_REALTIME :
		      clock == CLOCK_BOOTTIME_ALARM ? CLOCK_BOOTTIME : clock, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* How long until it expires, or since it did (negative): the tree was not there in between. */
static __s64 left(const struct restore *r, const struct rec_timerfd *t)
{
	switch (t->base) {
	case CLOCK_MONOTONIC:
		return t->expires - r->info->clock_monotonic;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		return t->expires - r->info->clock_boottime;
	default:
		return t->expires - now_on(CLOCK_REALTIME); /* a date */
	}
}

static struct timespec to_timespec(__s64 ns)
{
	if (ns < 1)
		ns = 1; /* 0 would disarm it */
	return (struct timespec){ ns / 1000000000, ns % 1000000000 };
}

int timerfd_arm(const struct restore *r, const struct rec_timerfd *t, int fd)
{
	struct itimerspec it = { .it_interval = { t->interval / 1000000000, t->interval % 1000000000 } };
	/* a relative one does not follow when the clock is set: hrtimer_setup() puts it on another base */
	bool relative = t->clockid != t->base && t->armed && !t->ticks;
	__s64 at = left(r, t);

	if (!t->armed && !t->ticks)
		return 0;
	/* what was set again before it was read is ahead of its unread expiries; else it is the last */
	if (t->ticks)
		at -= (t->armed ? t->ticks : t->ticks - 1) * t->interval;
	it.it_value = to_timespec(relative ? at : at + now_on(t->clockid));
	return timerfd_settime(fd, relative ? 0 : TFD_TIMER_ABSTIME | t->flags, &it, NULL) ? -errno : 0;
}

static int restore_timerfd(struct restore *r, const void *rec)
{
	const struct rec_timerfd *t = rec;
	const struct rec_file *f = snap_find(&r->image.snap, REC_FILE, t->file);
	int fd _close_ = timerfd_create(t->clockid, TFD_CLOEXEC | (f->flags & O_NONBLOCK ? TFD_NONBLOCK : 0));
	int err;

	if (fd < 0)
		return fail(-errno, "timerfd on clock %u", t->clockid);
	err = timerfd_arm(r, t, fd);
	if (err)
		return fail(err, "set a timerfd");
	return restore_keep(r, t->file, take_fd(&fd), -1);
}

const struct res_type res_timerfd = {
	.name = "timerfd", .tag = REC_TIMERFD, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.check = check, .read = read_timerfd, .restore = restore_timerfd,
};
