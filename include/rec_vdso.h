/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_vdso.h - the code that the kernel of the dump mapped into every task. */
#ifndef BPF_CKPT_REC_VDSO_H
#define BPF_CKPT_REC_VDSO_H

#include "record.h"

enum {
	REC_VDSO = 0x0c31,
};

#define VDSO_MAX (64u << 10) /* bytes; 8 KiB in 6.18 */

/* One an image. rec_tree.vdso_sum tells whether the kernel of the restore has the same. */
struct rec_vdso {
	struct rec_hdr h;
	__u64 root;  /* reference to the rec_pid of the root task */
	__u32 bytes;
	__u32 reserved;
	__u8 data[]; /* an ELF image, as it is in memory */
};

#endif
