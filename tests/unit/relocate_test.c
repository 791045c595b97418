// SPDX-License-Identifier: GPL-2.0-only
/*
 * relocate_test.c - the BPF objects fit each kernel whose BTF is in vmlinux/, without booting it.
 *
 * Relocation turns an instruction that reads what a kernel does not have into one that no verifier
 * accepts. That is right behind a guard (bpf_core_field_exists()), where the instruction cannot be
 * reached any more. Every other one is a program that does not load there: found here, and named.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit.skel.h"
#include "bpf_reach.h"
#include "cleanup.h"
#include "walk.skel.h"

#include <cmocka.h>

#define BTF_DIR "vmlinux/x86_64/"
#define BAD_RELO 195896080 /* the call that libbpf puts there: "invalid func unknown#195896080" */

struct object {
	const char *name;
	const void *(*bytes)(size_t *size);
};

static const struct object objects[] = {
	{ "walk", walk_bpf__elf_bytes },
	{ "audit", audit_bpf__elf_bytes },
};

/* An instruction that was made bad: where it was, and what the kernel lacks. */
struct missing {
	char function[64], what[128];
	int at;
};

/* Where a function that is called lies in a program. */
struct part {
	char program[64], function[64];
	int at;
};

static struct missing missing[512];
static struct part parts[512];
static size_t nr_missing, nr_parts;
static bool silent;

/* "prog 'walk_tasks': relo #3: <byte_off> [12] struct pid.level (0:1 @ offset 4)", then how it went */
static void hear_relocation(const char *line)
{
	struct missing *m = &missing[nr_missing < ARRAY_SIZE(missing) ? nr_missing : 0];

	if (sscanf(line, "prog '%*[^']': relo #%*d: <%*[^>]> [%*u] %127[^(]", m->what) == 1)
		return;
	if (sscanf(line, "prog '%63[^']': relo #%*d: substituting insn #%d", m->function, &m->at) == 2)
		nr_missing++;
}

static void hear_part(const char *line)
{
	struct part *p = &parts[nr_parts < ARRAY_SIZE(parts) ? nr_parts : 0];

	if (sscanf(line, "prog '%63[^']': insn #%*u relocated, imm %*d points to subprog '%63[^']' (now at %d",
		   p->program, p->function, &p->at) == 3)
		nr_parts++;
}

/* Only libbpf's debugging lines name what it did not find. */
static int hear(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, ap);
	if (strncmp(line, "libbpf: ", 8))
		return 0;
	hear_relocation(line + 8);
	hear_part(line + 8);
	return 0;
}

/* In which function an instruction of a program is, and where there. */
static const char *function_of(const char *program, int *at)
{
	const struct part *best = NULL;

	for (size_t i = 0; i < nr_parts; i++)
		if (!strcmp(parts[i].program, program) && parts[i].at <= *at && (!best || best->at < parts[i].at))
			best = &parts[i];
	*at -= best ? best->at : 0;
	return best ? best->function : program;
}

static void tell(const char *program, int at)
{
	const char *function = function_of(program, &at);

	for (size_t i = 0; i < nr_missing && !silent; i++)
		if (missing[i].at == at && !strcmp(missing[i].function, function))
			print_message("  %s: %s() reads %sand has no guard: it is not there\n", program, function,
				      missing[i].what);
}

static size_t look_at(const struct bpf_program *prog)
{
	const struct bpf_insn *insn = bpf_program__insns(prog);
	size_t nr = bpf_program__insn_cnt(prog), bad = 0;
	bool *reached _free_ = calloc(nr, sizeof(*reached));

	assert_non_null(reached);
	assert_int_equal(bpf_reach(insn, nr, reached), 0);
	for (size_t i = 0; i < nr; i++) {
		if (!reached[i] || insn[i].code != (BPF_JMP | BPF_CALL) || insn[i].imm != BAD_RELO)
			continue;
		tell(bpf_program__name(prog), i);
		bad++;
	}
	return bad;
}

/* All programs of an object are relocated before the first of them is loaded: so none is. */
static int stop_here(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	return -ECANCELED;
}

