// SPDX-License-Identifier: GPL-2.0-only
/* markup.c - text from outside (a task's name may hold anything) in SVG, HTML, dot and on terminals. */
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

/* The first character of src, or its first byte as \xNN, into buf: how many bytes of src. */
static size_t clean_char(const char *src, size_t left, char buf[5], size_t *columns)
{
	unsigned int c = 0;
	size_t n = utf8_char(src, left, &c);

	if (n && is_visible(c)) {
		memcpy(buf, src, n);
		buf[n] = 0;
		*columns += c >= 0x1100 ? 2 : 1; /* at most: East Asian ones and symbols */
		return n;
	}
	*columns += sprintf(buf, "\\x%02x", (unsigned char)*src);
	return 1;
}

size_t clean_text(const char *src, size_t max, char *buf, size_t len)
{
	size_t bytes = strnlen(src, max), used = 0, columns = 0;

	for (size_t i = 0; i < bytes && used + 5 <= len;) {
		i += clean_char(src + i, bytes - i, buf + used, &columns);
		used += strlen(buf + used);
	}
	buf[used] = 0;
	return columns;
}

void put_clean(FILE *out, const char *src, size_t max)
{
	size_t bytes = strnlen(src, max), columns = 0;
	char one[5];

	for (size_t i = 0; i < bytes;) {
		i += clean_char(src + i, bytes - i, one, &columns);
		fputs(one, out);
	}
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
