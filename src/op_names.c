// SPDX-License-Identifier: GPL-2.0-only
/* op_names.c - system calls of a restore by name, for messages. */
#include <stdio.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "machine.h"

#define NAME(call) [SYS_##call] = #call

static const char *const names[] = {
	NAME(mmap), NAME(munmap), NAME(mremap), NAME(mprotect), NAME(madvise), NAME(mlock2),
	NAME(mlockall), NAME(preadv), NAME(close), NAME(close_range), NAME(dup3), NAME(fcntl),
	NAME(flock), NAME(clone3), NAME(setsid), NAME(setpgid), NAME(wait4), NAME(waitid),
	NAME(exit_group), NAME(kill), NAME(prctl), NAME(rt_sigaction), NAME(rt_sigprocmask),
	NAME(rt_sigqueueinfo), NAME(rt_tgsigqueueinfo), NAME(rt_sigtimedwait), NAME(sigaltstack),
	NAME(setitimer), NAME(timer_create), NAME(timer_settime), NAME(timer_delete),
	NAME(sched_setattr), NAME(sched_setaffinity), NAME(ioprio_set), NAME(prlimit64),
	NAME(setresuid), NAME(setresgid), NAME(setfsuid), NAME(setfsgid), NAME(setgroups),
	NAME(capset), NAME(seccomp), NAME(set_robust_list), NAME(set_tid_address), NAME(rseq),
	NAME(fchdir), NAME(chroot), NAME(umask), NAME(personality), NAME(nanosleep),
	NAME(clock_nanosleep), NAME(poll), NAME(futex), NAME(write), NAME(pread64), NAME(exit),
};

void op_describe(const struct op *op, char *buf, size_t len)
{
	const char *name = op->nr < ARRAY_SIZE(names) ? names[op->nr] : NULL;
	char number[24];

	if (!name) {
		snprintf(number, sizeof(number), "syscall %u", op->nr);
		name = number;
	}
	snprintf(buf, len, "%s(%#llx, %#llx, %#llx, %#llx)", name, op->arg[0], op->arg[1],
		 op->arg[2], op->arg[3]);
}
