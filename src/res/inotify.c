// SPDX-License-Identifier: GPL-2.0-only
/*
 * inotify.c - kinds "inotify" and "watch": an instance and the inodes that it watches, with their numbers.
 * Events that nobody has read cannot be put back: the reader is told IN_Q_OVERFLOW, as it is when the kernel
 * loses some itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "check.h"
#include "dump.h"
#include "file.h"
#include "log.h"
#include "mark_path.h"
#include "rec_file.h"
#include "rec_watch.h"
#include "res.h"
#include "restore.h"

#define R struct rec_inotify
#define W struct rec_watch
#define WD_MAX (1 << 17) /* each number up to it takes some microseconds */
#define KNOWN_MASK (IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT)

static const struct field fields[] = {
	FIELD_OWNER(R, file, REC_FILE),
	FIELD(R, addr, NEVER_SAVED, AS_HEX),
	FIELD(R, next_wd, MAY_DIFFER, AS_DEC), /* saying that events were lost takes two more */
	FIELD(R, queued, MAY_DIFFER, AS_DEC),
	FIELD(R, marks, MUST_MATCH, AS_DEC),
};

static const struct field watch_fields[] = {
	FIELD_OWNER(W, file, REC_FILE),
	FIELD_REF(W, inode, 0),
	FIELD(W, wd, IS_KEY, AS_SIGNED),
	FIELD(W, mask, MUST_MATCH, AS_HEX),
	FIELD_INODE(W, id),
	FIELD(W, path_len, MUST_MATCH, AS_DEC),
};

/* ---- dump ---- */

static struct marked marked(const struct rec_mark *m)
{
	return (struct marked){ .number = m->wd, .inode = m->inode, .id = &m->id, .names = &m->names };
}

static void check_mark(struct check *c, const struct mark_finder *f, const struct rec_mark *m)
{
	struct mark_owner o = { .kind = "inotify", .remedy = "remove the watch (inotify_rm_watch)" };
	struct marked on = marked(m);

	snprintf(o.what, sizeof(o.what), "watch %d", m->wd);
	mark_check(c, f, &on, &o);
}

static int check(struct check *c, const void *rec)
{
	const R *n = rec;
	struct mark_finder f;
	int err = mark_finder_open(&f, c->snap, c->users, n->file);
	size_t nr;
	void **mark = snap_range(c->snap, REC_MARK, n->file, &nr);

	if (err)
		check_refuse(c, 0, "inotify", "its watches could not be read: %s", strerror(-err));
	for (size_t i = 0; i < nr && !err; i++)
		check_mark(c, &f, mark[i]);
	mark_finder_close(&f);
	if (n->next_wd > WD_MAX)
		check_refuse(c, 0, "inotify", "its next watch would be number %u; up to %d can be had again", n->next_wd,
			     WD_MAX);
	if (nr != n->marks && !c->live)
		check_refuse(c, 0, "inotify", "%u watches, but only %zu of them could be seen", n->marks, nr);
	if (n->queued)
		check_warn(c, "inotify", "%u events that nobody has read will be lost; a restored reader is told so "
			   "(IN_Q_OVERFLOW)", n->queued);
	return 0;
}

static int collect(struct dump *d, void *rec)
{
	const R *n = rec;
	struct mark_finder f;
	int err = mark_finder_open(&f, &d->snap, &d->users, n->file);
	size_t nr;
	void **mark = snap_range(&d->snap, REC_MARK, n->file, &nr);

	for (size_t i = 0; i < nr && !err; i++) {
		const struct rec_mark *m = mark[i];
		struct marked on = marked(m);
		char path[REC_PATH_MAX];
		size_t len;
		W *w;

		err = mark_find_path(&f, &d->snap, &on, path, sizeof(path));
		len = path[0] ? strlen(path) + 1 : 0;
		w = err ? NULL : snap_new(&d->snap, REC_WATCH, sizeof(*w) + len);
		if (!w)
			break;
		w->file = m->file;
		w->inode = m->inode;
		w->wd = m->wd;
		w->mask = m->mask;
		w->id = m->id;
		w->path_len = len;
		memcpy(w->path, path, len);
	}
	mark_finder_close(&f);
	return err ? fail(err, "find what an inotify instance watches") : 0;
}

/* ---- restore ---- */

static int read_inotify(const struct image *img, const void *rec)
{
	const R *n = rec;

	if (n->next_wd > WD_MAX)
		return fail(-ERR_IMAGE, "image: inotify instance %llu is impossible", n->file);
	return 0;
}

static int read_watch(const struct image *img, const void *rec)
{
	const W *w = rec;
	const R *n = snap_find(&img->snap, REC_INOTIFY, w->file);

	if (!n || w->wd < 1 || (__u32)w->wd >= n->next_wd || !(w->mask & IN_ALL_EVENTS) || w->mask & ~KNOWN_MASK ||
	    !mark_place_ok(&img->snap, w->path, w->h.len - sizeof(*w), w->path_len, w->inode))
		return fail(-ERR_IMAGE, "image: watch %d of inotify instance %llu is impossible", w->wd, w->file);
	return 0;
}

