// SPDX-License-Identifier: GPL-2.0-only
/* fs.c - kind "fs": working directory, root directory, umask. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "check.h"
#include "dump.h"
#include "gone_dir.h"
#include "log.h"
#include "path.h"
#include "place.h"
#include "rec_file.h"
#include "refused.h"
#include "res.h"
#include "restore.h"

#define R struct rec_fs

static const struct field fields[] = {
	FIELD_ID(R),
	FIELD(R, umask, MUST_MATCH, AS_OCTAL),
	FIELD(R, cwd_len, MUST_MATCH, AS_DEC),
	FIELD(R, root_len, MUST_MATCH, AS_DEC),
	FIELD_INODE(R, cwd),
	FIELD_INODE(R, root),
};

static const char *cwd_path(const struct rec_fs *fs)
{
	return fs->paths;
}

static const char *root_path(const struct rec_fs *fs)
{
	return fs->paths + ALIGN_UP(fs->cwd_len, REC_ALIGN);
}

static bool is_gone(const char *path, const struct rec_inode *id)
{
	return path[0] == '/' && path_deleted(path, id) && !path_pseudo_fs(id->magic);
}

static int check(struct check *c, const void *rec)
{
	const struct rec_fs *fs = rec;
	const struct { const char *what, *path; __u16 len; const struct rec_inode *id; } dirs[] = {
		{ "working directory", cwd_path(fs), fs->cwd_len, &fs->cwd },
		{ "root directory", root_path(fs), fs->root_len, &fs->root },
	};

	check_outside(c, fs->addr, "fs", "working and root directory (CLONE_FS)");
	for (int i = 0; i < 2; i++) {
		const char *why = !dirs[i].len ? "its path is longer than this tool can carry" :
				  is_gone(dirs[i].path, dirs[i].id) ? refused_fs(dirs[i].id->magic) :
								      path_refusal(dirs[i].path, dirs[i].id);

		if (!why)
			why = place_refusal(c, fs->addr);
		if (why)
			check_refuse(c, fs->addr, "fs", "%s %s: %s", dirs[i].what,
				     dirs[i].len ? dirs[i].path : "?", why);
	}
	return 0;
}

/* name: "cwd" or "root" of /proc/PID */
static int note_gone(struct dump *d, const struct rec_fs *fs, const struct rec_inode *id, const char *name)
{
	const struct shared_by *u = users_find(&d->users, fs->addr);
	int fd _close_ = -1;
	char link[64];

	if (!u)
		return 0;
	snprintf(link, sizeof(link), "/proc/%d/%s", task_tid(&d->tree, u->task), name);
	fd = open(link, O_PATH | O_CLOEXEC);
	return fd < 0 ? fail(-errno, "open %s", link) : gone_dir_add(d, fs->addr, id, fd);
}

static int collect(struct dump *d, void *rec)
{
	const struct rec_fs *fs = rec;
	int err = 0;

	if (is_gone(cwd_path(fs), &fs->cwd))
		err = note_gone(d, fs, &fs->cwd, "cwd");
	if (!err && is_gone(root_path(fs), &fs->root))
		err = note_gone(d, fs, &fs->root, "root");
	return err;
}

static int read_fs(const struct image *img, const void *rec)
{
	const struct rec_fs *fs = rec;
	size_t room = fs->h.len - sizeof(*fs);

	if (!path_ok(cwd_path(fs), room, fs->cwd_len) ||
	    ALIGN_UP(fs->cwd_len, REC_ALIGN) + (size_t)fs->root_len > room ||
	    !path_ok(root_path(fs), room - ALIGN_UP(fs->cwd_len, REC_ALIGN), fs->root_len))
		return fail(-ERR_IMAGE, "image: fs %llu: its paths are malformed", fs->addr);
	return 0;
}

/* Both are opened here and inherited: the cheapest way to hand them to the task. */
static int open_both(struct restore *r, const struct rec_fs *fs, int *root, int *cwd)
{
	__u64 mntns = restore_mounts_of_fs(r, fs->addr);

	*root = restore_dir(r, mntns, root_path(fs), &fs->root);
	*cwd = *root < 0 ? *root : restore_dir(r, mntns, cwd_path(fs), &fs->cwd);
	return *cwd < 0 ? *cwd : 0;
}

static int restore_fs(struct restore *r, const void *rec)
{
	int root, cwd;

	return open_both(r, rec, &root, &cwd);
}

static int join(struct restore *r, const void *rec)
{
	const struct rec_fs *fs = rec;
	struct batch *b = restore_batch(r, fs->addr);
	int root, cwd, err = open_both(r, fs, &root, &cwd); /* they are open */

	if (err)
		return err;
	if (strcmp(root_path(fs), "/")) {
		batch_op(b, SYS_fchdir, root);
		batch_op(b, SYS_chroot, machine_dup(&r->machine, ".", 2));
	}
	batch_op(b, SYS_fchdir, cwd);
	batch_op(b, SYS_umask, fs->umask);
	return 0;
}

const struct res_type res_fs = {
	.name = "fs", .tag = REC_FS, .size = sizeof(R),
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_TEXT,
	.phase = PHASE_PROCESS, .check = check, .collect = collect, .read = read_fs, .restore = restore_fs, .join = join,
};
