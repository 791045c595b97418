/* SPDX-License-Identifier: GPL-2.0-only */
/* mqueue.h - POSIX message queues, by the ipc namespace's names. */
#ifndef BPF_CKPT_MQUEUE_H
#define BPF_CKPT_MQUEUE_H

struct restore;
struct snap;
struct walk;

/* If the tree has any open: walk them, and put the parts of their messages together. */
int mqueue_note(struct walk *w, struct snap *s);

/* Before anything is made: has a queue of another shape one of the names? */
int mqueue_places(const struct restore *r);

/* When the restore fails: queues that it has made go. */
void mqueue_undo(struct restore *r);

#endif
