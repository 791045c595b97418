// SPDX-License-Identifier: GPL-2.0-only
/* freeze.c - stop threads with ptrace(2) and let them go again without a trace of it. */
#include "freeze.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

static __u64 monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int by_tid(const void *a, const void *b)
{
	return ((const struct frozen *)a)->tid - ((const struct frozen *)b)->tid;
}

struct frozen *freeze_find(const struct freeze *f, pid_t tid)
{
	struct frozen key = { .tid = tid };

	return f->nr ? bsearch(&key, f->v, f->nr, sizeof(key), by_tid) : NULL;
}

/* A line of /proc/TID/status, for messages: nobody should have to look for the culprit. */
static void status_field(pid_t tid, const char *name, char *buf, size_t len)
{
	char path[64], line[256];
	FILE *file _fclose_ = NULL;

	snprintf(buf, len, "?");
	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		size_t n = strlen(name);

		if (strncmp(line, name, n) || line[n] != ':')
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(buf, len, "%s", line + n + 1 + strspn(line + n + 1, "\t "));
		return;
	}
}

/* ptrace(2) says EPERM of who waits to be reaped. */
bool freeze_is_dead(pid_t tid)
{
	char state[32];

	status_field(tid, "State", state, sizeof(state));
	return strchr("?ZX", state[0]);
}

static int seize_failed(pid_t tid, int err)
{
	char comm[32], tracer[32], tracer_comm[32];

	status_field(tid, "Name", comm, sizeof(comm));
	status_field(tid, "TracerPid", tracer, sizeof(tracer));
	if (atoi(tracer) <= 0)
		return fail(err, "stop thread %d (%s)", tid, comm);
	status_field(atoi(tracer), "Name", tracer_comm, sizeof(tracer_comm));
	return fail(err, "thread %d (%s) is traced by %s (%s) already; end that first", tid, comm,
		    tracer, tracer_comm);
}

int freeze_seize(struct freeze *f, const struct frozen *who, size_t nr)
{
	struct frozen *v = realloc(f->v, (f->nr + nr) * sizeof(*v));
	size_t had = f->nr;
	int err = 0;

	if (!v && f->nr + nr)
		return fail(-ENOMEM, "freeze");
	f->v = v;
	for (size_t i = 0; i < nr && !err; i++) {
		struct frozen *e = &f->v[f->nr];

		if (had && bsearch(&who[i], f->v, had, sizeof(who[i]), by_tid))
			continue;
		if (ptrace(PTRACE_SEIZE, who[i].tid, 0, f->options)) {
			err = -errno;
			if (freeze_is_dead(who[i].tid))
				err = 0; /* the next walk tells */
			else
				seize_failed(who[i].tid, err);
			continue;
		}
		*e = (struct frozen){ .tid = who[i].tid, .tgid = who[i].tgid };
		f->nr++;
	}
	if (f->nr)
		qsort(f->v, f->nr, sizeof(*f->v), by_tid);
	return err;
}

/*
 * Take one wait status. A signal that was on its way is put through, and the stop still comes: it
 * is delivered as if we were not there. True once the thread is stopped or gone.
 */
static bool take_status(struct frozen *e, int status)
{
	int sig = WSTOPSIG(status);

	if (WIFEXITED(status) || WIFSIGNALED(status)) {
		e->gone = true;
		return true;
	}
	if (!WIFSTOPPED(status))
		return false;
	if (status >> 16 == PTRACE_EVENT_STOP) {
		e->stopped = true;
		e->group_stop = sig != SIGTRAP;
		e->stop_signal = e->group_stop ? sig : 0;
		return true;
	}
	ptrace(PTRACE_CONT, e->tid, 0, status >> 16 ? 0 : sig);
	return false;
}

/* What to do about a thread that sleeps where no signal wakes it, by the function it sleeps in. */
static const char *advice(const char *wchan)
{
	if (!strcmp(wchan, "__refrigerator"))
		return "its cgroup is frozen (freezer.state of cgroup v1): thaw it";
	if (!strcmp(wchan, "kernel_clone"))
		return "it waits for its vfork(2) child to exec or exit: try again, or raise --timeout";
	return "wait until its system call is over, or raise --timeout";
}

static int not_stopping(const struct frozen *e)
{
	char comm[32], state[32], wchan[64] = "", path[64];
	FILE *file _fclose_ = NULL;

	status_field(e->tid, "Name", comm, sizeof(comm));
	status_field(e->tid, "State", state, sizeof(state));
	snprintf(path, sizeof(path), "/proc/%d/wchan", e->tid);
	file = fopen(path, "re");
	if (file && !fgets(wchan, sizeof(wchan), file))
		wchan[0] = 0;
	return fail(-ETIMEDOUT, "thread %d (%s) does not stop: it is in state %s%s%s; %s", e->tid, comm, state,
		    wchan[0] ? ", in " : "", wchan, advice(wchan));
}

