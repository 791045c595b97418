// SPDX-License-Identifier: GPL-2.0-only
/* restore_tty.c - make pty pairs with the numbers that they had, and open them as often as they were. */
#include "restore_tty.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "log.h"
#include "path.h"
#include "rec_external.h"
#include "rec_file.h"
#include "res/file.h"
#include "res/file_reopen.h"
#include "restore.h"
#include "tty.h"

#define O_LARGEFILE_BIT 0100000 /* glibc defines O_LARGEFILE as 0 on x86-64 */
#define TAKEN_TRIES 25 /* another restore may pass by on its way to a number of its own */
#define TAKEN_NS 20000000

/* ---- the master: devpts gives the lowest number that is free ---- */

/* Is descriptor fd of a process the master of pty index? Its fdinfo says so: pty.c, pty_show_fdinfo(). */
static bool is_master(const char *pid, const char *fd, unsigned int index)
{
	char path[80], line[80];
	FILE *f _fclose_ = NULL;
	unsigned int n;

	snprintf(path, sizeof(path), "/proc/%.20s/fdinfo/%.20s", pid, fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "tty-index: %u", &n) == 1)
			return n == index;
	return false;
}

static bool has_master(const char *pid, unsigned int index)
{
	char path[64];
	DIR *dir _closedir_ = NULL;
	struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%.20s/fdinfo", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.' && is_master(pid, e->d_name, index))
			return true;
	return false;
}

/* Names who has a pty; looked for only when that is the end of a restore. */
static int report_taken(unsigned int index)
{
	DIR *dir _closedir_ = opendir("/proc");
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		char path[64], comm[32] = "?";
		FILE *f _fclose_ = NULL;

		if (e->d_name[0] < '1' || e->d_name[0] > '9' || !has_master(e->d_name, index))
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/comm", e->d_name);
		f = fopen(path, "re");
		if (f && fgets(comm, sizeof(comm), f))
			comm[strcspn(comm, "\n")] = 0;
		return fail(-ERR_TAKEN, "terminal /dev/pts/%u is taken: pid %.20s (%s) has its master", index, e->d_name,
			    comm);
	}
	return fail(-ERR_TAKEN, "terminal /dev/pts/%u is taken", index);
}

/* Takes all numbers up to the one wanted, and gives the others back. The master, -ERR_TAKEN or -errno. */
static int climb(const struct rec_file *f, const char *path, unsigned int index)
{
	int *below _free_ = calloc(index + 1, sizeof(*below)), fd = -1, err = 0;
	unsigned int nr = 0, n = 0;

	if (!below)
		return fail(-ENOMEM, "restore");
	for (;;) {
		fd = f ? file_open(f, path) : open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (fd < 0 || ioctl(fd, TIOCGPTN, &n)) {
			err = fd < 0 && f ? fd : fail(-errno, "make a terminal by %s", path);
			break;
		}
		if (n >= index || nr > index)
			break;
		below[nr++] = fd;
	}
	while (nr)
		close(below[--nr]);
	if (!err && n == index)
		return fd;
	cleanup_close(&fd);
	return err ? err : -ERR_TAKEN;
}

static int open_master(struct restore *r, const struct rec_tty *t, const struct rec_file *f)
{
	int fd = -ERR_TAKEN, err = f ? restore_go_to(r, restore_mounts_of_file(r, f->addr)) : 0;

	if (err)
		return err;
	for (int i = 0; i < TAKEN_TRIES && fd == -ERR_TAKEN; i++) {
		if (i)
			nanosleep(&(struct timespec){ 0, TAKEN_NS }, NULL);
		fd = climb(f, f ? f->path : "/dev/ptmx", t->index);
	}
	return fd == -ERR_TAKEN ? report_taken(t->index) : fd;
}

/* ---- further descriptors ---- */

struct opener {
	int slave, flags;
	int fd; /* or -errno */
};

/* In a session of its own, with the descriptors and the memory of its parent, which waits for it. */
static int open_current(void *arg)
{
	struct opener *o = arg;

	signal(SIGHUP, SIG_IGN); /* the end of a session's leader, for its foreground group: itself */
	if (setsid() < 0 || ioctl(o->slave, TIOCSCTTY, 0)) {
		o->fd = -errno;
		return 0;
	}
	o->fd = open("/dev/tty", o->flags | O_CLOEXEC);
	if (o->fd < 0)
		o->fd = -errno;
	ioctl(o->slave, TIOCNOTTY);
	return 0;
}

/* /dev/tty is whatever the opener's controlling terminal is. */
static int open_as_current(int slave, int flags)
{
	struct opener o = { .slave = slave, .flags = flags, .fd = -ESRCH };
	size_t size = 64 << 10;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	int pid;

	if (stack == MAP_FAILED)
		return -errno;
	pid = clone(open_current, stack + size, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &o);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	else
		o.fd = -errno;
	munmap(stack, size);
	return o.fd;
}

