// SPDX-License-Identifier: GPL-2.0-only
/* undo.bpf.c - iter/task, members only: lists of semaphore adjustments (SEM_UNDO), semop(2). */
#include "compat.bpf.h"
#include "list.bpf.h"
#include "rec_ipc.h"

#define UNDO_STEPS (1u << 22) /* semaphores looked at */

/* How many semaphores a set has: the kernel does not keep it with the adjustments. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u32);
} sem_sizes SEC(".maps");

struct undo_walk {
	struct frame *f;
	struct list_out out;
	struct task_struct *task;
	void *head, *at; /* list_head of the list, and of the set that is looked at */
	__u32 num, nsems;
};

static __always_inline struct sem_undo *undo_of(void *node)
{
	return node - bpf_core_field_offset(struct sem_undo, list_proc);
}

/* To the set behind node. */
static __always_inline void next_set(struct undo_walk *w, void *node)
{
	struct list_head *next = BPF_CORE_READ((struct list_head *)node, next);
	struct sem_undo *un = undo_of(next);
	__u32 semid, *nsems;

	w->at = next;
	w->num = w->nsems = unknown_zero;
	if (w->at == w->head)
		return;
	semid = BPF_CORE_READ(un, semid);
	nsems = bpf_map_lookup_elem(&sem_sizes, &semid); /* none: removed, and of no effect */
	if (nsems)
		w->nsems = *nsems;
}

static __always_inline bool add_undo(struct undo_walk *w, __s16 adj)
{
	struct sem_undo *un = undo_of(w->at);
	struct rec_undo *r;

	if (!list_room(&w->out, w->f, sizeof(*r)))
		return false;
	if (!list_next(&w->out))
		return true;
	r = frame_add(w->f, REC_UNDO, sizeof(*r));
	if (!r)
		return false;
	r->task = (__u64)w->task;
	r->semid = BPF_CORE_READ(un, semid);
	r->num = w->num;
	r->adj = adj;
	return true;
}

static long undo_step(__u64 i, void *arg)
{
	struct undo_walk *w = arg;
	struct sem_undo *un;
	__s16 adj = 0;

	if (w->at == w->head || !w->at)
		return 1;
	if (w->num >= w->nsems) {
		next_set(w, w->at);
		return 0;
	}
	un = undo_of(w->at);
	bpf_probe_read_kernel(&adj, sizeof(adj), undo_adjustments(un) + w->num);
	if (adj && !add_undo(w, adj))
		return 1;
	w->num++;
	return 0;
}

static __always_inline int emit_undos(struct frame *f, struct task_struct *t, struct sem_undo_list *list)
{
	struct undo_walk w = { .f = f, .task = t };

	w.head = (void *)list + bpf_core_field_offset(struct sem_undo_list, list_proc);
	next_set(&w, w.head);
	list_begin(&w.out, (__u64)t);
	bpf_loop(UNDO_STEPS, undo_step, &w, 0);
	return list_end(&w.out, f, (__u64)t);
}

SEC("iter/task")
int walk_undos(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	struct sem_undo_list *list;
	struct rec_undo_list *r;
	struct frame *f;
	bool owner;

	if (!t || !is_member(t))
		return 0;
	list = t->sysvsem.undo_list;
	owner = list && (t->pid == t->tgid || list != BPF_CORE_READ(t, group_leader, sysvsem.undo_list));
	f = frame_get();
	if (!f)
		return 0;
	if (owner && emit_undos(f, t, list))
		return 1;
	r = frame_add(f, REC_UNDO_LIST, sizeof(*r));
	if (!r)
		return 0;
	r->task = (__u64)t;
	r->list = (__u64)list;
	/* a first thread that has exited has none any more: sysv_find.c compares the others */
	if (t->pid != t->tgid && !BPF_CORE_READ(t, group_leader, exit_state) &&
	    list != BPF_CORE_READ(t, group_leader, sysvsem.undo_list))
		r->flags = UNDO_F_APART;
	r->users = list ? BPF_CORE_READ(list, refcnt.refs.counter) : 0;
	if (frame_send(f))
		return 1;
	list_done();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
