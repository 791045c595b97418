// SPDX-License-Identifier: GPL-2.0-only
/* mount.c - kind "mount": a proc file system in a mount namespace of the tree. */
#include "mount.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>

#include "dump.h"
#include "log.h"
#include "mounts.h"
#include "path.h"
#include "rec_state.h"
#include "res.h"
#include "restore.h"
#include "tree.h"

#define R struct rec_mount

static const struct field fields[] = {
	FIELD_OWNER(R, mntns, REC_MNTNS),
	FIELD_REF(R, pidns, REC_PIDNS),
	FIELD(R, index, IS_KEY, AS_DEC),
	FIELD(R, flags, MUST_MATCH, AS_HEX),
	FIELD(R, point_len, MUST_MATCH, AS_DEC),
	FIELD(R, data_len, MUST_MATCH, AS_DEC),
};

const struct rec_pidns *mount_pidns(const struct snap *s, unsigned int inum)
{
	snap_for_each(s, REC_PIDNS, const struct rec_pidns, ns)
		if (ns->inum == inum)
			return ns;
	return NULL;
}

/* setns(2) takes nobody there who shares directories with another process. */
static bool can_go(const struct snap *s, const struct rec_task *t)
{
	size_t nr;
	void **user = snap_referring(s, REC_TASK, struct rec_task, fs, t->fs, &nr);

	for (size_t i = 0; i < nr; i++)
		if (((const struct rec_task *)user[i])->tgid != t->tgid)
			return false;
	return true;
}

const struct rec_task *mount_mounter(const struct snap *s, __u64 mntns, __u64 pidns)
{
	const struct rec_task *other = NULL;

	snap_for_each(s, REC_TASK, const struct rec_task, t) {
		const struct rec_pid *pid = snap_find(s, REC_PID, t->pid);

		if (t->pid != t->tgid || t->exit_state || !pid || pid->ns != pidns)
			continue;
		if (t->mntns == mntns)
			return t;
		/* an init has all rights over what its namespace's owner owns */
		if (can_go(s, t) && (!other || pid_own_nr(pid) == 1))
			other = t;
	}
	return other;
}

int mount_add(struct dump *d, __u64 mntns, const struct proc_mount *p, unsigned int i)
{
	size_t point = strlen(p->point) + 1, data = strlen(p->data) + 1;
	struct rec_mount *m = snap_new(&d->snap, REC_MOUNT, sizeof(*m) + ALIGN_UP(point, REC_ALIGN) +
								    ALIGN_UP(data, REC_ALIGN));
	const struct rec_pidns *pidns = mount_pidns(&d->snap, p->pidns);

	if (!m || !pidns)
		return fail(-ENOMEM, "dump");
	m->mntns = mntns;
	m->pidns = pidns->addr;
	m->index = i;
	m->flags = p->flags;
	m->point_len = point;
	m->data_len = data;
	memcpy(m->text, p->point, point);
	memcpy(m->text + ALIGN_UP(point, REC_ALIGN), p->data, data);
	return 0;
}

static const char *mount_data(const struct rec_mount *m)
{
	return m->text + ALIGN_UP(m->point_len, REC_ALIGN);
}

static int read_mount(const struct image *img, const void *rec)
{
	const struct rec_mount *m = rec;
	size_t room = m->h.len - sizeof(*m), data = ALIGN_UP((size_t)m->point_len, REC_ALIGN);

	if (!path_ok(m->text, room, m->point_len) || !m->data_len || data + m->data_len > room ||
	    strnlen(mount_data(m), m->data_len) != m->data_len - 1u ||
	    !mount_mounter(&img->snap, m->mntns, m->pidns))
		return fail(-ERR_IMAGE, "image: a mount of namespace %llu is impossible", m->mntns);
	return 0;
}

static int go(struct restore *r, struct unit *u, __u64 mntns)
{
	const struct rec_mntns *ns = snap_find(&r->image.snap, REC_MNTNS, mntns);
	int fd = r->home.mntns;

	if (!ns || (!(ns->flags & MNTNS_F_OWN) && restore_kept(r, mntns, &fd, NULL)))
		return fail(-ERR_IMAGE, "image: mount namespace %llu was not made", mntns);
	batch_op(&u->batch, SYS_setns, fd, CLONE_NEWNS);
	return 0;
}

/* One after the other: one may lie on that of another task. Who is elsewhere goes there for it. */
static int join(struct restore *r, const void *rec)
{
	const struct rec_mount *m = rec;
	const struct rec_task *by = mount_mounter(&r->image.snap, m->mntns, m->pidns);
	void *type = machine_dup(&r->machine, "proc", 5);
	struct unit *u = restore_unit(r, by->addr);
	int err = by->mntns == m->mntns ? 0 : go(r, u, m->mntns);

	batch_op(&u->batch, SYS_mount, type, machine_dup(&r->machine, m->text, m->point_len), type, m->flags,
		 machine_dup(&r->machine, mount_data(m), m->data_len));
	if (!err && by->mntns != m->mntns)
		err = go(r, u, by->mntns);
	return err ? err : restore_run_unit(r, u);
}

const struct res_type res_mount = {
	.name = "mount", .tag = REC_MOUNT, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_TEXT,
	.phase = PHASE_PROCESS, .read = read_mount, .join = join,
};