/* TIOCGPTPEER lacks O_LARGEFILE, which open(2) sets by itself. */
static int open_slave(struct restore *r, const struct pair *p, const struct rec_tty_file *tf)
{
	const struct rec_file *f = snap_find(&r->image.snap, REC_FILE, tf->file);
	int flags = f->flags & (O_ACCMODE | O_NONBLOCK), fd;

	if (tf->current)
		fd = open_as_current(p->slave, flags);
	else if (f->flags & O_LARGEFILE_BIT)
		fd = file_reopen(p->slave, f->flags);
	else
		fd = ioctl(p->master, TIOCGPTPEER, flags | O_NOCTTY | (f->flags & O_CLOEXEC));
	if (fd < 0)
		return fail(fd, "open terminal %.16s", p->s->name);
	return restore_keep(r, tf->file, fd, -1);
}

static int open_slaves(struct restore *r, const struct pair *p, bool hung_up)
{
	size_t nr;
	void **file = tty_files(&r->image.snap, p->s, &nr);
	int err = 0;

	for (size_t i = 0; i < nr && !err; i++) {
		const struct rec_tty_file *tf = file[i];

		if ((bool)tf->hung_up == hung_up)
			err = open_slave(r, p, tf);
	}
	return err;
}

static bool any_file(const struct restore *r, const struct rec_tty *t, bool hung_up)
{
	size_t nr;
	void **file = tty_files(&r->image.snap, t, &nr);

	for (size_t i = 0; i < nr; i++)
		if ((bool)((const struct rec_tty_file *)file[i])->hung_up == hung_up)
			return true;
	return false;
}

static int peer(struct pair *p)
{
	p->slave = ioctl(p->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	return p->slave < 0 ? fail(-errno, "open terminal %.16s", p->s->name) : 0;
}

/* Those that are to be dead: by the end of their master, or with all of the terminal's past by vhangup(2). */
static int hang_up(struct restore *r, struct pair *p)
{
	int err = peer(p) ?: open_slaves(r, p, true);

	if (!err && p->m->count && ioctl(p->slave, TIOCVHANGUP))
		err = fail(-errno, "hang up terminal %.16s", p->s->name);
	cleanup_close(&p->slave);
	p->slave = -1;
	return err;
}

/* Its name belongs to somebody. */
static int own(const struct rec_tty *s)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/pts/%u", s->index);
	return chown(path, s->uid, s->gid) || chmod(path, s->mode) ?
		       fail(-errno, "give %s its owner and mode", path) : 0;
}

static int make(struct restore *r, struct pair *p, const struct rec_file *f)
{
	int lock = 0, err = 0;

	p->master = open_master(r, p->m, f);
	if (p->master < 0)
		return p->master;
	if (ioctl(p->master, TIOCSPTLCK, &lock))
		err = fail(-errno, "unlock terminal %.16s", p->s->name);
	if (!err && any_file(r, p->s, true))
		err = hang_up(r, p);
	if (err || !p->m->count)
		return err;
	if (any_file(r, p->s, false) || any_file(r, p->s, true) || p->m->flags & TTY_F_OTHER_CLOSED)
		err = peer(p) ?: open_slaves(r, p, false);
	return err ?: own(p->s) ?: pair_fill(r, p);
}

/* By its slave: that is there also when the master has gone. */
static int restore_pair(struct restore *r, const struct rec_tty *s)
{
	struct pair p = { .m = snap_find(&r->image.snap, REC_TTY, s->link), .s = s, .master = -1, .slave = -1 };
	size_t nr;
	void **file = tty_files(&r->image.snap, p.m, &nr);
	const struct rec_tty_file *tf = nr ? file[0] : NULL;
	int err = make(r, &p, tf ? snap_find(&r->image.snap, REC_FILE, tf->file) : NULL);

	/* for its session: once the tasks are made, theirs are the only ones */
	if (!err && p.slave >= 0 && s->session)
		err = restore_keep(r, s->addr, fcntl(p.slave, F_DUPFD_CLOEXEC, 3), -1);
	cleanup_close(&p.slave);
	if (!err && tf)
		return restore_keep(r, tf->file, p.master, -1);
	cleanup_close(&p.master);
	return err;
}

/* ---- terminals of the outside ---- */

/* One that was handed over: its session takes it by any descriptor of it. */
static int keep_given(struct restore *r, const struct rec_tty *t)
{
	size_t nr;
	void **file = tty_files(&r->image.snap, t, &nr);
	int fd;

	for (size_t i = 0; i < nr; i++)
		if (snap_find(&r->image.snap, REC_EXTERNAL, rec_key(file[i])) &&
		    !restore_kept(r, rec_key(file[i]), &fd, NULL))
			return restore_keep(r, t->addr, fcntl(fd, F_DUPFD_CLOEXEC, 3), -1);
	return 0;
}

