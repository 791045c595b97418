// SPDX-License-Identifier: GPL-2.0-only
/* pidfile.c - a file that tells the number of a restored tree's first task. */
#include "pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

static bool is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) || S_ISREG(st.st_mode);
}

/* Nothing is truncated before it is known what it is. -errno, unreported. */
static int open_place(const char *path)
{
	int fd _close_ = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);

	if (fd >= 0)
		return !is_regular(fd) || !ftruncate(fd, 0) ? take_fd(&fd) : -errno;
	if (errno != ELOOP)
		return -errno;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return is_regular(fd) ? -ELOOP : take_fd(&fd);
}

int pidfile_write(const char *path, pid_t pid)
{
	int fd _close_ = open_place(path);

	if (fd == -ELOOP)
		return fail(-ERR_USAGE, "--pidfile %s is a link, which is not followed: give the name of the file itself", path);
	if (fd < 0)
		return fail(fd, "write %s", path);
	return dprintf(fd, "%d\n", pid) < 0 ? fail(-errno, "write %s", path) : 0;
}

void pidfile_remove(const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && S_ISREG(st.st_mode))
		unlink(path);
}
