// SPDX-License-Identifier: GPL-2.0-only
/*
 * inject.c - runs a command and makes one of its system calls go wrong, or the command die there.
 *
 *	inject count COMMAND...       how many system calls does it make
 *	inject kill N COMMAND...      SIGKILL at the entry of call N
 *	inject fail N ERRNO COMMAND.. call N is not made and fails with ERRNO
 *	inject storm K COMMAND...     each K-th call that may be interrupted is not made: EINTR
 *	inject full N COMMAND...      from call N on, what writes to files or makes room says ENOSPC
 *	inject memory N COMMAND...    from call N on there is no more memory: mmap, mremap, brk
 *	inject run N COMMAND...       at the entry of call N, $INJECT_RUN is run by sh(1), and waited for
 *
 * To descriptor 3 go how many calls were seen, and the number of the one that was hit (-1: none).
 * Calls are those of all threads of the command, in the order in which they are seen, from its first
 * one after it was loaded on; its children are their own. The exit status is the command's, 128 + its signal.
 * It is traced from outside, so that the very binary that users have is what is tested. ptrace(2)
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum mode { COUNT, KILL, FAIL, STORM, FULL, MEMORY, RUN };

struct job {
	enum mode mode;
	unsigned long at, seen, interruptible;
	int error;
	long hit;
	bool loaded, done;
	pid_t leader;
};

/* Threads whose call was cancelled: what they are to be told at its exit. */
struct cancelled {
	pid_t tid;
	int error;
	unsigned long long brk; /* what brk(2) was asked for: a register that it leaves alone */
};

static struct cancelled *find(struct cancelled *v, size_t nr, pid_t tid)
{
	for (size_t i = 0; i < nr; i++)
		if (v[i].tid == tid)
			return &v[i];
	return NULL;
}

