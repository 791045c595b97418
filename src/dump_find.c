// SPDX-License-Identifier: GPL-2.0-only
/* dump_find.c - find the members of a tree, stop them, and walk what does not move any more. */
#include "dump_find.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "arch/arch.h"
#include "cleanup.h"
#include "dump.h"
#include "log.h"
#include "rec_file.h"
#include "rec_ipc.h"
#include "rec_inet.h"
#include "rec_link.h"
#include "rec_mem.h"
#include "rec_place.h"
#include "rec_ns.h"
#include "rec_ref.h"
#include "rec_sock.h"
#include "rec_state.h"
#include "rec_watch.h"
#include "res/mqueue.h"
#include "res/shmfile.h"
#include "sysv.h"
#include "tty.h"

#define ROUNDS_MAX 20 /* find and freeze; a tree that still grows then forks faster than we stop it */

static __u64 monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static const struct rec_task *find_task(const struct snap *s, pid_t pid)
{
	snap_for_each(s, REC_TASK, const struct rec_task, t) {
		const struct rec_pid *p = snap_find(s, REC_PID, t->pid);

		if (p && p->numbers[0] == pid)
			return t;
	}
	return NULL;
}

/* What a user may name by mistake; each has its own line. */
static int refuse_root(struct dump *d, const struct rec_task *t)
{
	const struct rec_task *up = find_task(&d->snap, getpid());
	pid_t pid = d->opts->pid;

	if (!t)
		return fail(-ESRCH, "pid %d", pid);
	if (t->flags & TASK_F_KTHREAD)
		return fail(-EINVAL, "pid %d (%.16s) is a kernel thread", pid, t->comm);
	if (pid == 1)
		return fail(-EINVAL, "pid 1 is the init of this system: it cannot be checkpointed "
				     "from inside");
	if (!(t->flags & TASK_F_LEADER))
		return fail(-EINVAL, "pid %d (%.16s) is a thread: name its process", pid, t->comm);
	if (t->exit_state)
		return fail(-ESRCH, "pid %d (%.16s) has exited and waits to be reaped", pid, t->comm);
	for (int depth = 0; up && depth < 4096; depth++) {
		const struct rec_pid *parent;

		if (up->tgid == t->tgid)
			return fail(-EINVAL, "pid %d (%.16s) is %s: a tree cannot be checkpointed from "
				    "inside", pid, t->comm, depth ? "an ancestor of this command" :
				    "this very command");
		parent = snap_find(&d->snap, REC_PID, up->parent);
		up = parent ? find_task(&d->snap, parent->numbers[0]) : NULL;
	}
	return 0;
}

static bool is_member(const void *rec, void *arg)
{
	const struct rec_task *t = rec;

	return tree_find(arg, t->tgid);
}

static bool is_member_proc(const void *rec, void *arg)
{
	const struct rec_proc *p = rec;

	return tree_find(arg, p->tgid);
}

/* What the user says the tree is. */
static int check_scope(const struct dump *d, const struct rec_task *root)
{
	if (d->opts->scope == SCOPE_CONTAINER && !d->tree.container)
		return fail(-EINVAL, "pid %d (%.16s) is not the init of a pid namespace (--container)",
			    d->opts->pid, root->comm);
	if (d->opts->scope == SCOPE_SUBTREE && d->tree.container)
		return fail(-EINVAL, "pid %d (%.16s) is the init of a pid namespace, which ends with it: its "
			    "tree is all of that namespace (--subtree)", d->opts->pid, root->comm);
	return 0;
}

