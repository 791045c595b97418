// SPDX-License-Identifier: GPL-2.0-only
/* audit_print.c - events as lines for people and as JSON, both by the one list of fields. */
#include "audit_print.h"

#include <string.h>
#include <syslog.h>
#include <time.h>

#include "markup.h"
#include "utf8.h"

#define SECOND 1000000000ll

char *audit_who_id(char *buf, size_t len, const struct audit_who *w, const char *boot)
{
	buf[0] = 0;
	if (w->start_ns)
		snprintf(buf, len, "%.8s:%llu:%d", boot, w->start_ns, w->numbers[0]);
	return buf;
}

char *audit_where_id(char *buf, size_t len, const struct audit_where *w, const char *boot)
{
	buf[0] = 0;
	if (w->inum)
		snprintf(buf, len, "%.8s:%u:%llu", boot, w->inum, w->born_ns);
	return buf;
}

char *audit_chain(char *buf, size_t len, const struct audit_who *w)
{
	size_t used = 0;

	buf[0] = 0;
	for (__u32 l = 0; w->numbers[0] && l <= w->level && used < len; l++)
		used += snprintf(buf + used, len - used, "%s%d", l ? "." : "", w->numbers[l]);
	return buf;
}

int audit_priority(enum audit_type type)
{
	if (type == AE_LOST)
		return LOG_ERR;
	if (audit_is_alert(type))
		return LOG_WARNING;
	return type == AE_START || type == AE_END || type == AE_RESYNC || type == AE_CLOCK ? LOG_NOTICE :
											    LOG_INFO;
}

/* ---- values ---- */

static const char *string_of(const struct audit_field *f, const struct audit_event *e)
{
	const void *at = (const char *)e + f->offset;

	switch (f->form) {
	case AF_TYPE:
		return audit_type_names[e->type];
	case AF_STRING:
		return *(const char *const *)at;
	case AF_EXE:
		return ((const struct audit_who *)at)->exe;
	case AF_CGROUP:
		return ((const struct audit_who *)at)->cgroup;
	case AF_COMM:
		return ((const struct audit_who *)at)->numbers[0] ? ((const struct audit_who *)at)->comm : NULL;
	default:
		return at;
	}
}

static char *time_of(char *buf, size_t len, __s64 real_ns)
{
	time_t s = real_ns / SECOND;
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(buf, len, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, len - n, ".%09lldZ", real_ns % SECOND);
	return buf;
}

/* A number as text; false: there is none (null). */
static bool number_of(char *buf, size_t len, const struct audit_field *f, const struct audit_event *e)
{
	const void *at = (const char *)e + f->offset;
	const struct audit_where *w = at;

	switch (f->form) {
	case AF_U64:
	case AF_DURATION:
		return snprintf(buf, len, "%llu", *(const __u64 *)at);
	case AF_S64:
		return snprintf(buf, len, "%lld", *(const __s64 *)at);
	case AF_S32:
		return snprintf(buf, len, "%d", *(const __s32 *)at);
	case AF_OR_NULL:
		return *(const __s32 *)at >= 0 && snprintf(buf, len, "%d", *(const __s32 *)at);
	case AF_UID:
		return snprintf(buf, len, "%u", ((const struct audit_who *)at)->uid);
	case AF_INUM:
		return w->inum && snprintf(buf, len, "%u", w->inum);
	case AF_LEVEL:
		return w->inum && snprintf(buf, len, "%u", w->level);
	case AF_NS_ID:
		return w->ns_id && snprintf(buf, len, "%llu", w->ns_id);
	default:
		return snprintf(buf, len, "%u", *(const __u32 *)at);
	}
}

/* ---- JSON ---- */

