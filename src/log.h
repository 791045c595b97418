/* SPDX-License-Identifier: GPL-2.0-only */
/* log.h - one line a failure, on stderr; the exit statuses that users and scripts rely on. */
#ifndef BPF_CKPT_LOG_H
#define BPF_CKPT_LOG_H

#include <stdarg.h>
#include <stdbool.h>

/* Exit statuses, DESIGN section 3; the man page documents them. */
enum exit_status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_BLOCKED = 3,    /* the tree holds something that cannot be checkpointed */
	STATUS_IMAGE = 4,      /* the image is damaged, truncated or not ours */
	STATUS_TAKEN = 5,      /* a number or path that the restore needs is in use */
	STATUS_INCOMPLETE = 6,
};

/*
 * Errors of ours that no errno names. Functions return 0 or a negative number: -errno, or one of
 * these negated. They lie above MAX_ERRNO (4095), so the two never meet.
 */
enum {
	ERR_BLOCKED = 5000 + STATUS_BLOCKED,
	ERR_IMAGE = 5000 + STATUS_IMAGE,
	ERR_TAKEN = 5000 + STATUS_TAKEN,
	ERR_USAGE = 5000 + STATUS_USAGE,
	ERR_INCOMPLETE = 5000 + STATUS_INCOMPLETE,
	ERR_DIFFERS = 5000 + STATUS_FAILED, /* a tree is not what its image says */
	ERR_TOLD = 6000,                       /* -ENOMEM that was reported */
};

/*
 * Report a failure where it happened: "bpf-ckpt: MESSAGE: STRERROR" in one line on stderr. Returns
 * err, so that a caller writes `return fail(-errno, "open %s", path);`. The errno's text is left
 * out for the ERR_* above. Callers further up pass the value on without a word. It is never 0: a read
 * that was too short leaves errno as it was, maybe 0, and becomes -EIO, so that it cannot pass for success.
 *
 * Only -ENOMEM need not be reported where it happens, as there is nothing to say about it: exit_status()
 * does so when nobody has. It becomes -ERR_TOLD when somebody did.
 */
int fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));
#ifdef __clang_analyzer__ /* sees one file at a time, and shall know that as well */
#define fail(...) ({ int err_ = (fail)(__VA_ARGS__); if (err_ >= 0) __builtin_unreachable(); err_; })
#endif

/* A line on stderr that is no failure: "bpf-ckpt: warning: MESSAGE". */
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2), cold));

/* A line on stderr that only says what was done: "bpf-ckpt: MESSAGE". */
void inform(const char *fmt, ...) __attribute__((format(printf, 1, 2), cold));

/* Does that descriptor lead to systemd's journal? Then lines begin with their priority. */
bool log_is_journal(int fd);

/* The exit status for a return value of ours. Reports -ENOMEM. */
enum exit_status exit_status(int err);

#endif
