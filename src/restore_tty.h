/* SPDX-License-Identifier: GPL-2.0-only */
/* restore_tty.h - terminals are made anew, filled with what was unread, and given to their sessions. */
#ifndef BPF_CKPT_RESTORE_TTY_H
#define BPF_CKPT_RESTORE_TTY_H

#include <stdbool.h>

#include "rec_tty.h"

struct batch;
struct proc;
struct restore;

/* A pair under construction; the slave's descriptor is -1 for one that nobody has ever opened. */
struct pair {
	const struct rec_tty *m, *s;
	int master, slave;
	bool silent; /* its output has no way out: what is typed now has no echo to wait for */
};

/* Hooks of kind "tty": make a pair, in the coordinator; set its foreground group, in its session. */
int tty_restore(struct restore *r, const void *rec);
int tty_join(struct restore *r, const void *rec);

/*
 * Give a pair its unread bytes, modes and flags: everything but who has it. Reported.
 */
int pair_fill(struct restore *r, struct pair *p);

/* TCSETS2 by the slave, or through the master. 0 or a reported error. */
int pair_set_termios(const struct pair *p, const struct rec_termios *t);

/* A process has just become a session leader: it takes its terminal, before it has children. */
void ctty_take(struct restore *r, struct batch *b, const struct proc *p);

/* Who is in a session with a terminal and has none itself lets go of it. 0 or a reported error. */
int ctty_drop(struct restore *r);

#endif
