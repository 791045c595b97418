/* SPDX-License-Identifier: GPL-2.0-only */
/* audit_print.h - events as lines for people and as JSON, both by the one list of fields. */
#ifndef BPF_CKPT_AUDIT_PRINT_H
#define BPF_CKPT_AUDIT_PRINT_H

#include <stdio.h>

#include "audit_event.h"

/* boot: the boot id, of which the first eight digits begin every id. */
void audit_print_json(FILE *out, const struct audit_event *e, const char *boot);
void audit_print_line(FILE *out, const struct audit_event *e, const char *boot);

/* A JSON string: names may be any bytes. */
void audit_print_string(FILE *out, const char *s);

/* "b1946ac9:3742503473556:4711", "" for nobody. */
char *audit_who_id(char *buf, size_t len, const struct audit_who *w, const char *boot);
char *audit_where_id(char *buf, size_t len, const struct audit_where *w, const char *boot);

/* "4711.12.1" */
char *audit_chain(char *buf, size_t len, const struct audit_who *w);

/* syslog(3) priority of an event, for "<N>" in front of a line under journald. */
int audit_priority(enum audit_type type);

#endif