/* How many instructions of an object would be refused by the kernel that has this BTF. */
static size_t relocate(const struct object *o, const char *btf)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = btf);
	struct bpf_program *prog;
	struct bpf_object *obj;
	size_t size, bad = 0;
	const void *bytes = o->bytes(&size);

	nr_missing = nr_parts = 0;
	obj = bpf_object__open_mem(bytes, size, &opts);
	assert_non_null(obj);
	bpf_object__for_each_program(prog, obj)
		bpf_program__set_autoload(prog, true);
	assert_int_equal(bpf_object__load(obj), -ECANCELED);
	assert_in_range(nr_missing, 0, ARRAY_SIZE(missing) - 1);
	assert_in_range(nr_parts, 0, ARRAY_SIZE(parts) - 1);
	bpf_object__for_each_program(prog, obj)
		bad += look_at(prog);
	bpf_object__close(obj);
	return bad;
}

static void fits(const char *btf)
{
	size_t bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		bad += relocate(&objects[i], btf);
	if (bad)
		print_message("  a kernel that lacks a field needs a guard (bpf/compat.bpf.h); if it has the field, "
			      "renew %s: tools/regen-btf\n", btf);
	assert_int_equal(bad, 0);
}

static void test_fits_6_1(void **state)
{
	fits(BTF_DIR "6.1.btf");
}

static void test_fits_6_12(void **state)
{
	fits(BTF_DIR "6.12.btf");
}

static void test_fits_6_18(void **state)
{
	fits(BTF_DIR "6.18.btf");
}

static void test_fits_running_kernel(void **state)
{
	fits("/sys/kernel/btf/vmlinux");
}

/* The BTF of 6.12 in a file of its own, in which a name has become another one. */
static void make_without(const char *name, char *path)
{
	char buf[1 << 16], key[64];
	int in _close_ = open(BTF_DIR "6.12.btf", O_RDONLY | O_CLOEXEC), out _close_ = mkstemp(path);
	ssize_t len = read(in, buf, sizeof(buf));
	size_t key_len = snprintf(key, sizeof(key), "%c%s", 0, name) + 1;
	char *at;

	assert_in_range(len, 1, sizeof(buf) - 1);
	at = memmem(buf, len, key, key_len);
	assert_non_null(at);
	at[1] ^= 1;
	assert_int_equal(write(out, buf, len), len);
}

static size_t bad_without(const char *name)
{
	char path[] = "/tmp/relocate_test.XXXXXX";
	size_t bad = 0;

	make_without(name, path);
	silent = true;
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		bad += relocate(&objects[i], path);
	silent = false;
	unlink(path);
	return bad;
}

/* What is read without a guard is found when it is missing: fields, types, enumerators. */
static void test_finds_what_is_missing(void **state)
{
	assert_true(bad_without("start_boottime"));
	assert_true(bad_without("pid_allocated"));
	assert_true(bad_without("signal_struct"));
	assert_true(bad_without("SOCK_TXTIME"));
}

/* A guarded one may be missing; that this one is known at all: renamed, its guard says no. */
static void test_guards_are_seen(void **state)
{
	assert_int_equal(bad_without("is_mptcp"), 0);
	assert_int_equal(bad_without("rseq_len"), 0);
	assert_int_equal(bad_without("pids_cgrp_id"), 0);
	assert_true(nr_missing);
}

int main(void)
{
	static const char *const sections[] = { "iter+", "tp_btf+", "fexit+", "fentry+" };
	LIBBPF_OPTS(libbpf_prog_handler_opts, handler, .prog_prepare_load_fn = stop_here);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fits_6_1),	      cmocka_unit_test(test_fits_6_12),
		cmocka_unit_test(test_fits_6_18),	      cmocka_unit_test(test_fits_running_kernel),
		cmocka_unit_test(test_finds_what_is_missing), cmocka_unit_test(test_guards_are_seen),
	};

	libbpf_set_print(hear);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		libbpf_register_prog_handler(sections[i], BPF_PROG_TYPE_TRACING, 0, &handler);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
