// SPDX-License-Identifier: GPL-2.0-only
/* record_json.c - any record as JSON and as text, by its field table. */
#include "record_json.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static struct json_object *bytes_json(const unsigned char *p, size_t len)
{
	char *hex _free_ = malloc(len * 2 + 1);
	struct json_object *o;

	if (!hex)
		return NULL;
	for (size_t i = 0; i < len; i++)
		sprintf(hex + i * 2, "%02x", p[i]);
	hex[len * 2] = 0;
	o = json_object_new_string(hex);
	return o;
}

static struct json_object *value_json(const struct field *f, const void *rec, unsigned int i)
{
	const char *at = (const char *)rec + f->offset + (size_t)i * f->size;
	__u64 v = field_value(f, rec, i);
	char text[32];

	switch (f->form) {
	case AS_TEXT:
		return json_object_new_string_len(at, strnlen(at, f->size));
	case AS_BYTES:
		return bytes_json((const unsigned char *)at, f->size);
	case AS_HEX:
	case AS_OCTAL:
		snprintf(text, sizeof(text), f->form == AS_HEX ? "0x%llx" : "0%llo", v);
		return json_object_new_string(text);
	case AS_SIGNED:
		return json_object_new_int64(v);
	default:
		return json_object_new_uint64(v);
	}
}

static struct json_object *field_json(const struct field *f, const void *rec)
{
	struct json_object *a;

	if (f->count == 1)
		return value_json(f, rec, 0);
	a = json_object_new_array();
	for (unsigned int i = 0; i < f->count; i++)
		json_object_array_add(a, value_json(f, rec, i));
	return a;
}

/* Strings one behind the other (each 8-aligned), numbers, or bytes. */
static struct json_object *tail_json(const struct res_type *type, const struct rec_hdr *rec)
{
	const char *at = (const char *)rec + type->size, *end = (const char *)rec + rec->len;
	struct json_object *a = json_object_new_array();

	if (type->tail_form == AS_BYTES) {
		json_object_put(a);
		return bytes_json((const unsigned char *)at, end - at);
	}
	while (at < end) {
		if (type->tail_form == AS_TEXT) {
			size_t len = strnlen(at, end - at);

			if (len)
				json_object_array_add(a, json_object_new_string_len(at, len));
			at += ALIGN_UP(len + 1, REC_ALIGN);
		} else {
			json_object_array_add(a, json_object_new_int(*(const __s32 *)at));
			at += sizeof(__s32);
		}
	}
	return a;
}

struct json_object *record_json(const struct res_type *type, const struct rec_hdr *rec)
{
	struct json_object *o = json_object_new_object();

	for (unsigned int i = 0; i < type->nr_fields; i++)
		if (type->fields[i].rule != NEVER_SAVED)
			json_object_object_add(o, type->fields[i].name, field_json(&type->fields[i], rec));
	if (rec->len > type->size)
		json_object_object_add(o, "data", tail_json(type, rec));
	return o;
}

static bool is_zero(const struct field *f, const void *rec)
{
	const char *at = (const char *)rec + f->offset;

	for (size_t i = 0; i < (size_t)f->size * f->count; i++)
		if (at[i])
			return false;
	return true;
}

void record_print(const struct res_type *type, const struct rec_hdr *rec, FILE *out)
{
	fputs(type->name, out);
	for (unsigned int i = 0; i < type->nr_fields; i++) {
		const struct field *f = &type->fields[i];
		struct json_object *v;

		if (f->rule == NEVER_SAVED || is_zero(f, rec))
			continue;
		v = field_json(f, rec);
		fprintf(out, " %s=%s", f->name, json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN));
		json_object_put(v);
	}
	if (rec->len > type->size && type->tail_form != AS_BYTES) {
		struct json_object *v = tail_json(type, rec);

		fprintf(out, " data=%s", json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN |
									 JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(v);
	}
	fputc('\n', out);
}
