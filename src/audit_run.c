// SPDX-License-Identifier: GPL-2.0-only
/*
 * audit_run.c - the live audit: attach, walk, merge, stream, heal.
 *
 * The programs are attached before the walk, so that nothing falls between the two; what they told
 * before the walk began is in it. When the kernel had to drop events, the stream says so at once and
 * the table is made right by another walk: not more than a few a second, as long as losses go on.
 */
#include "audit_run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "audit_rules.h"
#include "cleanup.h"
#include "log.h"

#define SECOND 1000000000ull
#define LOOK_MS 100         /* the kernel wakes us only for a ring that fills */
#define AT_ONCE 65536       /* events between two looks at the clock */
#define HEAL_PAUSE (SECOND / 4)
#define PAUSE_MAX (16 * SECOND)
#define LAST_TRIES 20

__u64 audit_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

static __s64 real_offset(void)
{
	struct timespec ts;
	__u64 before = audit_now();

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * (__s64)SECOND + ts.tv_nsec - (__s64)((before + audit_now()) / 2);
}

static int read_word(const char *file, char *buf, size_t len)
{
	FILE *f _fclose_ = fopen(file, "re");

	buf[0] = 0;
	if (!f || !fgets(buf, len, f))
		return fail(-errno, "read %s", file);
	buf[strcspn(buf, "\n")] = 0;
	return 0;
}

/* ---- the walk ---- */

static int take_seen(void *arg, const struct rec_audit *r)
{
	struct audit_run *run = arg;
	struct audit *a = &run->audit;

	if (!a->host_mnt) {
		struct audit_counts c;

		audit_probe_counts(run->probe, &c);
		a->host_mnt = c.host_mnt;
		a->host_cgroup = c.host_cgroup;
	}
	return audit_walk_seen(a, (const void *)r);
}

static int take_event(void *arg, const struct rec_audit *r)
{
	struct audit_run *run = arg;

	return audit_apply(&run->audit, r);
}

static int walk(struct audit_run *r)
{
	int err;

	audit_walk_begin(&r->audit, audit_now());
	err = audit_probe_walk(r->probe, take_seen, r);
	return err == -ENOMEM ? fail(err, "audit") : err;
}

/* ---- losses ---- */

static void count_lost(__u64 lost[AE_TYPES], const struct audit_counts *c, const struct audit_counts *before)
{
	static const enum audit_type type[AUDIT_TYPES] = {
		[0] = AE_CREATED, [REC_AUDIT_BORN & 0xff] = AE_BORN, [REC_AUDIT_SEEN & 0xff] = AE_CREATED,
		[REC_AUDIT_EXEC & 0xff] = AE_EXEC, [REC_AUDIT_EXIT & 0xff] = AE_EXIT,
		[REC_AUDIT_FREE & 0xff] = AE_REAPED, [REC_AUDIT_RENAME & 0xff] = AE_CREATED,
		[REC_AUDIT_CALL & 0xff] = AE_CREATED, [REC_AUDIT_NSFREE & 0xff] = AE_CREATED,
	};

	for (int i = 0; i < AUDIT_TYPES; i++)
		lost[type[i]] += c->lost[i] - before->lost[i];
}

static int tell_lost(struct audit_run *r, const struct audit_counts *c, __u64 now)
{
	struct audit *a = &r->audit;
	struct audit_event e;

	if (!r->doubt_ns)
		r->doubt_ns = r->clean_ns;
	audit_event_init(a, &e, AE_LOST, now);
	count_lost(e.lost, c, &r->told);
	e.lost_all = c->lost_all - r->told.lost_all;
	e.from_ns = r->clean_ns;
	e.to_ns = now;
	e.age_ns = now - r->clean_ns;
	snprintf(e.reason, sizeof(e.reason), "the ring of %zu bytes was full: a walk will make the table right, "
		 "but what came and went in that time is not known", audit_probe_ring(r->probe));
	r->told = *c;
	return audit_emit(a, &e);
}

static int look_for_losses(struct audit_run *r, __u64 now)
{
	struct audit_counts c;
	int err = 0;

	audit_probe_counts(r->probe, &c);
	if (c.lost_all != r->told.lost_all)
		err = tell_lost(r, &c, now);
	r->audit.totals.lost = c.lost_all;
	r->clean_ns = now;
	return err;
}

static int tell_resync(struct audit_run *r, __u64 now)
{
	struct audit *a = &r->audit;
	struct audit_event e;

	audit_event_init(a, &e, AE_RESYNC, now);
	e.from_ns = r->doubt_ns;
	e.to_ns = now;
	e.age_ns = now - r->doubt_ns;
	e.added = a->walk_result.added;
	e.removed = a->walk_result.removed;
	e.changed = a->walk_result.changed;
	e.healed = 1;
	r->doubt_ns = 0;
	a->totals.resyncs++;
	return audit_emit(a, &e);
}

