/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_external.h - records of open files that are the outside's: a restore is handed them. */
#ifndef BPF_CKPT_REC_EXTERNAL_H
#define BPF_CKPT_REC_EXTERNAL_H

#include "record.h"

enum { REC_EXTERNAL = 0x0801 };

/* What it is called is the path of its rec_file. */
struct rec_external {
	struct rec_hdr h;
	__u64 file; /* reference to rec_file */
	__u32 domain, type, protocol; /* of a socket: socket(2) */
	__u32 terminal;               /* 1: what is handed over must be one, too */
};

#endif
