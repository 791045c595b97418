// SPDX-License-Identifier: GPL-2.0-only
/* main.c - bpf-ckpt: pick the command. */
#include <stdio.h>
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
	{ "run", "run a command in nested new pid namespaces, with chosen numbers", cmd_run },
	{ "show", "what an image holds", cmd_show },
	{ "audit", "watch pid namespaces: what is there, what changes, what smells", cmd_audit },
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