/* signal(7): those that a handler interrupts, of the calls that the tool makes */
static bool may_be_interrupted(long nr)
{
	static const long calls[] = {
		SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_open,
		SYS_openat, SYS_wait4, SYS_waitid, SYS_futex, SYS_poll, SYS_ppoll, SYS_epoll_wait,
		SYS_epoll_pwait, SYS_nanosleep, SYS_clock_nanosleep, SYS_recvmsg, SYS_recvfrom,
		SYS_sendmsg, SYS_sendto, SYS_fallocate, SYS_flock,
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (calls[i] == nr)
			return true;
	return false;
}

/* Messages are not what a full disk is about. */
static bool takes_room(const struct user_regs_struct *regs)
{
	long nr = regs->orig_rax;

	return (nr == SYS_write && regs->rdi > 2) || nr == SYS_writev || nr == SYS_pwrite64 || nr == SYS_fallocate ||
	       nr == SYS_ftruncate || nr == SYS_fsync || nr == SYS_linkat || nr == SYS_copy_file_range;
}

/* New memory that is nobody's yet; what maps a file is not malloc(3)'s. */
static bool takes_memory(const struct user_regs_struct *regs)
{
	return (regs->orig_rax == SYS_mmap && regs->r10 & MAP_ANONYMOUS) || regs->orig_rax == SYS_mremap;
}

/*
 * brk(2) has no errors, it returns the old break; of a stopped tracee PTRACE_DETACH has none; and for
 * a futex(2) that fails in other ways than by time or value glibc ends the process itself.
 */
static bool cannot_fail(const struct user_regs_struct *regs)
{
	switch (regs->orig_rax) {
	case SYS_exit:
	case SYS_exit_group:
	case SYS_rt_sigreturn:
	case SYS_brk:
		return true;
	case SYS_ptrace:
		return regs->rdi == PTRACE_DETACH;
	default:
		return false;
	}
}

/* What becomes of this call: 0, or the error that it shall have. */
static int verdict(struct job *job, const struct user_regs_struct *regs)
{
	long nr = regs->orig_rax;

	/* the dynamic loader's last act is to unmap its cache: from there on it is our program */
	if (!job->loaded) {
		job->loaded = nr == SYS_munmap;
		return 0;
	}
	job->seen++;
	if (cannot_fail(regs) || (nr == SYS_futex && job->mode == FAIL))
		return 0;
	switch (job->mode) {
	case FAIL:
		return job->seen == job->at ? job->error : 0;
	case STORM:
		return may_be_interrupted(nr) && ++job->interruptible % job->at == 0 ? EINTR : 0;
	case FULL:
		return job->seen >= job->at && takes_room(regs) ? ENOSPC : 0;
	case MEMORY:
		return job->seen >= job->at && takes_memory(regs) ? ENOMEM : 0;
	default:
		return 0;
	}
}

static void run_command(void)
{
	int status = system(getenv("INJECT_RUN") ?: "true");

	if (status)
		fprintf(stderr, "inject: the command gives %d\n", status);
}

static void enter(struct job *job, struct cancelled *c, pid_t tid)
{
	struct user_regs_struct regs;
	int error;

	if (ptrace(PTRACE_GETREGS, tid, 0, &regs))
		return;
	error = verdict(job, &regs);
	if (error || (job->mode != STORM && job->seen == job->at))
		job->hit = regs.orig_rax;
	if (job->mode == KILL && job->seen == job->at)
		kill(job->leader, SIGKILL);
	if (job->mode == RUN && job->loaded && job->seen == job->at && !job->done) {
		job->done = true;
		run_command();
	}
	if (job->mode == MEMORY && job->loaded && job->seen >= job->at && regs.orig_rax == SYS_brk) {
		c->brk = regs.rdi;
		regs.rdi = 0; /* it stays where it is: that is how brk(2) fails */
		ptrace(PTRACE_SETREGS, tid, 0, &regs);
	}
	if (!error)
		return;
	regs.orig_rax = -1; /* no such call: nothing happens, and rax can be chosen at its exit */
	if (!ptrace(PTRACE_SETREGS, tid, 0, &regs))
		*c = (struct cancelled){ tid, error, 0 };
}

static void leave(struct cancelled *c)
{
	struct user_regs_struct regs;

	if ((!c->error && !c->brk) || ptrace(PTRACE_GETREGS, c->tid, 0, &regs))
		return;
	if (c->error)
		regs.rax = -c->error;
	else
		regs.rdi = c->brk;
	ptrace(PTRACE_SETREGS, c->tid, 0, &regs);
	c->error = 0;
	c->brk = 0;
}

/* A stop at a system call: which end of it, the kernel knows. */
static void at_call(struct job *job, struct cancelled *v, size_t *nr, pid_t tid)
{
	struct __ptrace_syscall_info info;
	struct cancelled *c = find(v, *nr, tid);

	if (!c && *nr < 256)
		*(c = &v[(*nr)++]) = (struct cancelled){ tid, 0, 0 };
	if (!c || ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		enter(job, c, tid);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		leave(c);
}

static volatile sig_atomic_t asked_to_end;

static void ask(int signal)
{
	asked_to_end = signal;
}

static int follow(struct job *job)
{
	struct cancelled v[256];
	size_t nr = 0;
	int status, signal;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (asked_to_end) /* by timeout(1): it hangs; PTRACE_O_EXITKILL ends it with us */
			break;
		if (tid < 0)
			continue;
		if (!WIFSTOPPED(status)) {
			if (tid != job->leader)
				continue;
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
		signal = 0;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			at_call(job, v, &nr, tid);
		else if (status >> 16 == 0 && WSTOPSIG(status) != SIGSTOP)
			signal = WSTOPSIG(status);
		ptrace(PTRACE_SYSCALL, tid, 0, signal);
	}
	return 127;
}

static int start(struct job *job, char **argv)
{
	int status;

	job->leader = fork();
	if (!job->leader) {
		ptrace(PTRACE_TRACEME);
		raise(SIGSTOP);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (job->leader < 0 || waitpid(job->leader, &status, 0) < 0)
		return -1;
	/* clones without a signal at their end are threads; forks are reported otherwise and not followed */
	if (ptrace(PTRACE_SETOPTIONS, job->leader, 0,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
			   PTRACE_O_EXITKILL))
		return -1;
	ptrace(PTRACE_CONT, job->leader, 0, 0);
	return waitpid(job->leader, &status, 0) < 0 ? -1 : 0; /* exec */
}

static int usage(void)
{
	fprintf(stderr, "Usage: inject count|kill N|fail N ERRNO|storm K|full N|memory N|run N COMMAND...\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "count", "kill", "fail", "storm", "full", "memory", "run" };
	struct job job = { .at = 1, .hit = -1 };
	int arg = 2, status;

	while (job.mode <= RUN && (argc < 2 || strcmp(argv[1], names[job.mode])))
		job.mode++;
	if (job.mode > RUN)
		return usage();
	if (job.mode != COUNT && arg < argc)
		job.at = strtoul(argv[arg++], NULL, 10);
	if (job.mode == FAIL && arg < argc)
		job.error = atoi(argv[arg++]);
	if (arg >= argc || !job.at || (job.mode == FAIL && job.error <= 0))
		return usage();
	if (start(&job, argv + arg)) {
		perror("inject");
		return 127;
	}
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = ask }, NULL); /* without SA_RESTART */
	ptrace(PTRACE_SYSCALL, job.leader, 0, 0);
	status = follow(&job);
	dprintf(3, "%lu %ld\n", job.seen, job.hit);
	return status;
}
