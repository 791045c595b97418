/* SPDX-License-Identifier: GPL-2.0-only */
/* record_json.h - any record as JSON and as text, by its field table. */
#ifndef BPF_CKPT_RECORD_JSON_H
#define BPF_CKPT_RECORD_JSON_H

#include <json-c/json.h>
#include <stdio.h>

#include "res.h"

/* A new object with a member a field; the caller puts it. Keys are the field names. */
struct json_object *record_json(const struct res_type *type, const struct rec_hdr *rec);

/* "kind field=value field=value ..." in one line, without what is zero. */
void record_print(const struct res_type *type, const struct rec_hdr *rec, FILE *out);

#endif
