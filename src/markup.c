// SPDX-License-Identifier: GPL-2.0-only
/* markup.c - text from outside (a task's name may hold anything) in SVG, HTML and dot. */
#include "markup.h"

#include <stdbool.h>
#include <string.h>

#include "utf8.h"

/* XML 1.0 has no control characters and U+FFFE; the others here would hide or reorder. */
static bool is_visible(unsigned int c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	if (c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e))
		return false;
	return !(c >= 0x2060 && c <= 0x206f) && c != 0xfeff && (c & 0xfffe) != 0xfffe && c < 0xe0000;
}

size_t clean_text(const char *src, size_t max, char *buf, size_t len)
{
	size_t bytes = strnlen(src, max), used = 0, columns = 0;

	for (size_t i = 0; i < bytes;) {
		const unsigned char *p = (const unsigned char *)src + i;
		unsigned int c = 0;
		size_t n = utf8_char(src + i, bytes - i, &c);

		if (used + 5 > len)
			break;
		if (n && is_visible(c)) {
			memcpy(buf + used, p, n);
			used += n;
			columns += c >= 0x1100 ? 2 : 1; /* at most: East Asian ones and symbols */
			i += n;
		} else {
			used += sprintf(buf + used, "\\x%02x", *p);
			columns += 4;
			i++;
		}
	}
	buf[used] = 0;
	return columns;
}

void put_xml(FILE *out, const char *clean)
{
	for (; *clean; clean++) {
		const char *name = *clean == '&' ? "&amp;" : *clean == '<' ? "&lt;" :
				   *clean == '>' ? "&gt;" : *clean == '"' ? "&quot;" :
				   *clean == '\'' ? "&#39;" : NULL;

		name ? fputs(name, out) : fputc(*clean, out);
	}
}

/* dot reads backslashes as its own escapes, and names of characters as HTML does. */
void put_dot(FILE *out, const char *clean)
{
	for (; *clean; clean++) {
		if (*clean == '&') {
			fputs("&amp;", out);
			continue;
		}
		if (*clean == '"' || *clean == '\\')
			fputc('\\', out);
		fputc(*clean, out);
	}
}
