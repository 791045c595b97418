// SPDX-License-Identifier: GPL-2.0-only
/* cmd_verify.c - bpf-ckpt verify: is an image whole, and could it be restored here and now? */
#include <getopt.h>
#include <stdio.h>

#include "cmd.h"
#include "cmd_where.h"
#include "log.h"
#include "rec_state.h"
#include "restore.h"

static const struct option options[] = {
	WHERE_OPTIONS,
	{ "help", no_argument, NULL, 'h' },
	{},
};

static void help(void)
{
	puts("Usage: bpf-ckpt verify FILE|- [OPTIONS]\n\n"
	     "Check every byte, record and reference of an image, and whether it could be restored here\n"
	     "and now: numbers and ports that are free, limits, processor, files. No task is made. Options\n"
	     "are those that restore would get; without one about TCP, connections are no obstacle.\n\n"
	     WHERE_HELP
	     "  -h, --help   this text\n\n"
	     "Exit status: 0 it could, 1 something else is in the way, 4 the image is damaged or not\n"
	     "ours, 5 a number or port is taken. Each reason is named on stderr.");
}

int cmd_verify(int argc, char **argv)
{
	struct restore_opts o = { .tcp = TCP_KEPT };
	int c, status;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			help();
			return STATUS_DONE;
		}
		status = cmd_is_where(c) ? cmd_where("verify", c, &o) : cmd_usage_error("verify", "wrong option");
		if (status)
			return status;
	}
	if (argc - optind != 1)
		return cmd_usage_error("verify", "give one image");
	o.path = argv[optind];
	status = exit_status(restore_try(&o));
	externals_free(&o.inherit);
	return status;
}
