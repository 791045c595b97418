/* SPDX-License-Identifier: GPL-2.0-only */
/* vma.h - vm_flags of include/linux/mm.h, and what they are in the calls that set them. */
#ifndef BPF_CKPT_VMA_H
#define BPF_CKPT_VMA_H

#include <stdbool.h>

#define VM_READ 0x1ull
#define VM_WRITE 0x2ull
#define VM_EXEC 0x4ull
#define VM_SHARED 0x8ull
#define VM_MAY_ALL 0xf0ull
#define VM_MAYWRITE 0x20ull
#define VM_MAYSHARE 0x80ull /* MAP_SHARED, also of a file opened read-only, which lacks VM_SHARED */
#define VM_GROWSDOWN 0x100ull
#define VM_PFNMAP 0x400ull
#define VM_MAYBE_GUARD 0x800ull /* 6.18: may hold guard regions; kind "guard" has them */
#define VM_LOCKED 0x2000ull
#define VM_IO 0x4000ull
#define VM_SEQ_READ 0x8000ull
#define VM_RAND_READ 0x10000ull
#define VM_DONTCOPY 0x20000ull
#define VM_DONTEXPAND 0x40000ull
#define VM_LOCKONFAULT 0x80000ull
#define VM_ACCOUNT 0x100000ull
#define VM_NORESERVE 0x200000ull
#define VM_HUGETLB 0x400000ull
#define VM_WIPEONFORK 0x2000000ull
#define VM_DONTDUMP 0x4000000ull
#define VM_SOFTDIRTY 0x8000000ull
#define VM_HUGEPAGE 0x20000000ull
#define VM_NOHUGEPAGE 0x40000000ull
#define VM_MERGEABLE 0x80000000ull
#define VM_PKEY_SHIFT 32
#define VM_PKEYS (0xfull << VM_PKEY_SHIFT)
#define VM_DROPPABLE (1ull << 40)
#define VM_SEALED (1ull << 42 | 1ull << 63) /* the latter from 6.10 to 6.16 */

/* What an ordinary area can have, and what a restore sets again. */
#define VM_KNOWN                                                                                  \
	(VM_MAYBE_GUARD | VM_READ | VM_WRITE | VM_EXEC | VM_SHARED | VM_MAY_ALL | VM_GROWSDOWN | VM_LOCKED |        \
	 VM_SEQ_READ | VM_RAND_READ | VM_DONTCOPY | VM_LOCKONFAULT | VM_ACCOUNT | VM_NORESERVE |    \
	 VM_WIPEONFORK | VM_DONTDUMP | VM_SOFTDIRTY | VM_HUGEPAGE | VM_NOHUGEPAGE | VM_MERGEABLE | \
	 VM_DROPPABLE | VM_SEALED | VM_PKEYS)
/* What one in huge pages has besides. */
#define VM_HUGE_KNOWN (VM_HUGETLB | VM_DONTEXPAND)

/* Set by the kernel as it sees fit: says nothing about the program. */
#define VM_VOLATILE (VM_SOFTDIRTY | VM_MAYBE_GUARD)

struct rec_vma;
struct restore;

/* Private, and not to be written even while it is filled: restore_force.h. */
bool vma_is_forced(const struct rec_vma *v);
/* Does the image have a page of it? */
bool vma_has_pages(const struct restore *r, const struct rec_vma *v);

#endif