/* Names are any bytes: those that are no UTF-8 are taken for Latin-1. */
void audit_print_string(FILE *out, const char *s)
{
	size_t left = strlen(s);

	putc_unlocked('"', out);
	while (left) {
		unsigned char c = *s;
		unsigned int number;
		size_t n = utf8_char(s, left, &number);

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (!n || c < 0x20 || c == 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fwrite_unlocked(s, 1, n, out);
		n += !n;
		s += n;
		left -= n;
	}
	putc_unlocked('"', out);
}

static void json_text(FILE *out, const char *s)
{
	if (s && *s)
		audit_print_string(out, s);
	else
		fputs("null", out);
}

static void json_chain(FILE *out, const struct audit_who *w)
{
	putc_unlocked('[', out);
	for (__u32 l = 0; w->numbers[0] && l <= w->level; l++)
		fprintf(out, "%s%d", l ? "," : "", w->numbers[l]);
	putc_unlocked(']', out);
}

void audit_print_json(FILE *out, const struct audit_event *e, const char *boot)
{
	char buf[64];

	fprintf(out, "{\"schema\":%d", AUDIT_SCHEMA);
	for (const struct audit_field *f = audit_fields; f->name; f++) {
		const void *at = (const char *)e + f->offset;

		if (!audit_field_in(f, e))
			continue;
		fprintf(out, ",\"%s\":", f->name);
		switch (f->form) {
		case AF_TYPE:
		case AF_STRING:
		case AF_TEXT:
		case AF_COMM:
		case AF_EXE:
		case AF_CGROUP:
			json_text(out, string_of(f, e));
			break;
		case AF_TIME:
			json_text(out, time_of(buf, sizeof(buf), *(const __s64 *)at));
			break;
		case AF_WHO:
			json_text(out, audit_who_id(buf, sizeof(buf), at, boot));
			break;
		case AF_WHERE:
			json_text(out, audit_where_id(buf, sizeof(buf), at, boot));
			break;
		case AF_CHAIN:
			json_chain(out, at);
			break;
		default:
			fputs(number_of(buf, sizeof(buf), f, e) ? buf : "null", out);
		}
	}
	fputs("}\n", out);
}

/* ---- lines ---- */

static char *duration(char *buf, size_t len, __u64 ns)
{
	if (ns < 1000000)
		snprintf(buf, len, "%lluus", ns / 1000);
	else if (ns < SECOND)
		snprintf(buf, len, "%.1fms", ns / 1e6);
	else
		snprintf(buf, len, "%.1fs", ns / 1e9);
	return buf;
}

/* The text of a field, or NULL when there is nothing worth a word. */
static const char *line_text(char *buf, size_t len, const struct audit_field *f, const struct audit_event *e)
{
	const void *at = (const char *)e + f->offset;
	const char *s;

	switch (f->form) {
	case AF_TYPE:
	case AF_STRING:
	case AF_TEXT:
	case AF_COMM:
	case AF_EXE:
	case AF_CGROUP:
		s = string_of(f, e);
		return s && *s ? s : NULL;
	case AF_CHAIN:
		return *audit_chain(buf, len, at) ? buf : NULL;
	case AF_WHERE:
		snprintf(buf, len, "%u", ((const struct audit_where *)at)->inum);
		return ((const struct audit_where *)at)->inum ? buf : NULL;
	case AF_DURATION:
		return duration(buf, len, *(const __u64 *)at);
	default:
		return number_of(buf, len, f, e) ? buf : NULL;
	}
}

static bool worth_a_word(const struct audit_field *f, const char *text)
{
	return text && (strncmp(f->name, "lost_", 5) || strcmp(text, "0"));
}

void audit_print_line(FILE *out, const struct audit_event *e, const char *boot)
{
	char buf[400], when[40];

	time_of(when, sizeof(when), e->real_ns);
	when[26] = 0; /* microseconds are enough for people */
	fprintf(out, "%s", when + 11);
	for (const struct audit_field *f = audit_fields; f->name; f++) {
		const char *text;

		if (!f->label || !audit_field_in(f, e))
			continue;
		text = line_text(buf, sizeof(buf), f, e);
		if (!worth_a_word(f, text))
			continue;
		if (f->form == AF_TYPE) {
			fprintf(out, " %-15s", text);
			continue;
		}
		if (f->form == AF_TEXT)
			fputs(" :", out);
		fprintf(out, *f->label ? " %s " : " ", f->label);
		put_clean(out, text, -1);
	}
	putc_unlocked('\n', out);
}
