// SPDX-License-Identifier: GPL-2.0-only
/* cmd_verify.c - bpf-ckpt verify: is an image whole, and could it be restored here and now? */
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>

#include "cmd.h"
#include "cmd_where.h"
#include "log.h"
#include "rec_state.h"
#include "restore.h"

enum { OPT_JSON = 256 };

static const struct option options[] = {
	{ "json", no_argument, NULL, OPT_JSON },
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
	     "      --json          one JSON object on standard output\n"
	     WHERE_HELP
	     "  -h, --help          this text\n\n"
	     "Exit status: 0 it could, 1 something else is in the way, 4 the image is damaged or not\n"
	     "ours, 5 a number or port is taken. Each reason is named on stderr.");
}

static void tell(const char *path, const struct restore_trial *t)
{
	if (t->whole)
		printf("%s: complete and undamaged: %llu processes, %llu threads, %llu zombies\n", path, t->processes,
		       t->threads, t->zombies);
	for (char **key = t->wanted; key && *key; key++)
		printf("%s: wants --inherit-fd FD:'%s'\n", path, *key);
	if (t->possible)
		printf("%s: can be restored here and now\n", path);
}

static void tell_json(const char *path, const struct restore_trial *t)
{
	struct json_object *o = json_object_new_object(), *wanted = json_object_new_array();

	json_object_object_add(o, "image", json_object_new_string(path));
	json_object_object_add(o, "whole", json_object_new_boolean(t->whole));
	json_object_object_add(o, "restorable", json_object_new_boolean(t->possible));
	json_object_object_add(o, "processes", json_object_new_uint64(t->processes));
	json_object_object_add(o, "threads", json_object_new_uint64(t->threads));
	json_object_object_add(o, "zombies", json_object_new_uint64(t->zombies));
	for (char **key = t->wanted; key && *key; key++)
		json_object_array_add(wanted, json_object_new_string(*key));
	json_object_object_add(o, "inherit", wanted);
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

int cmd_verify(int argc, char **argv)
{
	struct restore_opts o = { .tcp = TCP_KEPT };
	struct restore_trial trial = {};
	bool json = false;
	int c, status;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			help();
			return STATUS_DONE;
		}
		json |= c == OPT_JSON;
		if (c == OPT_JSON)
			continue;
		status = cmd_is_where(c) ? cmd_where("verify", c, &o) : cmd_usage_error("verify", "wrong option");
		if (status)
			return status;
	}
	if (argc - optind != 1)
		return cmd_usage_error("verify", "give one image");
	o.path = argv[optind];
	status = exit_status(restore_try(&o, &trial));
	(json ? tell_json : tell)(o.path, &trial);
	restore_trial_free(&trial);
	externals_free(&o.inherit);
	return status;
}
