/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * freeze.h - stop threads with ptrace(2) and let them go again without a trace of it.
 *
 * PTRACE_SEIZE + PTRACE_INTERRUPT: no signal is sent, and the kernel lets go of every thread by
 * itself when the tracer dies (ptrace(2)), so a killed dumper leaves its target running.
 */
#ifndef BPF_CKPT_FREEZE_H
#define BPF_CKPT_FREEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/types.h>

struct frozen {
	pid_t tid, tgid;      /* as this process's pid namespace numbers them */
	bool stopped;         /* in a ptrace stop now */
	bool group_stop;      /* stopped by a signal (SIGSTOP, ...) when we came */
	int stop_signal;      /* that signal */
	bool gone;            /* exited before it stopped */
};

struct freeze {
	struct frozen *v; /* sorted by tid */
	size_t nr, cap;
	unsigned long options; /* PTRACE_O_* given at seize */
};

/*
 * Seize all, then interrupt all, then wait for all, until deadline_ns (CLOCK_MONOTONIC). Threads
 * that are already in f are left alone. A thread that is gone is marked and forgotten (ESRCH is no
 * error: the caller walks again). Errors: -EPERM (already traced: message names thread and tracer),
 * -ETIMEDOUT (message names the thread that would not stop, its state and what it does). On error
 * whatever was seized in this call stays in f: freeze_release() lets go of all.
 */
int freeze_add(struct freeze *f, const struct frozen *who, size_t nr, __u64 deadline_ns);

/* Detach from one thread alone, which runs on. 0, -ESRCH, -ETIMEDOUT (reported). */
int freeze_let_go(struct freeze *f, pid_t tid, __u64 deadline_ns);

/* Exited: gone, or a zombie that waits to be reaped. */
bool freeze_is_dead(pid_t tid);

/* A signal to every process of f; first to that one, with which all others end if it is their init. */
void freeze_signal(const struct freeze *f, int sig, pid_t first);

/* Only seize, with f->options; threads keep running. Same errors. */
int freeze_seize(struct freeze *f, const struct frozen *who, size_t nr);
/* Interrupt and await all that are seized and not stopped. */
int freeze_stop(struct freeze *f, __u64 deadline_ns);

/* Wait for one thread that something else makes stop. 0 or -ETIMEDOUT, reported. */
int freeze_await(struct frozen *e, __u64 deadline_ns);

/* The entry of a tid, or NULL. */
struct frozen *freeze_find(const struct freeze *f, pid_t tid);

/*
 * From here on our end is not theirs any more (PTRACE_O_EXITKILL), all being stopped. Process last is
 * the last to learn it: when it is the init of all, or there is one for all, that is one moment for
 * the whole tree, before which a SIGKILL to us leaves nobody and after which it leaves all.
 */
void freeze_spare(struct freeze *f, pid_t last);

/*
 * Detach from all: running threads run on, group-stopped ones stay stopped. Frees the table. Never
 * fails: a thread that died meanwhile is skipped.
 */
void freeze_release(struct freeze *f);

/* SIGKILL to every process in the table, first to that one, then release. */
void freeze_kill(struct freeze *f, pid_t first);

#endif
