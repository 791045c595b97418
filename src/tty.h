/* SPDX-License-Identifier: GPL-2.0-only */
/* tty.h - terminals of a tree: which are its own, and who has them. */
#ifndef BPF_CKPT_TTY_H
#define BPF_CKPT_TTY_H

#include <stdbool.h>
#include <stddef.h>

#include "rec_tty.h"

#define TTY_RING 4096u /* N_TTY_BUF_SIZE; one byte of it is kept free */

struct dump;
struct rec_file;
struct rec_proc;
struct snap;
struct tree;

/*
 * Of a walk that has brought tasks and files: their terminals, when there are any, with what is unread.
 * 0 or a reported error.
 */
int tty_walk(struct dump *d);

/* The master of the pair that t belongs to; NULL for what is no pty. */
const struct rec_tty *tty_master(const struct snap *s, const struct rec_tty *t);

/* Its open files in the tree: *nr of them, all struct rec_tty_file. */
void **tty_files(const struct snap *s, const struct rec_tty *t, size_t *nr);

/* Its other side is somebody else's, or hardware: it is not made anew but replaced. */
bool tty_is_outside(const struct snap *s, const struct rec_tty *t);

/* The same of what an open file, or the controlling terminal of a process, refers to. */
bool tty_file_is_outside(const struct snap *s, __u64 file);
bool tty_ctty_is_outside(const struct snap *s, const struct rec_proc *p);

/*
 * Somebody who is not of the tree and has /dev/pts/INDEX open: "pid 12 (bash)" into buf, or "somebody". For a
 * refusal only, as it looks through all of /proc.
 */
const char *tty_holder(const struct tree *tree, unsigned int index, char *buf, size_t len);

/* The record of what was unread, or NULL; which bytes end a line. */
static inline bool tty_ends_line(const struct rec_tty_data *d, __u32 i)
{
	return d->data[d->bytes + i / 8] >> i % 8 & 1;
}

#endif
