// SPDX-License-Identifier: GPL-2.0-only
/* pidfd.c - descriptors for processes and threads: oneself, living, zombies, gone. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixture.h"

#define PIDFD_THREAD O_EXCL

static int own, living, zombie, gone, gone_again, killed, thread = -1, shared, ep;
static pid_t child, dead;
static volatile pid_t thread_tid;

static int open_pid(pid_t pid, int flags)
{
	return must(syscall(SYS_pidfd_open, pid, flags));
}

static void *rest(void *arg)
{
	thread_tid = gettid();
	for (;;)
		fx_nap();
	return arg;
}

static pid_t end_child(int status, int sig)
{
	pid_t pid = must(fork());

	if (pid)
		return pid;
	if (sig)
		raise(sig);
	_exit(status);
}

static void setup_gone(void)
{
	pid_t pid = end_child(7, 0);

	gone = open_pid(pid, O_NONBLOCK);
	gone_again = open_pid(pid, 0);
	must(waitpid(pid, NULL, 0));
	pid = end_child(0, SIGTERM);
	killed = open_pid(pid, 0);
	must(waitpid(pid, NULL, 0));
}

static void verify_heir(void)
{
	expect(!syscall(SYS_pidfd_send_signal, shared, 0, NULL, 0), "the parent's: %s", strerror(errno));
	expect(fcntl(shared, F_GETFL) & O_NONBLOCK, "O_NONBLOCK is lost");
}

static void setup(void)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 5};
	pthread_t t;

	own = open_pid(getpid(), 0);
	shared = open_pid(getpid(), O_NONBLOCK);
	must(fcntl(shared, F_SETFD, FD_CLOEXEC));
	child = fx_child("heir", NULL, verify_heir);
	living = open_pid(child, 0);
	dead = end_child(3, 0);
	zombie = open_pid(dead, 0);
	must(waitid(P_PIDFD, zombie, &(siginfo_t){}, WEXITED | WNOWAIT));
	setup_gone();
	must(pthread_create(&t, NULL, rest, NULL) ? -1 : 0);
	while (!thread_tid)
		fx_nap();
	thread = syscall(SYS_pidfd_open, thread_tid, PIDFD_THREAD); /* since 6.9 */
	ep = must(epoll_create1(0));
	must(epoll_ctl(ep, EPOLL_CTL_ADD, living, &ev));
	ev.data.u64 = 6;
	must(epoll_ctl(ep, EPOLL_CTL_ADD, zombie, &ev));
}

static pid_t pid_of(int fd)
{
	char path[64], text[512], *line;

	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", fd);
	if (fx_read_file(path, text, sizeof(text)) < 0)
		return -2;
	line = strstr(text, "\nPid:");
	return line ? atoi(line + 5) : -2;
}

/* The innermost number: our own one. */
static pid_t last_nspid(int fd)
{
	char path[64], text[512], *line;

	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", fd);
	if (fx_read_file(path, text, sizeof(text)) < 0 || !(line = strstr(text, "\nNSpid:")))
		return -2;
	*strchrnul(++line, '\n') = 0;
	return atoi(strrchr(line, '\t') + 1);
}

static short polled(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1 ? p.revents : 0;
}

static void verify_gone(void)
{
	struct stat a, b;

	expect_eq("pid of who is gone", pid_of(gone), -1);
	expect_eq("pid of who was killed", pid_of(killed), -1);
	expect(syscall(SYS_pidfd_send_signal, gone, 0, NULL, 0) < 0 && errno == ESRCH, "who is gone takes signals");
	expect(polled(gone) & POLLIN && polled(killed) & POLLIN, "who is gone is not ready");
	must(fstat(gone, &a));
	must(fstat(gone_again, &b));
	expect(a.st_ino == b.st_ino, "two for one are two now");
	expect_eq("O_NONBLOCK", fcntl(gone, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
}

static void verify(void)
{
	struct epoll_event ev;
	siginfo_t info = {};

	expect_eq("pid of our own", pid_of(own), fx_proc_pid(getpid()));
	expect_eq("pid of the child", pid_of(living), fx_proc_pid(child));
	expect(!syscall(SYS_pidfd_send_signal, living, 0, NULL, 0), "the child takes no signal: %s", strerror(errno));
	expect(!polled(own) && !polled(living), "who lives has ended");
	expect(!waitid(P_PIDFD, zombie, &info, WEXITED | WNOWAIT) && info.si_pid == dead && info.si_status == 3,
	       "the zombie: %d of %d", info.si_status, info.si_pid);
	verify_gone();
	if (thread >= 0)
		expect_eq("number of the thread", last_nspid(thread), thread_tid);
	if (thread >= 0)
		expect(!syscall(SYS_pidfd_send_signal, thread, 0, NULL, 0) && !polled(thread), "the thread is gone");
	expect(epoll_wait(ep, &ev, 1, 0) == 1 && ev.data.u64 == 6, "the zombie is not told of");
	if (fx_last())
		must(waitid(P_PIDFD, zombie, &info, WEXITED));
}

const struct fixture fixture_pidfd = {
	.name = "pidfd",
	.about = "pidfds of oneself, a child, a zombie, a thread, and of who is gone",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};
