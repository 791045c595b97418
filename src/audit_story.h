/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * audit_story.h - what a recording tells, as a picture of it needs that: namespaces with their lives,
 * how many processes lived in each and when, what asked for a person, and when events were lost.
 */
#ifndef BPF_CKPT_AUDIT_STORY_H
#define BPF_CKPT_AUDIT_STORY_H

#include "audit.h"

#define STORY_POINTS 512  /* of one namespace; finer ones are joined then */
#define STORY_ALERTS 2000 /* kept; the others are counted */

/* From that moment on so many processes live; the most of them, when it stands for several. */
struct story_point {
	__u64 when;
	__u32 tasks;
};

struct story_ns {
	struct story_ns *hash_next, *next; /* of all in the order in which they were told */
	struct story_ns *parent, *child, *sibling, **last; /* children in that order */
	struct audit_where where;
	__u64 born, died, end;     /* died: its init; 0: not before the recording ended */
	bool before;               /* it was there when the recording began */
	__s32 numbers[PID_NUMBERS_MAX];
	char comm[16];             /* of its init, nobody's while level numbers are 0 */
	struct story_point *points;
	unsigned int nr_points, cap_points;
	__u64 grain;               /* points are this far apart at least */
	__u32 tasks, peak, births, exits, entered, alerts;
	void *place;               /* of who draws */
};

struct story_alert {
	struct story_alert *next;
	struct story_ns *ns;       /* NULL: of none */
	enum audit_type type;
	__u64 when;
	struct audit_who task;
	char reason[256];
};

struct story_doubt {
	struct story_doubt *next;
	__u64 from, to, lost;
};

struct story {
	struct story_ns *all, **last_ns;
	struct story_ns *hash[1024];
	size_t nr_ns, nr_alerts, nr_kept;
	struct story_alert *alerts, **last_alert;
	struct story_doubt *doubts;
	__u64 begin, end;          /* CLOCK_BOOTTIME */
	__s64 real_offset;         /* CLOCK_REALTIME - CLOCK_BOOTTIME, as it was at the beginning */
	__u64 births, exits, lost;
	__u32 deepest, peak;       /* level; most processes in one namespace */
	bool clock_set;
	char kernel[65], boot_id[40];
};

void story_init(struct story *s);
void story_free(struct story *s);

/* One event after the other. 0 or -ENOMEM, not reported. */
int story_event(struct story *s, const struct audit_event *e);

/* The end of a namespace, or of the recording. */
static inline __u64 story_until(const struct story *s, const struct story_ns *n)
{
	return n->end ? n->end : s->end;
}

#endif
