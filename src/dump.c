// SPDX-License-Identifier: GPL-2.0-only
/* dump.c - the recipe of a checkpoint: find, freeze, walk, check, collect, write, release. */
#include "dump.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arch/arch.h"
#include "cleanup.h"
#include "dump_find.h"
#include "log.h"
#include "reach.h"
#include "rec_file.h"
#include "rec_sock.h"
#include "rec_state.h"
#include "res.h"
#include "res/aio.h"
#include "res/cpu.h"
#include "res/datagram.h"
#include "res/sockopt.h"
#include "res/vdso.h"
#include "tcp_lock.h"
#include "vdso.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static __u64 now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

pid_t task_tid(const struct tree *t, const struct rec_task *task)
{
	const struct rec_pid *pid = snap_find(t->snap, REC_PID, task->pid);

	return pid ? pid->numbers[0] : -1;
}

const struct rec_task *dump_task_of(const struct dump *d, __u64 pid)
{
	size_t nr;
	void **task = snap_referring(&d->snap, REC_TASK, struct rec_task, pid, pid, &nr);

	return nr ? task[0] : NULL;
}

/* Opening one takes as long as duplicating a descriptor through it does. */
static int pidfd_of(struct dump *d, pid_t pid)
{
	struct pidfd *p = &d->pidfds[pid % DUMP_PIDFDS];

	if (p->pid == pid)
		return p->fd;
	if (p->pid)
		close(p->fd);
	*p = (struct pidfd){ pid, syscall(SYS_pidfd_open, pid, 0) };
	if (p->fd < 0)
		*p = (struct pidfd){};
	return p->pid ? p->fd : -errno;
}

int dump_getfd(struct dump *d, const struct rec_task *t, unsigned int fd)
{
	const struct rec_pid *tgid = snap_find(&d->snap, REC_PID, t->tgid);
	int pidfd = tgid ? pidfd_of(d, tgid->numbers[0]) : -ESRCH;
	int got = pidfd < 0 ? pidfd : syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	return got < 0 && pidfd >= 0 ? -errno : got;
}

int dump_reach(struct dump *d, __u64 file)
{
	int fd = flight_fd(&d->flight, file);
	const struct rec_task *t;
	unsigned int slot;

	if (dump_find_fd(d, file, &t, &slot))
		return dump_getfd(d, t, slot);
	if (fd < 0)
		return -ENOENT;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}

bool dump_find_fd(struct dump *d, __u64 file, const struct rec_task **t, unsigned int *fd)
{
	return reach_find(&d->snap, &d->users, file, t, fd);
}

static void free_source(struct page_source *src)
{
	ranges_free(&src->ranges);
	cleanup_close(&src->fd);
}

int dump_add_pages(struct dump *d, struct page_source *src)
{
	if (d->nr_sources == d->cap_sources) {
		size_t cap = d->cap_sources ? d->cap_sources * 2 : 64;
		struct page_source *v = realloc(d->sources, cap * sizeof(*v));

		if (!v) {
			free_source(src);
			return fail(-ENOMEM, "dump");
		}
		d->sources = v;
		d->cap_sources = cap;
	}
	d->sources[d->nr_sources++] = *src;
	return 0;
}

/* Anonymous memory of a process, in bytes; a guess is enough. proc_pid_statm(5) */
static __u64 private_bytes(pid_t pid)
{
	unsigned long long size, resident = 0, shared = 0;
	FILE *f _fclose_ = NULL;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%llu %llu %llu", &size, &resident, &shared) != 3 || resident < shared)
		return 0;
	return (resident - shared) * 4096;
}

/* Whoever was stopped in a sleep before has a restart_block that is not a fresh task's, as ours is. */
static bool was_stopped(const struct dump *d)
{
	for (size_t i = 0; i < d->tree.nr; i++)
		for (unsigned int j = 0; j < d->tree.procs[i].nr_threads; j++)
			if (d->tree.procs[i].threads[j]->restart.fn != d->own.restart.fn)
				return true;
	return false;
}

void dump_make_room(struct dump *d)
{
	__u64 pages = 0;

	for (size_t i = 0; i < d->tree.nr; i++)
		pages += private_bytes(d->tree.procs[i].pid->numbers[0]);
	pages_pool_warm(d->pool, pages);
	/* with each process come records, and extents; what is too much is given back in the end */
	image_reserve(d->image, pages + pages / 64 + (d->tree.nr << 15));
	if (was_stopped(d))
		restart_names_learn(&d->restarts);
}

