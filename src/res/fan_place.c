// SPDX-License-Identifier: GPL-2.0-only
/* fan_place.c - the way to what fanotify has marked: inodes, mounts, file systems. */
#include "fan_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "cleanup.h"
#include "path.h"
#include "reach.h"
#include "rec_file.h"
#include "rec_task.h"

/* From its own root its mounts would be named in another way than a restore looks for them. */
static bool sees_all(const struct snap *s, const struct rec_task *t)
{
	const struct rec_fs *fs = snap_find(s, REC_FS, t->fs);

	return fs && fs->root_len && !strcmp(fs->paths + ALIGN_UP(fs->cwd_len, REC_ALIGN), "/");
}

/* What its reader sees, if that is not what we see. */
static int read_mounts(struct fan_finder *f, const struct snap *s, const struct users *u,
		       const struct rec_task *own, __u64 file)
{
	const struct rec_task *t;
	const struct rec_pid *pid;
	unsigned int fd;

	if (!reach_find(s, u, file, &t, &fd))
		return -ENOENT;
	if (t->mntns == own->mntns)
		return mount_points_read(&f->mounts, 0);
	pid = snap_find(s, REC_PID, t->tgid);
	if (!pid || !sees_all(s, t))
		return 0; /* none: marks of mounts are refused */
	snprintf(f->root, sizeof(f->root), "/proc/%d/root", pid->numbers[0]);
	return mount_points_read(&f->mounts, pid->numbers[0]);
}

int fan_finder_open(struct fan_finder *f, const struct snap *s, const struct users *u, const struct rec_task *own,
		    __u64 file)
{
	int err;

	*f = (struct fan_finder){};
	err = mark_finder_open(&f->inodes, s, u, file);
	return err ? err : read_mounts(f, s, u, own, file);
}

void fan_finder_close(struct fan_finder *f)
{
	mark_finder_close(&f->inodes);
	mount_points_free(&f->mounts);
}

/* Nothing is mounted over it. */
static bool is_seen(const struct fan_finder *f, const struct mount_point *p)
{
	char path[REC_PATH_MAX + sizeof(f->root)];
	struct statx st;

	return snprintf(path, sizeof(path), "%s%s", f->root, p->point) < (int)sizeof(path) &&
	       !statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &st) && st.stx_mask & STATX_MNT_ID &&
	       st.stx_mnt_id == p->id;
}

/* That very mount, or any of its file system. */
static int find_mount(const struct fan_finder *f, const struct rec_fan_seen *m, char *path, size_t len)
{
	for (size_t i = 0; i < f->mounts.nr; i++) {
		const struct mount_point *p = &f->mounts.v[i];

		if (m->type == FAN_ON_MOUNT ? p->id != m->mount : p->dev != m->id.dev)
			continue;
		if (is_seen(f, p))
			return snprintf(path, len, "%s", p->point) < (int)len ? 0 : -ENAMETOOLONG;
	}
	return -ENOENT;
}

static struct marked marked(const struct rec_fan_seen *m)
{
	return (struct marked){ .dev = m->id.dev, .number = m->id.ino, .inode = m->inode, .id = &m->id,
				.names = &m->names };
}

int fan_place_find(const struct fan_finder *f, const struct snap *s, const struct rec_fan_seen *m, char *path,
		   size_t len)
{
	struct marked on = marked(m);

	path[0] = 0;
	return m->type == FAN_ON_INODE ? mark_find_path(&f->inodes, s, &on, path, len) : find_mount(f, m, path, len);
}

void fan_place_check(struct check *c, const struct fan_finder *f, const struct rec_fan_seen *m,
		     const struct mark_owner *o)
{
	struct marked on = marked(m);
	char path[REC_PATH_MAX];

	if (m->type == FAN_ON_INODE)
		mark_check(c, &f->inodes, &on, o);
	else if (find_mount(f, m, path, sizeof(path)))
		check_refuse(c, o->user, o->kind, "%s is on a %s of device %llu:%llu, which is not seen where the group "
			     "is open, or something is mounted over it; %s", o->what,
			     m->type == FAN_ON_MOUNT ? "mount" : "file system", m->id.dev >> 20, m->id.dev & 0xfffff,
			     o->remedy);
	else if (path_refusal(path, &m->id))
		check_refuse(c, o->user, o->kind, "%s on %s: %s", o->what, path, path_refusal(path, &m->id));
}
