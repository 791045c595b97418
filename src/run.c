// SPDX-License-Identifier: GPL-2.0-only
/*
 * run.c - a command in nested new pid namespaces, with chosen numbers.
 *
 * One process per namespace is its init, makes the next one inside, and reaps. How the command ended
 * has to come out through them: the kernel keeps 8 bits of an exit, and a pipe to the outside would
 * be in the way of a checkpoint, so an init says the rest with its name, which its zombie still has.
 */
#include "run.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

#define WORD "ended "

/* Signals that whoever runs a command sends it, to be handed on. */
static const int forwarded[] = { SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH };

static pid_t child; /* whom to hand them to: handlers know nothing else */

static void forward(int sig)
{
	if (child > 0)
		kill(child, sig);
}

static void forward_signals(void)
{
	struct sigaction sa = { .sa_handler = forward, .sa_flags = SA_RESTART };

	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaction(forwarded[i], &sa, NULL);
	/* the terminal sends these to the command as well, whose business they are */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
}

static void default_signals(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		signal(forwarded[i], SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
}

/* The full status that a zombie init has left in its name, or the one that wait() gives. */
static int read_word(int status)
{
	char path[64], comm[32] = "";
	FILE *list _fclose_ = NULL;
	int pid, word;

	list = fopen("/proc/thread-self/children", "re");
	while (list && fscanf(list, "%d", &pid) == 1) {
		FILE *f _fclose_ = NULL;

		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		f = fopen(path, "re");
		if (f && fgets(comm, sizeof(comm), f) && sscanf(comm, WORD "%x", &word) == 1)
			return word;
	}
	return status;
}

/* Waits for the child, reaping whoever else ends. init: the child is one of ours. */
static int await_child(bool init)
{
	siginfo_t info = {};
	int status = 0;

	while (info.si_pid != child) {
		if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | __WALL)) {
			if (errno == EINTR)
				continue;
			return status;
		}
		if (info.si_pid == child)
			status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
		if (info.si_pid == child && init)
			status = read_word(status);
		waitpid(info.si_pid, NULL, __WALL);
	}
	return status;
}

static int own_proc(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return fail(-errno, "mount a /proc for the new pid namespace");
	return 0;
}

static void exec_command(const struct run_opts *o, bool is_init)
{
	if (is_init && !o->no_proc && own_proc())
		_exit(126);
	if (o->setsid)
		setsid();
	default_signals();
	execvp(o->argv[0], o->argv);
	fail(-errno, "run %s", o->argv[0]);
	_exit(errno == ENOENT ? 127 : 126);
}

/* Makes a child with as many of the command's numbers as are wanted. */
static pid_t make(const struct run_opts *o, bool new_pidns, bool command)
{
	pid_t set_tid[PIDNS_LEVEL_MAX + 1];
	struct clone_args a = { .flags = new_pidns ? CLONE_NEWPID : 0, .exit_signal = SIGCHLD };

	if (command && o->nr_pids) {
		for (unsigned int i = 0; i < o->nr_pids; i++)
			set_tid[i] = o->pid[o->nr_pids - 1 - i];
		a.set_tid = (__u64)set_tid;
		a.set_tid_size = o->nr_pids;
	}
	return syscall(SYS_clone3, &a, sizeof(a));
}

static int describe(const struct run_opts *o, int err)
{
	if (err == EEXIST)
		return fail(-ERR_TAKEN, "run: one of the numbers is taken in its namespace (each has a pid 1)");
	if (err == ENOSPC)
		return fail(-err, "run: %u namespaces are deeper than the kernel goes (32), or more than "
			    "user.max_pid_namespaces", o->levels);
	return fail(-err, err == EINVAL && o->nr_pids ?
		    "run: the kernel refuses these numbers (is each below its pid_max?)" :
		    "run: make a process in a new pid namespace");
}

/* In namespace `level` (0: the caller's): make what comes next, wait for it, tell how it ended. */
static int step(const struct run_opts *o, unsigned int level, int *status)
{
	bool own_init = !o->nr_pids || o->pid[o->nr_pids - 1] != 1;
	bool command = level == o->levels || (level + 1 == o->levels && !own_init);
	char word[16];

	child = make(o, level < o->levels, command);
	if (child < 0)
		return describe(o, errno);
	if (child) {
		forward_signals();
		*status = await_child(!command);
		return 0;
	}
	if (command)
		exec_command(o, level < o->levels);
	if (!level && o->setsid)
		setsid();
	prctl(PR_SET_NAME, "bpf-ckpt-init");
	if (level + 1 == o->levels && !o->no_proc && own_proc())
		_exit(126);
	if (step(o, level + 1, status))
		_exit(126);
	snprintf(word, sizeof(word), WORD "%x", *status);
	prctl(PR_SET_NAME, word);
	_exit(WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status));
}

int run_command(const struct run_opts *opts, int *status)
{
	return step(opts, 0, status);
}