int freeze_await(struct frozen *e, __u64 deadline)
{
	for (unsigned int tries = 0;; tries++) {
		int status;
		pid_t got = waitpid(e->tid, &status, __WALL | WNOHANG);

		if (got < 0 && errno == ECHILD) {
			e->gone = true; /* another thread called exec, or it was reaped */
			return 0;
		}
		if (got < 0 && errno != EINTR)
			return fail(-errno, "wait for thread %d", e->tid);
		if (got == e->tid && take_status(e, status))
			return 0;
		if (monotonic() > deadline)
			return not_stopping(e);
		/* most stops arrive within microseconds, some wait for a disk */
		if (tries < 50)
			sched_yield();
		else
			usleep(tries < 100 ? 50 : 1000);
	}
}

int freeze_stop(struct freeze *f, __u64 deadline)
{
	int err = 0;

	for (size_t i = 0; i < f->nr; i++)
		if (!f->v[i].stopped && !f->v[i].gone &&
		    ptrace(PTRACE_INTERRUPT, f->v[i].tid, 0, 0) && errno == ESRCH)
			f->v[i].gone = false; /* its exit is still to be waited for */
	for (size_t i = 0; i < f->nr && !err; i++)
		if (!f->v[i].stopped && !f->v[i].gone)
			err = freeze_await(&f->v[i], deadline);
	return err;
}

/* Forget what exited: its number may come back as somebody else. */
static void drop_gone(struct freeze *f)
{
	size_t out = 0;

	for (size_t i = 0; i < f->nr; i++)
		if (!f->v[i].gone)
			f->v[out++] = f->v[i];
	f->nr = out;
}

int freeze_add(struct freeze *f, const struct frozen *who, size_t nr, __u64 deadline)
{
	int err = freeze_seize(f, who, nr);

	if (!err)
		err = freeze_stop(f, deadline);
	drop_gone(f);
	return err;
}

int freeze_let_go(struct freeze *f, pid_t tid, __u64 deadline)
{
	struct frozen *e = freeze_find(f, tid);
	int err;

	if (!e)
		return -ESRCH;
	ptrace(PTRACE_INTERRUPT, tid, 0, 0);
	err = freeze_await(e, deadline);
	if (!err && (e->gone || ptrace(PTRACE_DETACH, tid, 0, 0)))
		err = -ESRCH;
	e->gone = true;
	drop_gone(f);
	return err;
}

void freeze_spare(struct freeze *f, pid_t last)
{
	for (size_t i = 0; i < f->nr; i++)
		if (f->v[i].tgid != last)
			ptrace(PTRACE_SETOPTIONS, f->v[i].tid, 0, f->options & ~PTRACE_O_EXITKILL);
	for (size_t i = 0; i < f->nr; i++)
		if (f->v[i].tgid == last)
			ptrace(PTRACE_SETOPTIONS, f->v[i].tid, 0, f->options & ~PTRACE_O_EXITKILL);
}

/* PTRACE_DETACH wants a stopped thread: one that we only seized is interrupted first. */
void freeze_release(struct freeze *f)
{
	for (size_t i = 0; i < f->nr; i++) {
		if (f->v[i].stopped || f->v[i].gone)
			continue;
		if (!ptrace(PTRACE_INTERRUPT, f->v[i].tid, 0, 0))
			freeze_await(&f->v[i], monotonic() + 100000000);
	}
	for (size_t i = 0; i < f->nr; i++)
		if (f->v[i].stopped)
			ptrace(PTRACE_DETACH, f->v[i].tid, 0, 0);
	free(f->v);
	f->v = NULL;
	f->nr = f->cap = 0;
}

/*
 * Take the end of each as its tracer, so that its number is free when we return. An init waits for
 * its namespace and a leader for its threads, so in whatever order they come.
 */
static void await_ends(struct freeze *f)
{
	__u64 deadline = monotonic() + 5000000000ull;
	size_t left;

	do {
		left = 0;
		for (size_t i = 0; i < f->nr; i++) {
			int status;
			pid_t got = f->v[i].gone ? 0 : waitpid(f->v[i].tid, &status, __WALL | WNOHANG);

			if (got < 0 ? errno == ECHILD : got > 0 && !WIFSTOPPED(status))
				f->v[i].gone = true;
			left += !f->v[i].gone;
		}
		if (left)
			usleep(200);
	} while (left && monotonic() < deadline);
}

void freeze_signal(const struct freeze *f, int sig, pid_t first)
{
	const struct frozen *e = freeze_find(f, first);

	if (e)
		kill(e->tgid, sig);
	for (size_t i = 0; i < f->nr; i++)
		/* its leader may have exited before it */
		if (f->v[i].tid == f->v[i].tgid || !freeze_find(f, f->v[i].tgid))
			kill(f->v[i].tgid, sig);
}

void freeze_kill(struct freeze *f, pid_t first)
{
	freeze_signal(f, SIGKILL, first);
	await_ends(f);
	free(f->v);
	f->v = NULL;
	f->nr = f->cap = 0;
}
