// SPDX-License-Identifier: GPL-2.0-only
/* mempolicy.c - kinds "task_policy" and "area_policy": NUMA nodes that memory is to come from. */
#include <string.h>
#include <sys/syscall.h>

#include "log.h"
#include "rec_ipc.h"
#include "rec_mem.h"
#include "rec_task.h"
#include "res.h"
#include "restore.h"

#define R struct rec_mempolicy
#define MODES 16 /* MPOL_MAX is 7 today; the kernel looks at the mode itself */
#define NODE_BITS (REC_NODE_WORDS * 64 + 1) /* mm/mempolicy.c: get_nodes() takes one off */

#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif

#define POLICY_FIELDS                                                                             \
	FIELD(R, start, IS_KEY, AS_HEX),                                                           \
	FIELD(R, end, MUST_MATCH, AS_HEX),                                                         \
	FIELD(R, mode, MUST_MATCH, AS_DEC),                                                        \
	FIELD(R, flags, MUST_MATCH, AS_HEX),                                                       \
	FIELD(R, home_node, MUST_MATCH, AS_SIGNED),                                                \
	FIELD_ARRAY(R, nodes, MUST_MATCH, AS_HEX)

static const struct field task_fields[] = { FIELD_OWNER(R, owner, REC_TASK), POLICY_FIELDS };
static const struct field area_fields[] = { FIELD_OWNER(R, owner, REC_MM), POLICY_FIELDS };

static int read_policy(const struct image *img, const void *rec)
{
	const struct rec_mempolicy *p = rec;

	if (p->mode >= MODES || p->flags & ~0xe000u || (p->start | p->end) & 4095 || p->start > p->end)
		return fail(-ERR_IMAGE, "image: memory policy of %llu is impossible", p->owner);
	return 0;
}

/* MPOL_DEFAULT and MPOL_LOCAL want no nodes, not even a mask of none. */
static const void *mask(struct restore *r, const struct rec_mempolicy *p)
{
	__u64 words[REC_NODE_WORDS + 1] = {}; /* NODE_BITS reach into one word more */
	bool any = false;

	for (int i = 0; i < REC_NODE_WORDS; i++)
		any |= p->nodes[i] != 0;
	memcpy(words, p->nodes, sizeof(p->nodes));
	return any ? machine_dup(&r->machine, words, sizeof(words)) : NULL;
}

/* Before pages come, so that they come from where they shall. */
static int join_area(struct restore *r, const void *rec)
{
	const struct rec_mempolicy *p = rec;
	struct batch *b = restore_batch(r, p->owner);
	const void *nodes = mask(r, p);

	batch_op(b, SYS_mbind, p->start, p->end - p->start, p->mode | p->flags, nodes, nodes ? NODE_BITS : 0, 0);
	if (p->home_node >= 0)
		batch_op(b, SYS_set_mempolicy_home_node, p->start, p->end - p->start, p->home_node, 0);
	return 0;
}

static int join_task(struct restore *r, const void *rec)
{
	const struct rec_mempolicy *p = rec;
	const void *nodes = mask(r, p);

	if (!restore_unit(r, p->owner)->task->exit_state)
		batch_op(restore_batch(r, p->owner), SYS_set_mempolicy, p->mode | p->flags, nodes,
			 nodes ? NODE_BITS : 0);
	return 0;
}

const struct res_type res_task_policy = {
	.name = "task_policy", .tag = REC_TASK_POLICY, .size = sizeof(R), .owned = true,
	.fields = task_fields, .nr_fields = sizeof(task_fields) / sizeof(task_fields[0]),
	.phase = PHASE_THREAD, .read = read_policy, .join = join_task,
};

const struct res_type res_area_policy = {
	.name = "area_policy", .tag = REC_AREA_POLICY, .size = sizeof(R), .owned = true,
	.fields = area_fields, .nr_fields = sizeof(area_fields) / sizeof(area_fields[0]),
	.phase = PHASE_PROCESS, .read = read_policy, .join = join_area,
};
