/* SPDX-License-Identifier: GPL-2.0-only */
/* pidfile.h - a file that tells the number of a restored tree's first task. */
#ifndef BPF_CKPT_PIDFILE_H
#define BPF_CKPT_PIDFILE_H

#include <sys/types.h>

/*
 * The file is made, or written over; what is no regular file (a pipe, /dev/stdout) is written to. A link to a
 * regular file is not followed, as whoever can make one there need not be allowed to write to that. Errors are reported.
 */
int pidfile_write(const char *path, pid_t pid);

/* After a failure: no number of a task that is gone is left. */
void pidfile_remove(const char *path);

#endif
