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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

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

static int fetch_all(struct restore *r)
{
	bool any = false;

	snap_for_each(&r->image.snap, REC_FD, const struct rec_fd, slot) {
		const struct rec_file *f = snap_find(&r->image.snap, REC_FILE, slot->file);
		int fd;

		if (file_class(&r->image.snap, f) != FILE_LATE)
			continue;
		if (restore_kept(r, slot->file, &fd, NULL))
			return fail(-ERR_IMAGE, "image: the file of descriptor %u was not opened", slot->fd);
		restore_fetch(restore_batch(r, slot->files), slot->fd, fd, slot->fd, slot->cloexec);
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
