// SPDX-License-Identifier: GPL-2.0-only
/* vdso.c - the code that the kernel maps into every task, by its contents. */
#include "vdso.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "cleanup.h"

__u64 vdso_sum(void)
{
	FILE *f _fclose_ = fopen("/proc/self/maps", "re");
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long start, end;

		if (strstr(line, "[vdso]") && sscanf(line, "%lx-%lx", &start, &end) == 2)
			return XXH3_64bits((const void *)start, end - start);
	}
	return 0;
}
