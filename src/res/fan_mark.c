// SPDX-License-Identifier: GPL-2.0-only
/* fan_mark.c - kind "fan_mark": a mark of a fanotify group, made again on the same inode, mount or file system. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "fanotify.h"
#include "log.h"
#include "mark_path.h"
#include "rec_file.h"
#include "res.h"
#include "restore.h"

#define M struct rec_fan_mark

static const struct field fields[] = {
	FIELD_OWNER(M, file, REC_FILE),
	FIELD_REF(M, inode, 0),
	FIELD(M, index, IS_KEY, AS_DEC),
	FIELD(M, type, MUST_MATCH, AS_HEX),
	FIELD(M, flags, MUST_MATCH, AS_HEX),
	FIELD(M, mask, MUST_MATCH, AS_HEX),
	FIELD(M, ignored, MUST_MATCH, AS_HEX),
	FIELD(M, path_len, MUST_MATCH, AS_DEC),
	FIELD_INODE(M, id),
};

static int read_mark(const struct image *img, const void *rec)
{
	const M *m = rec;
	const struct rec_fanotify *n = snap_find(&img->snap, REC_FANOTIFY, m->file);
	bool on_inode = m->type == FAN_ON_INODE;

	if (!n || m->index >= n->marks || (!on_inode && m->type != FAN_ON_MOUNT && m->type != FAN_ON_FS) ||
	    (!on_inode && !m->path_len) || m->flags & ~FAN_SAVED_FLAGS || !(m->mask | m->ignored) ||
	    m->mask & ~FAN_SAVED_MASK || m->ignored & ~(FAN_SAVED_MASK | FAN_PERM_MASK) ||
	    !mark_place_ok(&img->snap, m->path, m->h.len - sizeof(*m), m->path_len, m->inode))
		return fail(-ERR_IMAGE, "image: mark %u of fanotify group %llu is impossible", m->index, m->file);
	return 0;
}

/* Does it lead to the top of a mount, and that to such a file system? */
static int check_top(const M *m, int fd)
{
	struct statx st;
	struct statfs fs;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &st) || fstatfs(fd, &fs))
		return fail(-errno, "examine %s", m->path);
	if (!(st.stx_attributes & STATX_ATTR_MOUNT_ROOT) || (__u32)fs.f_type != (__u32)m->id.magic)
		return fail(-ESTALE, "%s, which is marked by fanotify, is not where a file system of type %#llx is mounted",
			    m->path, m->id.magic);
	return 0;
}

static int change(const M *m, int fd, const struct mark_place *on, unsigned int flags, __u32 mask)
{
	flags |= m->type | (m->flags & FAN_MARK_EVICTABLE) | (on->is_link ? FAN_MARK_DONT_FOLLOW : 0);
	if (fanotify_mark(fd, flags, mask, AT_FDCWD, on->name))
		return fail(-errno, "mark %s (fanotify, flags %#x, events %#x)", m->path_len ? m->path : "a file without a name",
			    flags, mask);
	return 0;
}

/* The events that it ignores; ways of ignoring stay when there are none any more. */
static int ignore(const M *m, int fd, const struct mark_place *on)
{
	unsigned int how = m->flags & (FAN_MARK_IGNORED_SURV_MODIFY | FAN_MARK_IGNORE);
	int err;

	if (!how && !m->ignored)
		return 0;
	how |= how & FAN_MARK_IGNORE ? 0 : FAN_MARK_IGNORED_MASK;
	err = change(m, fd, on, FAN_MARK_ADD | how, m->ignored ?: FAN_OPEN);
	return err || m->ignored ? err : change(m, fd, on, FAN_MARK_REMOVE | how, FAN_OPEN);
}

/* Without a word the kernel makes no mark that ignores what is open for writing: fanotify_add_mark(). */
static int check_ignored(const M *m, int fd)
{
	unsigned int nr = 0, ignored;
	char path[48], *line _free_ = NULL;
	const char *at;
	size_t room = 0;
	FILE *in _fclose_ = NULL;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	in = fopen(path, "re");
	/* the latest mark is the first */
	while (in && !nr && getline(&line, &room, in) > 0)
		if ((at = strstr(line, "ignored_mask:")) && sscanf(at, "ignored_mask:%x", &ignored) == 1)
			nr = ignored == m->ignored ? 1 : 2;
	return nr == 1 ? 0 : fail(-ETXTBSY, "%s is open for writing: the kernel will not have its events ignored (fanotify)",
				  m->path_len ? m->path : "a file without a name");
}

int fan_mark_make(struct restore *r, const M *m, int fd)
{
	struct mark_place on;
	int err = mark_open(r, &on, m->file, m->path_len ? m->path : NULL, m->inode, &m->id, "fanotify");
	int there _close_ = on.fd;

	if (!err && m->type != FAN_ON_INODE)
		err = check_top(m, there);
	if (!err && m->mask)
		err = change(m, fd, &on, FAN_MARK_ADD, m->mask);
	if (!err)
		err = ignore(m, fd, &on);
	if (!err && m->ignored && !(m->flags & FAN_MARK_IGNORED_SURV_MODIFY))
		err = check_ignored(m, fd);
	return err ? err : restore_go_to(r, 0);
}

const struct res_type res_fan_mark = {
	.name = "fan_mark", .tag = REC_FAN_MARK, .size = sizeof(M), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_TEXT, .read = read_mark,
};
