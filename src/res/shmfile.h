/* SPDX-License-Identifier: GPL-2.0-only */
/* shmfile.h - files of /dev/shm: named memory, POSIX shared memory objects and semaphores. */
#ifndef BPF_CKPT_SHMFILE_H
#define BPF_CKPT_SHMFILE_H

#include <stdbool.h>

struct dump;
struct rec_file;
struct restore;
struct snap;

/* Records of those that the tree has open or mapped: after a walk. 0 or -ENOMEM. */
int shmfile_note(struct snap *s);

/* Before anything is made: is each gone, or what it was, or at least nobody else's? */
int shmfile_places(const struct restore *r);

/* When the restore fails: files that it has made go. */
void shmfile_undo(struct restore *r);

/* Are its contents in the image, so that it need not be there, or unchanged? */
bool shmfile_has(const struct snap *s, const struct rec_file *f);

#endif
