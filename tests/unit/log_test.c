// SPDX-License-Identifier: GPL-2.0-only
/* log_test.c - what was reported as a failure is one to every caller. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "log.h"

/* Before cmocka.h, which has a fail() of its own. */
static int report(int err)
{
	return fail(err, "this is a test");
}

#include <cmocka.h>

static void test_passes_on(void **state)
{
	(void)state;
	assert_int_equal(report(-ENOENT), -ENOENT);
	assert_int_equal(report(-ERR_TAKEN), -ERR_TAKEN);
	assert_int_equal(report(-ENOMEM), -ERR_TOLD);
	assert_int_equal(exit_status(report(-ENOMEM)), STATUS_FAILED);
	assert_int_equal(exit_status(report(-ERR_IMAGE)), STATUS_IMAGE);
}

/* At the end of a file a read returns 0 and errno is what it was. */
static void test_short_read(void **state)
{
	int end[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(end), 0);
	close(end[1]);
	errno = 0;
	assert_int_equal(read(end[0], &byte, 1), 0);
	assert_int_equal(report(-errno), -EIO);
	assert_int_equal(exit_status(report(-errno)), STATUS_FAILED);
	close(end[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_passes_on), cmocka_unit_test(test_short_read) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
