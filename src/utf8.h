/* SPDX-License-Identifier: GPL-2.0-only */
/* utf8.h - characters of UTF-8 in texts that may hold any bytes: RFC 3629. */
#ifndef BPF_CKPT_UTF8_H
#define BPF_CKPT_UTF8_H

#include <stddef.h>

/* Bytes of the character at s, of which len are there, and its number; 0: it is none. */
size_t utf8_char(const char *s, size_t len, unsigned int *c);

#endif
