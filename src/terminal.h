/* SPDX-License-Identifier: GPL-2.0-only */
/* terminal.h - a whole screen for a while: keys without echo, and everything as it was afterwards. */
#ifndef BPF_CKPT_TERMINAL_H
#define BPF_CKPT_TERMINAL_H

#include <stddef.h>

struct terminal {
	int fd;            /* /dev/tty, -1: closed */
	unsigned int columns, lines;
};

/*
 * Takes the screen of the controlling terminal. It is given back by terminal_close(), by exit(3), and by
 * every signal that ends the process and can be caught; one terminal at a time. Reports.
 */
int terminal_open(struct terminal *t);
void terminal_close(struct terminal *t);

/* Has its size changed since the last call? */
int terminal_resized(struct terminal *t);

/* A frame, all at once. 0 or -errno. */
int terminal_write(const struct terminal *t, const char *text, size_t len);

enum terminal_key {
	KEY_NONE = 0, KEY_UP = 256, KEY_DOWN, KEY_LEFT, KEY_RIGHT, KEY_PAGE_UP, KEY_PAGE_DOWN, KEY_HOME, KEY_END,
	KEY_GONE, /* the terminal was hung up */
};

/* The next key that was pressed: a byte, or one of the above. Does not wait. */
int terminal_key(struct terminal *t);

#endif
