// SPDX-License-Identifier: GPL-2.0-only
/* unix_holder.c - who has the name that a socket of an image wants: for the message only, so /proc will do. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "unix_make.h"

/* /proc/net/unix: Num RefCount Protocol Flags Type St Inode Path */
static unsigned long find_inode(const char *name)
{
	FILE *f _fclose_ = fopen("/proc/net/unix", "re");
	unsigned long inode, found = 0;
	char line[512];
	int at;

	while (f && !found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %lu %n", &inode, &at) == 1 && !strcmp(line + at, name))
			found = inode;
	}
	return found;
}

static bool has_socket(const char *pid, unsigned long inode)
{
	char path[300], link[64], want[64];
	struct dirent *d;
	DIR *dir _closedir_ = NULL;
	ssize_t n;

	snprintf(want, sizeof(want), "socket:[%lu]", inode);
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		n = readlinkat(dirfd(dir), d->d_name, link, sizeof(link) - 1);
		link[n < 0 ? 0 : n] = 0;
		if (!strcmp(link, want))
			return true;
	}
	return false;
}

const char *unix_holder(const char *name, char *buf, size_t len)
{
	unsigned long inode = find_inode(name);
	DIR *proc _closedir_ = inode ? opendir("/proc") : NULL;
	struct dirent *d;

	snprintf(buf, len, "another program");
	while (proc && (d = readdir(proc))) {
		char path[300], comm[32] = "";
		FILE *f _fclose_ = NULL;

		if (atoi(d->d_name) <= 0 || !has_socket(d->d_name, inode))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", d->d_name);
		f = fopen(path, "re");
		if (f && fgets(comm, sizeof(comm), f))
			comm[strcspn(comm, "\n")] = 0;
		snprintf(buf, len, "pid %.10s (%s)", d->d_name, comm);
		break;
	}
	return buf;
}
