/* SPDX-License-Identifier: GPL-2.0-only */
/* reasons.h - why random trees were refused, and how often each reason came. */
#ifndef BPF_CKPT_REASONS_H
#define BPF_CKPT_REASONS_H

#define REASONS 32

struct reasons {
	struct {
		char text[160];
		unsigned int nr;
	} v[REASONS]; /* the last one takes all for which there is no room */
	unsigned int refused;
};

void reasons_count(struct reasons *r, const char *text);

/* A line a reason, with its share of nr trees, each begun with prefix. */
void reasons_print(const struct reasons *r, unsigned long nr, const char *prefix);

#endif
