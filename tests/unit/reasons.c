// SPDX-License-Identifier: GPL-2.0-only
/* reasons.c - why random trees were refused, and how often each reason came. */
#include "reasons.h"

#include <stdio.h>
#include <string.h>

void reasons_count(struct reasons *r, const char *text)
{
	int i = 0;

	while (i < REASONS - 1 && r->v[i].nr && strcmp(r->v[i].text, text))
		i++;
	snprintf(r->v[i].text, sizeof(r->v[i].text), "%s", text);
	r->v[i].nr++;
	r->refused++;
}

void reasons_print(const struct reasons *r, unsigned long nr, const char *prefix)
{
	printf("%s%u of %lu trees refused (%.1f %%)\n", prefix, r->refused, nr, nr ? 100.0 * r->refused / nr : 0);
	for (int i = 0; i < REASONS && r->v[i].nr; i++)
		printf("%s%5.1f %% %s\n", prefix, 100.0 * r->v[i].nr / nr, r->v[i].text);
}
