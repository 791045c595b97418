// SPDX-License-Identifier: GPL-2.0-only
/*
 * inode_path.c - a path of an inode that somebody holds without one: by its file handle, which names it
 * whatever the kernel has forgotten, or by the names that the kernel has for it just now.
 */
#include "inode_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"

#define OVERLAYFS_MAGIC 0x794c7630
#define BTRFS_MAGIC 0x9123683e

/* Line ends, blanks and the like are written as \\012 there: proc_pid_mountinfo(5). */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*out++ = (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0');
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = 0;
}

static int add_point(struct mount_points *m, char *line)
{
	unsigned int id, major, minor;
	char root[4096], point[4096];
	struct mount_point *v;

	if (sscanf(line, "%u %*u %u:%u %4095s %4095s", &id, &major, &minor, root, point) != 5)
		return 0;
	v = realloc(m->v, (m->nr + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	m->v = v;
	unescape(root);
	unescape(point);
	v[m->nr] = (struct mount_point){ id, (__u64)major << 20 | minor, strdup(root), strdup(point) };
	return v[m->nr].root && v[m->nr++].point ? 0 : -ENOMEM;
}

int mount_points_read(struct mount_points *m, pid_t pid)
{
	char path[48], *line _free_ = NULL;
	FILE *f _fclose_ = NULL;
	size_t room = 0;
	int err = 0;

	*m = (struct mount_points){};
	snprintf(path, sizeof(path), pid ? "/proc/%d/mountinfo" : "/proc/self/mountinfo", pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (!err && getline(&line, &room, f) > 0)
		err = add_point(m, line);
	return err;
}

void mount_points_free(struct mount_points *m)
{
	for (size_t i = 0; i < m->nr; i++) {
		free(m->v[i].root);
		free(m->v[i].point);
	}
	free(m->v);
	*m = (struct mount_points){};
}

/* On some file systems what stat(2) tells is not what the inode has. */
static bool leads_to(const char *path, const struct rec_inode *id)
{
	struct stat st;

	if (lstat(path, &st) || (st.st_mode & S_IFMT) != (id->mode & S_IFMT))
		return false;
	if (id->magic == OVERLAYFS_MAGIC)
		return true;
	return st.st_ino == id->ino &&
	       (id->magic == BTRFS_MAGIC || ((__u64)major(st.st_dev) << 20 | minor(st.st_dev)) == id->dev);
}

static int by_handle(const struct mount_point *p, const struct inode_hint *hint, char *path, size_t len)
{
	int mount _close_ = open(p->point, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd _close_ = -1;
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + sizeof(hint->handle)];
	} u = { .h = { .handle_bytes = hint->handle_len, .handle_type = hint->handle_type } };
	char link[64];
	ssize_t n;

	if (mount < 0 || !hint->handle_len)
		return -ENOENT;
	memcpy(u.h.f_handle, hint->handle, hint->handle_len);
	fd = open_by_handle_at(mount, &u.h, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -ENOENT;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, len);
	if (n == (ssize_t)len)
		return -ENAMETOOLONG;
	path[n > 0 ? n : 0] = 0;
	return n > 0 ? 0 : -ENOENT;
}

/* The part of its file system that is mounted there has it, or not. */
static int by_name(const struct mount_point *p, const char *inside, char *path, size_t len)
{
	size_t root = strcmp(p->root, "/") ? strlen(p->root) : 0;
	const char *point = strcmp(p->point, "/") ? p->point : "";
	int n;

	if (!inside || strncmp(inside, p->root, root) || (inside[root] && inside[root] != '/'))
		return -ENOENT;
	n = snprintf(path, len, "%s%s", point, inside + root);
	if (!n)
		n = snprintf(path, len, "/");
	return n >= (int)len ? -ENAMETOOLONG : 0;
}

int inode_path(const struct mount_points *m, const struct rec_inode *id, const struct inode_hint *hint,
	       char *path, size_t len)
{
	int err = -ENOENT;

	for (size_t i = 0; i < m->nr; i++) {
		const struct mount_point *p = &m->v[i];

		if (p->dev != id->dev)
			continue;
		err = by_handle(p, hint, path, len);
		if (!err && path[0] == '/' && leads_to(path, id))
			return 0;
		err = by_name(p, hint->inside, path, len);
		if (!err && leads_to(path, id))
			return 0;
	}
	return err == -ENAMETOOLONG ? err : -ENOENT;
}
