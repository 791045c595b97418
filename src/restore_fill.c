// SPDX-License-Identifier: GPL-2.0-only
/* restore_fill.c - memory, descriptors, threads, and all else a task has but registers. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "log.h"
#include "rec_file.h"
#include "rec_ipc.h"
#include "rec_mem.h"
#include "rec_state.h"
#include "res/cred.h"
#include "res/epoll.h"
#include "res/aio.h"
#include "res/mm.h"
#include "res/msgq.h"
#include "res/procfs.h"
#include "res/unix_make.h"
#include "restore.h"
#include "restore_force.h"
#include "restore_stop.h"
#include "restore_threads.h"
#include "restore_userns.h"

#define PID_MAX_LIMIT (4u << 20) /* include/linux/threads.h */
#define IS_LIVE(u) ((u)->body)

/*
 * From here on nothing may interrupt a stub, not even SIGCHLD: what is pending is the image's, and a
 * tracee stops for what it would have ignored. Awaited, as what one task sends another one takes;
 * threads inherit it.
 */
static int block_all(struct restore *r)
{
	__u64 all = ~0ull;
	void *mask = machine_dup(&r->machine, &all, sizeof(all));

	for (unsigned int i = 0; i < r->nr_procs; i++)
		if (IS_LIVE(&r->units[i])) {
			batch_op(&r->units[i].batch, SYS_rt_sigprocmask, SIG_SETMASK, mask, 0, 8);
			/* it only handed on what others share */
			if (r->plan.task[i].unshare)
				batch_op(&r->units[i].batch, SYS_unshare, r->plan.task[i].unshare);
		}
	return restore_run_batches(r);
}

/*
 * Trace every living task from here on: a coordinator that dies takes all of them along, and seccomp
 * does not look at the machine's own calls.
 */
static int seize(struct restore *r, unsigned int from, unsigned int to)
{
	struct frozen *who _free_ = calloc(to - from + 1, sizeof(*who));
	size_t nr = 0;

	if (!who)
		return fail(-ENOMEM, "restore");
	for (unsigned int i = from; i < to; i++) {
		const struct unit *u = &r->units[i];

		if (!IS_LIVE(u))
			continue;
		if (u->tid <= 0)
			return fail(-ESRCH, "task %.16s was made but cannot be found", u->task->comm);
		who[nr++] = (struct frozen){ .tid = u->tid,
					     .tgid = restore_unit(r, u->task->signal)->tid };
	}
	r->freeze.options = PTRACE_O_EXITKILL | PTRACE_O_SUSPEND_SECCOMP;
	return freeze_seize(&r->freeze, who, nr);
}

/* The next fork in a restored namespace goes on where the old one would have. */
static int set_cursor(struct restore *r, struct unit *u)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", u->proc->ns->idr_next - 1);

	if (r->last_pid_fd < 0 || !u->plan->new_pidns || u->proc->ns->idr_next < 2)
		return 0;
	if (u->plan->early) /* it has no right to, where it is */
		return restore_send_cursor(r, u->tid, u->proc->ns->idr_next);
	batch_op(&u->batch, SYS_pwrite64, r->last_pid_fd,
			 machine_dup(&r->machine, text, len), len, 0)->flags = OP_MAY_FAIL;
	return 0;
}

/* A limit of its own below the one that a new namespace has; set by its init, from inside. */
static void set_pid_max(struct restore *r, struct unit *u)
{
	static const char path[] = "/proc/sys/kernel/pid_max";
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", u->proc->ns->pid_max);

	if (!u->plan->new_pidns || !u->proc->ns->pid_max || u->proc->ns->pid_max >= PID_MAX_LIMIT)
		return;
	batch_op(&u->batch, SYS_openat, AT_FDCWD, machine_dup(&r->machine, path, sizeof(path)), O_WRONLY);
	batch_op(&u->batch, SYS_write, 0, machine_dup(&r->machine, text, len), len)->flags = OP_LAST;
	batch_op(&u->batch, SYS_close, 0)->flags = OP_LAST_BUT_ONE;
}

static int by_number(const void *a, const void *b)
{
	__u32 x = *(const __u32 *)a, y = *(const __u32 *)b;

	return x < y ? -1 : x > y;
}

/* The image's descriptor numbers of a task, ascending. */
static int list_descriptors(const struct restore *r, const struct unit *u, __u32 **out, size_t *nr)
{
	void **rec = snap_range(&r->image.snap, REC_FD, u->body->files, nr);
	__u32 *v = malloc((*nr + 1) * sizeof(*v));

	if (!v)
		return fail(-ENOMEM, "restore");
	for (size_t i = 0; i < *nr; i++)
		v[i] = ((const struct rec_fd *)rec[i])->fd;
	qsort(v, *nr, sizeof(*v), by_number);
	*out = v;
	return 0;
}

/* Everything that was inherited and is not the image's: what lies between its descriptors. */
static int close_rest(struct restore *r, struct unit *u)
{
	__u32 *v _free_ = NULL, from = 0;
	size_t nr;
	int err = list_descriptors(r, u, &v, &nr);

	for (size_t i = 0; i < nr && !err; i++) {
		if (v[i] > from)
			batch_op(&u->batch, SYS_close_range, from, v[i] - 1, 0);
		from = v[i] + 1;
	}
	if (!err)
		batch_op(&u->batch, SYS_close_range, from, ~0u, 0);
	return err;
}

