/* SPDX-License-Identifier: GPL-2.0-only */
/* replace_file.h - a text file that is there as a whole: readers see the old one or the new one. */
#ifndef BPF_CKPT_REPLACE_FILE_H
#define BPF_CKPT_REPLACE_FILE_H

#include <limits.h>
#include <stdio.h>

struct replace_file {
	FILE *out;           /* write here */
	const char *path;
	char temp[PATH_MAX]; /* in the same directory; "": path is no regular file, and written to directly */
};

/*
 * path NULL or "-": standard output. A symbolic link is not followed: it is replaced. 0 or -errno, which
 * is not reported but says why; text written to out may fail until the commit says that it did not.
 */
int replace_begin(struct replace_file *f, const char *path);
int replace_commit(struct replace_file *f); /* to disk, and under its name */
void replace_abort(struct replace_file *f); /* the old file stays; after a commit nothing happens */

#endif
