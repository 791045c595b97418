// SPDX-License-Identifier: GPL-2.0-only
/*
 * restore_late.c - descriptors that refer to tasks: made by the coordinator once all of these exist, and
 * fetched from it by the tasks that have them (pidfd_getfd(2)).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "idmap.h"
#include "log.h"
#include "rec_file.h"
#include "res/file.h"
#include "res/unix_make.h"
#include "restore.h"

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

#define PASSER_TRIES 64 /* numbers that may be taken */

void restore_fetch(struct batch *b, int holder, int fd, int at, bool cloexec)
{
	/* it comes on a number that is free, and so not on its own: there is holder, or what it replaces */
	batch_op(b, SYS_pidfd_getfd, holder, fd, 0);
	batch_op(b, SYS_dup3, 0, at, cloexec ? O_CLOEXEC : 0)->flags = OP_LAST;
	batch_op(b, SYS_close, 0)->flags = OP_LAST_BUT_ONE;
}

/* What recvmsg(2) fills in, at an address that is the same for the task and for us. */
struct handing {
	struct msghdr msg;
	struct iovec iov;
	char byte;
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
};

static int send_fd(int line, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = {}, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	*c = (struct cmsghdr){ CMSG_LEN(sizeof(fd)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(line, &msg, MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* The number that it came on, which is no other's, or a reported error. */
static int receive(struct restore *r, struct unit *u, int way)
{
	struct handing *h = r->handing = r->handing ?: machine_alloc(&r->machine, sizeof(*h));
	struct cmsghdr *c;
	int at, err;

	if (!h)
		return fail(-ENOMEM, "restore");
	*h = (struct handing){ .msg = { .msg_iov = &h->iov, .msg_iovlen = 1, .msg_control = h->control,
					.msg_controllen = sizeof(h->control) }, .iov = { &h->byte, 1 } };
	batch_op(&u->batch, SYS_recvmsg, way, &h->msg, MSG_CMSG_CLOEXEC);
	err = restore_run_unit(r, u);
	if (err)
		return err;
	c = CMSG_FIRSTHDR(&h->msg);
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(at)))
		return fail(-EMFILE, "a task could not be handed a descriptor");
	memcpy(&at, CMSG_DATA(c), sizeof(at));
	return at;
}

bool restore_may_fetch(const struct restore *r, const struct unit *u)
{
	return !userns_of_task(&r->image.snap, u->body);
}

int restore_way(const struct restore *r, const struct unit *u)
{
	return restore_may_fetch(r, u) ? r->self_pidfd : r->hand[1];
}

int restore_hand(struct restore *r, struct unit *u, int way, int fd, int at, bool cloexec)
{
	int err, came;

	if (restore_may_fetch(r, u)) {
		restore_fetch(&u->batch, way, fd, at, cloexec);
		return 0;
	}
	err = send_fd(r->hand[0], fd);
	if (err)
		return fail(err, "hand a descriptor to a task");
	came = receive(r, u, way);
	if (came < 0)
		return came;
	batch_op(&u->batch, SYS_dup3, came, at, cloexec ? O_CLOEXEC : 0);
	batch_op(&u->batch, SYS_close, came);
	return 0;
}

static int fetch_all(struct restore *r)
{
	bool any = false;
	int err;

	snap_for_each(&r->image.snap, REC_FD, const struct rec_fd, slot) {
		const struct rec_file *f = snap_find(&r->image.snap, REC_FILE, slot->file);
		int fd;

		if (file_class(&r->image.snap, f) != FILE_LATE)
			continue;
		if (restore_kept(r, slot->file, &fd, NULL))
			return fail(-ERR_IMAGE, "image: the file of descriptor %u was not opened", slot->fd);
		err = restore_hand(r, restore_unit(r, slot->files), slot->fd, fd, slot->fd, slot->cloexec);
		if (err)
			return err;
		any = true;
	}
	return any ? restore_run_batches(r) : 0;
}

int restore_late(struct restore *r)
{
	int err = 0;

	for (unsigned int i = 0; i < nr_res_types && !err; i++)
		err = restore_each(r, res_types[i], res_types[i]->late) ?: restore_go_to(r, 0);
	if (!err)
		err = unix_fill_all(r); /* messages may hold any of them */
	return err ? err : fetch_all(r);
}

const struct unit *restore_in_pidns(const struct restore *r, __u64 pidns)
{
	for (unsigned int i = 0; i < r->nr_procs; i++)
		if (r->units[i].body && r->units[i].proc->pid->ns == pidns)
			return &r->units[i];
	return NULL;
}

/* ---- tasks that are to be gone ---- */

static void pass(int line)
{
	int status;

	if (read(line, &status, sizeof(status)) != sizeof(status))
		_exit(0);
	if (status & 0x7f) {
		sigset_t none;

		setrlimit(RLIMIT_CORE, &(struct rlimit){});
		signal(status & 0x7f, SIG_DFL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		kill(getpid(), status & 0x7f);
	}
	_exit(status >> 8 & 0xff);
}

/* Chosen numbers leave the cursor of the namespace where it is. */
static pid_t make_passer(pid_t number)
{
	struct clone_args a = { .exit_signal = SIGCHLD, .set_tid = number ? (__u64)&number : 0, .set_tid_size = number > 0 };
	long pid = -1;

	for (int i = 0; i < PASSER_TRIES && pid < 0; i++, number++) {
		pid = syscall(SYS_clone3, &a, sizeof(a));
		if (pid < 0 && errno != EEXIST)
			break;
	}
	return pid;
}

int restore_passer(struct restore *r, struct passer *p, const struct unit *member, pid_t number)
{
	int home _close_ = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	int there _close_ = member ? syscall(SYS_pidfd_open, member->tid, 0) : -1;
	int line[2];

	p->line = -1;
	if (home < 0 || (member && (there < 0 || setns(there, CLONE_NEWPID))))
		return fail(-errno, "enter a pid namespace of the tree");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line))
		return fail(-errno, "make a task that ends");
	p->pid = make_passer(number);
	if (!p->pid) {
		pid_t own = getpid();

		close(line[1]);
		if (write(line[0], &own, sizeof(own)) == sizeof(own))
			pass(line[0]);
		_exit(0);
	}
	close(line[0]);
	p->line = line[1];
	if (member && setns(home, CLONE_NEWPID))
		return fail(-errno, "come back to our own pid namespace");
	if (p->pid < 0 || read(p->line, &p->own, sizeof(p->own)) != sizeof(p->own))
		return fail(-errno, "make a task that ends");
	return 0;
}

void restore_passer_end(struct passer *p, int status)
{
	if (p->line < 0)
		return;
	if (p->pid > 0) {
		if (write(p->line, &status, sizeof(status)) != sizeof(status))
			kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, __WALL);
	}
	cleanup_close(&p->line);
	p->line = -1;
}
