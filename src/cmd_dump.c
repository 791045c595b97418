// SPDX-License-Identifier: GPL-2.0-only
/* cmd_dump.c - bpf-ckpt dump */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd.h"
#include "cmd_what.h"
#include "dump.h"
#include "log.h"

enum { OPT_KILL = 256, OPT_RUNNING, OPT_STOPPED, OPT_TIMEOUT, OPT_JSON };

static const struct option options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "kill", no_argument, NULL, OPT_KILL },
	{ "leave-running", no_argument, NULL, OPT_RUNNING },
	{ "leave-stopped", no_argument, NULL, OPT_STOPPED },
	WHAT_OPTIONS,
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{},
};

static void help(void)
{
	puts("Usage: bpf-ckpt dump PID -o FILE|- [OPTIONS]\n\n"
	     "Write the process PID and all its descendants to an image. When PID is the init (pid 1)\n"
	     "of a pid namespace, everything in that namespace and those below it is written.\n\n"
	     "  -o, --output FILE   the image; - is standard output\n"
	     "      --leave-running the tree runs on (default)\n"
	     "      --kill          kill the tree once the image is complete and on disk\n"
	     "      --leave-stopped stop it with SIGSTOP\n"
	     WHAT_HELP
	     "      --timeout SEC   let the tree go when it could not be stopped by then (default 10)\n"
	     "      --json          what could not be checkpointed, as JSON on standard output\n"
	     "  -v, --verbose       say how long the tree was stopped\n"
	     "  -h, --help          this text\n\n"
	     "Exit status: 0 done, 1 failed, 2 wrong usage, 3 the tree holds something that cannot be\n"
	     "checkpointed (each is named). Unless it is 0, the tree runs on and no image was written.");
}

int cmd_dump(int argc, char **argv)
{
	struct dump_opts o = { .timeout_ms = 10000 };
	int c, status, after = 0;

	while ((c = getopt_long(argc, argv, "o:vh", options, NULL)) != -1) {
		switch (c) {
		case 'o':
			o.path = optarg;
			break;
		case OPT_KILL:
		case OPT_RUNNING:
		case OPT_STOPPED:
			if (after && after != c)
				return cmd_usage_error("dump", "--kill, --leave-running and "
						       "--leave-stopped exclude each other");
			after = c;
			o.after = c == OPT_KILL ? DUMP_KILL :
				  c == OPT_STOPPED ? DUMP_LEAVE_STOPPED : DUMP_LEAVE_RUNNING;
			break;
		case OPT_TIMEOUT:
			o.timeout_ms = atof(optarg) * 1000;
			if (!o.timeout_ms)
				return cmd_usage_error("dump", "--timeout wants seconds, not \"%s\"", optarg);
			break;
		case OPT_JSON:
			o.json = true;
			break;
		case 'v':
			o.verbose = true;
			break;
		case 'h':
			help();
			return STATUS_DONE;
		default:
			status = cmd_is_what(c) ? cmd_what("dump", c, &o) : cmd_usage_error("dump", "wrong option");
			if (status)
				return status;
		}
	}
	if (argc - optind != 1)
		return cmd_usage_error("dump", "give one PID");
	o.pid = cmd_parse_pid(argv[optind]);
	if (o.pid < 0)
		return cmd_usage_error("dump", "\"%s\" is no pid", argv[optind]);
	if (!o.path)
		return cmd_usage_error("dump", "give the image with -o FILE");
	status = exit_status(dump_run(&o));
	externals_free(&o.external);
	return status;
}
