// SPDX-License-Identifier: GPL-2.0-only
/* x86_64.c - registers and system-call convention of x86-64. */
#include "arch.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "rec_cpu.h"

/* include/linux/errno.h: results that never reach user space */
#define ERESTARTNOHAND 514
#define ERESTART_RESTARTBLOCK 516
/* struct xregs_state: what the kernel adds for who reads it, then XSTATE_BV, XCOMP_BV, zeros */
#define XSTATE_SOFTWARE 464
#define XSTATE_HEADER 512

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

static int get_regset(pid_t tid, int type, void *buf, size_t *len)
{
	struct iovec iov = { buf, *len };

	if (ptrace(PTRACE_GETREGSET, tid, type, &iov))
		return -errno;
	*len = iov.iov_len;
	return 0;
}

static int set_regset(pid_t tid, int type, const void *buf, size_t len)
{
	struct iovec iov = { (void *)buf, len };

	return ptrace(PTRACE_SETREGSET, tid, type, &iov) ? -errno : 0;
}

int arch_get_regs(pid_t tid, struct user_regs_struct *regs)
{
	size_t len = sizeof(*regs);

	return get_regset(tid, NT_PRSTATUS, regs, &len);
}

int arch_set_regs(pid_t tid, const struct user_regs_struct *regs)
{
	return set_regset(tid, NT_PRSTATUS, regs, sizeof(*regs));
}

/* A processor without XSAVE: what it has is the same as the beginning of what others have. */
static int get_fxstate(pid_t tid, char *buf, size_t *len)
{
	static const __u64 features = 3; /* x87 and SSE */
	size_t fx_len = XSTATE_HEADER;
	int err = get_regset(tid, NT_PRFPREG, buf, &fx_len);

	memset(buf + XSTATE_HEADER, 0, ARCH_XSTATE_MIN - XSTATE_HEADER);
	memcpy(buf + XSTATE_HEADER, &features, sizeof(features));
	*len = ARCH_XSTATE_MIN;
	return err;
}

int arch_get_xstate(pid_t tid, void *buf, size_t *len)
{
	int err = get_regset(tid, NT_X86_XSTATE, buf, len);
	char *bytes = buf;

	if (err == -ENODEV)
		err = get_fxstate(tid, buf, len);
	if (err || *len < ARCH_XSTATE_MIN)
		return err ? err : -EPROTO;
	memset(bytes + XSTATE_SOFTWARE, 0, XSTATE_HEADER - XSTATE_SOFTWARE);
	while (*len > ARCH_XSTATE_MIN && !bytes[*len - 1])
		--*len;
	*len = ALIGN_UP(*len, 64ul);
	return 0;
}

/* The kernel takes only as much as it would give (arch/x86/kernel/fpu/regset.c: xstateregs_set()). */
int arch_set_xstate(pid_t tid, const struct rec_cpu *here, const void *buf, size_t len)
{
	char whole[ARCH_XSTATE_MAX] = {};

	if (!here->xsave_size)
		return set_regset(tid, NT_PRFPREG, buf, XSTATE_HEADER);
	if (here->xsave_size > sizeof(whole))
		return -E2BIG;
	memcpy(whole, buf, len < here->xsave_size ? len : here->xsave_size);
	return set_regset(tid, NT_X86_XSTATE, whole, here->xsave_size);
}

__u64 arch_xstate_features(const void *xstate, size_t len)
{
	__u64 features = 0;

	if (len >= ARCH_XSTATE_MIN)
		memcpy(&features, (const char *)xstate + XSTATE_HEADER, sizeof(features));
	return features;
}

bool arch_restarts_by_block(const struct user_regs_struct *regs)
{
	return (long)regs->orig_rax >= 0 && (long)regs->rax == -ERESTART_RESTARTBLOCK;
}

