// SPDX-License-Identifier: GPL-2.0-only
/* mark_path.c - the way to what inotify and fanotify watch, at a dump and at a restore. */
#include "mark_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "log.h"
#include "path.h"
#include "reach.h"
#include "rec_file.h"
#include "res/file.h"
#include "restore.h"

struct mark_info {
	__u64 dev, number;
	struct inode_hint hint;
};

static int by_number(const void *a, const void *b)
{
	const struct mark_info *x = a, *y = b;

	return x->dev != y->dev ? (x->dev > y->dev) - (x->dev < y->dev) :
				  (x->number > y->number) - (x->number < y->number);
}

/* "... fhandle-bytes:8 fhandle-type:1 f_handle:7e9e0000640d1b6c" */
static void parse_handle(struct inode_hint *hint, const char *line)
{
	const char *at = strstr(line, "fhandle-bytes:");
	unsigned int byte;

	if (!at || sscanf(at, "fhandle-bytes:%x fhandle-type:%x", &hint->handle_len, &hint->handle_type) != 2 ||
	    hint->handle_len > sizeof(hint->handle) || !(at = strstr(at, "f_handle:"))) {
		hint->handle_len = 0;
		return;
	}
	at += strlen("f_handle:");
	for (unsigned int i = 0; i < hint->handle_len; i++, at += 2)
		if (sscanf(at, "%2x", &byte) == 1)
			hint->handle[i] = byte;
}

/* "inotify wd:3 ino:9e7e sdev:800013 mask:...", "fanotify ino:9e7e sdev:800013 mflags:..." */
static bool parse_info(struct mark_info *i, const char *line)
{
	*i = (struct mark_info){};
	if (sscanf(line, "inotify wd:%llx", &i->number) != 1 &&
	    sscanf(line, "fanotify ino:%llx sdev:%llx", &i->number, &i->dev) != 2)
		return false;
	parse_handle(&i->hint, line);
	return true;
}

static int read_info(struct mark_finder *f, const struct snap *s, const struct users *u, __u64 file)
{
	const struct rec_task *t;
	const struct rec_pid *pid;
	FILE *in _fclose_ = NULL;
	char path[64], *line _free_ = NULL;
	struct mark_info i, *v;
	unsigned int fd;
	size_t room = 0;

	pid = reach_find(s, u, file, &t, &fd) ? snap_find(s, REC_PID, t->tgid) : NULL;
	if (!pid)
		return -ENOENT;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%u", pid->numbers[0], fd);
	in = fopen(path, "re");
	if (!in)
		return -errno;
	while (getline(&line, &room, in) > 0) {
		if (!parse_info(&i, line))
			continue;
		if (!(f->nr & (f->nr - 1))) {
			v = realloc(f->info, (f->nr ? f->nr * 2 : 1) * sizeof(*v));
			if (!v)
				return -ENOMEM;
			f->info = v;
		}
		f->info[f->nr++] = i;
	}
	if (f->nr)
		qsort(f->info, f->nr, sizeof(*f->info), by_number);
	return 0;
}

int mark_finder_open(struct mark_finder *f, const struct snap *s, const struct users *u, __u64 file)
{
	int err;

	*f = (struct mark_finder){};
	err = mount_points_read(&f->mounts, 0);
	return err ? err : read_info(f, s, u, file);
}

void mark_finder_close(struct mark_finder *f)
{
	mount_points_free(&f->mounts);
	free(f->info);
}

/* None when two inodes have one number: subvolumes of btrfs. */
static const struct mark_info *find_info(const struct mark_finder *f, const struct marked *m)
{
	struct mark_info key = { .dev = m->dev, .number = m->number };
	const struct mark_info *i = bsearch(&key, f->info, f->nr, sizeof(key), by_number);

	if (!i || (i > f->info && !by_number(i - 1, i)) || (i + 1 < f->info + f->nr && !by_number(i, i + 1)))
		return NULL;
	return i;
}

