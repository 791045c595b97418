// SPDX-License-Identifier: GPL-2.0-only
/* restore.c - the recipe of a restore: validate, plan, prepare, create, fill, verify, release. */
#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "compare.h"
#include "gone.h"
#include "log.h"
#include "path.h"
#include "pidfile.h"
#include "preflight.h"
#include "rec_gone.h"
#include "rec_mem.h"
#include "rec_state.h"
#include "res/datagram.h"
#include "res/fanotify.h"
#include "res/file.h"
#include "res/ghost.h"
#include "res/gone_dir.h"
#include "res/mqueue.h"
#include "res/shmfile.h"
#include "res/unix_make.h"
#include "res/vma.h"
#include "restore_job.h"
#include "sysv.h"
#include "tcp_lock.h"

__u64 restore_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

__u64 restore_deadline(const struct restore *r)
{
	return restore_now_ns() + r->opts->timeout_ms * 1000000ull;
}

/* ---- what kinds ask ---- */

static int by_unit_id(const void *a, const void *b)
{
	const struct unit_of *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

struct unit *restore_unit(struct restore *r, __u64 id)
{
	struct unit_of key = { .id = id };
	struct unit_of *e = bsearch(&key, r->index, r->nr_index, sizeof(key), by_unit_id);

	return e ? &r->units[e->unit] : NULL;
}

struct batch *restore_batch(struct restore *r, __u64 id)
{
	return &restore_unit(r, id)->batch;
}

pid_t restore_nr(const struct restore *r, const struct unit *u, __u64 pid)
{
	const struct rec_pid *p = snap_find(&r->image.snap, REC_PID, pid);
	const struct rec_pid *own = u->proc ? u->proc->pid : u->plan->pid;

	return p && own ? pid_nr(p, own->level) : 0;
}

static int open_dir(struct restore *r, const char *path, const struct rec_inode *id)
{
	const struct rec_gone_dir *gone = gone_dir_of(&r->image.snap, id);
	int fd _close_ = gone ? gone_dir(path, id->mode, gone->uid, gone->gid) :
				open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), high;

	if (fd < 0)
		return gone ? fd : fail(-errno, "open directory %s", path);
	high = fcntl(fd, F_DUPFD_CLOEXEC, r->high);
	return high < 0 ? fail(-errno, "keep directory %s", path) : high;
}

int restore_dir(struct restore *r, __u64 mntns, const char *path, const struct rec_inode *id)
{
	struct dir *d = r->dirs, *end = r->dirs + r->nr_dirs;
	char differs[200];
	int err;

	/* what is gone may have had the name of another that is gone as well */
	while (d < end && (d->mntns != mntns || strcmp(d->path, path) || (path_deleted(path, id) && d->ino != id->ino)))
		d++;
	if (d == end) {
		struct dir *v = realloc(r->dirs, (r->nr_dirs + 1) * sizeof(*v));

		if (!v)
			return fail(-ENOMEM, "restore");
		r->dirs = v;
		err = restore_go_to(r, mntns);
		if (err)
			return err;
		d = &v[r->nr_dirs];
		*d = (struct dir){ mntns, path, id->ino, open_dir(r, path, id) };
		if (d->fd < 0)
			return d->fd;
		r->nr_dirs++;
	}
	if (!path_same(d->fd, id, false, differs, sizeof(differs)))
		return fail(-ESTALE, "%s is not what it was: %s", path, differs);
	return d->fd;
}

bool restore_has_pid(const struct restore *r, __u64 pid)
{
	return ids_has(&r->pids, pid);
}

