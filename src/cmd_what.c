// SPDX-License-Identifier: GPL-2.0-only
/* cmd_what.c - options of dump and check: what belongs to a tree, and what becomes of the rest. */
#include "cmd_what.h"

#include <string.h>

#include "cmd.h"
#include "log.h"

/* Which of the names it is, or -1. */
static int one_of(const char *text, const char *const names[], int nr)
{
	for (int i = 0; i < nr; i++)
		if (!strcmp(text, names[i]))
			return i;
	return -1;
}

static int add_external(struct externals *l, const char *key)
{
	struct external e = { .key = key, .fd = -1 };

	return externals_find(l, key) ? 0 : externals_add(l, &e);
}

static int choose(const char *command, int c, struct dump_opts *o)
{
	static const char *const entrants[] = { "fail", "include", "ignore" }, *const leaks[] = { "fail", "warn" },
			  *const sysv[] = { "tree", "all" };
	int at;

	switch (c) {
	case WHAT_ENTRANTS:
		at = one_of(optarg, entrants, 3);
		o->entrants = at;
		return at < 0 ? cmd_usage_error(command, "--entrants is fail, include or ignore") : 0;
	case WHAT_LEAKS:
		at = one_of(optarg, leaks, 2);
		o->leaks_warn = at;
		return at < 0 ? cmd_usage_error(command, "--leaks is fail or warn") : 0;
	default:
		at = one_of(optarg, sysv, 2);
		o->sysv_all = at;
		return at < 0 ? cmd_usage_error(command, "--sysv is tree or all") : 0;
	}
}

int cmd_what(const char *command, int c, struct dump_opts *o)
{
	switch (c) {
	case WHAT_SHELL_JOB:
		o->shell_job = true;
		return STATUS_DONE;
	case WHAT_EXTERNAL:
		return exit_status(add_external(&o->external, optarg));
	case WHAT_TCP_KEEP:
	case WHAT_TCP_END:
		o->tcp = c == WHAT_TCP_KEEP ? TCP_KEPT : TCP_ENDED;
		return STATUS_DONE;
	case WHAT_CONTAINER:
	case WHAT_SUBTREE:
		if (o->scope)
			return cmd_usage_error(command, "give --container or --subtree once");
		o->scope = c == WHAT_CONTAINER ? SCOPE_CONTAINER : SCOPE_SUBTREE;
		return STATUS_DONE;
	default:
		return choose(command, c, o);
	}
}
