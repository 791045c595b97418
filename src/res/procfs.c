// SPDX-License-Identifier: GPL-2.0-only
/*
 * procfs.c - kind "procfs": a file of proc, also of a task that is gone.
 *
 * A proc of a namespace of the tree shows the same numbers again, so the path is the same. In the
 * proc of our own, tasks may have other numbers: these are put in the path.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "log.h"
#include "path.h"
#include "rec_file.h"
#include "rec_ref.h"
#include "res/file.h"
#include "res/procfs.h"
#include "res.h"
#include "restore.h"

#define R struct rec_procfs
#define OPEN_FLAGS (O_ACCMODE | O_APPEND | O_NONBLOCK | O_PATH | O_DIRECTORY | O_NOFOLLOW | O_LARGEFILE)

static const struct field fields[] = {
	FIELD_OWNER(R, file, REC_FILE),
	FIELD_REF(R, pidns, 0),
	FIELD_REF(R, pid, REC_PID),
	FIELD(R, gone, MUST_MATCH, AS_DEC),
	FIELD(R, opener, MAY_DIFFER, AS_DEC),
	FIELD(R, depth, MUST_MATCH, AS_DEC),
	FIELD(R, top, MAY_DIFFER, AS_TEXT), /* the number of who takes the place of somebody gone */
};

/* The number of the task whose directory it lies in, 0 for none: "sys", "meminfo". */
static int number_of(const struct rec_procfs *p)
{
	char *end;
	long nr = strtol(p->top, &end, 10);

	return p->top[0] >= '1' && p->top[0] <= '9' && !*end && nr < 1 << 22 ? nr : 0;
}

/*
 * The way to it: where the name below the top of its proc begins in the path, and ends. Fails where that
 * is not the name: it was opened through a mount of a part of proc, or its path is cut.
 */
static bool find_top(const struct rec_procfs *p, const char *path, const char **top, const char **rest)
{
	const char *at = path + strlen(path);
	size_t len = strlen(p->top);

	if (path_deleted(path, NULL))
		at -= strlen(DELETED);
	for (__u32 i = 0; i < p->depth && at > path; i++)
		do
			at--;
		while (at > path && *at != '/');
	*top = at + 1;
	*rest = *top + len;
	return *at == '/' && !strncmp(*top, p->top, len) && (!**rest || **rest == '/' || **rest == ' ');
}

/* The pid that a proc shows with that number. */
static const struct rec_pid *shown_as(const struct snap *s, __u64 pidns, int nr)
{
	const struct rec_pidns *ns = snap_find(s, REC_PIDNS, pidns);

	snap_for_each(s, REC_TASK, const struct rec_task, t) {
		const struct rec_pid *pid = snap_find(s, REC_PID, t->pid);

		if (ns && pid && pid_nr(pid, ns->level) == nr && pidns_within(s, pid->ns, pidns))
			return pid;
	}
	return NULL;
}

/* The pid whose directory it lies in; NULL: none, or one that is not of the tree. */
static const struct rec_pid *told_of(const struct snap *s, const struct rec_procfs *p)
{
	return !number_of(p) ? NULL : p->pid ? snap_find(s, REC_PID, p->pid) :
		shown_as(s, p->pidns, number_of(p));
}

static const char *refusal(const struct snap *s, const struct rec_procfs *p, const struct rec_file *f,
			   char *buf, size_t len)
{
	const struct rec_pidns *ns = snap_find(s, REC_PIDNS, p->pidns);
	const char *top, *rest;
	size_t nr = 1;

	if (!f->path_len || ((p->depth || p->gone || p->top[0]) && !find_top(p, f->path, &top, &rest)))
		return "it was opened through a mount of a part of proc, which is not supported";
	if (p->pid)
		snap_referring(s, REC_TASK, struct rec_task, pid, p->pid, &nr);
	if (!nr || (!p->gone && number_of(p) && !told_of(s, p))) {
		snprintf(buf, len, "it tells of pid %s, which is not of the tree; checkpoint both, or close it",
			 p->top);
		return buf;
	}
	if (!ns || (ns->level && !shown_as(s, p->pidns, 1)))
		return "it is of a proc whose pid namespace is neither this command's nor one of the tree";
	if (p->opener && (f->flags & O_ACCMODE) != O_RDONLY && !(f->flags & O_PATH)) {
		snprintf(buf, len, "it was opened for writing by uid %u, and would be by root; close it", p->opener);
		return buf;
	}
	return NULL;
}

static int check(struct check *c, const void *rec)
{
	const struct rec_procfs *p = rec;
	const struct rec_file *f = snap_find(c->snap, REC_FILE, p->file);
	char buf[160];
	const char *why = refusal(c->snap, p, f, buf, sizeof(buf));

	if (why)
		check_refuse(c, 0, "procfs", "%s: %s", f->path_len ? f->path : f->name, why);
	return 0;
}

