/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_mem.h - records of memory: address spaces, areas, shared memory. */
#ifndef BPF_CKPT_REC_MEM_H
#define BPF_CKPT_REC_MEM_H

#include "record.h"

#define REC_AUXV_MAX 64

/* struct mm_struct */
struct rec_mm {
	struct rec_hdr h;
	__u64 addr; /* identity */
	__u64 exe;  /* reference to rec_file */
	__u64 start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
	__u64 arg_start, arg_end, env_start, env_end;
	__u64 flags;     /* mm flags word: dumpable, coredump filter, ... */
	__u64 def_flags; /* vm_flags of new areas: mlockall(MCL_FUTURE) */
	__u32 map_count;
	__u32 users;     /* mm_users */
	__u64 total_vm;
	__u64 aio;       /* live AIO contexts: 0 or not */
	__u32 membarrier;
	__u32 auxv_words;
	__u64 auxv[REC_AUXV_MAX];
};

enum {
	VMA_F_SHMEM = 1u << 0,   /* shared anonymous: vm_file on the kernel's shmem mount */
	VMA_F_UFFD = 1u << 1,
	VMA_F_HUGETLB = 1u << 2,
	VMA_F_POLICY = 1u << 3,  /* mbind(2) */
	VMA_F_SPECIAL = 1u << 4, /* vdso, vvar, ...: name says which */
	VMA_F_ANON_VMA = 1u << 5, /* has private pages, or had */
	VMA_F_AIO = 1u << 8,  /* the ring of an AIO context */
	VMA_F_SYSV = 1u << 7, /* System V shared memory; its file stands for all attached in that way */
	VMA_HUGE_SHIFT = 24, /* with VMA_F_HUGETLB: bits from here on are log2 of the page size */
	VMA_F_INODE_POLICY = 1u << 6, /* no policy of its own, but its object has one */
};

/* struct vm_area_struct */
struct rec_vma {
	struct rec_hdr h;
	__u64 mm;    /* reference */
	__u64 start; /* key */
	__u64 end;
	__u64 flags; /* vm_flags, VM_* of include/linux/mm.h */
	__u64 pgoff; /* pages */
	__u64 file;  /* reference to rec_file, 0 for anonymous */
	__u32 kind;  /* VMA_F_* */
	__u32 pkey;
	char name[80]; /* special mapping ("[vdso]") or PR_SET_VMA_ANON_NAME */
};

/* A shared anonymous object (MAP_SHARED|MAP_ANONYMOUS): identity is its inode. */
struct rec_shmem {
	struct rec_hdr h;
	__u64 addr; /* identity: struct inode */
	__u64 size; /* bytes */
};

/* MADV_GUARD_INSTALL ranges */
struct rec_guard {
	struct rec_hdr h;
	__u64 mm;
	__u64 start;
	__u64 end;
};

#endif
