/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_ipc.h - records of memory policies, System V and POSIX IPC, AIO contexts. */
#ifndef BPF_CKPT_REC_IPC_H
#define BPF_CKPT_REC_IPC_H

#include "record.h"

enum rec_ipc_tag {
	REC_TASK_POLICY = 0x0a01,
	REC_AREA_POLICY = 0x0a02,
	REC_PKEYS = 0x0a03,
};

#define REC_NODE_WORDS 16 /* 1024 nodes, the most a kernel is built for */

/* struct mempolicy: of a thread (set_mempolicy) or of an area (mbind) */
struct rec_mempolicy {
	struct rec_hdr h;
	__u64 owner;      /* reference: rec_task or rec_mm */
	__u64 start, end; /* of an area; start is the key */
	__u32 mode;       /* MPOL_* */
	__u32 flags;      /* MPOL_F_* that the program gave */
	__s32 home_node;  /* set_mempolicy_home_node(2); -1 for none */
	__u32 reserved;
	__u64 nodes[REC_NODE_WORDS]; /* as the program gave them, where the kernel kept that */
};

/* Protection keys that an address space has allocated, when these are any. */
struct rec_pkeys {
	struct rec_hdr h;
	__u64 mm;
	__u64 map;
};

#endif
