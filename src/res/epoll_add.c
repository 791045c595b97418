// SPDX-License-Identifier: GPL-2.0-only
/*
 * epoll_add.c - what epoll instances watch, added once every file exists.
 *
 * An item with EPOLLONESHOT that was told has no events left, and epoll_ctl(2) gives it some always: it
 * has to be told once. So it is added first, while nothing else of its instance can be ready, and its
 * file made ready for that moment where it is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "epoll.h"
#include "file.h"
#include "log.h"
#include "rec_task.h"
#include "restore.h"
#include "timerfd.h"

#define FMODE_READ 1u
#define SOON 1000 /* tries, of 100 us */

struct adder {
	struct restore *r;
	const struct rec_epoll_item *item; /* that failed */
	int err;
};

/* A read end of an empty pipe, which has a writer, or would be ready for that. */
static const struct rec_file *writer_of(const struct snap *s, const struct rec_file *f)
{
	size_t nr;
	void **end = f->object ? snap_referring(s, REC_FILE, struct rec_file, object, f->object, &nr) : NULL;

	for (size_t i = 0; end && i < nr; i++) {
		const struct rec_file *w = end[i];

		if (!(w->mode & FMODE_READ) && !(w->flags & O_PATH))
			return w;
	}
	return NULL;
}

bool epoll_can_wake(const struct snap *s, const struct rec_file *f)
{
	const struct rec_pipe *p = f->object ? snap_find(s, REC_PIPE, f->object) : NULL;

	return snap_find(s, REC_TIMERFD, f->addr) || snap_find(s, REC_SIGNALFD, f->addr) ||
	       (p && f->mode & FMODE_READ && !p->bytes && writer_of(s, f));
}

static int fire(int epoll, int fd, const struct epoll_event *item)
{
	struct epoll_event ev = { .events = item->events | EPOLL_READY, .data = item->data }, told;
	int n;

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev))
		return -errno;
	n = epoll_wait(epoll, &told, 1, 0);
	return n < 0 ? -errno : n == 1 && told.data.u64 == item->data.u64 ? 0 : -EAGAIN;
}

static int fire_by_byte(struct adder *a, const struct rec_file *f, int epoll, int fd,
			const struct epoll_event *ev)
{
	const struct rec_file *w = writer_of(&a->r->image.snap, f);
	int end _close_ = restore_borrow(a->r, w->addr), err;
	char byte = 0;

	if (end < 0)
		return end;
	if (write(end, &byte, 1) != 1)
		return -errno;
	err = fire(epoll, fd, ev);
	return read(fd, &byte, 1) == 1 ? err : -errno;
}

/* What has expired or does so at once is ready some time later. */
static int fire_soon(int epoll, int fd, const struct epoll_event *ev)
{
	int err;

	for (int i = 0; i < SOON; i++, usleep(100)) {
		err = fire(epoll, fd, ev);
		if (err != -EAGAIN)
			return err;
		if (epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL))
			return -errno;
	}
	return err;
}

static int fire_by_time(struct adder *a, const struct rec_timerfd *t, int epoll, int fd,
			const struct epoll_event *ev)
{
	const struct itimerspec now = { .it_value = { 0, 1 } };
	int err;

	if (!t->ticks && timerfd_settime(fd, 0, &now, NULL))
		return -errno;
	err = fire_soon(epoll, fd, ev);
	if (!err && !t->ticks && !t->armed)
		return timerfd_settime(fd, 0, &(struct itimerspec){}, NULL) ? -errno : 0;
	return err || t->ticks ? err : timerfd_arm(a->r, t, fd);
}

/* Signals are those of who asks, and all of them are blocked in us but SIGCHLD. */
static int fire_by_signal(const struct rec_signalfd *s, int epoll, int fd, const struct epoll_event *ev)
{
	const struct timespec none = {};
	__u64 mask = s->mask & ~(1ull << (SIGCHLD - 1)), one;
	int err;

	if (!mask)
		return -EINVAL;
	one = mask & -mask;
	if (syscall(SYS_tgkill, getpid(), gettid(), __builtin_ctzll(mask) + 1))
		return -errno;
	err = fire(epoll, fd, ev);
	return syscall(SYS_rt_sigtimedwait, &one, NULL, &none, 8) < 0 ? -errno : err;
}

static int add_fired(struct adder *a, const struct rec_epoll_item *item, int epoll, int fd,
		     const struct epoll_event *ev)
{
	const struct snap *s = &a->r->image.snap;
	const struct rec_file *f = snap_find(s, REC_FILE, item->file);
	int err = fire(epoll, fd, ev);

	if (err != -EAGAIN || !epoll_can_wake(s, f))
		return err;
	if (epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL))
		return -errno;
	if (snap_find(s, REC_TIMERFD, f->addr))
		return fire_by_time(a, snap_find(s, REC_TIMERFD, f->addr), epoll, fd, ev);
	if (snap_find(s, REC_SIGNALFD, f->addr))
		return fire_by_signal(snap_find(s, REC_SIGNALFD, f->addr), epoll, fd, ev);
	return fire_by_byte(a, f, epoll, fd, ev);
}

static int add_on_number(struct adder *a, const struct rec_epoll_item *item)
{
	struct epoll_event ev = { .events = item->events, .data.u64 = item->data };
	int epoll _close_ = -1, file _close_ = restore_borrow(a->r, item->file);

	if (file < 0)
		return file;
	if (file == (int)item->fd)
		take_fd(&file);
	else if (dup3(file, item->fd, O_CLOEXEC) < 0)
		return -errno;
	epoll = restore_borrow(a->r, item->epoll);
	if (epoll < 0)
		return epoll;
	if (epoll_has_fired(item))
		return add_fired(a, item, epoll, item->fd, &ev);
	return epoll_ctl(epoll, EPOLL_CTL_ADD, item->fd, &ev) ? -errno : 0;
}

/*
 * The file on the number of its item, for that moment: what lies there may be the file of another one.
 * An item stays when the descriptor is closed, as the file is open elsewhere (epoll(7)).
 */
static int add(struct adder *a, const struct rec_epoll_item *item)
{
	int there _close_ = fcntl(item->fd, F_DUPFD_CLOEXEC, 0), err;

	if (there < 0 && errno != EBADF)
		return -errno;
	err = add_on_number(a, item);
	if (there < 0)
		close(item->fd);
	else if (dup3(there, item->fd, O_CLOEXEC) < 0)
		return -errno;
	return err;
}

static void *add_all(void *arg)
{
	struct adder *a = arg;

	/* not a word from here: descriptor 2 may be anything */
	a->err = unshare(CLONE_FILES) ? -errno : 0;
	for (int fired = 1; fired >= 0; fired--) {
		snap_for_each(&a->r->image.snap, REC_EPOLL_ITEM, const struct rec_epoll_item, item) {
			if (epoll_has_fired(item) != fired)
				continue;
			if (!a->err) {
				a->item = item;
				a->err = add(a, item);
			}
		}
	}
	return NULL;
}

int epoll_watch_all(struct restore *r)
{
	struct adder a = { .r = r };
	pthread_t thread;
	size_t nr;
	int err;

	snap_all(&r->image.snap, REC_EPOLL_ITEM, &nr);
	if (!nr)
		return 0;
	err = pthread_create(&thread, NULL, add_all, &a);
	if (err)
		return fail(-err, "start a thread");
	pthread_join(thread, NULL);
	if (a.err && a.item)
		return fail(a.err, "watch descriptor %u by an epoll instance", a.item->fd);
	return a.err ? fail(a.err, "a table of descriptors for what epoll instances watch") : 0;
}