/* One pass over all tasks; the tree points into the new snap. */
static int walk_tree(struct dump *d)
{
	const struct rec_task *root, *own;
	__u64 began;
	int err;

	users_free(&d->users);
	tree_free(&d->tree);
	snap_free(&d->snap);
	began = monotonic();
	err = walk_run(d->walk, WALK_TASKS, &d->snap);
	d->tasks_ns = monotonic() - began;
	if (err)
		return err;
	snap_unique(&d->snap, REC_PIDNS);
	snap_unique(&d->snap, REC_PID);
	snap_unique(&d->snap, REC_TASK);
	snap_unique(&d->snap, REC_PROC);
	own = find_task(&d->snap, getpid());
	if (!own)
		return fail(-EOPNOTSUPP, "this command must run in the initial pid namespace");
	d->own = *own;
	root = find_task(&d->snap, d->opts->pid);
	err = refuse_root(d, root);
	if (!err)
		err = (d->opts->entrants == ENTRANTS_IGNORE ? tree_build_own : tree_build)
			(&d->tree, &d->snap, root->tgid);
	if (!err)
		err = check_scope(d, root);
	return err;
}

static int name_members(struct dump *d)
{
	__u32 *tgids _free_ = calloc(d->tree.nr, sizeof(*tgids));

	if (!tgids)
		return fail(-ENOMEM, "dump");
	for (size_t i = 0; i < d->tree.nr; i++)
		tgids[i] = d->tree.procs[i].pid->numbers[0];
	return walk_members(d->walk, tgids, d->tree.nr);
}

/* Threads of the tree that are not in the freeze table yet; zombies cannot be and need not. */
static size_t list_new(struct dump *d, struct frozen *out)
{
	size_t nr = 0;

	for (size_t i = 0; i < d->tree.nr; i++) {
		const struct proc *p = &d->tree.procs[i];

		for (unsigned int j = 0; j < p->nr_threads; j++) {
			pid_t tid = task_tid(&d->tree, p->threads[j]);

			if (p->threads[j]->exit_state || freeze_find(&d->freeze, tid))
				continue;
			if (out)
				out[nr] = (struct frozen){ .tid = tid, .tgid = p->pid->numbers[0] };
			nr++;
		}
	}
	return nr;
}

static int freeze_new(struct dump *d, size_t nr)
{
	struct frozen *who _free_ = calloc(nr, sizeof(*who));

	if (!who)
		return fail(-ENOMEM, "dump");
	list_new(d, who);
	return freeze_add(&d->freeze, who, nr, d->deadline);
}

static bool is_named(const void *rec, void *arg)
{
	return ids_has(arg, rec_key(rec));
}

/* Which pid objects and namespaces the members' records refer to: all others are not the tree's. */
static int name_pids(const struct snap *s, struct ids *pids, struct ids *namespaces)
{
	bool ok = true;

	snap_for_each(s, REC_TASK, const struct rec_task, t) {
		ok &= ids_get(pids, t->pid) && ids_get(pids, t->tgid) && ids_get(pids, t->parent);
		ok &= !t->pidns_children || ids_get(namespaces, t->pidns_children);
	}
	snap_for_each(s, REC_PROC, const struct rec_proc, p)
		ok &= ids_get(pids, p->tgid) && ids_get(pids, p->pgid) && ids_get(pids, p->sid);
	snap_for_each(s, REC_FILE, const struct rec_file, f)
		ok &= !f->owner || ids_get(pids, f->owner);
	snap_for_each(s, REC_TTY, const struct rec_tty, t)
		ok &= (!t->session || ids_get(pids, t->session)) && (!t->pgrp || ids_get(pids, t->pgrp));
	snap_for_each(s, REC_TIMER, const struct rec_timer, k)
		ok &= !k->target || ids_get(pids, k->target);
	snap_for_each(s, REC_PIDFD, const struct rec_pidfd, p)
		ok &= (!p->pid || ids_get(pids, p->pid)) && (!p->pidns || ids_get(namespaces, p->pidns));
	snap_for_each(s, REC_PROCFS, const struct rec_procfs, p)
		ok &= (!p->pid || ids_get(pids, p->pid)) && ids_get(namespaces, p->pidns);
	snap_for_each(s, REC_NSFD, const struct rec_nsfd, n)
		ok &= !n->pidns || ids_get(namespaces, n->pidns);
	snap_for_each(s, REC_PID, const struct rec_pid, pid) {
		__u64 ns = ids_has(pids, pid->addr) ? pid->ns : 0;

		for (int depth = 0; ns && depth <= PIDNS_LEVEL_MAX; depth++) {
			const struct rec_pidns *n = snap_find(s, REC_PIDNS, ns);

			ok &= ids_get(namespaces, ns) != 0;
			ns = n ? n->parent : 0;
		}
	}
	return ok ? 0 : -ENOMEM;
}