static int by_u64(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

bool restore_is_program(const struct restore *r, __u64 file)
{
	return bsearch(&file, r->programs, r->nr_programs, sizeof(file), by_u64);
}

/* ---- batches ---- */

/* A task could not be made: who has its number may have no task to be found by, but a session. */
static int report_taken(struct restore *r, const struct op *op)
{
	unsigned int child = (const struct slot *)op->arg[5] - r->machine.slots;
	const struct rec_task *thread = child < r->nr_procs ? NULL : r->units[child].task;
	const struct rec_pid *pid = child < r->nr_procs ? r->plan.task[child].pid :
			thread ? snap_find(&r->image.snap, REC_PID, thread->pid) : NULL;

	return fail(-ERR_TAKEN, "number %d at level %u is taken: by a session or process group outside of "
		    "the tree, or by a task that is new", pid ? pid_nr(pid, r->info->root_level) : 0,
		    r->info->root_level);
}

/* One line about the operation that stopped a task. */
static int report_unit(struct restore *r, struct unit *u, int err)
{
	unsigned int slot = u - r->units;
	const struct op *op = err == -ESRCH || err == -ETIMEDOUT ? NULL :
				      machine_failed(&r->machine, slot);
	const struct rec_pid *pid = u->task ? snap_find(&r->image.snap, REC_PID, u->task->pid) : NULL;
	char what[160], chain[PID_NUMBERS_MAX * 12] = "helper";

	if (pid)
		pid_chain(pid, r->info->root_level, chain, sizeof(chain));
	if (op && op->nr == SYS_clone3 && err == -EEXIST)
		return report_taken(r, op);
	if (op) {
		op_describe(op, what, sizeof(what));
		return fail(err, "task %s (%.16s): %s", chain, u->task ? u->task->comm : "-", what);
	}
	op = machine_current(&r->machine, slot);
	snprintf(what, sizeof(what), "nothing");
	if (op)
		op_describe(op, what, sizeof(what));
	return fail(err, "task %s (%.16s) does not answer; it was told: %s", chain,
		    u->task ? u->task->comm : "-", what);
}

int restore_await(struct restore *r, struct unit *u)
{
	int err = machine_wait(&r->machine, u - r->units, r->root_pidfd, r->opts->timeout_ms);

	return err ? report_unit(r, u, err) : 0;
}

int restore_run_unit(struct restore *r, struct unit *u)
{
	int err = machine_submit(&r->machine, u - r->units, &u->batch);

	return err ? err : restore_await(r, u);
}

static int run_units(struct restore *r, unsigned int nr)
{
	int err = 0;

	for (unsigned int i = 0; i < nr && !err; i++)
		if (r->units[i].batch.nr || r->units[i].batch.err)
			err = machine_submit(&r->machine, i, &r->units[i].batch);
	for (unsigned int i = 0; i < nr && !err; i++)
		err = restore_await(r, &r->units[i]);
	return err;
}

int restore_run_processes(struct restore *r)
{
	return run_units(r, r->nr_procs);
}

int restore_run_batches(struct restore *r)
{
	return run_units(r, r->nr_units);
}

int restore_each(struct restore *r, const struct res_type *type,
		 int (*call)(struct restore *, const void *))
{
	size_t nr;
	void **rec = snap_all(&r->image.snap, type->tag, &nr);
	int err = 0;

	for (size_t i = 0; i < nr && call && !err; i++)
		err = call(r, rec[i]);
	return err;
}

int restore_join(struct restore *r, enum res_phase phase)
{
	int err = 0;

	for (unsigned int i = 0; i < nr_res_types && !err; i++)
		if (res_types[i]->phase == phase)
			err = restore_each(r, res_types[i], res_types[i]->join);
	for (unsigned int i = 0; i < nr_res_types && !err; i++)
		if (res_types[i]->phase == phase)
			err = restore_each(r, res_types[i], res_types[i]->finish);
	return err;
}

static int make_objects(struct restore *r)
{
	int err = 0;

	for (unsigned int i = 0; i < nr_res_types && !err; i++)
		/* a kind that opens in another mount namespace leaves the next one at home */
		err = restore_each(r, res_types[i], res_types[i]->restore) ?: restore_go_to(r, 0);
	return err ? err : restore_keep_away(r);
}

/* Only what opens files that exist: a try must not make anything. */
static int make_files(struct restore *r)
{
	int err = 0;

	snap_for_each(&r->image.snap, REC_FILE, const struct rec_file, f)
		if (!err && file_path_matters(&r->image.snap, f) && !shmfile_has(&r->image.snap, f) &&
		    file_class(&r->image.snap, f) != FILE_FIFO)
			err = res_type(REC_FILE)->restore(r, f);
	return err ? err : restore_each(r, res_type(REC_FS), res_type(REC_FS)->restore);
}

/* ---- the recipe ---- */

static int list_programs(struct restore *r)
{
	size_t nr_mm, nr_vma;

	snap_all(&r->image.snap, REC_MM, &nr_mm);
	snap_all(&r->image.snap, REC_VMA, &nr_vma);
	r->programs = calloc(nr_mm + nr_vma + 1, sizeof(*r->programs));
	if (!r->programs)
		return fail(-ENOMEM, "restore");
	snap_for_each(&r->image.snap, REC_MM, const struct rec_mm, mm)
		r->programs[r->nr_programs++] = mm->exe;
	snap_for_each(&r->image.snap, REC_VMA, const struct rec_vma, v)
		if (v->file)
			r->programs[r->nr_programs++] = v->file;
	qsort(r->programs, r->nr_programs, sizeof(*r->programs), by_u64);
	return 0;
}

static int list_pids(struct restore *r)
{
	snap_for_each(&r->image.snap, REC_TASK, const struct rec_task, t)
		if (!ids_get(&r->pids, t->pid))
			return fail(-ENOMEM, "restore");
	return 0;
}

static void refuse_image(void *arg, const struct proc *p, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fail(-ERR_IMAGE, "image: process %d %s", p ? pid_own_nr(p->pid) : 0, text);
}

/* Whoever is in the image is in its tree: objects would be built by nobody else. */
static int check_members(const struct restore *r)
{
	snap_for_each(&r->image.snap, REC_TASK, const struct rec_task, t)
		if (!tree_find(&r->tree, t->tgid))
			return fail(-ERR_IMAGE, "image: task %llu (%.16s) is not in the tree", t->addr,
				    t->comm);
	return 0;
}

static int load(struct restore *r)
{
	struct plan_opts popts = {};
	int err = image_open(&r->image, r->opts->path);

	if (!err)
		err = image_validate(&r->image);
	if (!err)
		err = tcp_prepare(r) ?: datagram_prepare(r);
	if (err)
		return err;
	snap_for_each(&r->image.snap, REC_TREE, const struct rec_tree, info)
		r->info = info;
	if (r->opts->verify)
		restore_walk_begin(r);
	err = tree_build(&r->tree, &r->image.snap, r->info->root);
	if (err)
		return fail(-ERR_IMAGE, "image: its tasks do not make a tree");
	err = check_members(r);
	if (!err && r->opts->host_pids && (!r->tree.container || r->info->root_level != 1))
		err = fail(-EINVAL, r->tree.container ?
			   "its namespace was nested at level %u: of its numbers outside, only those of a namespace "
			   "directly below the host's can be had (--host-pids)" :
			   "--host-pids is for the tree of a pid namespace; this one, at level %u, has its numbers "
			   "here anyway", r->info->root_level);
	if (err)
		return err;
	popts.shell_job = r->info->flags & TREE_F_SHELL_JOB;
	popts.entrants = r->info->flags & TREE_F_ENTRANTS;
	popts.host_pids = r->opts->host_pids;
	err = plan_build(&r->plan, &r->tree, &popts, refuse_image, r);
	if (err)
		return err == -ERR_BLOCKED ? -ERR_IMAGE : err;
	if (r->opts->verbose)
		plan_describe(&r->plan, stderr);
	err = list_pids(r);
	return err ? err : list_programs(r);
}

/* Whatever was made goes away again; the first cause was reported. */
static void undo(struct restore *r)
{
	sysv_undo(r);
	shmfile_undo(r);
	mqueue_undo(r);
	for (unsigned int i = 0; i < r->nr_units; i++)
		if (r->units[i].tid > 0)
			kill(r->units[i].tid, SIGKILL);
	if (r->root_pid > 0)
		kill(r->root_pid, SIGKILL);
	if (r->init_pid > 0)
		kill(r->init_pid, SIGKILL);
	freeze_kill(&r->freeze, r->root_pid);
	if (r->init_pid > 0)
		waitpid(r->init_pid, NULL, __WALL);
	else if (r->root_pid > 0)
		waitpid(r->root_pid, NULL, __WALL);
}

static int recipe(struct restore *r)
{
	bool told;
	int err = load(r);

	if (!err)
		err = external_check(r);
	if (!err)
		err = preflight(r);
	if (!err)
		err = restore_prepare(r);
	if (!err)
		err = make_objects(r);
	if (!err)
		err = restore_create(r);
	if (!err)
		err = restore_fill(r);
	if (!err)
		err = ghost_seal_all(r);
	if (!err)
		err = sysv_finish(r);
	if (!err)
		err = restore_exit_leaders(r);
	if (!err)
		err = restore_last(r);
	if (!err)
		err = unix_publish(r);
	if (!err && r->opts->verify)
		err = restore_walk(r) ?: compare_restored(r);
	told = !err && r->opts->pidfile;
	if (told)
		err = pidfile_write(r->opts->pidfile, r->root_pid);
	if (!err)
		err = fanotify_settle(r);
	if (!err) /* whoever kills us before this is over has no tree, and not one of dead connections */
		err = tcp_go_on(r);
	if (!err)
		freeze_spare(&r->freeze, r->root_pid);
	if (!err)
		err = restore_init_go(r);
	if (err)
		undo(r);
	if (err && told)
		pidfile_remove(r->opts->pidfile);
	unix_make_end(r, !err);
	return err;
}

static void restore_free(struct restore *r)
{
	for (unsigned int i = 0; r->units && i <= r->nr_units; i++)
		batch_free(&r->units[i].batch);
	for (size_t i = 0; i < r->nr_kept; i++) {
		cleanup_close(&r->kept[i].fd);
		cleanup_close(&r->kept[i].fd2);
	}
	restore_keep_end(r);
	cleanup_close(&r->root_pidfd);
	cleanup_close(&r->image_fd);
	cleanup_close(&r->self_pidfd);
	cleanup_close(&r->hand[0]);
	cleanup_close(&r->hand[1]);
	cleanup_close(&r->last_pid_fd);
	cleanup_close(&r->own_tty);
	cleanup_close(&r->vdso_fd);
	cleanup_close(&r->home.mntns);
	cleanup_close(&r->home.cwd);
	free(r->units);
	free(r->index);
	free(r->kept);
	ids_free(&r->kept_ids);
	for (size_t i = 0; i < r->nr_dirs; i++)
		cleanup_close(&r->dirs[i].fd);
	free(r->dirs);
	free(r->programs);
	free(r->sysv);
	free(r->shmfiles);
	free(r->mqueues);
	ids_free(&r->pids);
	machine_close(&r->machine);
	plan_free(&r->plan);
	tree_free(&r->tree);
	image_close(&r->image);
	restore_walk_end(r);
	tcp_lock_close(r->tcp_lock);
}

static struct restore new_restore(const struct restore_opts *opts)
{
	return (struct restore){ .opts = opts, .root_pidfd = -1, .init_line = -1, .image_fd = -1, .self_pidfd = -1,
				 .hand = { -1, -1 }, .last_pid_fd = -1, .own_tty = -1, .vdso_fd = -1, .home = { -1, -1 },
				 .machine = { .fd = -1 },
				 .image = { .fd = -1 } };
}

int restore_try(const struct restore_opts *opts, struct restore_trial *t)
{
	struct restore r = new_restore(opts);
	int err = load(&r);

	if (!err)
		*t = (struct restore_trial){ .whole = true, .processes = r.info->processes,
					     .threads = r.info->threads, .zombies = r.info->zombies };
	if (!err)
		err = external_wanted(&r, &t->wanted);
	if (!err)
		err = preflight(&r);
	if (!err)
		err = restore_prepare(&r);
	if (!err)
		err = make_files(&r);
	t->possible = !err;
	restore_free(&r);
	return err;
}

void restore_trial_free(struct restore_trial *t)
{
	for (char **key = t->wanted; key && *key; key++)
		free(*key);
	free(t->wanted);
}

int restore_run(const struct restore_opts *opts)
{
	struct restore r = new_restore(opts);
	struct job job;
	sigset_t old;
	int err;

	sigprocmask(SIG_SETMASK, NULL, &old);
	signal(SIGCHLD, SIG_DFL); /* else nobody would tell how the root task ended */
	err = recipe(&r);
	if (!err) {
		job_prepare(&job, &r);
		freeze_release(&r.freeze); /* everybody is complete: they run */
	}
	restore_free(&r);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (err)
		return exit_status(err);
	return opts->detach ? STATUS_DONE : job_wait(&job, &r);
}
