// SPDX-License-Identifier: GPL-2.0-only
/* audit_read.c - lines of a recording back into events, by the one list of fields. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit_replay.h"
#include "log.h"

#define LINE_MAX_BYTES (64u << 10)

static int damaged(const struct audit_replay *r, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fail(-ERR_IMAGE, "%s:%lu: %s", r->name, r->line, text);
}

int audit_replay_open(struct audit_replay *r, const char *path)
{
	*r = (struct audit_replay){ .name = path, .tok = json_tokener_new() };
	if (!r->tok)
		return fail(-ENOMEM, "read %s", path);
	r->file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	return r->file ? 0 : fail(-errno, "open %s", path);
}

void audit_replay_close(struct audit_replay *r)
{
	json_object_put(r->o);
	if (r->tok)
		json_tokener_free(r->tok);
	if (r->file && r->file != stdin)
		fclose(r->file);
	free(r->text);
}

/* ---- values; false: not of that form ---- */

static bool read_number(struct json_object *v, __s64 least, __u64 most, __u64 *out)
{
	__u64 n;

	if (!json_object_is_type(v, json_type_int))
		return false;
	n = json_object_get_uint64(v);
	if (json_object_get_int64(v) < 0) {
		*out = json_object_get_int64(v);
		return json_object_get_int64(v) >= least;
	}
	*out = n;
	return n <= most;
}

static bool read_chain(struct json_object *v, struct audit_who *w)
{
	size_t nr = json_object_is_type(v, json_type_array) ? json_object_array_length(v) : ~0ul;

	if (nr > PID_NUMBERS_MAX)
		return false;
	for (size_t i = 0; i < nr; i++) {
		__u64 n;

		if (!read_number(json_object_array_get_idx(v, i), 0, 1 << 22, &n))
			return false;
		w->numbers[i] = n;
	}
	w->level = nr ? nr - 1 : 0;
	return true;
}

/* "BOOT:A:B" */
static bool read_id(struct json_object *v, unsigned long long *a, unsigned long long *b)
{
	const char *s = json_object_get_string(v), *colon = strchr(s, ':');
	char end;

	return colon && sscanf(colon, ":%llu:%llu%c", a, b, &end) == 2;
}

static bool read_time(struct json_object *v, __s64 *out)
{
	struct tm tm = {};
	const char *rest = strptime(json_object_get_string(v), "%Y-%m-%dT%H:%M:%S", &tm);
	long ns;
	char z, end;

	if (!rest || sscanf(rest, ".%9ld%c%c", &ns, &z, &end) != 2 || z != 'Z' || ns < 0)
		return false;
	*out = (__s64)timegm(&tm) * 1000000000 + ns;
	return true;
}

static bool read_text(const struct audit_field *f, struct json_object *v, void *at)
{
	size_t len = json_object_get_string_len(v);
	const char *s = json_object_get_string(v);

	switch (f->form) {
	case AF_STRING:
		*(const char **)at = s;
		return true;
	case AF_EXE:
		((struct audit_who *)at)->exe = s;
		return true;
	case AF_CGROUP:
		((struct audit_who *)at)->cgroup = s;
		return true;
	case AF_COMM: /* bytes that are no UTF-8 became two */
		snprintf(((struct audit_who *)at)->comm, sizeof(((struct audit_who *)at)->comm), "%s", s);
		return len < 64;
	default: {
		size_t room = !strcmp(f->name, "boot_id") ? sizeof(((struct audit_event *)0)->boot_id) :
							    sizeof(((struct audit_event *)0)->reason);

		snprintf(at, room, "%s", s);
		return len < room;
	}
	}
}

static bool read_ids(const struct audit_field *f, struct json_object *v, void *at)
{
	unsigned long long first, second;

	if (!read_id(v, &first, &second) || second >> 63)
		return false;
	if (f->form == AF_WHO) {
		((struct audit_who *)at)->start_ns = first;
		((struct audit_who *)at)->numbers[0] = second;
		return second <= 1 << 22;
	}
	((struct audit_where *)at)->inum = first;
	((struct audit_where *)at)->born_ns = second;
	return first <= ~0u;
}

