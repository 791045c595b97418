/* SPDX-License-Identifier: GPL-2.0-only */
/* aio.bpf.h - struct kioctx: contexts of io_setup(2), and how many of their requests are in flight. */
#ifndef BPF_CKPT_AIO_BPF_H
#define BPF_CKPT_AIO_BPF_H

#include "compat.bpf.h"
#include "rec_ipc.h"

#define AIO_CONTEXTS 64
#define AIO_CPUS 1024

/*
 * Each CPU holds some of the free slots of a context. Where a CPU's part of a per-CPU variable is, the
 * kernel does not tell a program; but of a map's value it tells both the variable and the parts.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} percpu_place SEC(".maps");

struct aio_sum {
	__u64 variable; /* of the map */
	__u64 cpu;      /* kioctx.cpu */
	__u64 available;
};

static long add_cpu(__u64 cpu, void *arg)
{
	struct aio_sum *s = arg;
	__u32 zero = 0, n = 0;
	volatile __u64 *part = bpf_map_lookup_percpu_elem(&percpu_place, &zero, cpu);

	if (!part)
		return 1;
	*part = (__u64)part; /* read back, it is a number to the verifier */
	bpf_probe_read_kernel(&n, sizeof(n), (void *)(*part - s->variable + s->cpu));
	s->available += n;
	return 0;
}

/*
 * The per-CPU variable behind the map. A map's pointer may not be added to, but an empty list in it points
 * to itself.
 */
static __always_inline __u64 map_variable(void)
{
	struct bpf_array *map = (void *)&percpu_place;
	void *self = map->map.freeze_mutex.wait_list.next;
	__u64 variable = 0;

	self -= bpf_core_field_offset(struct bpf_array, map.freeze_mutex.wait_list);
	bpf_probe_read_kernel(&variable, sizeof(variable), self + bpf_core_field_offset(struct bpf_array, pptrs));
	return variable;
}

static __always_inline __u64 available_requests(struct kioctx *ctx)
{
	struct aio_sum s = {
		.variable = map_variable(),
		.cpu = (__u64)BPF_CORE_READ(ctx, cpu),
		.available = BPF_CORE_READ(ctx, reqs_available.counter),
	};

	bpf_loop(AIO_CPUS, add_cpu, &s, 0);
	return s.available;
}

static __always_inline void emit_aio(struct frame *f, struct mm_struct *mm, struct kioctx *ctx)
{
	struct rec_aio *r = frame_add(f, REC_AIO, sizeof(*r));

	if (!r)
		return;
	r->mm = (__u64)mm;
	r->ring = BPF_CORE_READ(ctx, user_id);
	r->ring_len = BPF_CORE_READ(ctx, mmap_size);
	r->slot = BPF_CORE_READ(ctx, id);
	r->max_reqs = BPF_CORE_READ(ctx, max_reqs);
	r->events = BPF_CORE_READ(ctx, nr_events);
	r->tail = BPF_CORE_READ(ctx, tail);
	/* fs/aio.c: all slots but one are free, taken, or wait in completed_events to be free again */
	r->busy = r->events - 1 - available_requests(ctx) - BPF_CORE_READ(ctx, completed_events);
}

/* 1: the ring is full, show the task again. */
static __always_inline int emit_aios(struct frame *f, struct mm_struct *mm)
{
	struct kioctx_table *table = BPF_CORE_READ(mm, ioctx_table);
	__u32 n = BPF_CORE_READ(table, nr);
	void *slot = (void *)table + bpf_core_field_offset(struct kioctx_table, table);

	if (!table)
		return 0;
	for (__u32 i = 0; i < AIO_CONTEXTS && i < n; i++) {
		struct kioctx *ctx = NULL;

		bpf_probe_read_kernel(&ctx, sizeof(ctx), slot + i * sizeof(ctx));
		if (ctx)
			emit_aio(f, mm, ctx);
	}
	if (f->used && frame_send(f))
		return 1;
	f->used = 0;
	return 0;
}

#endif
