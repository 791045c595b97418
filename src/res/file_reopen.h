/* SPDX-License-Identifier: GPL-2.0-only */
/* file_reopen.h - another open file description of what a descriptor refers to. */
#ifndef BPF_CKPT_FILE_REOPEN_H
#define BPF_CKPT_FILE_REOPEN_H

/* flags as in rec_file.flags; those that act only once are left out. Descriptor or -errno. */
int file_reopen(int fd, int flags);

#endif
