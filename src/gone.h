/* SPDX-License-Identifier: GPL-2.0-only */
/* gone.h - names for the moment in which something is made that has none any more. */
#ifndef BPF_CKPT_GONE_H
#define BPF_CKPT_GONE_H

#include <sys/types.h>

#include "record.h"

/* Directories that were missing, and are there for a moment. */
struct gone_parents {
	char path[REC_PATH_MAX]; /* the innermost */
	unsigned int nr;
};

/* Make what is missing of the directory that path lies in. 0 or -errno, reported. */
int gone_make_parents(struct gone_parents *g, const char *path);
/* They go again; what others have put there stays. */
void gone_remove_parents(struct gone_parents *g);

/* path without what d_path() says of a name that is gone. Returns buf, REC_PATH_MAX + 32 bytes. */
char *gone_name(char *buf, const char *path);
/* The name instead for mkstemp() and mkdtemp(), beside it, when something else has it now. */
void gone_other_name(char *buf);

/* A removed directory, O_PATH; path as d_path() told it. Descriptor or -errno, reported. */
int gone_dir(const char *path, mode_t mode, uid_t uid, gid_t gid);

#endif
