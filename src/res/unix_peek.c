// SPDX-License-Identifier: GPL-2.0-only
/*
 * unix_peek.c - read what waits in a unix socket without taking it.
 *
 * One MSG_PEEK shows a stream up to the first descriptor that came with it, or one message. For what is
 * behind that SO_PEEK_OFF must be set, which the program would notice if we died before it is put back;
 * so a child does that which has our memory and descriptors but does not end with us.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "log.h"
#include "unix.h"

#define SCM_FILES_MAX 253
#define SCM_PIDFD_TYPE 4 /* include/linux/socket.h: of SO_PASSPIDFD, since 6.5 */
#define STACK_BYTES 65536

struct job {
	struct peek *p;
	int fd;
	int off; /* SO_PEEK_OFF as the program had it */
	size_t messages;
	int err;
};

static void take_fds(struct peek *p, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		const int *fd = (const int *)CMSG_DATA(c);
		size_t nr = (c->cmsg_len - CMSG_LEN(0)) / sizeof(*fd);

		if (c->cmsg_level != SOL_SOCKET)
			continue;
		for (size_t i = 0; i < nr && (c->cmsg_type == SCM_RIGHTS || c->cmsg_type == SCM_PIDFD_TYPE); i++) {
			if (c->cmsg_type == SCM_RIGHTS && p->nr_fds < p->max_fds)
				p->fd[p->nr_fds++] = fd[i];
			else
				close(fd[i]);
		}
	}
}

/* The next of it; 0: nothing more, or a message without bytes. */
static ssize_t peek_one(struct peek *p, int fd)
{
	char control[CMSG_SPACE(SCM_FILES_MAX * sizeof(int)) + CMSG_SPACE(64) + CMSG_SPACE(sizeof(int))]
		__attribute__((aligned(8)));
	struct iovec iov = { p->data + p->len, p->room - p->len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (p->fd) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
	}
	n = recvmsg(fd, &msg, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return -errno;
	if (p->fd)
		take_fds(p, &msg);
	p->len += n;
	return n;
}

static bool complete(const struct peek *p)
{
	return p->len == p->room && (!p->fd || p->nr_fds == p->max_fds);
}

/* Runs in the child: nothing but system calls and memory that is there. */
static int peek_steps(void *arg)
{
	struct job *j = arg;
	int zero = 0;

	if (setsockopt(j->fd, SOL_SOCKET, SO_PEEK_OFF, &zero, sizeof(zero))) {
		j->err = -errno;
		return 0;
	}
	/* a message without bytes may be shown once before what is behind it */
	for (size_t i = 0; i < 2 * j->messages + 1 && !complete(j->p); i++) {
		ssize_t n = peek_one(j->p, j->fd);

		if (n < 0) {
			j->err = n == -EAGAIN ? 0 : n;
			break;
		}
	}
	if (setsockopt(j->fd, SOL_SOCKET, SO_PEEK_OFF, &j->off, sizeof(j->off)) && !j->err)
		j->err = -errno;
	return 0;
}

static int run_apart(struct job *j)
{
	char *stack _free_ = malloc(STACK_BYTES);
	sigset_t all, old;
	pid_t pid;

	if (!stack)
		return fail(-ENOMEM, "unix");
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old); /* what ends us must not end it */
	pid = clone(peek_steps, stack + STACK_BYTES, CLONE_VM | CLONE_FILES | CLONE_VFORK, j);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return fail(-errno, "clone");
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return 0;
}

int unix_peek(struct peek *p, int fd, const struct rec_sock *k, size_t messages, bool in_steps)
{
	struct job j = { .p = p, .fd = fd, .off = k->peek_off, .messages = messages };
	int err = 0;

	if (!in_steps) {
		ssize_t n = peek_one(p, fd);

		if (n < 0)
			return fail(n, "look into the queue of a socket");
		if (complete(p))
			return 0;
		/* credentials of several writers: the rest takes an offset */
		p->len = 0;
		for (size_t i = 0; i < p->nr_fds; i++)
			close(p->fd[i]);
		p->nr_fds = 0;
	}
	err = run_apart(&j);
	return err ? err : j.err ? fail(j.err, "look into the queue of a socket") : 0;
}

int unix_peek_first(struct peek *p, int fd)
{
	ssize_t n = peek_one(p, fd);

	return n < 0 ? n : 0;
}

void peek_free(struct peek *p)
{
	for (size_t i = 0; i < p->nr_fds; i++)
		if (p->fd[i] >= 0)
			close(p->fd[i]);
	free(p->fd);
	free(p->data);
}
