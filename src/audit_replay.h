/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * audit_replay.h - a recording: events read back, and the table as it was after each of them.
 *
 * A recording is what --json writes. It is untrusted: a line that is no event of ours ends it with
 * the file, the line and the reason.
 */
#ifndef BPF_CKPT_AUDIT_REPLAY_H
#define BPF_CKPT_AUDIT_REPLAY_H

#include <json-c/json.h>

#include "audit.h"

struct audit_replay {
	const char *name;
	FILE *file;
	unsigned long line;
	struct json_tokener *tok;
	struct json_object *o; /* of the event that was read last: its strings point into it */
	char *text;
	size_t room;
};

/* Path "-": standard input. Reports. */
int audit_replay_open(struct audit_replay *r, const char *path);
void audit_replay_close(struct audit_replay *r);

/* The next event. 1; 0 at the end; -ERR_IMAGE, reported. Strings in it live until the next call. */
int audit_replay_next(struct audit_replay *r, struct audit_event *e);

/* What an event says, into the table. 0 or -ENOMEM. */
int audit_replay_apply(struct audit *a, const struct audit_event *e);

/* All of it to the sinks of a, filtered as a live audit is. Needs a file that can be read twice for that. */
int audit_replay_run(struct audit *a, const char *path);

/* What differs between the ends of two recordings, on standard output; 1 when something does. */
int audit_diff(const char *path_a, const char *path_b, bool json);

#endif
