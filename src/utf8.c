// SPDX-License-Identifier: GPL-2.0-only
/* utf8.c - characters of UTF-8 in texts that may hold any bytes: RFC 3629. */
#include "utf8.h"

size_t utf8_char(const char *s, size_t len, unsigned int *c)
{
	static const unsigned int least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)s;
	size_t n = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;

	if (!n || n > len)
		return 0;
	*c = n == 1 ? *p : *p & (0x7f >> n);
	for (size_t i = 1; i < n; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	/* the shortest form, and no half of a pair of UTF-16 */
	return *c >= least[n] && *c <= 0x10ffff && (*c < 0xd800 || *c >= 0xe000) ? n : 0;
}