static int restore_inotify(struct restore *r, const void *rec)
{
	const R *n = rec;
	const struct rec_file *f = snap_find(&r->image.snap, REC_FILE, n->file);
	int fd = inotify_init1(IN_CLOEXEC | (f->flags & O_NONBLOCK ? IN_NONBLOCK : 0));

	return fd < 0 ? fail(-errno, "make an inotify instance") : restore_keep(r, n->file, fd, -1);
}

/* Something that can be watched and of which nobody knows. */
struct decoy {
	int fd;
	char path[32];
};

static int decoy_open(struct decoy *d)
{
	d->fd = memfd_create("bpf-ckpt", MFD_CLOEXEC);
	snprintf(d->path, sizeof(d->path), "/proc/self/fd/%d", d->fd);
	return d->fd < 0 ? fail(-errno, "make something to watch") : 0;
}

/* Numbers are given one after the other, and none twice: use up those below next. */
static int use_up(int fd, const struct decoy *d, int *now, int next)
{
	for (; *now < next; ++*now) {
		int wd = inotify_add_watch(fd, d->path, IN_ATTRIB);

		if (wd < 0 || inotify_rm_watch(fd, wd))
			return fail(-errno, "use up the number of a watch");
		if (wd != *now)
			return fail(-EPROTO, "the kernel numbers watches in another way: %d instead of %d", wd, *now);
	}
	return 0;
}

static int add_watch(struct restore *r, const W *w, int fd)
{
	const char *path = w->path_len ? w->path : NULL;
	struct mark_place on;
	int err = mark_open(r, &on, w->file, path, w->inode, &w->id, "inotify"), there _close_ = on.fd, wd;

	if (err)
		return err;
	wd = inotify_add_watch(fd, on.name, w->mask | (on.is_link ? IN_DONT_FOLLOW : 0));
	if (wd < 0)
		return fail(-errno, "watch %s", path ?: "a file without a name");
	err = restore_go_to(r, 0);
	if (err)
		return err;
	return wd == w->wd ? 0 : fail(-ESTALE, "%s: watched as %d and as %d, which are one file now", w->path, w->wd, wd);
}

/* All that is queued but for the last bytes. */
static int drain(int fd, int keep)
{
	char buf[65536];
	int bytes;

	while (!ioctl(fd, FIONREAD, &bytes) && bytes > keep) {
		ssize_t n = read(fd, buf, bytes - keep < (int)sizeof(buf) ? bytes - keep : (int)sizeof(buf));

		if (n < 0)
			return fail(-errno, "read inotify events");
	}
	return 0;
}

/* Two files in turn, as equal events in a row are one: until the kernel gives up, and says so. */
static int overflow(int fd, struct decoy *a, int *now)
{
	struct decoy b;
	FILE *f _fclose_ = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	int err = decoy_open(&b), wd[2] = { -1, -1 };
	long max = 0;

	if (err)
		return err;
	if (!f || fscanf(f, "%ld", &max) != 1)
		err = fail(-EIO, "read fs.inotify.max_queued_events");
	for (int i = 0; i < 2 && !err; i++) {
		wd[i] = inotify_add_watch(fd, i ? b.path : a->path, IN_ATTRIB);
		if (wd[i] < 0)
			err = fail(-errno, "watch a file of our own");
		++*now;
	}
	for (long i = 0; i < max + 2 && !err; i++)
		if (fchmod(i % 2 ? b.fd : a->fd, 0600))
			err = fail(-errno, "change a file of our own");
	/* that they are gone finds no place any more */
	for (int i = 0; i < 2 && !err; i++)
		if (inotify_rm_watch(fd, wd[i]))
			err = fail(-errno, "remove a watch");
	close(b.fd);
	return err ? err : drain(fd, sizeof(struct inotify_event));
}

static int by_number(const void *a, const void *b)
{
	return (*(const W *const *)a)->wd - (*(const W *const *)b)->wd;
}

/* Late, so that what a restore itself opens is nobody's news. */
static int late(struct restore *r, const void *rec)
{
	const R *n = rec;
	size_t nr;
	void **watch = snap_range(&r->image.snap, REC_WATCH, n->file, &nr);
	const W **v _free_ = malloc((nr + 1) * sizeof(*v));
	int fd, now = 1, err;
	struct decoy d;

	if (!v || restore_kept(r, n->file, &fd, NULL))
		return fail(-ENOMEM, "restore");
	memcpy(v, watch, nr * sizeof(*v));
	qsort(v, nr, sizeof(*v), by_number);
	err = decoy_open(&d);
	if (err)
		return err;
	for (size_t i = 0; i < nr && !err; i++, now++)
		err = use_up(fd, &d, &now, v[i]->wd) ?: add_watch(r, v[i], fd);
	if (!err)
		err = use_up(fd, &d, &now, n->next_wd);
	if (!err)
		err = drain(fd, 0);
	if (!err && n->queued)
		err = overflow(fd, &d, &now);
	close(d.fd);
	return err;
}

const struct res_type res_inotify = {
	.name = "inotify", .tag = REC_INOTIFY, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.check = check, .collect = collect, .read = read_inotify, .restore = restore_inotify, .late = late,
};

const struct res_type res_watch = {
	.name = "watch", .tag = REC_WATCH, .size = sizeof(W), .owned = true,
	.fields = watch_fields, .nr_fields = sizeof(watch_fields) / sizeof(watch_fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_TEXT, .read = read_watch,
};
