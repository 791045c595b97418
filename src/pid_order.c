// SPDX-License-Identifier: GPL-2.0-only
/* pid_order.c - pid objects of a snapshot by their outermost number. */
#include "pid_order.h"

#include <stdlib.h>
#include <string.h>

static int by_number(const void *a, const void *b)
{
	return (*(const struct rec_pid *const *)a)->numbers[0] -
	       (*(const struct rec_pid *const *)b)->numbers[0];
}

const struct rec_pid **pid_order(const struct snap *s, size_t *nr)
{
	void **all = snap_all(s, REC_PID, nr);
	const struct rec_pid **v = calloc(*nr + 1, sizeof(*v));

	if (!v)
		return NULL;
	if (*nr)
		memcpy(v, all, *nr * sizeof(*v));
	qsort(v, *nr, sizeof(*v), by_number);
	return v;
}

const struct rec_pid *pid_order_find(const struct rec_pid *const *v, size_t nr, __s32 number)
{
	size_t lo = 0;

	for (size_t hi = nr; lo < hi;) {
		size_t mid = (lo + hi) / 2;

		if (v[mid]->numbers[0] < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < nr && v[lo]->numbers[0] == number ? v[lo] : NULL;
}
