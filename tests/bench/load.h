/* SPDX-License-Identifier: GPL-2.0-only */
/* load.h - what the loads of make bench and their measurer share. */
#ifndef BPF_CKPT_LOAD_H
#define BPF_CKPT_LOAD_H

#include <stdint.h>

/*
 * The first page of DIR/board, mapped shared by every task of a load. A ticking task notes the longest
 * time between two of its ticks: what it was stopped for, as it sees it itself.
 */
struct board {
	uint64_t ready;		/* set when the load is in place */
	uint64_t epoch;		/* raised by the measurer: tickers forget what they noted */
	uint64_t memory, bytes; /* the memory of a load that has only one large area */
	struct {
		uint64_t epoch, longest_ns, ticks;
	} ticker[2];
};

#endif