/* The names that the walk has seen, from the outermost on. */
static const char *inside(const struct rec_names *names, char *buf, size_t len)
{
	size_t at = 0;

	if (names->cut || names->depth > MARK_DEPTH)
		return NULL;
	buf[0] = 0;
	for (__u32 i = names->depth; i-- > 0 && at < len;)
		at += snprintf(buf + at, len - at, "/%.*s", MARK_NAME, names->name[i]);
	return at < len ? buf : NULL;
}

/* Has the tree a file without a name that is this inode? */
static bool is_ghost(const struct snap *s, __u64 inode)
{
	size_t nr;
	void **file = snap_referring(s, REC_FILE, struct rec_file, inode, inode, &nr);

	return nr && file_class(s, file[0]) == FILE_NAMELESS;
}

int mark_find_path(const struct mark_finder *f, const struct snap *s, const struct marked *m, char *path, size_t len)
{
	const struct mark_info *i = find_info(f, m);
	struct inode_hint hint = i ? i->hint : (struct inode_hint){};
	char names[MARK_DEPTH * (MARK_NAME + 1) + 1];

	path[0] = 0;
	if (!m->id->nlink)
		return is_ghost(s, m->inode) ? 0 : -ENOENT;
	hint.inside = inside(m->names, names, sizeof(names));
	return inode_path(&f->mounts, m->id, &hint, path, len);
}

void mark_check(struct check *c, const struct mark_finder *f, const struct marked *m, const struct mark_owner *o)
{
	char path[REC_PATH_MAX];
	int err = mark_find_path(f, c->snap, m, path, sizeof(path));

	if (err == -ENAMETOOLONG)
		check_refuse(c, o->user, o->kind, "%s: its path is longer than this program can carry", o->what);
	else if (err)
		check_refuse(c, o->user, o->kind, "%s is on inode %llu of device %llu:%llu (%.*s), which %s; %s", o->what,
			     m->id->ino, m->id->dev >> 20, m->id->dev & 0xfffff, MARK_NAME,
			     m->names->depth ? m->names->name[0] : "?",
			     m->id->nlink ? "no path leads to" : "was deleted, and nobody of the tree has open", o->remedy);
	else if (path[0] && path_refusal(path, m->id))
		check_refuse(c, o->user, o->kind, "%s on %s: %s", o->what, path, path_refusal(path, m->id));
}

bool mark_place_ok(const struct snap *s, const char *path, size_t room, size_t len, __u64 inode)
{
	return len ? path_ok(path, room, len) : snap_find(s, REC_GHOST, inode) != NULL;
}

int mark_open(struct restore *r, struct mark_place *p, __u64 file, const char *path, __u64 inode,
	      const struct rec_inode *id, const char *kind)
{
	__u64 mounts = restore_mounts_of_file(r, file);
	int err = restore_go_to(r, mounts), ghost;
	char differs[200];

	p->fd = -1;
	if (err)
		return err;
	if (!path && restore_kept(r, inode, &ghost, NULL))
		return fail(-ERR_IMAGE, "image: %s watches nothing", kind);
	p->fd = path ? open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC) : fcntl(ghost, F_DUPFD_CLOEXEC, 0);
	if (p->fd < 0)
		return fail(-errno, "watch %s (%s)", path ?: "a file without a name", kind);
	/* a link that is watched itself cannot be reached through /proc; O_PATH descriptors of others can */
	p->is_link = S_ISLNK(id->mode);
	err = restore_go_to(r, p->is_link ? mounts : 0);
	if (err)
		return err;
	if (!path_same(p->fd, id, false, differs, sizeof(differs)))
		return fail(-ESTALE, "%s, which is watched by %s, is not what it was: %s", path, kind, differs);
	snprintf(p->buf, sizeof(p->buf), "/proc/self/fd/%d", p->fd);
	p->name = p->is_link ? path : p->buf;
	return 0;
}
