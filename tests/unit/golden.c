// SPDX-License-Identifier: GPL-2.0-only
/* golden.c - compare what was made with a committed file in tests/golden. */
#include "golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#include <cmocka.h>

#define TEXT_MAX (1u << 20)

void golden_compare(const char *name, const char *text)
{
	char path[128], *want _free_ = calloc(1, TEXT_MAX);
	FILE *f _fclose_ = NULL;

	snprintf(path, sizeof(path), "tests/golden/%s", name);
	f = fopen(path, getenv("UPDATE_GOLDEN") ? "w" : "r");
	assert_non_null(f);
	if (getenv("UPDATE_GOLDEN")) {
		fputs(text, f);
		return;
	}
	assert_non_null(want);
	assert_true(fread(want, 1, TEXT_MAX - 1, f) > 0);
	assert_string_equal(text, want);
}
