/* SPDX-License-Identifier: GPL-2.0-only */
/* markup.h - text from outside (a task's name may hold anything) in SVG, HTML, dot and on terminals. */
#ifndef BPF_CKPT_MARKUP_H
#define BPF_CKPT_MARKUP_H

#include <stddef.h>
#include <stdio.h>

/* Room for a cleaned text of that many bytes: each may become \xNN. */
#define CLEAN_SIZE(bytes) ((bytes) * 4 + 1)

/*
 * Up to max bytes of src, which end at a NUL, as UTF-8 that can be seen: a byte of something else, of
 * a control character, or of one that changes the direction of the text becomes \xNN. Returns the
 * columns that it takes in a font of fixed width.
 */
size_t clean_text(const char *src, size_t max, char *buf, size_t len);

/* The same, printed: whoever has chosen the text does not command the reader's terminal. */
void put_clean(FILE *out, const char *src, size_t max);

/* Cleaned text between tags or in the quotes of an attribute; in the quotes of a dot string. */
void put_xml(FILE *out, const char *clean);
void put_dot(FILE *out, const char *clean);

#endif
