// SPDX-License-Identifier: GPL-2.0-only
/* reach.c - an open file of a tree through a descriptor of whoever has it. */
#include "reach.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "rec_file.h"
#include "rec_task.h"
#include "snap.h"
#include "users.h"

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

bool reach_find(const struct snap *s, const struct users *u, __u64 file, const struct rec_task **t,
		unsigned int *fd)
{
	size_t nr;
	void **slot = snap_referring(s, REC_FD, struct rec_fd, file, file, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_fd *r = slot[i];
		const struct shared_by *by = users_find(u, r->files);

		if (by) {
			*t = by->task;
			*fd = r->fd;
			return true;
		}
	}
	return false;
}

int reach_getfd(const struct snap *s, const struct rec_task *t, unsigned int fd)
{
	const struct rec_pid *pid = snap_find(s, REC_PID, t->pid);
	/* a thread may have a table of its own; kernels that do not know this flag know no such pidfd */
	int pidfd _close_ = pid && t->pid != t->tgid ? syscall(SYS_pidfd_open, pid->numbers[0], PIDFD_THREAD) : -1;
	int got;

	if (pidfd < 0) {
		pid = snap_find(s, REC_PID, t->tgid);
		pidfd = pid ? syscall(SYS_pidfd_open, pid->numbers[0], 0) : -1;
	}

	if (pidfd < 0)
		return -errno;
	got = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	return got < 0 ? -errno : got;
}

int reach_file(const struct snap *s, const struct users *u, __u64 file)
{
	const struct rec_task *t;
	unsigned int fd;

	return reach_find(s, u, file, &t, &fd) ? reach_getfd(s, t, fd) : -ENOENT;
}
