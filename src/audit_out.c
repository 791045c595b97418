// SPDX-License-Identifier: GPL-2.0-only
/* audit_out.c - sinks that write events: lines, JSON lines, one JSON document, recordings. */
#include "audit_out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_print.h"
#include "log.h"

/* What was not written whole is cut off, so that the file ends with a line that can be read. */
static int failed(struct audit_out *o)
{
	int err = fail(-(errno ?: EIO), "write %s", o->name);

	__fpurge(o->file); /* nothing of it is written at exit */
	if (o->seekable && o->whole >= 0 && ftruncate(fileno(o->file), o->whole))
		warn("%s ends with a part of a line: %s", o->name, strerror(errno));
	o->file = NULL;
	return err;
}

static int on_event(struct audit_sink *s, const struct audit *a, const struct audit_event *e)
{
	struct audit_out *o = (struct audit_out *)s;

	if (!o->file)
		return 0;
	if (o->format == AUDIT_DOCUMENT)
		fputs(o->nr ? "," : "{\"schema\":1,\"events\":[\n", o->file);
	o->nr++;
	if (o->priorities && o->format == AUDIT_LINES)
		fprintf(o->file, "<%d>", audit_priority(e->type));
	if (o->format == AUDIT_LINES)
		audit_print_line(o->file, e, a->boot_id);
	else
		audit_print_json(o->file, e, a->boot_id);
	return ferror(o->file) ? failed(o) : 0;
}

static int on_flush(struct audit_sink *s)
{
	struct audit_out *o = (struct audit_out *)s;

	if (!o->file)
		return 0;
	if (fflush(o->file))
		return failed(o);
	if (o->seekable)
		o->whole = ftello(o->file);
	return 0;
}

int audit_out_open(struct audit_out *o, enum audit_format format, const char *path, const char *boot_id)
{
	struct stat st;

	*o = (struct audit_out){ .sink = { .event = on_event, .flush = on_flush }, .format = format,
				 .name = path ?: "standard output", .boot_id = boot_id };
	o->sink.types = (1u << AE_TYPES) - 1;
	o->file = path ? fopen(path, "we") : stdout;
	if (!o->file)
		return fail(-errno, "open %s", path);
	o->priorities = log_is_journal(fileno(o->file));
	o->seekable = path && !fstat(fileno(o->file), &st) && S_ISREG(st.st_mode);
	return 0;
}

int audit_out_close(struct audit_out *o)
{
	int err;

	if (!o->file)
		return 0;
	if (o->format == AUDIT_DOCUMENT)
		fputs(o->nr ? "]}\n" : "{\"schema\":1,\"events\":[]}\n", o->file);
	err = on_flush(&o->sink);
	if (!err && o->file != stdout && fclose(o->file))
		err = fail(-errno, "write %s", o->name);
	o->file = NULL;
	return err;
}
