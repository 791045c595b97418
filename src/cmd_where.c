// SPDX-License-Identifier: GPL-2.0-only
/* cmd_where.c - options of restore and verify: where a tree goes, and what may differ there. */
#include "cmd_where.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "log.h"

/* FD:KEY, looked at before anything else is opened, which might get that number. */
static int add_inherited(const char *command, struct externals *l, const char *text)
{
	struct external e = {};
	char *end;
	long fd = strtol(text, &end, 10);

	if (end == text || *end != ':' || !end[1] || fd < 0 || fd > 1 << 20)
		return cmd_usage_error(command, "--inherit-fd is FD:KEY, not \"%s\"", text);
	e.key = end + 1;
	e.fd = fd;
	if (fcntl(e.fd, F_GETFD) < 0)
		return cmd_usage_error(command, "--inherit-fd %s: descriptor %d is not open", text, e.fd);
	if (externals_find(l, e.key))
		return cmd_usage_error(command, "--inherit-fd: %s is given twice", e.key);
	return exit_status(externals_add(l, &e));
}

int cmd_where(const char *command, int c, struct restore_opts *o)
{
	switch (c) {
	case WHERE_NEW_PIDNS:
		o->new_pidns = true;
		break;
	case WHERE_HOST_PIDS:
		o->host_pids = true;
		break;
	case WHERE_CHANGED:
		o->changed_warn = !strcmp(optarg, "warn");
		if (!o->changed_warn && strcmp(optarg, "fail"))
			return cmd_usage_error(command, "--changed-files is fail or warn, not \"%s\"", optarg);
		break;
	case WHERE_INHERIT:
		return add_inherited(command, &o->inherit, optarg);
	case WHERE_TCP_KEEP:
	case WHERE_TCP_END:
		o->tcp = c == WHERE_TCP_KEEP ? TCP_KEPT : TCP_ENDED;
		break;
	}
	return STATUS_DONE;
}
