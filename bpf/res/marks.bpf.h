/* SPDX-License-Identifier: GPL-2.0-only */
/* marks.bpf.h - all marks of a group that belongs to a descriptor: inotify, fanotify. */
#ifndef BPF_CKPT_MARKS_BPF_H
#define BPF_CKPT_MARKS_BPF_H

#include "res/fanotify.bpf.h"
#include "res/inotify.bpf.h"

#define MARKS_MAX (1u << 20)

static long mark_step(__u64 i, void *arg)
{
	struct mark_walk *w = arg;
	struct fsnotify_mark *mark;

	if (!w->node || w->node == w->head)
		return 1;
	if (!list_room(&w->out, w->f, sizeof(struct rec_fan_seen)))
		return 1;
	mark = (void *)w->node - bpf_core_field_offset(struct fsnotify_mark, g_list);
	if (list_next(&w->out)) {
		if (w->fanotify)
			add_fan_mark(w, mark);
		else
			add_watch(w, mark);
	}
	w->node = BPF_CORE_READ(mark, g_list.next);
	return 0;
}

/* In frames of their own. 1: the ring is full, show the file again. */
static __always_inline int emit_marks(struct frame *f, struct file *file, bool fanotify)
{
	struct fsnotify_group *group = BPF_CORE_READ(file, private_data);
	struct mark_walk w = { .f = f, .file = file, .fanotify = fanotify };

	w.head = (void *)group + bpf_core_field_offset(struct fsnotify_group, marks_list);
	w.node = BPF_CORE_READ(group, marks_list.next);
	list_begin(&w.out, (__u64)file);
	bpf_loop(MARKS_MAX, mark_step, &w, 0);
	return list_end(&w.out, f, (__u64)file);
}

#endif
