// SPDX-License-Identifier: GPL-2.0-only
/* cmd_dump.c - bpf-ckpt dump */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "dump.h"
#include "log.h"

enum { OPT_KILL = 256, OPT_RUNNING, OPT_STOPPED, OPT_SHELL_JOB, OPT_TIMEOUT, OPT_JSON,
       OPT_ENTRANTS, OPT_CONTAINER, OPT_SUBTREE, OPT_LEAKS, OPT_EXTERNAL, OPT_SYSV,
       OPT_TCP_KEEP, OPT_TCP_END };

static const struct option options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "kill", no_argument, NULL, OPT_KILL },
	{ "leave-running", no_argument, NULL, OPT_RUNNING },
	{ "leave-stopped", no_argument, NULL, OPT_STOPPED },
	{ "shell-job", no_argument, NULL, OPT_SHELL_JOB },
	{ "leaks", required_argument, NULL, OPT_LEAKS },
	{ "external", required_argument, NULL, OPT_EXTERNAL },
	{ "tcp-established", no_argument, NULL, OPT_TCP_KEEP },
	{ "tcp-close", no_argument, NULL, OPT_TCP_END },
	{ "entrants", required_argument, NULL, OPT_ENTRANTS },
	{ "sysv", required_argument, NULL, OPT_SYSV },
	{ "container", no_argument, NULL, OPT_CONTAINER },
	{ "subtree", no_argument, NULL, OPT_SUBTREE },
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
	     "      --shell-job     accept the session, groups and terminal of the shell that the tree was\n"
	     "                      started from; they become those that restore is run from\n"
	     "      --entrants=fail|include|ignore\n"
	     "                      tasks that came into the tree's pid namespaces from outside (setns):\n"
	     "                      fail (default), include them as children of the restorer, or ignore\n"
	     "                      them, so that they are not in the image\n"
	     "      --leaks=fail|warn\n"
	     "                      pipes, memfds and event files that somebody outside has open too, which a\n"
	     "                      restore cannot share: fail (default), or warn and cut them. Unix sockets\n"
	     "                      with a peer outside: fail, or warn and close them; datagram sockets are\n"
	     "                      connected with the same name anew. Of a shared position in a file it\n"
	     "                      always only warns\n"
	     "      --external KEY  leave out the open file that readlink(/proc/PID/fd/N) calls KEY, such as\n"
	     "                      pipe:[4711], socket:[4712] or a path: restore --inherit-fd provides one\n"
	     "      --sysv=tree|all\n"
	     "                      System V objects that are the tree's: those that it has attached, waits for,\n"
	     "                      has adjustments of, has made or used last (tree, default), or all\n"
	     "      --tcp-established  keep TCP connections. With --kill their peers hear nothing until the\n"
	     "                      restore, for an hour at most (by nf_tables)\n"
	     "      --tcp-close     end them: a restored program finds them closed\n"
	     "      --container     PID must be the init of a pid namespace\n"
	     "      --subtree       PID must not be one\n"
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
	int c, after = 0;

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
		case OPT_SHELL_JOB:
			o.shell_job = true;
			break;
		case OPT_LEAKS:
			o.leaks_warn = !strcmp(optarg, "warn");
			if (!o.leaks_warn && strcmp(optarg, "fail"))
				return cmd_usage_error("dump", "--leaks is fail or warn");
			break;
		case OPT_EXTERNAL:
			if (cmd_add_external(&o.external, optarg))
				return STATUS_FAILED;
			break;
		case OPT_TCP_KEEP:
		case OPT_TCP_END:
			o.tcp = c == OPT_TCP_KEEP ? TCP_KEPT : TCP_ENDED;
			break;
		case OPT_ENTRANTS:
			if (cmd_parse_entrants(optarg, &o.entrants))
				return cmd_usage_error("dump", "--entrants is fail, include or ignore");
			break;
		case OPT_SYSV:
			o.sysv_all = !strcmp(optarg, "all");
			if (!o.sysv_all && strcmp(optarg, "tree"))
				return cmd_usage_error("dump", "--sysv is tree or all");
			break;
		case OPT_CONTAINER:
		case OPT_SUBTREE:
			if (o.scope)
				return cmd_usage_error("dump", "give --container or --subtree once");
			o.scope = c == OPT_CONTAINER ? SCOPE_CONTAINER : SCOPE_SUBTREE;
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
			return cmd_usage_error("dump", "wrong option");
		}
	}
	if (argc - optind != 1)
		return cmd_usage_error("dump", "give one PID");
	o.pid = cmd_parse_pid(argv[optind]);
	if (o.pid < 0)
		return cmd_usage_error("dump", "\"%s\" is no pid", argv[optind]);
	if (!o.path)
		return cmd_usage_error("dump", "give the image with -o FILE");
	c = exit_status(dump_run(&o));
	externals_free(&o.external);
	return c;
}
