/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_sockopt.h - records of socket options. */
#ifndef BPF_CKPT_REC_SOCKOPT_H
#define BPF_CKPT_REC_SOCKOPT_H

#include "record.h"

enum {
	REC_SOCKOPT = 0x0740,
	REC_SOCKOPT_WORDS = 0x0748, /* never in an image */
};

/* An option that is not what a fresh socket of the same sort has; its value follows. */
struct rec_sockopt {
	struct rec_hdr h;
	__u64 sock;    /* reference to rec_sock */
	__u32 level, name; /* keys: as setsockopt(2) has them */
	__u32 len;     /* of the value */
	__u32 reserved;
	char text[32]; /* "SO_KEEPALIVE" */
	__u8 value[];
};

/* What options are kept in, as two words that differ where one of them does; 0: not known. */
struct rec_sockopt_words {
	struct rec_hdr h;
	__u64 sock;
	__u64 flags;  /* those that are bits of sk_flags or ipv6_pinfo.rxopt */
	__u64 fields; /* those and more that have fields */
};

#endif