/* The terminal of our session, by a name of its own when one of the first descriptors has that. */
static int own_terminal(int flags)
{
	struct stat st;
	int fd;

	for (fd = 0; fd < 3; fd++)
		if (tcgetsid(fd) == getsid(0) && !fstat(fd, &st) && st.st_rdev != makedev(5, 0))
			return file_reopen(fd, flags);
	fd = open("/dev/tty", (flags & (O_ACCMODE | O_NONBLOCK)) | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The user's own: the one that this command is run from. */
static int open_own(struct restore *r, const struct rec_tty *t)
{
	size_t nr;
	void **file = tty_files(&r->image.snap, t, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_tty_file *tf = file[i];
		const struct rec_file *f = snap_find(&r->image.snap, REC_FILE, tf->file);
		int fd, err;

		if (snap_find(&r->image.snap, REC_EXTERNAL, tf->file))
			continue;
		fd = own_terminal(f->flags);
		if (fd < 0)
			return fail(fd, "%s was the terminal that the tree was started from: run restore "
				    "from one, too", f->path);
		err = restore_keep(r, tf->file, fd, -1);
		if (err)
			return err;
	}
	return 0;
}

static int by_index(const void *a, const void *b)
{
	const struct rec_tty *x = *(void *const *)a, *y = *(void *const *)b;

	return x->index < y->index ? -1 : x->index > y->index;
}

/* From the lowest number up, each is the next one that devpts gives, or not far from it. */
static int restore_pairs(struct restore *r, void **all, size_t nr)
{
	const struct rec_tty **v _free_ = calloc(nr, sizeof(*v));
	size_t n = 0;
	int err = 0;

	if (!v)
		return fail(-ENOMEM, "restore");
	for (size_t i = 0; i < nr; i++) {
		const struct rec_tty *t = all[i];

		if (t->side == TTY_IS_SLAVE && !tty_is_outside(&r->image.snap, t))
			v[n++] = t;
	}
	qsort(v, n, sizeof(*v), by_index);
	for (size_t i = 0; i < n && !err; i++)
		err = restore_pair(r, v[i]);
	return err;
}

int tty_restore(struct restore *r, const void *rec)
{
	const struct rec_tty *t = rec;
	size_t nr;
	void **all = snap_all(&r->image.snap, REC_TTY, &nr);
	int err = t == all[0] ? restore_pairs(r, all, nr) : 0;

	if (err || !tty_is_outside(&r->image.snap, t) || t->side == TTY_IS_MASTER)
		return err;
	return keep_given(r, t) ?: open_own(r, t);
}

/* ---- sessions ---- */

void ctty_take(struct restore *r, struct batch *b, const struct proc *p)
{
	const struct rec_ctty *c = p ? snap_find(&r->image.snap, REC_CTTY, p->sig->addr) : NULL;
	int fd;

	if (c && !restore_kept(r, c->tty, &fd, NULL))
		batch_op(b, SYS_ioctl, fd, TIOCSCTTY, 0);
}

/* The terminal that a process was born with: its session's. A descriptor, or -1. */
static int born_with(struct restore *r, const struct proc *p)
{
	const struct proc *leader = tree_find(&r->tree, p->sid->addr);
	const struct rec_ctty *c = leader ? snap_find(&r->image.snap, REC_CTTY, leader->sig->addr) : NULL;
	int fd;

	if (!leader) /* dead, and without one; or the restorer's */
		return p->sid->alive ? r->own_tty : -1;
	return c && leader != p && !restore_kept(r, c->tty, &fd, NULL) ? fd : -1;
}

int ctty_drop(struct restore *r)
{
	for (unsigned int i = 0; i < r->tree.nr; i++) {
		struct unit *u = &r->units[i];
		int fd;

		if (!u->body || snap_find(&r->image.snap, REC_CTTY, u->proc->sig->addr))
			continue;
		fd = born_with(r, u->proc);
		if (fd >= 0)
			batch_op(&u->batch, SYS_ioctl, fd, TIOCNOTTY, 0)->flags = OP_MAY_FAIL;
	}
	return restore_run_batches(r);
}

int tty_join(struct restore *r, const void *rec)
{
	const struct rec_tty *t = rec;
	const struct proc *leader = tree_find(&r->tree, t->session);
	struct unit *u;
	pid_t pgrp;
	int fd;

	if (!leader || !t->pgrp || restore_kept(r, t->addr, &fd, NULL))
		return 0;
	u = restore_unit(r, leader->sig->addr);
	pgrp = restore_nr(r, u, t->pgrp);
	if (pgrp > 0)
		batch_op(&u->batch, SYS_ioctl, fd, TIOCSPGRP, machine_dup(&r->machine, &pgrp, sizeof(pgrp)));
	return 0;
}
