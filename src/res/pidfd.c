// SPDX-License-Identifier: GPL-2.0-only
/*
 * pidfd.c - kind "pidfd": a process or thread as a descriptor, also of one that is gone. Who is gone is
 * brought back as somebody who has ended just now, as it did.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "check.h"
#include "dump.h"
#include "log.h"
#include "reach.h"
#include "rec_file.h"
#include "rec_ref.h"
#include "res.h"
#include "restore.h"

#define R struct rec_pidfd
#define PID_FS_MAGIC 0x50494446
#define PIDFD_FLAGS (O_NONBLOCK | O_EXCL) /* PIDFD_NONBLOCK, PIDFD_THREAD */

static const struct field fields[] = {
	FIELD_OWNER(R, file, REC_FILE),
	FIELD_REF(R, pid, REC_PID),
	FIELD_REF(R, pidns, 0),
	FIELD(R, exit_code, MUST_MATCH, AS_SIGNED),
};

/* linux/pidfd.h of 6.15: what of this is asked for and told */
struct info {
	__u64 mask, cgroup;
	__u32 ids[11];
	__s32 exit_code;
};
#define INFO_EXIT (1ull << 3)
#define GET_INFO _IOWR(0xff, 11, struct info)

static int check(struct check *c, const void *rec)
{
	const struct rec_pidfd *p = rec;
	const struct rec_pid *pid = p->pid ? snap_find(c->snap, REC_PID, p->pid) : NULL;
	size_t nr = 0;

	if (pid)
		snap_referring(c->snap, REC_TASK, struct rec_task, pid, p->pid, &nr);
	if (p->pid && !nr)
		check_refuse(c, 0, "pidfd", "a pidfd is for pid %d, which is not of the tree; checkpoint both, or "
			     "close it", pid ? pid->numbers[0] : 0);
	return 0;
}

/* Somebody who could be asked for it: us, in the outermost one. */
static bool has_member(const struct snap *s, __u64 pidns)
{
	const struct rec_pidns *ns = snap_find(s, REC_PIDNS, pidns);

	return (ns && !ns->level) || pidns_member(s, pidns);
}

/* The kernel remembers how it ended, since 6.15. */
static int collect(struct dump *d, void *rec)
{
	struct rec_pidfd *p = rec;
	struct info info = { .mask = INFO_EXIT };
	int fd _close_ = p->pid ? -1 : reach_file(&d->snap, &d->users, p->file);

	if (fd >= 0 && !ioctl(fd, GET_INFO, &info) && info.mask & INFO_EXIT)
		p->exit_code = info.exit_code;
	while (p->pidns && !has_member(&d->snap, p->pidns)) {
		const struct rec_pidns *ns = snap_find(&d->snap, REC_PIDNS, p->pidns);

		p->pidns = ns ? ns->parent : d->tree.root_ns->addr;
	}
	return 0;
}

static int read_pidfd(const struct image *img, const void *rec)
{
	const struct rec_pidfd *p = rec;
	size_t nr = 1;

	if (p->pid)
		snap_referring(&img->snap, REC_TASK, struct rec_task, pid, p->pid, &nr);
	if (!nr || (!p->pid && !has_member(&img->snap, p->pidns)) || p->exit_code < 0 || p->exit_code > 0xffff)
		return fail(-ERR_IMAGE, "image: pidfd of file %llu is impossible", p->file);
	return 0;
}

/* One that is gone has one inode for all who hold it, so it must be one again. */
static int open_gone(struct restore *r, const struct rec_pidfd *p, const struct rec_file *f)
{
	size_t nr;
	void **file = snap_referring(&r->image.snap, REC_FILE, struct rec_file, inode, f->inode, &nr);
	struct passer who;
	int err = restore_passer(r, &who, restore_in_pidns(r, p->pidns), 0);

	for (size_t i = 0; i < nr && !err; i++) {
		const struct rec_file *g = file[i];
		const struct rec_pidfd *same = snap_find(&r->image.snap, REC_PIDFD, g->addr);
		int fd;

		/* before pidfs there is one inode for all pidfds */
		if (!same || same->pid || (g != f && f->id.magic != PID_FS_MAGIC))
			continue;
		fd = syscall(SYS_pidfd_open, who.pid, g->flags & PIDFD_FLAGS);
		err = fd < 0 ? fail(-errno, "open a pidfd") : restore_keep(r, g->addr, fd, -1);
	}
	restore_passer_end(&who, p->exit_code);
	return err;
}

static int late(struct restore *r, const void *rec)
{
	const struct rec_pidfd *p = rec;
	const struct rec_file *f = snap_find(&r->image.snap, REC_FILE, p->file);
	size_t nr;
	void **task;
	int fd;

	if (!restore_kept(r, p->file, &fd, NULL))
		return 0;
	if (!p->pid)
		return open_gone(r, p, f);
	task = snap_referring(&r->image.snap, REC_TASK, struct rec_task, pid, p->pid, &nr);
	fd = syscall(SYS_pidfd_open, restore_unit(r, rec_key(task[0]))->tid, f->flags & PIDFD_FLAGS);
	return fd < 0 ? fail(-errno, "open a pidfd") : restore_keep(r, p->file, fd, -1);
}

const struct res_type res_pidfd = {
	.name = "pidfd", .tag = REC_PIDFD, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.check = check, .collect = collect, .read = read_pidfd, .late = late,
};
