// SPDX-License-Identifier: GPL-2.0-only
/* vdso_test.c - another kernel's vdso: functions that lead to ours, or do without; images that are none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "arch/arch.h"
#include "vdso.h"

/* A copy of ours, to be executed somewhere else. */
static void *copy_own(size_t *len)
{
	const void *own = vdso_own(len);
	void *copy;

	if (!own)
		skip();
	copy = mmap(NULL, *len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(copy != MAP_FAILED);
	return memcpy(copy, own, *len);
}

/* Where a call goes on: the jump that was written there. */
static __u64 jump_of(const unsigned char *code)
{
	__u64 to;

	assert_memory_equal(code, "\x49\xbb", 2);
	assert_memory_equal(code + 10, "\x41\xff\xe3", 3);
	memcpy(&to, code + 2, sizeof(to));
	return to;
}

static void test_leads_to_ours(void **state)
{
	size_t len;
	unsigned char *copy = copy_own(&len);
	const unsigned char *own = vdso_own(&len);
	int changed = 0;

	assert_int_equal(vdso_redirect(copy, len, own, len, (__u64)own), 0);
	for (size_t i = 0; i + 13 < len; i++) {
		if (!memcmp(copy + i, own + i, 13) || copy[i] != 0x49 || copy[i + 1] != 0xbb)
			continue;
		assert_true(jump_of(copy + i) == (__u64)own + i); /* of the same name, as they are alike */
		changed++;
	}
	assert_true(changed >= 4); /* clock_gettime, gettimeofday, clock_getres, time, getcpu */
	munmap(copy, len);
}

/* Ours at another address: every jump moves with it. */
static void test_at_another_address(void **state)
{
	size_t len;
	unsigned char *here = copy_own(&len), *there = copy_own(&len);
	const void *own = vdso_own(&len);
	int moved = 0;

	assert_int_equal(vdso_redirect(here, len, own, len, 0x50000000), 0);
	assert_int_equal(vdso_redirect(there, len, own, len, 0x60000000), 0);
	for (size_t i = 0; i < len; i++)
		moved += here[i] != there[i];
	assert_true(moved >= 4);
	munmap(here, len);
	munmap(there, len);
}

static void *executable(const char *name, __u64 to, size_t room)
{
	unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(code != MAP_FAILED);
	assert_true(arch_redirect(code, room, name, to));
	for (size_t i = room; i < 4096; i++)
		assert_int_equal(code[i], 0);
	assert_int_equal(mprotect(code, 4096, PROT_READ | PROT_EXEC), 0);
	return code;
}

static long nine(void)
{
	return 9;
}

/* What is written is executed: a jump, system calls in place of what is not there, and ENOSYS for the rest. */
static void test_code(void **state)
{
	long (*jump)(void) = executable("__vdso_time", (__u64)nine, 40);
	long (*get_time)(time_t *) = executable("time", 0, 40);
	long (*gettime)(clockid_t, struct timespec *) = executable("__vdso_clock_gettime", 0, 40);
	long (*getcpu)(unsigned int *, unsigned int *, void *) = executable("getcpu", 0, 40);
	long (*unknown)(void) = executable("__vdso_sgx_enter_enclave", 0, 40);
	struct timespec t;
	unsigned int cpu = ~0u;

	assert_int_equal(jump(), 9);
	assert_true(labs(get_time(NULL) - time(NULL)) <= 1);
	assert_int_equal(gettime(CLOCK_MONOTONIC, &t), 0);
	assert_int_equal(gettime(4711, &t), -EINVAL);
	assert_int_equal(getcpu(&cpu, NULL, NULL), 0);
	assert_true(cpu < 65536);
	assert_int_equal(unknown(), -ENOSYS);
}

/* Wherever it leads: the state that a program has is the old kernel's. Asked for its layout it has none. */
static void test_getrandom(void **state)
{
	ssize_t (*get)(void *, size_t, unsigned int, void *, size_t) = executable("__vdso_getrandom", (__u64)nine, 40);
	unsigned char zero[32] = {}, a[32] = {}, b[32] = {};

	assert_int_equal(get(a, sizeof(a), 0, zero, sizeof(zero)), sizeof(a));
	assert_int_equal(get(b, sizeof(b), 0, NULL, 0), sizeof(b));
	assert_memory_not_equal(a, zero, sizeof(a));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(get(NULL, 0, 0, zero, ~0ul), -ENOSYS);
}

static void test_no_room(void **state)
{
	unsigned char code[64] = {};

	assert_false(arch_redirect(code, 12, "time", 0x1000));
	assert_false(arch_redirect(code, 7, "time", 0));
	assert_false(arch_redirect(code, 21, "getrandom", 0));
	assert_true(arch_redirect(code, 22, "getrandom", 0));
	assert_false(arch_redirect(code, 7, "unknown", 0));
}

/* Whatever an image has there, it is -ENOEXEC or done, and nothing outside of it is touched. */
static void test_hostile(void **state)
{
	size_t len;
	unsigned char *copy = copy_own(&len);
	const void *own = vdso_own(&len);

	assert_int_equal(vdso_redirect(memset(copy, 0, len), len, own, len, 0), -ENOEXEC);
	assert_int_equal(vdso_redirect(memset(copy, 0xff, len), len, own, len, 0), -ENOEXEC);
	for (size_t cut = 1; cut < 4096; cut = cut * 3 / 2 + 1) {
		memcpy(copy, own, len);
		assert_int_equal(vdso_redirect(copy, cut, own, len, 0), -ENOEXEC);
	}
	srandom(4711);
	for (int i = 0; i < 20000; i++) {
		int err;

		memcpy(copy, own, len);
		for (int k = random() % 8; k >= 0; k--)
			copy[random() % (random() % 2 ? 1024 : len)] = random();
		err = vdso_redirect(copy, len, own, len, 0x50000000);
		assert_true(err == 0 || err == -ENOEXEC);
	}
	munmap(copy, len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leads_to_ours), cmocka_unit_test(test_at_another_address),
		cmocka_unit_test(test_code),	      cmocka_unit_test(test_getrandom),
		cmocka_unit_test(test_no_room),	      cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
