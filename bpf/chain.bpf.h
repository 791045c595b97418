/* SPDX-License-Identifier: GPL-2.0-only */
/* chain.bpf.h - numbers and namespaces of a struct pid, on kernels that declare them differently. */
#ifndef BPF_CKPT_CHAIN_BPF_H
#define BPF_CKPT_CHAIN_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define PIDNS_ADDING (1u << 31) /* kernel/pid.c */

/*
 * numbers[] is declared with one element until 6.4, so a constant index above 0 would not relocate:
 * compute the address instead.
 */
static __always_inline struct upid *pid_upid(struct pid *pid, __u32 level)
{
	return (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	       level * bpf_core_type_size(struct upid);
}

static __always_inline struct pid_namespace *pid_active_ns(struct pid *pid)
{
	struct upid *own = pid_upid(pid, BPF_CORE_READ(pid, level) & 63);

	return BPF_CORE_READ(own, ns);
}

/* pid_namespace.pid_max: per namespace since 6.14 */
static __always_inline __u32 pidns_pid_max(struct pid_namespace *ns)
{
	return bpf_core_field_exists(ns->pid_max) ? BPF_CORE_READ(ns, pid_max) : 0;
}

#endif
