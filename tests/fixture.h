/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fixture.h - a fixture makes one kind of state, waits, and later says whether it is still intact.
 *
 * The only thing a waiting fixture does is sleep and look for files in its directory, so that it
 * holds nothing but the state under test. Its tasks talk through those files too:
 * - ready.NAME		task NAME has made its state
 * - check.N, go	the runner asks for round N, for the last round
 * - part.N.NAME	what task NAME found in round N
 * - result.N, result	what all of them found: "ok", "skip: ..." or lines of "FAIL: ..."
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

enum {
	FX_LEAVE_ONLY = 1 << 0, /* holds what a restore can't bring back: snapshots only */
	FX_NESTS = 1 << 1,	/* makes pid namespaces: the root has to be a pid 1 */
	FX_NOT_INIT = 1 << 2,	/* makes no sense as a pid 1 */
	FX_ROUNDS = 1 << 3,	/* worth five rounds */
	FX_NESTED = 1 << 4,	/* worth running three levels deep */
	FX_NO_FORK = 1 << 5,	/* can't fork while it is checked */
	FX_MAY_REFUSE = 1 << 6, /* a dump may refuse it by name */
	FX_OUTLIVED = 1 << 10,	/* holds what outlives it, named by marks ipc.KIND.NAME: worth a restore without */
	FX_MOVES = 1 << 7,	/* what /proc tells changes while it waits */
	FX_TCP = 1 << 8,	/* has connections: --tcp-established */
};

struct fixture {
	const char *name;
	const char *about;
	void (*setup)(void);
	void (*verify)(void); /* leaves the state as it was, unless fx_last() */
	void (*outside)(void); /* in a process that is not of the tree, begun before it */
	unsigned int flags;
};

extern const struct fixture *const fixtures[];
extern const unsigned int nr_fixtures;

/* The running round, and whether it is the last. */
int fx_round(void);
bool fx_last(void);

/* Findings of verify; the others end the fixture. */
void fx_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void fx_die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void fx_skip(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Tasks of the fixture. A child is waited for until it is ready, checked, and reaped in the end. */
pid_t fx_child(const char *name, void (*setup)(void), void (*verify)(void));
void fx_serve_child(const char *name, void (*setup)(void), void (*verify)(void))
	__attribute__((noreturn));
void fx_adopt(const char *name);  /* a descendant that somebody else forked */
void fx_back_to_own_pidns(void);  /* children are born there again */
void fx_may_be_killed(pid_t pid); /* its pid 1 may end before it */
const char *fx_name(void);

/* Marks are empty files in the directory of the fixture; names are printf-like. */
void fx_mark(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool fx_marked(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void fx_await(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
const char *fx_path(const char *name); /* DIR/NAME, in a static buffer */
int fx_ipc_key(void); /* of System V IPC: nobody else's, as the directory is ours */
void fx_set_dir(const char *dir);      /* after a chroot */
void fx_spin(void);		       /* the same with work instead of sleep */
void fx_nap(void); /* some milliseconds; ends the task when the runner is gone */

/* What a task can ask about itself. */
long fx_read_file(const char *path, void *buf, size_t size);
const char *fx_status(const char *key); /* value of a line of /proc/thread-self/status */
pid_t fx_proc_pid(pid_t pid);		/* its number in our /proc */
char fx_state(pid_t pid);		/* letter of /proc/PID/stat; 0: no such task */
const char *fx_vmflags(const void *addr);
int64_t fx_now(void);
void fx_fill(void *mem, size_t size, uint64_t seed);
size_t fx_differs(const void *mem, size_t size, uint64_t seed); /* offset + 1 of the first one */
bool fx_faults(volatile char *addr, bool write); /* in a child: does it get SIGSEGV? */
int fx_exit_of(pid_t pid);			 /* waits: exit status, or minus the signal */

#define must(call)                                                                                 \
	({                                                                                         \
		long ret_ = (long)(call);                                                          \
		if (ret_ < 0)                                                                      \
			fx_die("%s:%d: %s: %s", __FILE__, __LINE__, #call, strerror(errno));       \
		ret_;                                                                              \
	})

#define must_map(call)                                                                             \
	({                                                                                         \
		void *map_ = (call);                                                               \
		if (map_ == (void *)-1)                                                            \
			fx_die("%s:%d: %s: %s", __FILE__, __LINE__, #call, strerror(errno));       \
		map_;                                                                              \
	})

#define expect(cond, ...)                                                                          \
	do {                                                                                       \
		if (!(cond))                                                                       \
			fx_fail(__VA_ARGS__);                                                      \
	} while (0)

#define expect_eq(what, got, want)                                                                 \
	do {                                                                                       \
		long long got_ = (long long)(got), want_ = (long long)(want);                      \
		if (got_ != want_)                                                                 \
			fx_fail("%s is %lld (0x%llx), was %lld (0x%llx)", what, got_, got_, want_, \
				want_);                                                            \
	} while (0)

#define FX_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FX_SECOND	1000000000LL

#endif
