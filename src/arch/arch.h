/* SPDX-License-Identifier: GPL-2.0-only */
/* arch.h - what differs between processors: registers, system-call convention. ptrace(2) throughout. */
#ifndef BPF_CKPT_ARCH_H
#define BPF_CKPT_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/user.h>
#include <linux/types.h>

struct rec_cpu;

/* NT_PRSTATUS and NT_X86_XSTATE of a stopped thread. len: room on entry, bytes on return. -errno.
 * Register state is the same wherever it was read: only as long as what is in it, and with nothing of
 * the processor itself. here is what arch_cpu() says. */
int arch_get_regs(pid_t tid, struct user_regs_struct *regs);
int arch_set_regs(pid_t tid, const struct user_regs_struct *regs);
int arch_get_xstate(pid_t tid, void *buf, size_t *len);
int arch_set_xstate(pid_t tid, const struct rec_cpu *here, const void *buf, size_t len);

/* Room that arch_get_xstate() may need; at least so much it brings. */
#define ARCH_XSTATE_MAX 16384
#define ARCH_XSTATE_MIN 576

/* The features (XCR0 bits) that an xstate blob holds; 0 when it is too short to tell. */
__u64 arch_xstate_features(const void *xstate, size_t len);

/* What programs see of this processor. */
void arch_cpu(struct rec_cpu *cpu);

/* A processor lacks features that another has: their names, as many as fit. */
bool arch_cpu_lacks(const struct rec_cpu *have, const struct rec_cpu *need, char *names, size_t len);

/* It saves state of registers that the other does not have: their names. */
bool arch_cpu_saves_more(const struct rec_cpu *have, const struct rec_cpu *need, char *names, size_t len);

/* A kind of register state that the two keep at different places in memory, or NULL; which: its number. */
const char *arch_cpu_moved(const struct rec_cpu *have, const struct rec_cpu *need, unsigned int *which);

/*
 * Write code over a function of a vdso, of so many bytes: it goes on at that address, or where there is none (0)
 * does as a system call what the function's name says. false: no room.
 */
bool arch_redirect(void *at, size_t room, const char *name, __u64 to);

/* The system call that the thread is in, or -1. */
static inline long arch_syscall_nr(const struct user_regs_struct *regs)
{
	return (long)regs->orig_rax;
}

/* Where the thread goes on. */
static inline __u64 arch_ip(const struct user_regs_struct *regs)
{
	return regs->rip;
}

/* The thread returns from a system call that restarts through its restart_block. */
bool arch_restarts_by_block(const struct user_regs_struct *regs);

/*
 * The thread was in a system call that the kernel never restarts and that ended with EINTR. When no
 * signal is pending, only our stop can have been the reason.
 */
bool arch_eintr_by_stop(const struct user_regs_struct *regs);

/* Have it executed again when the thread runs on; a handler that runs first still makes it EINTR. */
void arch_make_restart(struct user_regs_struct *regs);

/*
 * Begin to execute one system call in a stopped thread, with the `syscall` instruction at insn;
 * arch_inject_finish() waits for its end and gives the result. The registers are left changed. The
 * call may unmap its own instruction: the thread does not fetch another one before it is stopped
 * again, in a stop like that of PTRACE_INTERRUPT.
 */
int arch_inject_start(pid_t tid, __u64 insn, long nr, const __u64 args[6]);
int arch_inject_finish(pid_t tid, __s64 *res);

/*
 * A thread stopped inside an rseq critical section goes on at its abort handler, as the kernel would
 * have it (rseq(2)): its registration moves to another task, so the kernel cannot. Changes regs.
 */
int arch_rseq_fix(pid_t tid, __u64 rseq, struct user_regs_struct *regs);

#endif
