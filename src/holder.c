// SPDX-License-Identifier: GPL-2.0-only
/* holder.c - which process of the system has a file mapped or open. */
#include "holder.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"

static bool maps_it(const char *pid, const struct held_file *f)
{
	FILE *maps _fclose_ = NULL;
	char path[64], line[512], name[256];
	unsigned int major, minor;
	unsigned long long ino;

	snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
	maps = fopen(path, "re");
	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%*s %*s %*s %x:%x %llu %255s", &major, &minor, &ino, name) == 4 && ino == f->ino &&
		    (!f->dev || f->dev == makedev(major, minor)) && !strncmp(name, f->name, strlen(f->name)))
			return true;
	return false;
}

static bool has_it_open(const char *pid, const struct held_file *f)
{
	char path[64];
	DIR *d _closedir_ = NULL;
	struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		struct stat st;

		if (!fstatat(dirfd(d), e->d_name, &st, 0) && st.st_ino == f->ino && st.st_dev == f->dev)
			return true;
	}
	return false;
}

pid_t holder_find(const struct held_file *f)
{
	DIR *d _closedir_ = opendir("/proc");
	struct dirent *e;

	while (d && (e = readdir(d))) {
		pid_t pid = atoi(e->d_name);

		if (pid <= 0 || pid == getpid() || (f->skip && f->skip(pid, f->arg)))
			continue;
		if (maps_it(e->d_name, f) || (f->descriptors && has_it_open(e->d_name, f)))
			return pid;
	}
	return 0;
}