static int keep_pids(struct dump *d)
{
	struct ids pids = {}, namespaces = {};
	int err = name_pids(&d->snap, &pids, &namespaces);

	if (!err) {
		snap_filter(&d->snap, REC_PID, is_named, &pids);
		snap_filter(&d->snap, REC_PIDNS, is_named, &namespaces);
	}
	ids_free(&pids);
	ids_free(&namespaces);
	return err;
}

static bool is_new_area(const void *rec, void *arg)
{
	const struct rec_vma *v = rec;
	struct rec_vma *last = arg;

	if (v->mm == last->mm && v->start <= last->start)
		return false;
	last->mm = v->mm;
	last->start = v->start;
	return true;
}

void dump_unique(struct dump *d)
{
	static const __u32 objects[] = { REC_SIGHAND, REC_FS, REC_MM, REC_FILE, REC_PIPE,
					 REC_EVENTFD, REC_EPOLL, REC_TIMERFD, REC_SIGNALFD,
					 REC_SOCKET, REC_SOCK, REC_UNIX, REC_PIDFD, REC_PROCFS, REC_NSFD, REC_INOTIFY,
					 REC_FANOTIFY, REC_EPOLL_PARAMS,
					 REC_INET, REC_NETLINK, REC_PACKET, REC_USERNS };

	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		snap_unique(&d->snap, objects[i]);
	snap_unique_bytes(&d->snap, REC_LOCK);
	snap_unique_bytes(&d->snap, REC_FD);
	snap_unique_bytes(&d->snap, REC_EPOLL_ITEM);
	snap_unique_bytes(&d->snap, REC_MARK);
	snap_unique_bytes(&d->snap, REC_FAN_SEEN);
	snap_unique_bytes(&d->snap, REC_DNOTIFY);
	flight_unique(d);
}

/* Details of other trees have no business in an image. */
static int keep_members(struct dump *d)
{
	struct rec_vma area = {};

	snap_filter(&d->snap, REC_TASK, is_member, &d->tree);
	snap_filter(&d->snap, REC_PROC, is_member_proc, &d->tree);
	/* each process of an address space has emitted its areas, in order */
	snap_filter(&d->snap, REC_VMA, is_new_area, &area);
	dump_unique(d);
	snap_unique_bytes(&d->snap, REC_AREA_POLICY);
	snap_unique_bytes(&d->snap, REC_PKEYS);
	snap_unique_bytes(&d->snap, REC_AIO);
	snap_unique_bytes(&d->snap, REC_MCAST);
	snap_unique_bytes(&d->snap, REC_PACKET_MEMBER);
	snap_unique_bytes(&d->snap, REC_OWNERS);
	return keep_pids(d);
}

/* A task of that mount namespace that sees all of it. */
static __u32 viewer(const struct dump *d, __u64 mntns)
{
	__u32 any = 0;

	snap_for_each(&d->snap, REC_TASK, const struct rec_task, t) {
		const struct rec_fs *fs = t->mntns == mntns ? snap_find(&d->snap, REC_FS, t->fs) : NULL;

		if (t->mntns != mntns || t->exit_state)
			continue;
		any = task_tid(&d->tree, t);
		if (fs && fs->root_len && !strcmp(fs->paths + ALIGN_UP(fs->cwd_len, REC_ALIGN), "/"))
			break;
	}
	return any;
}

