/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * external.h - open files of a tree that belong to the outside: dump --external KEY leaves them out,
 * restore --inherit-fd FD:KEY hands a descriptor of its own in their place. A KEY is what
 * readlink(/proc/PID/fd/N) says: "pipe:[4711]", "socket:[4712]", "/dev/pts/3", "/var/log/x".
 */
#ifndef BPF_CKPT_EXTERNAL_H
#define BPF_CKPT_EXTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

struct dump;
struct restore;
struct snap;

struct external {
	const char *key;
	__u64 dev, ino; /* without a key: the inode, as a walk sees it */
	int fd;         /* restore: what takes its place */
	bool given;     /* restore: that very description has been handed out */
};

struct externals {
	struct external *v;
	size_t nr;
};

/* What a refusal says of it; takes the key twice. */
#define EXTERNAL_REMEDY                                                                            \
	"; to have restore connect it to another one: --external '%s' here, and there "            \
	"--inherit-fd FD:'%s'"

int externals_add(struct externals *l, const struct external *e);
struct external *externals_find(const struct externals *l, const char *key);
void externals_free(struct externals *l);

/*
 * Behind a walk: note which open files are external, and drop what else is known of them. A key that
 * no file has is an error that is reported.
 */
int external_mark(struct dump *d);

/* Does the image want exactly what restore was given? Says what it lacks. */
int external_check(const struct restore *r);

/* The keys of what the image leaves out, NULL behind the last: they and the list are the caller's. 0 or -ENOMEM. */
int external_wanted(const struct restore *r, char ***keys);

/* What restore was given, as a walk will see it. */
int external_of_restore(const struct restore *r, struct externals *out);

#endif
