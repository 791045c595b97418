// SPDX-License-Identifier: GPL-2.0-only
/* unix_sweep.c - what a restore that was killed left where it bound a socket. */
#include "unix_sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"

#define OLD 10 /* seconds: its maker has locked it by now, or is gone */

static bool is_ours(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_uid == geteuid() && (st.st_mode & 07777) == 0700 && time(NULL) - st.st_ctime > OLD;
}

void unix_sweep(int dir)
{
	DIR *list _closedir_ = NULL;
	struct dirent *entry;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	list = fd < 0 ? NULL : fdopendir(fd);
	while (list && (entry = readdir(list))) {
		int old _close_ = -1;

		if (strncmp(entry->d_name, UNIX_TEMPORARY, strlen(UNIX_TEMPORARY)))
			continue;
		old = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (old < 0 || !is_ours(old) || flock(old, LOCK_EX | LOCK_NB))
			continue;
		unlinkat(old, UNIX_NODE, 0);
		unlinkat(dir, entry->d_name, AT_REMOVEDIR);
	}
}
