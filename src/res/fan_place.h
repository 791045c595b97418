/* SPDX-License-Identifier: GPL-2.0-only */
/* fan_place.h - the way to what fanotify has marked: inodes, mounts, file systems. */
#ifndef BPF_CKPT_FAN_PLACE_H
#define BPF_CKPT_FAN_PLACE_H

#include "mark_path.h"

struct rec_task;

struct fan_finder {
	struct mark_finder inodes;
	struct mount_points mounts; /* as its reader sees them */
	char root[32];              /* in front of them, here */
};

/* For the marks of a group; own: our own task. 0 or -errno. fan_finder_close() in any case. */
int fan_finder_open(struct fan_finder *f, const struct snap *s, const struct users *u, const struct rec_task *own,
		    __u64 file);
void fan_finder_close(struct fan_finder *f);

/* As mark_find_path(), mark_check(). */
int fan_place_find(const struct fan_finder *f, const struct snap *s, const struct rec_fan_seen *m, char *path,
		   size_t len);
void fan_place_check(struct check *c, const struct fan_finder *f, const struct rec_fan_seen *m,
		     const struct mark_owner *o);

#endif
