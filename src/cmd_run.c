// SPDX-License-Identifier: GPL-2.0-only
/* cmd_run.c - bpf-ckpt run: a command in nested new pid namespaces. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cmd.h"
#include "log.h"
#include "run.h"

enum { OPT_PIDNS = 256, OPT_PID, OPT_NO_PROC };

static const struct option options[] = {
	{ "pidns", required_argument, NULL, OPT_PIDNS },
	{ "pid", required_argument, NULL, OPT_PID },
	{ "setsid", no_argument, NULL, 's' },
	{ "no-proc", no_argument, NULL, OPT_NO_PROC },
	{ "help", no_argument, NULL, 'h' },
	{},
};

static void help(void)
{
	puts("Usage: bpf-ckpt run [OPTIONS] [--] COMMAND [ARGUMENTS]\n\n"
	     "Run a command in new pid namespaces, one in the other, and end as it ends: same status,\n"
	     "same signal. Each namespace has an init that reaps; the innermost has a /proc of its own.\n\n"
	     "      --pidns N   that many namespaces, 1 to 32 (default 1)\n"
	     "      --pid LIST  the command's numbers, outermost first, as in 100,7,1: the last one is\n"
	     "                  what it calls itself. With 1 as the last it is the init itself. As many\n"
	     "                  as there are new namespaces, or fewer: then outer ones are any; one more\n"
	     "                  chooses its number here as well\n"
	     "  -s, --setsid    in a new session, as a checkpoint of it wants\n"
	     "      --no-proc   leave /proc as it is\n"
	     "  -h, --help      this text\n\n"
	     "Exit status: that of the command; 127 it was not found, 126 it could not be run, 1 and 5\n"
	     "with a line on stderr: no namespace could be made, a number is taken.");
}

static int parse_numbers(struct run_opts *o, const char *list)
{
	char *copy = strdup(list), *save = NULL;
	int err = 0;

	o->nr_pids = 0;
	for (char *w = copy ? strtok_r(copy, ",", &save) : NULL; w && !err; w = strtok_r(NULL, ",", &save)) {
		pid_t nr = cmd_parse_pid(w);

		if (nr < 0 || o->nr_pids > PIDNS_LEVEL_MAX)
			err = -ERR_USAGE;
		else
			o->pid[o->nr_pids++] = nr;
	}
	free(copy);
	return err || !o->nr_pids ? -ERR_USAGE : 0;
}

static int check(const struct run_opts *o)
{
	if (!o->argv[0])
		return cmd_usage_error("run", "give a command");
	if (o->nr_pids > o->levels + 1)
		return cmd_usage_error("run", "%u numbers for %u namespaces", o->nr_pids, o->levels);
	for (unsigned int i = 0; i + 1 < o->nr_pids; i++)
		if (o->pid[i] == 1)
			return cmd_usage_error("run", "number 1 belongs to the init of each namespace; only the "
					       "last number can be 1");
	return 0;
}

int cmd_run(int argc, char **argv)
{
	struct run_opts o = { .levels = 1 };
	int c, status = 0, err;

	while ((c = getopt_long(argc, argv, "+sh", options, NULL)) != -1) {
		switch (c) {
		case OPT_PIDNS:
			o.levels = atoi(optarg) > 0 && atoi(optarg) <= PIDNS_LEVEL_MAX ? atoi(optarg) : 0;
			if (!o.levels)
				return cmd_usage_error("run", "--pidns takes a number from 1 to 32");
			break;
		case OPT_PID:
			if (parse_numbers(&o, optarg))
				return cmd_usage_error("run", "--pid takes numbers with commas between them, "
						       "not \"%s\"", optarg);
			break;
		case OPT_NO_PROC:
			o.no_proc = true;
			break;
		case 's':
			o.setsid = true;
			break;
		case 'h':
			help();
			return STATUS_DONE;
		default:
			return cmd_usage_error("run", "wrong option");
		}
	}
	o.argv = argv + optind;
	err = check(&o);
	if (err)
		return err;
	err = run_command(&o, &status);
	if (err)
		return exit_status(err);
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
