/* SPDX-License-Identifier: GPL-2.0-only */
/* program.h - files that a tree runs or maps: they must be the same when it is brought back. */
#ifndef BPF_CKPT_PROGRAM_H
#define BPF_CKPT_PROGRAM_H

struct dump;
struct rec_file;
struct restore;

/* Note the build id of a file with code, once for each inode. 0 or a reported error. */
int program_collect(struct dump *d, const struct rec_file *f);

/*
 * Is what was opened now still the file that the tree runs or maps? 0, also when it is not and
 * --changed-files=warn lets that pass, or a reported error.
 */
int program_check(struct restore *r, const struct rec_file *f, int fd);

#endif
