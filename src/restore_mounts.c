// SPDX-License-Identifier: GPL-2.0-only
/* restore_mounts.c - in which mount namespace the coordinator opens what tasks had open. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "idmap.h"
#include "log.h"
#include "rec_file.h"
#include "rec_mem.h"
#include "rec_state.h"
#include "restore.h"

/* Our own namespace and directory; other threads of ours must not be led along (setns(2)). */
static int note_home(struct restore *r)
{
	if (r->home.mntns >= 0)
		return 0;
	r->home.mntns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	r->home.cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->home.mntns < 0 || r->home.cwd < 0 || unshare(CLONE_FS))
		return fail(-errno, "open our own mount namespace");
	return 0;
}

int restore_go_home(struct restore *r)
{
	int err = note_home(r);

	if (err || !r->mounts_now)
		return err;
	if (setns(r->home.mntns, CLONE_NEWNS) || fchdir(r->home.cwd))
		return fail(-errno, "return to our own mount namespace");
	r->mounts_now = 0;
	return 0;
}

int restore_go_to(struct restore *r, __u64 mntns)
{
	const struct rec_mntns *ns = snap_find(&r->image.snap, REC_MNTNS, mntns);
	__u64 there = ns && !(ns->flags & MNTNS_F_OWN) ? mntns : 0;
	int fd;

	if (there == r->mounts_now)
		return 0;
	/* a mere try makes no namespaces: ours has the same files */
	if (!there || restore_kept(r, there, &fd, NULL))
		return restore_go_home(r);
	if (setns(fd, CLONE_NEWNS))
		return fail(-errno, "enter a mount namespace");
	r->mounts_now = there;
	return 0;
}

static __u64 mounts_of(struct restore *r, __u64 object)
{
	const struct unit *u = restore_unit(r, object);

	return u && u->body ? u->body->mntns : 0;
}

/* Through whose mounts a description was opened is not recorded: through those of who has it. */
__u64 restore_mounts_of_file(struct restore *r, __u64 file)
{
	const struct snap *s = &r->image.snap;
	size_t nr;
	void **user = snap_referring(s, REC_FD, struct rec_fd, file, file, &nr);

	if (nr)
		return mounts_of(r, ((const struct rec_fd *)user[0])->files);
	user = snap_referring(s, REC_VMA, struct rec_vma, file, file, &nr);
	if (nr)
		return mounts_of(r, ((const struct rec_vma *)user[0])->mm);
	user = snap_referring(s, REC_MM, struct rec_mm, exe, file, &nr);
	return nr ? mounts_of(r, rec_key(user[0])) : 0;
}

__u64 restore_mounts_of_fs(struct restore *r, __u64 fs)
{
	return mounts_of(r, fs);
}

static __u64 own_or(const struct restore *r, __u64 mntns)
{
	const struct rec_mntns *ns = snap_find(&r->image.snap, REC_MNTNS, mntns);

	return ns && !(ns->flags & MNTNS_F_OWN) ? mntns : 0;
}

__u64 restore_birth_mounts(const struct restore *r, unsigned int task)
{
	const struct unit *u = &r->units[task];
	__u64 ns = u->body ? own_or(r, u->body->mntns) : 0;

	return ns && !userns_within(&r->image.snap, userns_of_mntns(&r->image.snap, ns), u->plan->userns) ? ns : 0;
}

/* Who has a directory in common with others cannot go with it to another namespace: mount_namespaces(7). */
static void note_sharing(struct restore *r, unsigned int i)
{
	const struct unit *u = &r->units[i];
	__u64 ns = u->body ? own_or(r, u->body->mntns) : 0;

	if (!ns || u->plan->unshare & CLONE_FS)
		return;
	while (r->plan.task[i].share & CLONE_FS)
		i = r->plan.task[i].creator;
	r->units[i].mounts = ns;
}

void restore_plan_mounts(struct restore *r)
{
	for (unsigned int i = 0; i < r->nr_procs; i++)
		if (r->plan.task[i].share & CLONE_FS)
			note_sharing(r, i);
	/* who has none of its own has its maker's; makers may come later in the plan */
	for (unsigned int i = 0; i < r->nr_procs; i++) {
		struct unit *u = &r->units[i];
		unsigned int by = i;

		if (u->plan->ushered)
			u->mounts = u->mounts ?: restore_birth_mounts(r, i);
		while (!r->units[by].mounts && by && r->plan.task[by].method != PLAN_FOREIGN &&
		       !r->plan.task[by].ushered)
			by = r->plan.task[by].creator;
		u->mounts = r->units[by].mounts;
	}
}

int restore_enter_mounts(struct restore *r, unsigned int task)
{
	const struct plan_task *t = &r->plan.task[task];
	struct unit *u = &r->units[task];
	bool made = t->method == PLAN_FORK || t->method == PLAN_SIBLING;
	__u64 birth = t->ushered ? restore_birth_mounts(r, task) : made ? r->units[t->creator].mounts : 0;
	int fd;

	if (u->mounts == birth)
		return 0;
	if (restore_kept(r, u->mounts, &fd, NULL))
		return fail(-ERR_IMAGE, "image: mount namespace %llu was not made", u->mounts);
	batch_op(&u->batch, SYS_setns, fd, CLONE_NEWNS);
	return 0;
}
