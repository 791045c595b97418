/* SPDX-License-Identifier: GPL-2.0-only */
/* restore_threads.h - the threads of a process, other than its first. */
#ifndef BPF_CKPT_RESTORE_THREADS_H
#define BPF_CKPT_RESTORE_THREADS_H

#include "restore.h"

/* Have every process make its threads, but those whose numbers their maker may not choose. */
void restore_add_threads(struct restore *r);
bool restore_is_blind_thread(struct restore *r, unsigned int unit);
/* Those, one by one, each with what it has to do at first. */
int restore_make_blind_threads(struct restore *r);

#endif
