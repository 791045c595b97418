// SPDX-License-Identifier: GPL-2.0-only
/* cmd_restore.c - bpf-ckpt restore */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "log.h"
#include "restore.h"

enum { OPT_PIDFILE = 256, OPT_VERIFY, OPT_TIMEOUT, OPT_NEW_PIDNS, OPT_HOST_PIDS, OPT_CHANGED, OPT_INHERIT,
       OPT_TCP_KEEP, OPT_TCP_END };

static const struct option options[] = {
	{ "detach", no_argument, NULL, 'd' },
	{ "pidfile", required_argument, NULL, OPT_PIDFILE },
	{ "verify", no_argument, NULL, OPT_VERIFY },
	{ "new-pidns", no_argument, NULL, OPT_NEW_PIDNS },
	{ "host-pids", no_argument, NULL, OPT_HOST_PIDS },
	{ "changed-files", required_argument, NULL, OPT_CHANGED },
	{ "inherit-fd", required_argument, NULL, OPT_INHERIT },
	{ "tcp-established", no_argument, NULL, OPT_TCP_KEEP },
	{ "tcp-close", no_argument, NULL, OPT_TCP_END },
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
	     "      --new-pidns     put a tree that has no pid namespace of its own into a new one: its\n"
	     "                      numbers are free there, so it can run beside others of its image\n"
	     "      --host-pids     give the tasks of a pid namespace their numbers in this one, too\n"
	     "      --changed-files=fail|warn  when a file that the tree runs or maps was changed since the\n"
	     "                      dump (default fail); one of the same build id and size is the same\n"
	     "      --inherit-fd FD:KEY  this command's descriptor FD takes the place of the open file KEY\n"
	     "                      that dump --external KEY left out; for each of them, of the same type\n"
	     "      --tcp-established  go on with the TCP connections of the image\n"
	     "      --tcp-close     have them closed: reading says end of file\n"
	     "      --timeout SEC   give up when a stage takes longer (default 60)\n"
	     "  -v, --verbose       say how every process is made\n"
	     "  -h, --help          this text\n\n"
	     "Exit status with -d, or before the tree runs (then with a line on stderr): 0 done,\n"
	     "1 failed, 2 wrong usage, 4 the image is damaged or not ours, 5 a number or port is taken. When it\n"
	     "is not 0, no task was left behind.");
}

/* FD:KEY, looked at before anything else is opened, which might get that number. */
static int add_inherited(struct externals *l, const char *text)
{
	struct external e = {};
	char *end;
	long fd = strtol(text, &end, 10);

	if (end == text || *end != ':' || !end[1] || fd < 0 || fd > 1 << 20)
		return cmd_usage_error("restore", "--inherit-fd is FD:KEY, not \"%s\"", text);
	e.key = end + 1;
	e.fd = fd;
	if (fcntl(e.fd, F_GETFD) < 0)
		return cmd_usage_error("restore", "--inherit-fd %s: descriptor %d is not open", text, e.fd);
	if (externals_find(l, e.key))
		return cmd_usage_error("restore", "--inherit-fd: %s is given twice", e.key);
	return externals_add(l, &e);
}

int cmd_restore(int argc, char **argv)
{
	struct restore_opts o = { .timeout_ms = 60000 };
	int c;

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
		case OPT_HOST_PIDS:
			o.host_pids = true;
			break;
		case OPT_CHANGED:
			o.changed_warn = !strcmp(optarg, "warn");
			if (!o.changed_warn && strcmp(optarg, "fail"))
				return cmd_usage_error("restore", "--changed-files is fail or warn, not \"%s\"", optarg);
			break;
		case OPT_INHERIT:
			c = add_inherited(&o.inherit, optarg);
			if (c)
				return c == STATUS_USAGE ? c : STATUS_FAILED;
			break;
		case OPT_TCP_KEEP:
		case OPT_TCP_END:
			o.tcp = c == OPT_TCP_KEEP ? TCP_KEPT : TCP_ENDED;
			break;
		case OPT_NEW_PIDNS:
			o.new_pidns = true;
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
			return cmd_usage_error("restore", "wrong option");
		}
	}
	if (argc - optind != 1)
		return cmd_usage_error("restore", "give one image");
	o.path = argv[optind];
	c = restore_run(&o);
	externals_free(&o.inherit);
	return c;
}