static int read_procfs(const struct image *img, const void *rec)
{
	const struct rec_procfs *p = rec;
	const struct rec_file *f = snap_find(&img->snap, REC_FILE, p->file);
	char buf[160];

	if (strnlen(p->top, sizeof(p->top)) == sizeof(p->top) || p->gone > 1 ||
	    !path_ok(f->path, f->h.len - sizeof(*f), f->path_len) || refusal(&img->snap, p, f, buf, sizeof(buf)))
		return fail(-ERR_IMAGE, "image: file %llu of proc is impossible", p->file);
	return 0;
}

static pid_t tid_of(struct restore *r, __u64 pid)
{
	size_t nr;
	void **task = snap_referring(&r->image.snap, REC_TASK, struct rec_task, pid, pid, &nr);

	return nr ? restore_unit(r, rec_key(task[0]))->tid : 0;
}

static pid_t leader_of(struct restore *r, __u64 pid)
{
	size_t nr;
	void **task = snap_referring(&r->image.snap, REC_TASK, struct rec_task, pid, pid, &nr);

	return nr ? restore_unit(r, ((const struct rec_task *)task[0])->signal)->tid : 0;
}

/* Our proc's numbers: of a process, and below "task" of a thread. */
static void renumber(struct restore *r, const struct rec_procfs *p, const struct rec_pid *pid,
		     const char *path, char *out, size_t len)
{
	const char *top, *rest;
	char *end;

	find_top(p, path, &top, &rest);
	if (strncmp(rest, "/task/", 6)) {
		snprintf(out, len, "%.*s%d%s", (int)(top - path), path, tid_of(r, pid->addr), rest);
		return;
	}
	pid = shown_as(&r->image.snap, p->pidns, strtol(rest + 6, &end, 10)) ?: pid;
	snprintf(out, len, "%.*s%d/task/%d%s", (int)(top - path), path, leader_of(r, pid->addr),
		 tid_of(r, pid->addr), end);
}

static int open_path(struct restore *r, const struct rec_file *f, const char *path)
{
	int fd _close_ = open(path, (f->flags & OPEN_FLAGS) | O_CLOEXEC | O_NOCTTY);
	char differs[200];

	if (fd < 0)
		return fail(-errno, "open %s", path);
	if (!path_same(fd, &f->id, false, differs, sizeof(differs)))
		return fail(-ESTALE, "%s is not what it was: %s", path, differs);
	return restore_keep(r, f->addr, take_fd(&fd), -1);
}

static int seek(struct restore *r, const struct rec_file *f)
{
	int fd, err = restore_kept(r, f->addr, &fd, NULL);

	return err ? fail(-ERR_IMAGE, "image: %s was not opened", f->path) : file_seek(fd, f);
}

int procfs_seek_all(struct restore *r)
{
	int err = 0;

	snap_for_each(&r->image.snap, REC_PROCFS, const struct rec_procfs, p) {
		if (!p->gone && !err)
			err = seek(r, snap_find(&r->image.snap, REC_FILE, p->file));
	}
	return err;
}

/* Somebody has the directory, and is gone when it has been opened. */
static int open_gone(struct restore *r, const struct rec_procfs *p, const struct rec_file *f)
{
	const struct rec_pidns *ns = snap_find(&r->image.snap, REC_PIDNS, p->pidns);
	const struct unit *member = ns->level ? restore_in_pidns(r, p->pidns) : NULL;
	char path[REC_PATH_MAX + 32];
	const char *top, *rest;
	struct passer who;
	int err = restore_passer(r, &who, member, number_of(p));

	if (!err) {
		find_top(p, f->path, &top, &rest);
		if (strncmp(rest, "/task/", 6))
			snprintf(path, sizeof(path), "%.*s%d%s", (int)(top - f->path), f->path, who.own, rest);
		else
			snprintf(path, sizeof(path), "%.*s%d/task/%d%s", (int)(top - f->path), f->path, who.own,
				 who.own, strchrnul(rest + 6, '/'));
		if (path_deleted(path, NULL))
			path[strlen(path) - strlen(DELETED)] = 0;
		err = open_path(r, f, path) ?: seek(r, f);
	}
	restore_passer_end(&who, 0);
	return err;
}

static int late(struct restore *r, const void *rec)
{
	const struct rec_procfs *p = rec;
	const struct rec_file *f = snap_find(&r->image.snap, REC_FILE, p->file);
	const struct rec_pidns *ns = snap_find(&r->image.snap, REC_PIDNS, p->pidns);
	const struct rec_pid *pid = ns->level ? NULL : told_of(&r->image.snap, p);
	char path[REC_PATH_MAX + 32];
	int err = restore_go_to(r, restore_mounts_of_file(r, f->addr));

	if (err)
		return err;
	if (p->gone)
		return open_gone(r, p, f);
	snprintf(path, sizeof(path), "%s", f->path);
	if (pid)
		renumber(r, p, pid, f->path, path, sizeof(path));
	return open_path(r, f, path);
}

const struct res_type res_procfs = {
	.name = "procfs", .tag = REC_PROCFS, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.check = check, .read = read_procfs, .late = late,
};
