/* SPDX-License-Identifier: GPL-2.0-only */
/* audit_rules.h - which alerts are expected and not told: a small file of "allow" lines. */
#ifndef BPF_CKPT_AUDIT_RULES_H
#define BPF_CKPT_AUDIT_RULES_H

#include "audit_event.h"

struct audit_rules;

/*
 * 0; -ERR_USAGE for a wrong line, reported with file, line and reason; -errno. An allow line:
 *	allow ALERT[,ALERT...] [comm=GLOB] [exe=GLOB] [cgroup=GLOB] [uid=N[-M]] [parent=GLOB] [how=GLOB]
 */
int audit_rules_read(struct audit_rules **out, const char *file);
void audit_rules_free(struct audit_rules *r);

/* Is there a rule that all of it fits? What is not known about a task fits no pattern. */
bool audit_rules_allow(const struct audit_rules *r, const struct audit_event *e);

#endif
