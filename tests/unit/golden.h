/* SPDX-License-Identifier: GPL-2.0-only */
/* golden.h - compare what was made with a committed file in tests/golden. */
#ifndef BPF_CKPT_TESTS_GOLDEN_H
#define BPF_CKPT_TESTS_GOLDEN_H

/* Fails the test unless the file has that text; with UPDATE_GOLDEN set it is written. */
void golden_compare(const char *name, const char *text);

#endif
