// SPDX-License-Identifier: GPL-2.0-only
/* gone.c - names for the moment in which something is made that has none any more. */
#include "gone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "path.h"

char *gone_name(char *buf, const char *path)
{
	snprintf(buf, REC_PATH_MAX, "%s", path);
	if (path_deleted(buf, NULL))
		buf[strlen(buf) - strlen(DELETED)] = 0;
	return buf;
}

void gone_other_name(char *buf)
{
	strcpy(strrchr(buf, '/') + 1, ".bpf-ckpt.XXXXXX");
}

int gone_make_parents(struct gone_parents *g, const char *path)
{
	char *end;

	g->nr = 0;
	snprintf(g->path, sizeof(g->path), "%s", path);
	end = strrchr(g->path, '/');
	*end = 0;
	for (char *at = strchr(g->path + 1, '/'); g->path[0]; at = strchr(at + 1, '/')) {
		if (at)
			*at = 0;
		if (!mkdir(g->path, 0700))
			g->nr++;
		else if (errno != EEXIST)
			return fail(-errno, "make %s for a moment", g->path);
		if (!at)
			break;
		*at = '/';
	}
	return 0;
}

void gone_remove_parents(struct gone_parents *g)
{
	for (; g->nr && !rmdir(g->path); g->nr--)
		*strrchr(g->path, '/') = 0;
}

static int make_and_remove(char *name, mode_t mode, uid_t uid, gid_t gid)
{
	int fd _close_ = -1;

	if (mkdir(name, 0700)) {
		if (errno != EEXIST)
			return fail(-errno, "make the removed directory %s anew", name);
		gone_other_name(name);
		if (!mkdtemp(name))
			return fail(-errno, "make a removed directory as %s", name);
	}
	fd = open(name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || chown(name, uid, gid) || chmod(name, mode & 07777)) {
		int err = fail(-errno, "give the removed directory %s its owner and mode", name);

		rmdir(name);
		return err;
	}
	return rmdir(name) ? fail(-errno, "remove %s", name) : take_fd(&fd);
}

int gone_dir(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	char name[REC_PATH_MAX + 32];
	struct gone_parents g;
	int fd = gone_make_parents(&g, gone_name(name, path));

	if (!fd)
		fd = make_and_remove(name, mode, uid, gid);
	gone_remove_parents(&g);
	return fd;
}
