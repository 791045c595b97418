// SPDX-License-Identifier: GPL-2.0-only
/* main.c - bpf-ckpt: pick the command. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cmd.h"
#include "log.h"

static const struct {
	const char *name, *summary;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "check", "what this system can do, or what stands in the way of a checkpoint", cmd_check },
	{ "ps", "live table of tasks with depth and numbers in every pid namespace", cmd_ps },
	{ "dump", "write a tree of processes to an image", cmd_dump },
	{ "restore", "bring the tree of an image back", cmd_restore },
	{ "show", "what an image holds", cmd_show },
	{ "verify", "check an image completely", cmd_verify },
};

static void help(FILE *out)
{
	fprintf(out, "Usage: bpf-ckpt COMMAND [OPTIONS]\n\n"
		     "Checkpoint and restore process trees across nested pid namespaces.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "\n  bpf-ckpt COMMAND --help tells the options of a command; see bpf-ckpt(8).\n"
		     "  -V, --version   print the version\n");
}

pid_t cmd_parse_pid(const char *text)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	return errno || *end || end == text || n <= 0 || n > 1 << 22 ? -1 : (pid_t)n;
}

int cmd_usage_error(const char *command, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "bpf-ckpt: %s: %s (bpf-ckpt %s --help tells more)\n", command, text, command);
	return STATUS_USAGE;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		help(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help(stdout);
		return STATUS_DONE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("bpf-ckpt %s\n", VERSION);
		return STATUS_DONE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "bpf-ckpt: no command \"%s\" (bpf-ckpt --help lists them)\n", argv[1]);
	return STATUS_USAGE;
}
