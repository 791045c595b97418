// SPDX-License-Identifier: GPL-2.0-only
/* cmd_restore.c - bpf-ckpt restore */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd.h"
#include "cmd_where.h"
#include "log.h"
#include "restore.h"

enum { OPT_PIDFILE = 256, OPT_VERIFY, OPT_TIMEOUT };

static const struct option options[] = {
	{ "detach", no_argument, NULL, 'd' },
	{ "pidfile", required_argument, NULL, OPT_PIDFILE },
	{ "verify", no_argument, NULL, OPT_VERIFY },
	WHERE_OPTIONS,
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{},
};

static void help(void)
{
	puts("Usage: bpf-ckpt restore FILE|- [OPTIONS]\n\n"
	     "Bring the tree of an image back, every task with every number it had. The tree of a pid\n"
	     "namespace gets a new one; another tree gets its numbers in this one, which must be free.\n"
	     "Waits for the root task and ends as it ends: same status, same signal. A job of a shell (dump\n"
	     "--shell-job) gets the terminal meanwhile, and when it stops, so does this command.\n\n"
	     "  -d, --detach        return as soon as the tree runs\n"
	     "      --pidfile FILE  write the root task's pid here to FILE\n"
	     "      --verify        compare the restored tree with the image, by a new walk and page\n"
	     "                      by page, before any of it runs\n"
	     WHERE_HELP
	     "      --timeout SEC   give up when a stage takes longer (default 60)\n"
	     "  -v, --verbose       say how every process is made\n"
	     "  -h, --help          this text\n\n"
	     "Exit status with -d, or before the tree runs (then with a line on stderr): 0 done,\n"
	     "1 failed, 2 wrong usage, 4 the image is damaged or not ours, 5 a number or port is taken. When it\n"
	     "is not 0, no task was left behind.");
}

int cmd_restore(int argc, char **argv)
{
	struct restore_opts o = { .timeout_ms = 60000 };
	int c, status;

	while ((c = getopt_long(argc, argv, "dvh", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			o.detach = true;
			break;
		case OPT_PIDFILE:
			o.pidfile = optarg;
			break;
		case OPT_VERIFY:
			o.verify = true;
			break;
		case OPT_TIMEOUT:
			o.timeout_ms = atof(optarg) * 1000;
			if (!o.timeout_ms)
				return cmd_usage_error("restore", "--timeout wants seconds, not \"%s\"",
						       optarg);
			break;
		case 'v':
			o.verbose = true;
			break;
		case 'h':
			help();
			return STATUS_DONE;
		default:
			status = cmd_is_where(c) ? cmd_where("restore", c, &o) :
						   cmd_usage_error("restore", "wrong option");
			if (status)
				return status;
		}
	}
	if (argc - optind != 1)
		return cmd_usage_error("restore", "give one image");
	o.path = argv[optind];
	status = restore_run(&o);
	externals_free(&o.inherit);
	return status;
}