/*
 * These return EINTR after any stop, even one without a signal (signal(7)). Each begins from scratch
 * when called again with the same arguments; nothing was consumed when it said EINTR. A timeout
 * starts again: how much of it was left is not kept by the kernel.
 */
static const short never_restarted[] = {
	SYS_epoll_wait,	     SYS_epoll_pwait, 441 /* epoll_pwait2 */, SYS_rt_sigtimedwait, SYS_semop,
	SYS_semtimedop,	     SYS_io_getevents, SYS_recvfrom,	      SYS_recvmsg,	   SYS_recvmmsg,
	SYS_accept,	     SYS_accept4,      SYS_sendto,	      SYS_sendmsg,	   SYS_msgrcv,
	SYS_msgsnd,	     SYS_pause,
};

bool arch_eintr_by_stop(const struct user_regs_struct *regs)
{
	if ((long)regs->rax != -EINTR)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(never_restarted); i++)
		if ((long)regs->orig_rax == never_restarted[i])
			return true;
	return false;
}

void arch_make_restart(struct user_regs_struct *regs)
{
	regs->rax = -ERESTARTNOHAND;
}

int arch_inject_start(pid_t tid, __u64 insn, long nr, const __u64 args[6])
{
	struct user_regs_struct r;
	int err = arch_get_regs(tid, &r);

	if (err)
		return err;
	r.rip = insn;
	r.rax = nr;
	r.orig_rax = -1; /* or the kernel would restart the call that the stop interrupted */
	r.rdi = args[0];
	r.rsi = args[1];
	r.rdx = args[2];
	r.r10 = args[3];
	r.r8 = args[4];
	r.r9 = args[5];
	err = arch_set_regs(tid, &r);
	if (err)
		return err;
	/*
	 * Not PTRACE_SINGLESTEP: its SIGTRAP is forced, and a forced signal that is blocked loses its
	 * handler (kernel/signal.c: force_sig_info_to_task()).
	 */
	return ptrace(PTRACE_SYSCALL, tid, 0, 0) ? -errno : 0;
}

static int await_trap(pid_t tid)
{
	int status;

	if (waitpid(tid, &status, __WALL) != tid)
		return -errno;
	return WIFSTOPPED(status) && WSTOPSIG(status) == 5 /* SIGTRAP */ ? 0 : -EPROTO;
}

int arch_inject_finish(pid_t tid, __s64 *res)
{
	struct user_regs_struct r;
	int status, err = await_trap(tid); /* on entry of the call */

	if (!err && ptrace(PTRACE_SYSCALL, tid, 0, 0))
		err = -errno;
	if (!err)
		err = await_trap(tid); /* on its exit */
	if (!err)
		err = arch_get_regs(tid, &r);
	if (err)
		return err;
	*res = r.rax;
	/* on to a stop in the kernel's signal code, where a call that restarts is looked at */
	if (ptrace(PTRACE_INTERRUPT, tid, 0, 0) || ptrace(PTRACE_CONT, tid, 0, 0))
		return -errno;
	return waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status) ? 0 : -EPROTO;
}

static int read_remote(pid_t tid, __u64 addr, void *buf, size_t len)
{
	struct iovec local = { buf, len }, remote = { (void *)addr, len };

	return process_vm_readv(tid, &local, 1, &remote, 1, 0) == (ssize_t)len ? 0 : -EFAULT;
}

int arch_rseq_fix(pid_t tid, __u64 rseq, struct user_regs_struct *regs)
{
	struct { __u32 version, flags; __u64 start, length, abort; } cs;
	__u64 ptr;

	/* struct rseq { u32 cpu_id_start, cpu_id; u64 rseq_cs; ... } */
	if (!rseq || read_remote(tid, rseq + 8, &ptr, sizeof(ptr)) || !ptr)
		return 0;
	if (read_remote(tid, ptr, &cs, sizeof(cs)))
		return -EFAULT;
	if (regs->rip - cs.start < cs.length)
		regs->rip = cs.abort;
	return 0;
}
