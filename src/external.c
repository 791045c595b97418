// SPDX-License-Identifier: GPL-2.0-only
/* external.c - which open files are the outside's: marked behind a walk, asked for by a restore. */
#include "external.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dump.h"
#include "log.h"
#include "path.h"
#include "rec_external.h"
#include "rec_file.h"
#include "rec_sock.h"
#include "rec_tty.h"
#include "res.h"
#include "res/file.h"
#include "restore.h"

int externals_add(struct externals *l, const struct external *e)
{
	struct external *v = realloc(l->v, (l->nr + 1) * sizeof(*v));

	if (!v)
		return fail(-ENOMEM, "note a file of the outside");
	l->v = v;
	v[l->nr++] = *e;
	return 0;
}

void externals_free(struct externals *l)
{
	free(l->v);
	*l = (struct externals){};
}

struct external *externals_find(const struct externals *l, const char *key)
{
	for (size_t i = 0; i < l->nr; i++)
		if (l->v[i].key && !strcmp(l->v[i].key, key))
			return &l->v[i];
	return NULL;
}

static bool is_named(const struct external *e, const struct rec_file *f)
{
	if (!e->key)
		return f->id.dev == e->dev && f->id.ino == e->ino;
	return f->path_len && !strcmp(f->path, e->key);
}

/* Events of any kind are one inode to the kernel: a key cannot tell two of them apart. */
static int check_unique(const struct external *e, const struct rec_file *first, const struct rec_file *f)
{
	if (!e->key || f->id.mode & S_IFMT || first == f)
		return 0;
	return fail(-EINVAL, "--external %s: the tree has several of them, which that does not tell apart", e->key);
}

static int mark(struct dump *d, const struct external *e)
{
	const struct rec_file *first = NULL;
	size_t nr;
	void **file = snap_all(&d->snap, REC_FILE, &nr);

	for (size_t i = 0; i < nr; i++) {
		struct rec_file *f = file[i];
		struct rec_external *r;

		if (!is_named(e, f))
			continue;
		first = first ? first : f;
		if (check_unique(e, first, f))
			return -EINVAL;
		r = snap_new(&d->snap, REC_EXTERNAL, sizeof(*r));
		if (!r)
			return fail(-ENOMEM, "dump");
		r->file = f->addr;
	}
	if (!first && e->key)
		return fail(-ENOENT, "--external %s: no task of the tree has that open, as /proc/PID/fd tells it",
			    e->key);
	return 0;
}

/* The open files of the outside, and what is behind them: a pipe, a socket. */
static int list_gone(const struct snap *s, struct ids *gone)
{
	bool ok = true;

	snap_for_each(s, REC_EXTERNAL, const struct rec_external, e) {
		struct rec_file *f = snap_find(s, REC_FILE, e->file);
		const struct rec_socket *socket = snap_find(s, REC_SOCKET, e->file);

		ok &= ids_get(gone, e->file) && (!f->object || ids_get(gone, f->object)) &&
		      (!socket || ids_get(gone, socket->sock));
		f->object = 0;
	}
	return ok ? 0 : fail(-ENOMEM, "dump");
}

static bool is_inside(const void *rec, void *gone)
{
	return !ids_has(gone, rec_key(rec));
}

int external_mark(struct dump *d)
{
	const struct externals *l = &d->opts->external;
	struct ids gone = {};
	int err = 0;

	for (size_t i = 0; i < l->nr && !err; i++)
		err = mark(d, &l->v[i]);
	if (err || !l->nr)
		return err;
	snap_unique(&d->snap, REC_EXTERNAL);
	err = list_gone(&d->snap, &gone);
	for (unsigned int i = 0; i < nr_res_types && !err; i++) {
		__u32 tag = res_types[i]->tag;

		/* the descriptions stay, and locks, which are the tree's, and that it is a terminal */
		if (tag != REC_FILE && tag != REC_EXTERNAL && tag != REC_LOCK && tag != REC_TTY_FILE)
			snap_filter(&d->snap, tag, is_inside, &gone);
	}
	ids_free(&gone);
	return err;
}

static const struct rec_file *file_of(const struct restore *r, const struct rec_external *e)
{
	return snap_find(&r->image.snap, REC_FILE, e->file);
}

static bool is_wanted(const struct restore *r, const char *key)
{
	snap_for_each(&r->image.snap, REC_EXTERNAL, const struct rec_external, e)
		if (!strcmp(file_of(r, e)->path, key))
			return true;
	return false;
}

int external_check(const struct restore *r)
{
	const struct externals *l = &r->opts->inherit;
	int err = 0;

	for (size_t i = 0; i < l->nr; i++)
		if (!is_wanted(r, l->v[i].key))
			err = fail(-EINVAL, "--inherit-fd %d:%s: the image wants nothing of that name from outside",
				   l->v[i].fd, l->v[i].key);
	snap_for_each(&r->image.snap, REC_EXTERNAL, const struct rec_external, e)
		if (!externals_find(l, file_of(r, e)->path))
			err = fail(-EINVAL, "the tree had %s from outside: give it a descriptor in its place, "
				   "--inherit-fd FD:'%s'", file_of(r, e)->path, file_of(r, e)->path);
	return err;
}

int external_wanted(const struct restore *r, char ***keys)
{
	size_t nr;
	void **rec = snap_all(&r->image.snap, REC_EXTERNAL, &nr);

	*keys = calloc(nr + 1, sizeof(**keys));
	for (size_t i = 0; *keys && i < nr; i++) {
		(*keys)[i] = strdup(file_of(r, rec[i])->path);
		if (!(*keys)[i])
			return -ENOMEM;
	}
	return *keys ? 0 : -ENOMEM;
}

int external_of_restore(const struct restore *r, struct externals *out)
{
	const struct externals *l = &r->opts->inherit;
	int err = 0;

	for (size_t i = 0; i < l->nr && !err; i++) {
		struct external e = {};
		struct stat st;

		if (fstat(l->v[i].fd, &st))
			return fail(-errno, "look at descriptor %d", l->v[i].fd);
		e.dev = path_kernel_dev(st.st_dev);
		e.ino = st.st_ino;
		err = externals_add(out, &e);
	}
	return err;
}
