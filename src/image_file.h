/* SPDX-License-Identifier: GPL-2.0-only */
/* image_file.h - the file an image goes to: without a name until it is complete. */
#ifndef BPF_CKPT_IMAGE_FILE_H
#define BPF_CKPT_IMAGE_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct image_file {
	int fd, dir;             /* -1: none */
	char *path;              /* as the user named it, for messages */
	char name[NAME_MAX + 1]; /* final, in dir */
	char temp[40];           /* what it is called in dir meanwhile; "": it has no name */
	bool own;                /* made here, gets its name at the end; else a pipe, device, ... */
	uint64_t reserved;       /* bytes that have space already */
};

/*
 * Everything that can be refused is refused here, before the target is stopped. A path that is a
 * symbolic link is followed; something else than a regular file is written to as it is. On failure
 * nothing is left to close.
 */
int image_file_create(struct image_file *f, const char *path);

/* Have space for an image of about that size; that there is none shows when it is written. */
void image_file_reserve(struct image_file *f, uint64_t bytes);

/* All of it, in order; the parts are used up. */
int image_file_write(struct image_file *f, struct iovec *part, int parts);

/* size bytes were written and are all: bring them to disk and give them their name. */
int image_file_commit(struct image_file *f, uint64_t size);

/* Without a commit before nothing remains. */
void image_file_close(struct image_file *f);

#endif