static int drain(struct audit_run *r)
{
	long n = audit_probe_read(r->probe, take_event, r, AT_ONCE);

	return n < 0 ? (int)n : 0;
}

/* Everything that had come by now; bounded, as more may come all the time. */
static int drain_all(struct audit_run *r)
{
	long n = AT_ONCE;

	for (int i = 0; i < 64 && n == AT_ONCE; i++)
		n = audit_probe_read(r->probe, take_event, r, AT_ONCE);
	return n < 0 ? (int)n : 0;
}

/* A walk, and what came meanwhile. It heals when nothing was lost since it began. */
static int heal(struct audit_run *r)
{
	struct audit_counts before, after;
	int err = drain_all(r);

	audit_probe_counts(r->probe, &before);
	if (!err)
		err = walk(r);
	if (!err)
		err = drain_all(r); /* what the walk was quicker than: it is told as events */
	if (!err)
		err = audit_walk_end(&r->audit);
	if (!err)
		err = audit_walk_tell(&r->audit);
	if (err)
		return err;
	audit_probe_counts(r->probe, &after);
	err = look_for_losses(r, audit_now());
	if (err || before.lost_all != after.lost_all) {
		r->audit.totals.failed_resyncs++;
		return err;
	}
	return r->doubt_ns ? tell_resync(r, audit_now()) : 0;
}

static int heal_when_due(struct audit_run *r, __u64 now)
{
	int err;

	if ((!r->doubt_ns && !r->audit.settle) || now < r->heal_ns)
		return 0;
	if (r->doubt_ns || !r->pause_ns)
		r->pause_ns = HEAL_PAUSE;
	else if (r->pause_ns < PAUSE_MAX)
		r->pause_ns *= 2; /* nothing was lost, and the last walk did not settle it either */
	r->heal_ns = now + r->pause_ns;
	err = heal(r);
	if (!r->audit.settle)
		r->pause_ns = 0;
	return err;
}

/* The last chance: events may still be lost while others make many. */
static int heal_at_last(struct audit_run *r)
{
	int err = drain_all(r);

	if (!err)
		err = look_for_losses(r, audit_now());
	for (int i = 0; i < LAST_TRIES && r->doubt_ns && !err; i++) {
		if (i)
			usleep(50000);
		err = heal(r);
	}
	return err;
}

/* ---- time ---- */

static int check_clock(struct audit_run *r, __u64 now)
{
	__s64 offset = real_offset();

	return audit_clock(&r->audit, offset, now);
}

/* Before 6.14 there is one limit for all namespaces, which no type of the kernel's shows. */
static void tell_pid_max(struct audit_run *r)
{
	char text[32];

	if (!read_word("/proc/sys/kernel/pid_max", text, sizeof(text)))
		audit_probe_pid_max(r->probe, strtoul(text, NULL, 10));
}

static int tick(struct audit_run *r, __u64 now)
{
	struct audit *a = &r->audit;
	int err;

	r->tick_ns = now;
	a->now_ns = now;
	tell_pid_max(r);
	err = check_clock(r, now);
	if (!err)
		err = audit_alert_tick(a, now);
	if (!err)
		err = audit_ns_tick(a, now);
	for (struct audit_sink *s = a->sinks; s && !err; s = s->next)
		if (s->tick)
			err = s->tick(s, a);
	return err;
}

/* ---- the recipe ---- */

static int tell_start(struct audit_run *r, __u64 now)
{
	struct audit *a = &r->audit;
	struct audit_hooks hooks = *audit_probe_hooks(r->probe);
	struct audit_event e;
	struct utsname u;
	size_t used = strlen(hooks.missing);

	uname(&u);
	audit_event_init(a, &e, AE_START, now);
	if (a->opts.ns_ask && !a->opts.nsfree)
		snprintf(hooks.in_force + strlen(hooks.in_force), sizeof(hooks.in_force) - strlen(hooks.in_force),
			 ", ends of pid namespaces (asked for by their ids)");
	else if (!a->opts.nsfree)
		snprintf(hooks.missing + used, sizeof(hooks.missing) - used,
			 "%sends of pid namespaces", used ? ", " : "");
	used = strlen(hooks.missing);
	snprintf(hooks.missing + used, sizeof(hooks.missing) - used,
		 "%schanges of groups and sessions, the moment of a wait (the end of it is told a grace period "
		 "later)", used ? ", " : "");
	memcpy(e.boot_id, a->boot_id, sizeof(e.boot_id));
	e.version = VERSION;
	e.kernel = u.release;
	e.hooks = hooks.in_force;
	e.missing = hooks.missing;
	return audit_emit(a, &e);
}

static int tell_ready(struct audit_run *r, enum audit_type type, __u64 now)
{
	struct audit *a = &r->audit;
	struct audit_event e;

	audit_event_init(a, &e, type, now);
	e.used = a->nr_tasks;
	e.events = a->seq + 1;
	count_lost(e.lost, &r->told, &(struct audit_counts){});
	e.lost_all = r->told.lost_all;
	e.healed = !r->doubt_ns;
	return audit_emit(a, &e);
}

