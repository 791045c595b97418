/* SPDX-License-Identifier: GPL-2.0-only */
/* fanotify.h - what the kinds "fanotify" and "fan_mark" share, and what a restore does last. */
#ifndef BPF_CKPT_FANOTIFY_H
#define BPF_CKPT_FANOTIFY_H

#include <stdbool.h>
#include <sys/fanotify.h>

#include "rec_watch.h"

struct check;
struct restore;

/* Newer than the headers of a Debian 12. */
#define FAN_REPORT_FD_ERROR_ 0x2000 /* since Linux 6.13 */
#define FAN_REPORT_MNT_ 0x4000      /* since Linux 6.15 */
#define FAN_PRE_ACCESS_ 0x100000    /* since Linux 6.14 */

#define FAN_PERM_MASK (FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM | FAN_PRE_ACCESS_)
/* What a mark may be told of; to ignore being asked is nothing that anybody waits for. */
#define FAN_SAVED_MASK                                                                             \
	(0x1fffu | FAN_FS_ERROR | FAN_RENAME | FAN_ONDIR | FAN_EVENT_ON_CHILD)
#define FAN_SAVED_FLAGS (FAN_MARK_IGNORED_SURV_MODIFY | FAN_MARK_EVICTABLE | FAN_MARK_IGNORE)

/*
 * Refuses what others have to ask for permission, without opening any file: a check of a frozen tree must
 * end with that. true: there is such.
 */
bool fanotify_check_asks(struct check *c);

/* Makes a mark of an image on the group behind fd. 0, or a reported error. */
int fan_mark_make(struct restore *r, const struct rec_fan_mark *m, int fd);

/* Takes out of a group what the restore itself has told it. 0, or a reported error. */
int fan_queue_drain(int fd);

/* Makes a group without events lose some, so that its reader is told. 0, or a reported error. */
int fan_queue_overflow(int fd, const struct rec_fanotify *n);

/* The tree is complete, and about to run: its queues are made what a reader is to find. */
int fanotify_settle(struct restore *r);

#endif
