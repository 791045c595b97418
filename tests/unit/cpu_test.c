// SPDX-License-Identifier: GPL-2.0-only
/* cpu_test.c - which processors can take over what was seen on another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "arch/arch.h"
#include "cleanup.h"
#include "rec_cpu.h"

#include <cmocka.h>

static char names[2048];

static void test_same(void **state)
{
	struct rec_cpu here = {}, again = {};
	unsigned int which;

	arch_cpu(&here);
	arch_cpu(&again);
	assert_memory_equal(&here, &again, sizeof(here));
	assert_true(here.model[0]);
	assert_false(arch_cpu_lacks(&here, &again, names, sizeof(names)));
	assert_null(arch_cpu_moved(&here, &again, &which));
}

/* Every feature of a long list is missed by a processor that has none; nothing is written behind the room. */
static void test_old(void **state)
{
	struct rec_cpu old = {}, all = { .xfeatures = ~0ull };
	char few[16];

	memset(all.word, 0xff, sizeof(all.word));
	assert_true(arch_cpu_lacks(&old, &all, names, sizeof(names)));
	assert_non_null(strstr(names, "sse4.2, "));
	assert_non_null(strstr(names, "avx512f, "));
	assert_non_null(strstr(names, "the state of protection keys"));
	assert_true(arch_cpu_lacks(&old, &all, few, sizeof(few)));
	assert_int_equal(strlen(few), sizeof(few) - 1);
	assert_false(arch_cpu_lacks(&all, &old, names, sizeof(names)));
}

static void test_one_bit(void **state)
{
	struct rec_cpu here = {}, need = {};

	need.word[CPU_7_EBX] = 1 << 5;
	here.word[CPU_7_EBX] = 1 << 4;
	assert_true(arch_cpu_lacks(&here, &need, names, sizeof(names)));
	assert_string_equal(names, "avx2");
	here.word[CPU_7_EBX] |= 1 << 5;
	assert_false(arch_cpu_lacks(&here, &need, names, sizeof(names)));
}

/* What no program can use does not matter: VMX, hypervisor, x2APIC; fast strings; SMEP. */
static void test_not_for_programs(void **state)
{
	struct rec_cpu here = {}, need = {};

	need.word[CPU_1_ECX] = 1u << 5 | 1u << 31 | 1u << 21;
	need.word[CPU_7_EBX] = 1u << 7 | 1u << 9;
	need.xfeatures = 3;
	assert_false(arch_cpu_lacks(&here, &need, names, sizeof(names)));
}

static void test_more_state(void **state)
{
	struct rec_cpu avx = { .xfeatures = 7 }, avx512 = { .xfeatures = 0xe7 }, none = {};

	assert_true(arch_cpu_saves_more(&avx512, &avx, names, sizeof(names)));
	assert_string_equal(names, "AVX-512 masks, AVX-512 upper halves, AVX-512 registers 16 to 31");
	assert_true(arch_cpu_saves_more(&avx, &none, names, sizeof(names)));
	assert_string_equal(names, "AVX");
	assert_false(arch_cpu_saves_more(&avx, &avx512, names, sizeof(names)));
	assert_false(arch_cpu_saves_more(&avx, &avx, names, sizeof(names)));
}

static void test_layout(void **state)
{
	struct rec_cpu intel = { .xfeatures = 0x207 }, amd = { .xfeatures = 0x207 };
	unsigned int which;

	intel.state_at[2] = amd.state_at[2] = 576;
	intel.state_at[9] = 2688;
	amd.state_at[9] = 832;
	assert_string_equal(arch_cpu_moved(&amd, &intel, &which), "protection keys");
	assert_int_equal(which, 9);
	intel.xfeatures = 7; /* what is not in use may lie where it will */
	assert_null(arch_cpu_moved(&amd, &intel, &which));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),		 cmocka_unit_test(test_old),
		cmocka_unit_test(test_one_bit),		 cmocka_unit_test(test_not_for_programs),
		cmocka_unit_test(test_layout),		 cmocka_unit_test(test_more_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
