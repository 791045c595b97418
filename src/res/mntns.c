// SPDX-License-Identifier: GPL-2.0-only
/*
 * mntns.c - kind "mntns": a mount namespace, ours or a copy of it with other proc mounts.
 *
 * It is made before anything is opened, so that what its tasks had open is opened through its mounts.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "dump.h"
#include "idmap.h"
#include "log.h"
#include "mount.h"
#include "mounts.h"
#include "rec_state.h"
#include "res.h"
#include "restore.h"

#define R struct rec_mntns

static const struct field fields[] = {
	FIELD_ID(R),
	FIELD(R, inum, MAY_DIFFER, AS_DEC),
	FIELD(R, flags, MUST_MATCH, AS_HEX),
	FIELD(R, pid, NEVER_SAVED, AS_DEC),
};

static void check_mounts(struct check *c, const struct rec_mntns *ns, const struct mount_diff *d)
{
	for (size_t i = 0; i < d->nr; i++) {
		const struct rec_pidns *pidns = mount_pidns(c->snap, d->proc[i].pidns);

		if (!pidns || !mount_mounter(c->snap, ns->addr, pidns->addr))
			check_refuse(c, 0, "mntns", "mount namespace %u: the proc on %s shows pid namespace "
				     "%u, of which no process of the tree is in that mount namespace or can go there",
				     ns->inum, d->proc[i].point, d->proc[i].pidns);
	}
}

static int check(struct check *c, const void *rec)
{
	const struct rec_mntns *ns = rec;
	struct mount_diff d;
	int err;

	if (ns->flags & MNTNS_F_OWN)
		return 0;
	err = mounts_diff(&d, ns->pid);
	if (err)
		check_refuse(c, 0, "mntns", "the mounts of process %u could not be read", ns->pid);
	else if (d.why[0])
		check_refuse(c, 0, "mntns", "mount namespace %u differs from this command's in more than "
			     "proc mounts: %s", ns->inum, d.why);
	else
		check_mounts(c, ns, &d);
	mounts_diff_free(&d);
	return 0;
}

static int collect(struct dump *d, void *rec)
{
	struct rec_mntns *ns = rec;
	struct mount_diff diff;
	int err;

	if (ns->flags & MNTNS_F_OWN)
		return 0;
	err = mounts_diff(&diff, ns->pid);
	if (err)
		fail(err, "read the mounts of process %u", ns->pid);
	ns->flags |= diff.slave ? MNTNS_F_SLAVE : 0;
	for (size_t i = 0; i < diff.nr && !err; i++)
		err = mount_add(d, ns->addr, &diff.proc[i], i);
	mounts_diff_free(&diff);
	return err;
}

static int read_mntns(const struct image *img, const void *rec)
{
	const struct rec_mntns *ns = rec;

	if (ns->flags & ~(MNTNS_F_OWN | MNTNS_F_SLAVE))
		return fail(-ERR_IMAGE, "image: mount namespace %llu holds impossible values", ns->addr);
	return 0;
}

static int isolate(const struct rec_mntns *ns)
{
	return unshare(CLONE_NEWNS) ||
	       mount(NULL, "/", NULL, MS_REC | (ns->flags & MNTNS_F_SLAVE ? MS_SLAVE : MS_PRIVATE), NULL);
}

/* Made by somebody in the user namespace that is to own it, who goes when we have hold of it. */
static int make_owned(struct restore *r, const struct rec_mntns *ns, int userns)
{
	char path[64];
	int status, fd = -1, err = 0;
	pid_t maker = fork();

	if (!maker) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (setns(userns, CLONE_NEWUSER) || isolate(ns))
			_exit(errno);
		raise(SIGSTOP);
		_exit(0);
	}
	if (maker < 0 || waitpid(maker, &status, WUNTRACED) != maker)
		return fail(-errno, "make a mount namespace");
	if (WIFEXITED(status))
		return fail(-WEXITSTATUS(status), "make a mount namespace in a user namespace");
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", maker);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err = fail(-errno, "open a mount namespace");
	kill(maker, SIGKILL);
	waitpid(maker, NULL, 0);
	return err ? err : restore_keep(r, ns->addr, fd, -1);
}

static int make_ours(struct restore *r, const struct rec_mntns *ns)
{
	int fd;

	if (isolate(ns))
		return fail(-errno, "make a mount namespace");
	r->mounts_now = ns->addr;
	fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "open a mount namespace");
	return restore_keep(r, ns->addr, fd, -1) ?: restore_go_home(r);
}

static int restore_mntns(struct restore *r, const void *rec)
{
	const struct rec_mntns *ns = rec;
	__u64 owner = userns_of_mntns(&r->image.snap, ns->addr);
	int fd, err;

	if (ns->flags & MNTNS_F_OWN)
		return 0;
	err = restore_go_home(r);
	if (err || !owner)
		return err ? err : make_ours(r, ns);
	return restore_kept(r, owner, &fd, NULL) ? -ERR_IMAGE : make_owned(r, ns, fd);
}

static int join(struct restore *r, const void *rec)
{
	const struct rec_mntns *ns = rec;
	bool own = ns->flags & MNTNS_F_OWN;
	int fd = r->home.mntns;

	if (!own && restore_kept(r, ns->addr, &fd, NULL))
		return fail(-ERR_IMAGE, "image: mount namespace %llu was not made", ns->addr);
	for (unsigned int i = 0; i < r->tree.nr; i++) {
		struct unit *u = &r->units[i];

		if (u->body && u->body->mntns == ns->addr && u->mounts != (own ? 0 : ns->addr))
			batch_op(&u->batch, SYS_setns, fd, CLONE_NEWNS);
	}
	return 0;
}

const struct res_type res_mntns = {
	.name = "mntns", .tag = REC_MNTNS, .size = sizeof(R),
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.phase = PHASE_PROCESS, .check = check, .collect = collect, .read = read_mntns,
	.restore = restore_mntns, .join = join,
};
