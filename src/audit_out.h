/* SPDX-License-Identifier: GPL-2.0-only */
/* audit_out.h - sinks that write events: lines, JSON lines, one JSON document, recordings. */
#ifndef BPF_CKPT_AUDIT_OUT_H
#define BPF_CKPT_AUDIT_OUT_H

#include "audit.h"

enum audit_format { AUDIT_LINES, AUDIT_JSON_LINES, AUDIT_DOCUMENT };

struct audit_out {
	struct audit_sink sink;
	enum audit_format format;
	FILE *file;
	const char *name;     /* for messages */
	const char *boot_id;
	bool priorities;      /* "<N>" in front of lines: the journal takes it away again */
	bool seekable;        /* a regular file: a line that did not fit is cut off */
	long long whole;      /* bytes of it that are whole lines on disk */
	unsigned long long nr;
};

/* path NULL: standard output. Reports. */
int audit_out_open(struct audit_out *o, enum audit_format format, const char *path, const char *boot_id);

/* The end of the document; every byte written, or an error, reported. */
int audit_out_close(struct audit_out *o);

#endif