/* What the whole tree is: the record that an image is read by. */
static int collect_tree(struct dump *d)
{
	struct rec_tree *r = snap_new(&d->snap, REC_TREE, sizeof(*r));

	if (!r)
		return fail(-ENOMEM, "dump");
	r->root = d->tree.root->pid->addr;
	r->root_pidns = d->tree.root_ns->addr;
	r->root_level = d->tree.root_level;
	r->flags = (d->tree.container ? TREE_F_CONTAINER : 0) |
		   (d->opts->shell_job ? TREE_F_SHELL_JOB : 0) |
		   (d->opts->entrants == ENTRANTS_INCLUDE ? TREE_F_ENTRANTS : 0);
	r->clock_monotonic = now_ns(CLOCK_MONOTONIC);
	r->clock_boottime = now_ns(CLOCK_BOOTTIME);
	r->clock_realtime = now_ns(CLOCK_REALTIME);
	r->vdso_sum = vdso_sum(d->vdso, d->vdso_len);
	for (size_t i = 0; i < d->tree.nr; i++) {
		r->processes++;
		r->threads += d->tree.procs[i].nr_threads;
		r->zombies += d->tree.procs[i].zombie;
	}
	return 0;
}

static int collect_tasks(struct dump *d, const struct res_type *type)
{
	int err = 0;

	for (size_t i = 0; i < d->tree.nr && !err; i++) {
		const struct proc *p = &d->tree.procs[i];

		for (unsigned int j = 0; j < p->nr_threads && !err; j++)
			if (!p->threads[j]->exit_state)
				err = type->collect_task(d, p->threads[j]);
	}
	return err;
}

static int collect_records(struct dump *d, const struct res_type *type)
{
	size_t nr;
	void **rec = snap_all(&d->snap, type->tag, &nr);
	int err = 0;

	for (size_t i = 0; i < nr && !err; i++)
		err = type->collect(d, rec[i]);
	return err;
}

int dump_collect(struct dump *d)
{
	int err = collect_tree(d) ?: cpu_collect(d) ?: vdso_collect(d) ?: queue_collect(d);

	for (unsigned int i = 0; i < nr_res_types && !err; i++) {
		if (res_types[i]->collect_task)
			err = collect_tasks(d, res_types[i]);
		if (!err && res_types[i]->collect)
			err = collect_records(d, res_types[i]);
	}
	return err;
}

static int write_records(struct dump *d, const struct res_type *type)
{
	size_t nr;
	void **rec = snap_all(&d->snap, type->tag, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_hdr *h = rec[i];
		struct rec_hdr *copy _free_ = malloc(h->len);
		int err;

		if (!copy)
			return fail(-ENOMEM, "dump");
		memcpy(copy, h, h->len);
		err = ids_translate(&d->ids, type, copy);
		if (!err)
			err = image_append(d->image, copy);
		if (!err && type->write)
			err = type->write(d, h);
		if (err)
			return err;
	}
	return 0;
}

static void let_go(struct dump *d)
{
	freeze_release(&d->freeze);
	d->released_at = now_ns(CLOCK_MONOTONIC);
}

/* pages_copy() has read the last byte: a tree that shall run on can do so while we write. */
static void all_read(void *arg)
{
	struct dump *d = arg;

	if (d->opts->after == DUMP_LEAVE_RUNNING)
		let_go(d);
}

static int write_image(struct dump *d)
{
	int err = 0;

	for (unsigned int i = 0; i < nr_res_types && !err; i++)
		err = write_records(d, res_types[i]);
	if (!err)
		err = pages_copy(d->pool, d->image, d->sources, d->nr_sources, all_read, d, &d->pages);
	if (err)
		return err;
	err = image_commit(d->image);
	d->image = NULL;
	return err;
}

/* The image is complete and on disk: what becomes of the tree. */
static void finish_tree(struct dump *d)
{
	pid_t root = d->tree.root->pid->numbers[0];

	if (d->opts->after == DUMP_KILL) {
		freeze_kill(&d->freeze, root);
		tcp_leave_quietly(d);
		d->released_at = now_ns(CLOCK_MONOTONIC);
	} else if (d->opts->after == DUMP_LEAVE_STOPPED) {
		freeze_signal(&d->freeze, SIGSTOP, root);
		let_go(d);
	}
}

/*
 * Who reads /proc/PID/fd, or walks as we do, holds a file for that moment: what is only once there is not
 * a leak.
 */
static int count_again(struct dump *d)
{
	struct snap again = {};
	int err = walk_run(d->walk, WALK_FILES, &again);

	snap_for_each(&again, REC_FILE, const struct rec_file, now) {
		struct rec_file *f = snap_find(&d->snap, REC_FILE, now->addr);

		if (f && now->count < f->count)
			f->count = now->count;
	}
	snap_free(&again);
	return err;
}