static bool read_integer(const struct audit_field *f, struct json_object *v, void *at)
{
	__u64 n = 0;
	bool ok = true;

	switch (f->form) {
	case AF_U64:
	case AF_DURATION:
		ok = read_number(v, 0, ~0ull, &n);
		*(__u64 *)at = n;
		break;
	case AF_S64:
		ok = read_number(v, INT64_MIN, INT64_MAX, &n);
		*(__s64 *)at = n;
		break;
	case AF_NS_ID:
		ok = read_number(v, 0, ~0ull, &n);
		((struct audit_where *)at)->ns_id = n;
		break;
	case AF_UID:
		ok = read_number(v, 0, ~0u, &n);
		((struct audit_who *)at)->uid = n;
		break;
	case AF_LEVEL:
		ok = read_number(v, 0, PIDNS_LEVEL_MAX, &n);
		((struct audit_where *)at)->level = n;
		break;
	case AF_INUM:
		break; /* the id has it */
	default:
		ok = read_number(v, 0, ~0u, &n);
		*(__u32 *)at = n;
	}
	return ok;
}

static bool read_value(const struct audit_field *f, struct json_object *v, struct audit_event *e)
{
	void *at = (char *)e + f->offset;

	if (!v)
		return true; /* null: not known */
	switch (f->form) {
	case AF_TYPE:
		return true;
	case AF_CHAIN:
		return read_chain(v, at);
	case AF_TIME:
		return json_object_is_type(v, json_type_string) && read_time(v, at);
	case AF_WHO:
	case AF_WHERE:
		return json_object_is_type(v, json_type_string) && read_ids(f, v, at);
	case AF_STRING:
	case AF_TEXT:
	case AF_COMM:
	case AF_EXE:
	case AF_CGROUP:
		return json_object_is_type(v, json_type_string) && read_text(f, v, at);
	default:
		return read_integer(f, v, at);
	}
}

/* ---- a line ---- */

static int read_event(struct audit_replay *r, struct audit_event *e)
{
	struct json_object *v;
	const char *name;
	int type;

	if (!json_object_is_type(r->o, json_type_object) || !json_object_object_get_ex(r->o, "schema", &v))
		return damaged(r, "this is no line of bpf-ckpt audit --json");
	if (json_object_get_int64(v) != AUDIT_SCHEMA)
		return damaged(r, "schema %s; this program reads %d", json_object_to_json_string(v), AUDIT_SCHEMA);
	name = json_object_object_get_ex(r->o, "type", &v) ? json_object_get_string(v) : NULL;
	type = name ? audit_type_by_name(name, strlen(name)) : -1;
	if (type < 0)
		return damaged(r, "no event is of type \"%.40s\"", name ?: "");
	memset(e, 0, sizeof(*e));
	e->type = type;
	e->exit_code = e->exit_signal = -1;
	for (const struct audit_field *f = audit_fields; f->name; f++) {
		if (!audit_field_in(f, e))
			continue;
		if (!json_object_object_get_ex(r->o, f->name, &v))
			return damaged(r, "a \"%s\" event without \"%s\"", name, f->name);
		if (!read_value(f, v, e))
			return damaged(r, "\"%s\" is %.60s", f->name, json_object_to_json_string(v));
	}
	return 1;
}

int audit_replay_next(struct audit_replay *r, struct audit_event *e)
{
	ssize_t n = getline(&r->text, &r->room, r->file);

	json_object_put(r->o);
	r->o = NULL;
	if (n < 0)
		return ferror(r->file) ? fail(-errno, "read %s", r->name) : 0;
	r->line++;
	if (n > LINE_MAX_BYTES)
		return damaged(r, "a line of %zd bytes", n);
	if (r->text[n - 1] != '\n')
		return damaged(r, "the last line is cut off");
	json_tokener_reset(r->tok);
	r->o = json_tokener_parse_ex(r->tok, r->text, n);
	if (!r->o)
		return damaged(r, "no JSON: %s", json_tokener_error_desc(json_tokener_get_error(r->tok)));
	return read_event(r, e);
}
