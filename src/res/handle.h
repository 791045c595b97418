/* SPDX-License-Identifier: GPL-2.0-only */
/* handle.h - files that are found by their handle. */
#ifndef BPF_CKPT_HANDLE_H
#define BPF_CKPT_HANDLE_H

struct rec_file;
struct rec_handle;
struct restore;

/* Of an open file. 0 or -errno. */
int handle_of(int fd, struct rec_handle *r);

/* Opens it in the way the description f was opened. Descriptor or a reported error. */
int handle_open(struct restore *r, const struct rec_file *f);

#endif