int dump_find_holders(struct dump *d)
{
	size_t nr, nr_socks, n = 0;
	void **file = snap_all(&d->snap, REC_FILE, &nr);
	__u64 *addr _free_ = NULL;
	int err;

	snap_all(&d->snap, REC_SOCK, &nr_socks);
	addr = calloc(2 * nr + nr_socks + 1, sizeof(*addr));
	if (!addr)
		return fail(-ENOMEM, "dump");
	for (size_t i = 0; i < nr; i++) {
		const struct rec_file *f = file[i];

		addr[n++] = f->addr;
		if (S_ISFIFO(f->id.mode))
			addr[n++] = f->inode; /* its other ends are other files */
	}
	snap_for_each(&d->snap, REC_SOCK, const struct rec_sock, k)
		if (k->file && !snap_find(&d->snap, REC_FILE, k->file))
			addr[n++] = k->file; /* somebody that the tree talks to */
	err = count_again(d);
	if (!err)
		err = walk_held(d->walk, addr, n);
	if (!err)
		err = walk_run(d->walk, WALK_HOLDERS, &d->snap);
	return err;
}

/* Something is wrong: worth a look at the whole system. */
static int check_again(struct dump *d)
{
	int err = dump_find_holders(d);

	check_free(&d->check);
	return err ? err : check_run(&d->check);
}

static int check_tree(struct dump *d)
{
	int err;

	d->check = (struct check){ .snap = &d->snap, .tree = &d->tree, .users = &d->users,
				   .own = &d->own, .shell_job = d->opts->shell_job,
				   .leaks_warn = d->opts->leaks_warn,
				   .entrants = d->opts->entrants, .tcp = d->opts->tcp,
				   .runs_on = d->opts->after != DUMP_KILL };
	err = check_run(&d->check);
	if (err == -ERR_BLOCKED)
		err = check_again(d);
	if (err == -ERR_BLOCKED) {
		let_go(d); /* the target need not wait for a terminal */
		check_report(&d->check, stderr);
		if (d->opts->json)
			check_report_json(&d->check, stdout);
	}
	return err;
}

void dump_free(struct dump *d)
{
	freeze_release(&d->freeze);
	image_abort(d->image);
	for (size_t i = 0; i < d->nr_sources; i++)
		free_source(&d->sources[i]);
	free(d->sources);
	pages_pool_free(d->pool);
	sockopt_free(d->sockopts);
	for (size_t i = 0; i < d->nr_tcp_fds; i++)
		cleanup_close(&d->tcp_fds[i]);
	free(d->tcp_fds);
	free(d->tcp_tuples);
	tcp_lock_close(d->tcp_lock);
	check_free(&d->check);
	users_free(&d->users);
	tree_free(&d->tree);
	snap_free(&d->snap);
	ids_free(&d->ids);
	ids_free(&d->programs);
	flight_free(&d->flight);
	for (size_t i = 0; i < ARRAY_SIZE(d->pidfds); i++)
		if (d->pidfds[i].pid)
			close(d->pidfds[i].fd);
	walk_close(d->walk);
}

static void report(const struct dump *d)
{
	fprintf(stderr, "bpf-ckpt: %zu processes, %llu pages in %llu extents, stopped for %.2f ms (the "
		"walk of all tasks took %.2f ms of it, that of their state %.2f ms)\n", d->tree.nr,
		d->pages.pages, d->pages.extents, (d->released_at - d->froze_at) / 1e6, d->tasks_ns / 1e6,
		d->state_ns / 1e6);
}

static int recipe(struct dump *d)
{
	struct walk_opts wopts = { .verbose = d->opts->verbose };
	int err;

	arch_cpu(&d->cpu);
	d->vdso = vdso_own(&d->vdso_len);
	err = walk_open(&d->walk, &wopts); /* 50-200 ms that the target need not pay for */
	if (!err)
		err = pages_pool_create(&d->pool);
	if (!err)
		err = image_create(&d->image, d->opts->path);
	if (!err)
		err = dump_find(d);
	if (!err)
		err = flight_find(d);
	if (!err)
		err = aio_settle(d);
	if (!err)
		err = check_tree(d);
	if (!err)
		err = flight_prune(d);
	if (!err)
		err = dump_collect(d);
	if (!err)
		err = write_image(d);
	if (!err)
		finish_tree(d);
	if (!err && d->opts->verbose)
		report(d);
	if (err)
		return err;
	datagram_tell_losses(d);
	check_report(&d->check, stderr); /* warnings */
	return 0;
}

int dump_run(const struct dump_opts *opts)
{
	struct dump d = { .opts = opts };
	int err = recipe(&d);

	dump_free(&d);
	return err;
}
