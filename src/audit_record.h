/* SPDX-License-Identifier: GPL-2.0-only */
/* audit_record.h - what events and walks have in common when they change the table. */
#ifndef BPF_CKPT_AUDIT_RECORD_H
#define BPF_CKPT_AUDIT_RECORD_H

#include "audit.h"

/* The namespace of a record, made or brought up to date; NULL: no memory. */
struct audit_ns *audit_record_ns(struct audit *a, const struct rec_audit_ns *r);

/* A new task without its parent; NULL: no memory, or nonsense. */
struct audit_task *audit_record_task(struct audit *a, const struct rec_audit_born *r);

/* Name, user and control group. */
void audit_record_who(struct audit_task *t, const struct rec_audit *r);

/* The parent by its key, or who got that one's children. NULL: not in the table. */
struct audit_task *audit_record_parent(const struct audit *a, __u64 key, __u64 start_ns);

/* Tell that t was reaped, and forget it. */
int audit_tell_reaped(struct audit *a, struct audit_task *t, __u64 when, __u32 cpu);

/* exit_code and exit_signal of a status as wait(2) gives it. */
void audit_event_exit(struct audit_event *e, __s32 code);

#endif
