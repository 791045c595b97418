/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x86_64.S - the syscall machine: what runs in a task under construction.
 *
 * Entered with %rbx = its slot (struct slot of machine.h). Uses no stack, no relocation and no
 * memory but its slot and the operations that the slot names, so it works after everything else was
 * unmapped, and with several threads in one address space. Everything that must survive a clone is
 * in a register: once the parent has gone on, its operations may already be overwritten.
 *
 * %rbx slot, %rbp current op, %r12 operations left, %r13 flags of the op, %r14 scratch.
 */
#define SLOT_GO 0
#define SLOT_DONE 4
#define SLOT_LEFT 8
#define SLOT_OPS 16
#define OP_NR 0
#define OP_FLAGS 4
#define OP_ARG 8
#define OP_RES 56
#define OP_SIZE 64
#define OP_MAY_FAIL 1
#define OP_CHILD 2
#define OP_LAST 4
#define OP_LAST_BUT_ONE 8
#define SYS_futex 202
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1

	.text
	.globl machine_code, machine_code_syscall, machine_code_end
machine_code:
wait:
	movl	SLOT_GO(%rbx), %r12d
	testl	%r12d, %r12d
	jnz	start
	/* futex(&go, FUTEX_WAIT, 0, NULL): a shared futex, waker and waiter have different mms */
	leaq	SLOT_GO(%rbx), %rdi
	movl	$FUTEX_WAIT, %esi
	xorl	%edx, %edx
	xorl	%r10d, %r10d
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	movl	$SYS_futex, %eax
machine_code_syscall:
	syscall
	jmp	wait
start:
	movq	SLOT_OPS(%rbx), %rbp
next:
	movl	OP_NR(%rbp), %eax
	movl	OP_FLAGS(%rbp), %r13d
	movq	OP_ARG(%rbp), %rdi
	movq	OP_ARG+8(%rbp), %rsi
	movq	OP_ARG+16(%rbp), %rdx
	movq	OP_ARG+24(%rbp), %r10
	movq	OP_ARG+32(%rbp), %r8
	movq	OP_ARG+40(%rbp), %r9
	testl	$OP_LAST, %r13d
	jz	1f
	movq	OP_RES-OP_SIZE(%rbp), %rdi
1:	testl	$OP_LAST_BUT_ONE, %r13d
	jz	2f
	movq	OP_RES-2*OP_SIZE(%rbp), %rdi
2:	syscall
	testl	$OP_CHILD, %r13d
	jz	store
	testq	%rax, %rax
	jnz	store
	/* the child: %r9 came through the clone, its slot is set up and may hold work already */
	movq	%r9, %rbx
	jmp	wait
store:
	movq	%rax, OP_RES(%rbp)
	cmpq	$-4095, %rax
	jb	done_op
	testl	$OP_MAY_FAIL, %r13d
	jz	finish
done_op:
	addq	$OP_SIZE, %rbp
	decl	%r12d
	jnz	next
finish:
	movl	%r12d, SLOT_LEFT(%rbx)
	movl	$0, SLOT_GO(%rbx)
	movl	$1, SLOT_DONE(%rbx)
	leaq	SLOT_DONE(%rbx), %rdi
	movl	$FUTEX_WAKE, %esi
	movl	$1, %edx
	movl	$SYS_futex, %eax
	syscall
	jmp	wait
machine_code_end:
	.section .note.GNU-stack,"",@progbits
