/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * machine.h - the syscall machine: tasks under construction ("stubs") execute system calls that the
 * coordinator writes into a shared arena. See shared reference restore-facts.md section 1, and
 * arch/x86_64.S for the part that runs in the task.
 *
 * The code page and the arena lie at the same addresses in the coordinator and in every stub, so
 * pointers into the arena (strings, iovecs, structs) are valid operands as they are. All decisions
 * are made in the coordinator; a stub only executes, stops at the first error, reports, and waits.
 */
#ifndef BPF_CKPT_MACHINE_H
#define BPF_CKPT_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/types.h>

#define OP_MAY_FAIL 1u /* an error in its result does not stop the batch */
#define OP_LAST 4u         /* arg[0] is the result of the operation before */
#define OP_LAST_BUT_ONE 8u /* arg[0] is the result of the one before that */
#define OP_CHILD 2u    /* a clone: the child continues with the slot whose address is arg[5] */

/* One system call. */
struct op {
	__u32 nr;
	__u32 flags;
	__u64 arg[6];
	__s64 res; /* as the kernel returned it: -errno on failure */
};

/* Where a stub waits; one a task. A futex each way, shared (not PRIVATE): stubs have other mms. */
struct slot {
	__u32 go;   /* operations to execute, set by the coordinator; 0: wait */
	__u32 done; /* set to 1 by the stub when the batch is over */
	__u32 left; /* operations not executed: 0 when all went well */
	__u32 total; /* operations of the batch */
	__u64 ops;   /* address of the first struct op */
	__u64 pad[5];
};

struct machine {
	int fd;           /* memfd of the arena */
	char *base;       /* code page(s), then slots, then the heap; same address everywhere */
	size_t size;      /* of all of it */
	size_t code_size; /* private code in front; base + code_size is MAP_SHARED */
	struct slot *slots;
	unsigned int nr_slots;
	size_t used;      /* heap bump pointer, offset from base */
};

/* A batch under construction, in coordinator memory until it is submitted. Zeroed: empty. */
struct batch {
	struct op *ops;
	unsigned int nr, cap;
	int err; /* first -ENOMEM while building; machine_submit() returns it */
	struct op spare; /* what an append that failed may scribble on */
};

/*
 * Map code and arena at addr (page aligned, free in this process; MAP_FIXED_NOREPLACE), with room
 * for nr_slots and heap bytes of operands. 0 or -errno.
 */
int machine_open(struct machine *m, __u64 addr, unsigned int nr_slots, size_t heap);
void machine_close(struct machine *m);
/* Bytes that machine_open() will map: to find a hole for it before. */
size_t machine_size(unsigned int nr_slots, size_t heap);

/* Zeroed memory in the arena, 16-byte aligned (64 for size >= 64), valid until machine_close(). */
void *machine_alloc(struct machine *m, size_t size);
/* Give back what lies behind the first len bytes of the allocation made last. */
void machine_trim(struct machine *m, const void *p, size_t len);
/* A copy of len bytes in the arena. NULL when it is full. */
void *machine_dup(struct machine *m, const void *p, size_t len);

/* Append an operation, batch_op(&b, SYS_dup3, 5, 6, O_CLOEXEC); returns it, valid until the next one. */
#define batch_op(b, nr, ...) batch_op6((b), (nr), ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define batch_op6(b, nr, a0, a1, a2, a3, a4, a5, ...)                                             \
	batch_append((b), (nr), (__u64)(a0), (__u64)(a1), (__u64)(a2), (__u64)(a3), (__u64)(a4),   \
		     (__u64)(a5))
struct op *batch_append(struct batch *b, long nr, __u64 a0, __u64 a1, __u64 a2, __u64 a3, __u64 a4,
			__u64 a5);
void batch_free(struct batch *b);

/*
 * Put a batch into a slot and set it going (an empty batch is complete at once). The task need not
 * exist yet: a batch submitted before the clone runs as soon as the child enters the machine. The
 * batch is emptied; its operations stay readable in the arena through machine_result().
 */
int machine_submit(struct machine *m, unsigned int slot, struct batch *b);

/*
 * Wait until the slot's batch is over. pidfd (or -1) tells a dead task from a slow one; timeout_ms
 * bounds it. 0; -ESRCH when the task died; -ETIMEDOUT; or the errno of the failed operation, which
 * machine_failed() then names.
 */
int machine_wait(struct machine *m, unsigned int slot, int pidfd, int timeout_ms);

/* The operation that stopped the slot's last batch, or NULL. */
const struct op *machine_failed(const struct machine *m, unsigned int slot);
/* The operation that a task is in, or NULL when it is done. */
const struct op *machine_current(const struct machine *m, unsigned int slot);
/* Operation i of the slot's last batch, with its result. */
const struct op *machine_result(const struct machine *m, unsigned int slot, unsigned int i);

/* The batch of the slot is over, well or not. Does not wait. */
bool machine_is_done(const struct machine *m, unsigned int slot);

/* The task of a slot has ended: nobody will report, and nobody shall wait. */
void machine_retire(struct machine *m, unsigned int slot);

/* How many operations the slot's last batch has. */
unsigned int machine_count(const struct machine *m, unsigned int slot);

/* Address of the machine's first instruction, and of a `syscall` in it: for calls by ptrace. */
__u64 machine_entry(const struct machine *m);
__u64 machine_syscall_insn(const struct machine *m);

/* "mmap(0x7f0000000000, 4096, ...)" for messages; a system call's name or its number. */
void op_describe(const struct op *op, char *buf, size_t len);

/*
 * Make this very process run the machine in slot; never returns. For the child of a clone3() made
 * by the coordinator: it has no stack of its own to care about afterwards.
 */
void machine_enter(struct machine *m, unsigned int slot) __attribute__((noreturn));

#endif
