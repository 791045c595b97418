// SPDX-License-Identifier: GPL-2.0-only
/* cost.c - how many instructions the verifier goes through for each BPF program: a line each, "-" where it does not load. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "audit.skel.h"
#include "cleanup.h"
#include "walk.skel.h"

struct object {
	const char *name;
	const void *(*bytes)(size_t *size);
};

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

static struct bpf_object *open_object(const struct object *o)
{
	size_t size;
	const void *bytes = o->bytes(&size);

	return bpf_object__open_mem(bytes, size, NULL);
}

static void tell(const struct bpf_program *prog)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	if (bpf_program__fd(prog) < 0 || bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
		printf("cost %s -\n", bpf_program__name(prog));
	else
		printf("cost %s %u\n", bpf_program__name(prog), info.verified_insns);
}

/* A program that not every kernel takes, without the others. */
static void tell_alone(const struct object *o, const char *name)
{
	struct bpf_object *obj = open_object(o);
	struct bpf_program *prog;

	if (!obj)
		return;
	bpf_object__for_each_program(prog, obj)
		bpf_program__set_autoload(prog, !strcmp(bpf_program__name(prog), name));
	bpf_object__load(obj);
	tell(bpf_object__find_program_by_name(obj, name));
	bpf_object__close(obj);
}

static int tell_all(const struct object *o)
{
	struct bpf_object *obj = open_object(o);
	struct bpf_program *prog;
	int err = obj ? bpf_object__load(obj) : -1;

	if (err)
		fprintf(stderr, "%s: does not load: %s\n", o->name, strerror(-err));
	else
		bpf_object__for_each_program(prog, obj)
			bpf_program__autoload(prog) ? tell(prog) : tell_alone(o, bpf_program__name(prog));
	bpf_object__close(obj);
	return err;
}

int main(void)
{
	static const struct object objects[] = {
		{ "walk", walk_bpf__elf_bytes },
		{ "audit", audit_bpf__elf_bytes },
	};
	int err = 0;

	libbpf_set_print(quiet);
	for (size_t i = 0; i < ARRAY_SIZE(objects) && !err; i++)
		err = tell_all(&objects[i]);
	return err ? 1 : 0;
}
