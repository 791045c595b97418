/* SPDX-License-Identifier: GPL-2.0-only */
/* dump_find.h - find the members of a tree, stop them, and walk what does not move any more. */
#ifndef BPF_CKPT_DUMP_FIND_H
#define BPF_CKPT_DUMP_FIND_H

struct dump;

/*
 * Repeats find and freeze until a walk brings no new thread, then leaves d->snap with the records
 * of the members only, d->tree, d->users, and everything frozen. Gives up when the tree grows faster
 * than it can be stopped, or at the deadline. 0 or a reported error.
 */
int dump_find(struct dump *d);

/*
 * The walk of members that are stopped or not: task records of the system into snap, tree built
 * from root task pid (as this pid namespace numbers it), then the members' details. Used by check.
 */
int dump_walk(struct dump *d, unsigned int passes);

/* Behind another walk into the same snap: what was told twice goes. */
void dump_unique(struct dump *d);

#endif
