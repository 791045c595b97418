/* SPDX-License-Identifier: GPL-2.0-only */
/* audit_cgroup.h - paths of cgroups by their ids, asked of /proc once for each. */
#ifndef BPF_CKPT_AUDIT_CGROUP_H
#define BPF_CKPT_AUDIT_CGROUP_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "rec_audit.h"

struct audit_cgroups;

/* The path of the cgroup with that id, which the process pid is in; NULL: not known (any more). */
const char *audit_cgroup_path(struct audit_cgroups **all, __u64 id, pid_t pid);
void audit_cgroups_free(struct audit_cgroups *c);

#endif
