/* SPDX-License-Identifier: GPL-2.0-only */
/* sockopt_table.h - the table of socket options. */
#ifndef BPF_CKPT_SOCKOPT_TABLE_H
#define BPF_CKPT_SOCKOPT_TABLE_H

#include <linux/types.h>

#define SOCKOPTS 165
#define SOCKOPT_VALUE_MAX 2048 /* IPV6_HOPOPTS and the like: net/ipv6/exthdrs.c */
#define SOCKOPT_FILTER_MAX 4096 /* instructions: BPF_MAXINSNS */
#define SOCKOPT_BUF_LOCK 72 /* SO_BUF_LOCK, since 5.14 */

enum sockopt_how {
	PLAIN,
	BUFFER, /* doubled by the kernel; SO_*BUFFORCE is one number of its own */
	FILTER, /* counted in instructions */
};

enum {
	LAST = 1,          /* would be in the way before, or is undone by what comes after */
	NO_CONNECTION = 2, /* a connection's own business as soon as there is one */
	NO_STREAM = 4,     /* what accept(2) finds there is of no use to anybody */
};

/* Which word of rec_sockopt_words differs where this one does: bpf/res/sockopt.bpf.h */
enum sockopt_by {
	ITSELF,
	FLAGS,
	FIELDS,
	WORDS,
};

struct option {
	__u16 level, name, force;
	__u8 how, flags, by;
	const char *text;
};

extern const struct option sockopt_table[SOCKOPTS];

/* NULL: it is not there. */
const struct option *sockopt_find(__u32 level, __u32 name);

struct snap;

/* A record of an option's value. 0 or a reported error. */
int sockopt_save(struct snap *s, __u64 sock, const struct option *o, const void *value, int len);

#endif
