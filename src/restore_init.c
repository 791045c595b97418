// SPDX-License-Identifier: GPL-2.0-only
/*
 * restore_init.c - a pid namespace around a tree that had none of its own: restore --new-pidns. Its
 * pid 1 is a copy of ours that makes the root task, waits for all others, and tells how the root ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "log.h"
#include "restore.h"

#define DEV_NULL "/dev/null"

/* Hold on to nothing of the caller's: not its terminal or pipes, not its directory. */
static void let_go_of_all(int keep)
{
	int null = open(DEV_NULL, O_RDWR);

	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	dup3(keep, 3, O_CLOEXEC);
	close_range(4, ~0u, 0);
	if (chdir("/"))
		_exit(1);
}

/*
 * As pid 1. A tree that is not complete must not live: when the restorer dies before it says so, the
 * end of this process takes all with it.
 */
static void serve(pid_t root, int line)
{
	char go;
	int status, of_root = 0;
	pid_t pid;

	prctl(PR_SET_NAME, "bpf-ckpt-init");
	if (read(line, &go, 1) != 1)
		_exit(1);
	let_go_of_all(line);
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid != root)
			continue;
		of_root = status;
		send(3, &status, sizeof(status), MSG_NOSIGNAL);
	}
	_exit(WIFEXITED(of_root) ? WEXITSTATUS(of_root) : 128 + WTERMSIG(of_root));
}

static void be_init(struct restore *r, const struct clone_args *root, int line)
{
	long pid = syscall(SYS_clone3, root, sizeof(*root));
	int err = errno;

	if (!pid)
		machine_enter(&r->machine, 0);
	if (pid < 0) {
		send(line, &err, sizeof(err), MSG_NOSIGNAL);
		_exit(1);
	}
	err = 0;
	send(line, &err, sizeof(err), MSG_NOSIGNAL);
	serve(pid, line);
}

int restore_make_init(struct restore *r, const struct clone_args *root)
{
	struct clone_args a = { .flags = CLONE_NEWPID | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
				.exit_signal = SIGCHLD, .pidfd = (__u64)&r->root_pidfd };
	int line[2], err = 0;
	long pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line))
		return fail(-errno, "socketpair");
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (!pid) {
		close(line[0]);
		be_init(r, root, line[1]);
	}
	close(line[1]);
	r->init_line = line[0];
	if (pid < 0)
		return fail(-errno, "make a pid namespace");
	r->init_pid = pid;
	if (recv(r->init_line, &err, sizeof(err), 0) != sizeof(err))
		return fail(-ECHILD, "the init of the new pid namespace died");
	return err ? fail(-err, "make the root task in a new pid namespace") : 0;
}

int restore_init_go(const struct restore *r)
{
	if (r->init_pid && send(r->init_line, "g", 1, MSG_NOSIGNAL) != 1)
		return fail(-errno, "the init of the new pid namespace died");
	return 0;
}

int restore_root_status(const struct restore *r, int *status)
{
	if (!r->init_pid)
		return waitpid(r->root_pid, status, 0) < 0 ? -errno : 0;
	return recv(r->init_line, status, sizeof(*status), 0) == sizeof(*status) ? 0 : -ECHILD;
}
