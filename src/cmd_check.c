// SPDX-License-Identifier: GPL-2.0-only
/* cmd_check.c - bpf-ckpt check: what this system can do, or what stands in a tree's way. */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "arch/arch.h"
#include "check.h"
#include "cleanup.h"
#include "cmd.h"
#include "cmd_what.h"
#include "dump.h"
#include "dump_find.h"
#include "probes.h"
#include "rec_cpu.h"
#include "log.h"

enum { OPT_JSON = 256 };

static const struct option options[] = {
	{ "json", no_argument, NULL, OPT_JSON },
	WHAT_OPTIONS,
	{ "help", no_argument, NULL, 'h' },
	{},
};

static void help(void)
{
	puts("Usage: bpf-ckpt check [PID] [OPTIONS]\n\n"
	     "Without PID: a line for each feature of this kernel that matters, and what its lack costs;\n"
	     "exit status 0 when dump and restore work. With PID: everything that stands in the way of a\n"
	     "checkpoint of that tree, at once; nothing is stopped; exit status 0 or 3. Options are those that\n"
	     "dump would get.\n\n"
	     "      --json          one JSON object on standard output\n"
	     WHAT_HELP
	     "  -h, --help          this text");
}

static int check_system(bool json)
{
	struct json_object *list = json_object_new_array();
	struct rec_cpu cpu = {};
	struct utsname un;
	bool ok = true;

	uname(&un);
	arch_cpu(&cpu);
	if (!json)
		printf("Linux %s, %s\n", un.release, cpu.model);
	for (const struct feature *f = features; f->name; f++) {
		bool have = f->probe();
		struct json_object *o = json_object_new_object();

		ok &= have || !f->required;
		json_object_object_add(o, "name", json_object_new_string(f->name));
		json_object_object_add(o, "available", json_object_new_boolean(have));
		json_object_object_add(o, "required", json_object_new_boolean(f->required));
		json_object_object_add(o, "without", json_object_new_string(f->without));
		json_object_array_add(list, o);
		if (!json)
			printf("%-3s %-34s%s%s\n", have ? "yes" : "no", f->name, have ? "" : "without it: ",
			       have ? "" : f->without);
	}
	if (json) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "kernel", json_object_new_string(un.release));
		json_object_object_add(o, "processor", json_object_new_string(cpu.model));
		json_object_object_add(o, "ok", json_object_new_boolean(ok));
		json_object_object_add(o, "features", json_object_get(list));
		puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY));
		json_object_put(o);
	}
	json_object_put(list);
	return ok ? 0 : -EOPNOTSUPP;
}

static int check_pid(const struct dump_opts *opts)
{
	struct walk_opts wopts = {};
	struct dump d = { .opts = opts };
	int err = walk_open(&d.walk, &wopts);

	for (int i = 0; i < 5 && !err; i++) {
		err = dump_walk(&d, WALK_ALL_MEMBERS);
		if (err != -ESTALE)
			break;
		err = i < 4 ? 0 : fail(-EAGAIN, "the tree of pid %d keeps changing", opts->pid);
	}
	if (!err)
		err = dump_find_holders(&d);
	if (!err) {
		d.check = (struct check){ .snap = &d.snap, .tree = &d.tree, .users = &d.users,
					  .own = &d.own, .shell_job = opts->shell_job,
					  .leaks_warn = opts->leaks_warn, .entrants = opts->entrants, .tcp = opts->tcp,
					  .runs_on = true, .live = true };
		err = flight_find(&d) ?: check_run(&d.check);
	}
	if (!err || err == -ERR_BLOCKED) {
		if (opts->json)
			check_report_json(&d.check, stdout);
		else
			check_report(&d.check, stderr);
		if (!opts->json && !err)
			printf("nothing stands in the way of a checkpoint of pid %d (%zu processes)\n", opts->pid,
			       d.tree.nr);
	}
	dump_free(&d);
	return err;
}

int cmd_check(int argc, char **argv)
{
	struct dump_opts o = {};
	int c, status;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case OPT_JSON:
			o.json = true;
			break;
		case 'h':
			help();
			return STATUS_DONE;
		default:
			status = cmd_is_what(c) ? cmd_what("check", c, &o) : cmd_usage_error("check", "wrong option");
			if (status)
				return status;
		}
	}
	if (argc - optind > 1)
		return cmd_usage_error("check", "give one PID or none");
	if (argc == optind)
		return exit_status(check_system(o.json));
	o.pid = cmd_parse_pid(argv[optind]);
	if (o.pid < 0)
		return cmd_usage_error("check", "\"%s\" is no pid", argv[optind]);
	c = exit_status(check_pid(&o));
	externals_free(&o.external);
	return c;
}