static int note_mntns(struct dump *d)
{
	struct ids seen = {};
	size_t nr;
	void **task = snap_all(&d->snap, REC_TASK, &nr);
	int err = 0;

	for (size_t i = 0; i < nr && !err; i++) {
		const struct rec_task *t = task[i];
		struct rec_mntns *r;

		if (!t->mntns || ids_has(&seen, t->mntns))
			continue;
		r = snap_new(&d->snap, REC_MNTNS, sizeof(*r));
		if (!r || !ids_get(&seen, t->mntns)) {
			err = -ENOMEM;
			break;
		}
		r->addr = t->mntns;
		r->inum = t->ns_mnt;
		if (t->mntns == d->own.mntns)
			r->flags = MNTNS_F_OWN;
		else
			r->pid = viewer(d, t->mntns);
	}
	ids_free(&seen);
	return err;
}

int dump_walk(struct dump *d, unsigned int passes)
{
	int err = walk_tree(d);
	__u64 began;

	if (!err)
		err = name_members(d);
	began = monotonic();
	if (!err)
		err = walk_run(d->walk, passes, &d->snap);
	d->state_ns = monotonic() - began;
	if (err)
		return err;
	if (passes & WALK_FILES)
		err = tty_walk(d);
	if (err)
		return err;
	err = users_build(&d->users, &d->tree);
	if (!err) {
		users_note_outside(&d->users, &d->tree); /* while all tasks of the system are known */
		err = keep_members(d);
	}
	if (!err)
		err = note_mntns(d);
	if (!err)
		err = sysv_note(d);
	if (!err)
		err = shmfile_note(&d->snap);
	if (!err && passes & WALK_FILES)
		err = mqueue_note(d->walk, &d->snap);
	if (err)
		return fail(err, "dump");
	return passes & WALK_FILES ? external_mark(d) : 0;
}

/*
 * Some calls end with EINTR because of our stop alone, which the program would see whatever becomes of
 * the dump: have them executed again. When a signal is on its way, EINTR is what they should say.
 */
static int hide_stop(struct dump *d, const struct rec_task *t)
{
	const struct rec_proc *p = snap_find(&d->snap, REC_PROC, t->signal);
	pid_t tid = task_tid(&d->tree, t);
	const struct frozen *f = freeze_find(&d->freeze, tid);
	__u64 pending = t->pending | (p ? p->pending : 0);
	struct user_regs_struct regs;
	int err;

	if (!f || f->group_stop || pending & ~t->blocked)
		return 0;
	err = arch_get_regs(tid, &regs);
	if (err || !arch_eintr_by_stop(&regs))
		return err;
	arch_make_restart(&regs);
	return arch_set_regs(tid, &regs);
}

static int hide_stops(struct dump *d)
{
	snap_for_each(&d->snap, REC_TASK, const struct rec_task, t) {
		int err = t->exit_state ? 0 : hide_stop(d, t);

		if (err)
			return fail(err, "read the registers of thread %d", task_tid(&d->tree, t));
	}
	return 0;
}

int dump_find(struct dump *d)
{
	size_t fresh = 0;
	int err;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		/* the first walk sees a running tree; details are worth it once it may be still */
		err = round ? dump_walk(d, WALK_ALL_MEMBERS) : walk_tree(d);
		if (err == -ESTALE && round + 1 < ROUNDS_MAX)
			continue;
		if (err)
			return err == -ESTALE ? fail(-EAGAIN, "the tree of pid %d keeps changing while "
						     "it is read", d->opts->pid) : err;
		fresh = list_new(d, NULL);
		if (!fresh)
			return hide_stops(d);
		if (!d->froze_at) {
			dump_make_room(d);
			d->froze_at = monotonic();
			d->deadline = d->froze_at + d->opts->timeout_ms * 1000000ull;
		}
		err = freeze_new(d, fresh);
		if (err)
			return err;
	}
	return fail(-EAGAIN, "the tree of pid %d grows faster than it can be stopped: %zu new threads "
		    "after %d rounds", d->opts->pid, fresh, ROUNDS_MAX);
}
