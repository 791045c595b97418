// SPDX-License-Identifier: GPL-2.0-only
/* nsfd.c - kind "nsfd": a file that stands for a namespace (/proc/PID/ns, or bound to a path). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "log.h"
#include "rec_file.h"
#include "rec_ref.h"
#include "rec_state.h"
#include "res.h"
#include "restore.h"

#define R struct rec_nsfd
#define OPEN_FLAGS (O_ACCMODE | O_NONBLOCK | O_PATH)

static const struct field fields[] = {
	FIELD_OWNER(R, file, REC_FILE),
	FIELD_REF(R, pidns, 0),
	FIELD_REF(R, mntns, 0),
	FIELD(R, inum, MAY_DIFFER, AS_DEC),
};

static const char *const types[] = { "cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts" };

/* The type in "net:[4026531833]", or NULL. */
static const char *type_of(const struct rec_file *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		size_t len = strlen(types[i]);

		if (f->path_len > len && !strncmp(f->path, types[i], len) && f->path[len] == ':')
			return types[i];
	}
	return NULL;
}

/* Bound to a path, as `ip netns` does it: whoever opens that has it. */
static bool has_path(const struct rec_file *f)
{
	return f->path_len > 1 && f->path[0] == '/';
}

static bool is_own(const struct rec_task *own, __u32 inum)
{
	return inum == own->ns_uts || inum == own->ns_ipc || inum == own->ns_net || inum == own->ns_cgroup ||
	       inum == own->ns_time || inum == own->ns_user;
}

/* Who lives in a pid namespace can be asked for it; so can we for our own. */
static bool has_member(const struct snap *s, __u64 pidns)
{
	const struct rec_pidns *ns = snap_find(s, REC_PIDNS, pidns);

	return (ns && !ns->level) || pidns_member(s, pidns);
}

static int check(struct check *c, const void *rec)
{
	const struct rec_nsfd *n = rec;
	const struct rec_file *f = snap_find(c->snap, REC_FILE, n->file);

	if (has_path(f))
		return 0;
	if (n->pidns ? has_member(c->snap, n->pidns) :
	    n->mntns ? !!snap_find(c->snap, REC_MNTNS, n->mntns) : is_own(c->own, n->inum))
		return 0;
	check_refuse(c, 0, "nsfd", "%s: nobody of the tree lives in that namespace, and it is not this command's, "
		     "so that it cannot be had again; close it", f->path_len ? f->path : "a namespace");
	return 0;
}

static int read_nsfd(const struct image *img, const void *rec)
{
	const struct rec_nsfd *n = rec;
	const struct rec_file *f = snap_find(&img->snap, REC_FILE, n->file);

	if (has_path(f))
		return 0;
	if (!type_of(f) || (n->pidns && !has_member(&img->snap, n->pidns)) ||
	    (n->mntns && !snap_find(&img->snap, REC_MNTNS, n->mntns)))
		return fail(-ERR_IMAGE, "image: namespace file %llu is impossible", n->file);
	return 0;
}

static int open_bound(struct restore *r, const struct rec_nsfd *n, const struct rec_file *f)
{
	int err = restore_go_to(r, restore_mounts_of_file(r, f->addr));
	int fd _close_ = err ? -1 : open(f->path, (f->flags & OPEN_FLAGS) | O_CLOEXEC);
	struct stat st;

	if (err)
		return err;
	if (fd < 0 || fstat(fd, &st))
		return fail(-errno, "open %s", f->path);
	if (st.st_ino != n->inum)
		return fail(-ESTALE, "%s is not what it was: namespace %lu instead of %u", f->path, st.st_ino,
			    n->inum);
	return take_fd(&fd);
}

/* Somebody here who lives in it; 0: ourselves. */
static pid_t member_of(struct restore *r, const struct rec_nsfd *n)
{
	const struct rec_mntns *mnt = n->mntns ? snap_find(&r->image.snap, REC_MNTNS, n->mntns) : NULL;
	const struct unit *u = n->pidns ? restore_in_pidns(r, n->pidns) : NULL;

	for (unsigned int i = 0; mnt && !(mnt->flags & MNTNS_F_OWN) && i < r->nr_procs && !u; i++)
		if (r->units[i].body && r->units[i].body->mntns == n->mntns)
			u = &r->units[i];
	return u ? restore_unit(r, u->body->addr)->tid : 0;
}

static int late(struct restore *r, const void *rec)
{
	const struct rec_nsfd *n = rec;
	const struct rec_file *f = snap_find(&r->image.snap, REC_FILE, n->file);
	pid_t pid = member_of(r, n);
	char path[64];
	int fd;

	if (has_path(f)) {
		fd = open_bound(r, n, f);
		return fd < 0 ? fd : restore_keep(r, n->file, fd, -1);
	}
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid ?: getpid(), type_of(f));
	fd = restore_go_home(r) ?: open(path, (f->flags & OPEN_FLAGS) | O_CLOEXEC);
	return fd < 0 ? fail(-errno, "open %s", path) : restore_keep(r, n->file, fd, -1);
}

const struct res_type res_nsfd = {
	.name = "nsfd", .tag = REC_NSFD, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.check = check, .read = read_nsfd, .late = late,
};
