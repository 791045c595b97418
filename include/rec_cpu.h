/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_cpu.h - the processor that a tree has run on, as programs see it. */
#ifndef BPF_CKPT_REC_CPU_H
#define BPF_CKPT_REC_CPU_H

#include "record.h"

enum {
	REC_CPU = 0x0c30,
};

/* x86-64: results of CPUID by which programs choose their code, and what the kernel has enabled. */
enum cpu_word {
	CPU_1_ECX, CPU_1_EDX,
	CPU_7_EBX, CPU_7_ECX, CPU_7_EDX,
	CPU_7_1_EAX, CPU_7_1_EDX,
	CPU_13_1_EAX,
	CPU_EXT1_ECX, CPU_EXT1_EDX, CPU_EXT8_EBX, /* 0x80000001, 0x80000008 */
	CPU_HWCAP2, /* getauxval(3) */
	CPU_WORDS = 16, /* the others are zero yet */
};

#define CPU_STATES 32 /* state components that XCR0 may enable */

/* One an image. */
struct rec_cpu {
	struct rec_hdr h;
	__u64 root;       /* reference to the rec_pid of the root task */
	__u64 xfeatures;  /* XCR0; 0: the processor has no XSAVE */
	__u32 xsave_size; /* of a register state with all of them, in the standard format */
	__u32 reserved;
	__u32 word[CPU_WORDS];
	__u32 state_at[CPU_STATES], state_size[CPU_STATES]; /* where each component lies there; from the third on */
	char model[64];
};

#endif
