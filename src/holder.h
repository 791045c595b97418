/* SPDX-License-Identifier: GPL-2.0-only */
/* holder.h - which process of the system has a file mapped or open: for messages, as it takes its time. */
#ifndef BPF_CKPT_HOLDER_H
#define BPF_CKPT_HOLDER_H

#include <stdbool.h>
#include <sys/types.h>

struct held_file {
	unsigned long long ino;
	dev_t dev;            /* 0: any */
	const char *name;     /* what its path in maps begins with */
	bool descriptors;     /* not only mapped */
	bool (*skip)(pid_t pid, void *arg); /* NULL: nobody but ourselves */
	void *arg;
};

/* The first one; 0 for none. */
pid_t holder_find(const struct held_file *f);

#endif