static int begin(struct audit_run *r)
{
	struct audit *a = &r->audit;
	const struct audit_hooks *hooks;
	int err = audit_probe_open(&r->probe, &r->probe_opts);

	if (err)
		return err;
	a->probe = r->probe;
	hooks = audit_probe_hooks(r->probe);
	a->opts.calls = hooks->calls;
	a->opts.nsfree = hooks->nsfree;
	a->opts.ns_ask = audit_ns_can_ask();
	a->real_offset = real_offset();
	if (read_word("/proc/sys/kernel/random/boot_id", a->boot_id, sizeof(a->boot_id)) ||
	    audit_table_init(a))
		return -EIO;
	tell_pid_max(r);
	r->begin_ns = r->clean_ns = audit_now();
	err = walk(r);
	a->first_ns = a->walk_ns;
	if (!err)
		err = audit_walk_end(a);
	if (err == -ESRCH)
		return fail(err, "pid %d", a->opts.root);
	if (!err)
		err = tell_start(r, r->begin_ns);
	if (!err)
		err = audit_walk_tell(a);
	if (!err)
		err = tell_ready(r, AE_READY, audit_now());
	a->live = true;
	r->audit.first_seq = a->seq;
	return err;
}

/* Once more what is there, as at the start, when SIGUSR1 asks for it. */
static int tell_all(struct audit_run *r)
{
	int err = audit_ask_zombies(&r->audit, audit_now(), true);

	r->tell_all = false;
	err = err ?: audit_tell_all(&r->audit);
	return err ?: tell_ready(r, AE_READY, audit_now());
}

static bool enough(const struct audit_run *r, __u64 now)
{
	return r->stop || (r->for_ns && now >= r->begin_ns + r->for_ns) ||
	       (r->count && r->audit.seq - r->audit.first_seq >= r->count);
}

static int tell_ready_sinks(struct audit_run *r, int fd)
{
	int err = 0;

	for (struct audit_sink *s = r->audit.sinks; s && !err; s = s->next)
		if (s->ready && s->fd == fd)
			err = s->ready(s, &r->audit);
	return err;
}

/* A file with a mistake is told, and changes nothing. */
static void read_rules(struct audit_run *r)
{
	struct audit_rules *rules;

	if (!r->rules) {
		warn("audit: there are no rules to read again (--rules)");
		return;
	}
	if (audit_rules_read(&rules, r->rules))
		return;
	audit_rules_free(r->audit.opts.rules);
	r->audit.opts.rules = rules;
	inform("audit: rules were read again from %s", r->rules);
}

static void take_signal(struct audit_run *r)
{
	struct signalfd_siginfo info;

	if (read(r->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR1)
		r->tell_all = true;
	else if (info.ssi_signo == SIGHUP)
		read_rules(r);
	else
		r->stop = true;
}

static int wait_for_more(struct audit_run *r, int epoll)
{
	struct epoll_event ev[4];
	int n = epoll_wait(epoll, ev, ARRAY_SIZE(ev), LOOK_MS);
	int err = n < 0 && errno != EINTR ? fail(-errno, "wait for events") : 0;

	for (int i = 0; i < n && !err; i++) {
		if (ev[i].data.fd == r->signals)
			take_signal(r);
		else
			err = tell_ready_sinks(r, ev[i].data.fd);
	}
	return err;
}

static int watch(int epoll, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	return fd < 0 || !epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) ? 0 : fail(-errno, "watch a descriptor");
}

static int loop(struct audit_run *r)
{
	int epoll _close_ = epoll_create1(EPOLL_CLOEXEC);
	int err = epoll < 0 ? fail(-errno, "epoll") : 0;

	err = err ?: watch(epoll, audit_probe_fd(r->probe));
	err = err ?: watch(epoll, r->signals);
	for (struct audit_sink *s = r->audit.sinks; s && !err; s = s->next)
		err = s->ready ? watch(epoll, s->fd) : 0;
	while (!err && !enough(r, audit_now())) {
		__u64 now;

		err = drain(r);
		now = audit_now();
		err = err ?: look_for_losses(r, now);
		err = err ?: heal_when_due(r, now);
		if (!err && r->tell_all)
			err = tell_all(r);
		if (!err && now >= r->tick_ns + SECOND)
			err = tick(r, now);
		err = err ?: audit_flush(&r->audit);
		err = err ?: wait_for_more(r, epoll);
	}
	return err;
}

int audit_run(struct audit_run *r)
{
	int err = begin(r);

	if (!err)
		err = audit_flush(&r->audit);
	if (!err)
		err = loop(r);
	if (!err)
		err = heal_at_last(r);
	if (!err)
		err = tick(r, audit_now());
	if (!err)
		err = tell_ready(r, AE_END, audit_now());
	if (!err)
		err = audit_flush(&r->audit);
	return err;
}