/* Behind what the kinds joined: what needs all areas and descriptors, then the inherited ones go. */
static int close_processes(struct restore *r)
{
	int err = 0;

	for (unsigned int i = 0; i < r->nr_procs && !err; i++) {
		struct unit *u = &r->units[i];

		if (!IS_LIVE(u))
			continue;
		if (restore_owns_memory(r, u))
			mm_join_last(r, &u->batch, snap_find(&r->image.snap, REC_MM, u->body->mm));
		set_pid_max(r, u);
		err = set_cursor(r, u);
		if (err)
			break;
		err = u->plan->early ? 0 : cred_enter(r, u);
		if (!err && !u->shares_files) /* others may need the inherited ones still */
			err = close_rest(r, u);
	}
	return err;
}

/* All have what they need of the inherited ones. */
static int close_shared(struct restore *r)
{
	int err = 0;

	for (unsigned int i = 0; i < r->nr_units && !err; i++) {
		struct unit *u = &r->units[i];

		/* a thread with a table of its own had a copy of all that its maker has */
		if (IS_LIVE(u) && (u->shares_files || i >= r->nr_procs) &&
		    restore_unit(r, u->body->files) == u)
			err = close_rest(r, u);
	}
	return err ? err : restore_run_batches(r);
}

/* A task whose children are born elsewhere, as after unshare(1): once its threads exist. */
static int set_children_ns(struct restore *r)
{
	for (unsigned int i = 0; i < r->nr_units; i++) {
		struct unit *u = &r->units[i];
		const struct proc *init;

		if (!IS_LIVE(u) || u->body->pidns_children == u->proc->pid->ns)
			continue;
		init = tree_ns_init(&r->tree, u->body->pidns_children);
		if (init)
			restore_enter_pidns(&u->batch, restore_nr(r, u, init->pid->addr));
		else /* made, but nobody was born in it yet */
			batch_op(&u->batch, SYS_unshare, CLONE_NEWPID);
	}
	return restore_run_batches(r);
}

/* preadv() may read less than asked without an error: an image that changed under us. */
static int check_reads(struct restore *r)
{
	for (unsigned int i = 0; i < r->nr_procs; i++) {
		for (unsigned int j = 0; j < machine_count(&r->machine, i); j++) {
			const struct op *op = machine_result(&r->machine, i, j);
			const struct iovec *iov = (const void *)op->arg[1];
			__s64 want = 0;

			if (op->nr != SYS_preadv)
				continue;
			for (unsigned int k = 0; k < op->arg[2]; k++)
				want += iov[k].iov_len;
			if (op->res != want)
				return fail(-EIO, "read %lld of %lld bytes of memory from the image",
					    op->res, want);
		}
	}
	return 0;
}

/* AIO contexts want all areas to be there, and the inherited descriptors, too. */
static int fill_aio(struct restore *r)
{
	size_t nr;
	int err;

	snap_all(&r->image.snap, REC_AIO, &nr);
	if (!nr)
		return 0;
	err = restore_run_processes(r);
	if (!err)
		err = check_reads(r);
	return err ? err : aio_restore(r);
}

static int fill_processes(struct restore *r)
{
	int err = restore_join(r, PHASE_PROCESS);

	if (!err)
		err = fill_aio(r);
	if (err)
		return err;
	err = close_processes(r);
	if (err)
		return err;
	restore_add_threads(r);
	/* a thread's slot must be ready before it exists, unless it may have to go again */
	for (unsigned int i = r->nr_procs; i < r->nr_units && !err; i++)
		if (!restore_is_blind_thread(r, i))
			err = machine_submit(&r->machine, i, &r->units[i].batch);
	for (unsigned int i = 0; i < r->nr_procs && !err; i++)
		if (IS_LIVE(&r->units[i]))
			err = machine_submit(&r->machine, i, &r->units[i].batch);
	for (unsigned int i = 0; i < r->nr_units && !err; i++)
		if (IS_LIVE(&r->units[i]) && !restore_is_blind_thread(r, i))
			err = restore_await(r, &r->units[i]);
	if (!err)
		err = restore_make_blind_threads(r);
	if (!err)
		err = check_reads(r);
	if (!err)
		err = restore_force_pages(r);
	return err ? err : close_shared(r);
}

static int fill_threads(struct restore *r)
{
	int err = 0;

	if (r->nr_units > r->nr_procs) {
		err = restore_find_tids(r);
		if (!err)
			err = seize(r, r->nr_procs, r->nr_units);
	}
	if (!err)
		err = set_children_ns(r);
	if (!err)
		err = restore_late(r);
	if (!err)
		err = restore_join(r, PHASE_THREAD);
	return err ? err : restore_run_batches(r);
}

static void set_dumpable(struct restore *r)
{
	for (unsigned int i = 0; i < r->nr_procs; i++) {
		const struct unit *u = &r->units[i];
		const struct rec_mm *mm;

		if (!IS_LIVE(u))
			continue;
		/* changed credentials reset it, so it comes after them */
		mm = snap_find(&r->image.snap, REC_MM, u->body->mm);
		batch_op(&r->units[i].batch, SYS_prctl, PR_SET_DUMPABLE, mm->flags & 1);
	}
}

int restore_fill(struct restore *r)
{
	int err = block_all(r);

	if (!err)
		err = seize(r, 0, r->nr_procs);
	if (!err)
		err = unix_make_all(r);
	if (!err)
		err = fill_processes(r);
	if (!err)
		err = fill_threads(r);
	if (!err) /* before files have owners that would be told */
		err = epoll_watch_all(r);
	if (err)
		return err;
	restore_keep_end(r);
	set_dumpable(r);
	err = restore_join(r, PHASE_LAST);
	if (!err)
		msgq_join_last(r);
	if (!err)
		err = restore_stop_jobs(r);
	if (!err)
		err = restore_run_batches(r);
	return err ? err : procfs_seek_all(r);
}
