// SPDX-License-Identifier: GPL-2.0-only
/*
 * shmfile.c - kind "shmfile": a file in /dev/shm, which is memory by name: shm_open(3), sem_open(3). Unlike
 * those of other files its contents are in the image: after a reboot there would be none.
 *
 * A restore makes a file that is gone, uses one that is as it was, and gives the very file of the dump
 * its contents back, unless somebody has it: memory that the tree shares with nobody is as it was then.
 * Any other file of that name is in the way.
 */
#include "shmfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "dump.h"
#include "file.h"
#include "holder.h"
#include "log.h"
#include "nameless.h"
#include "path.h"
#include "rec_file.h"
#include "rec_ipc.h"
#include "res.h"
#include "restore.h"

#define R struct rec_shmfile
#define WHERE "/dev/shm/"

static const struct field fields[] = {
	FIELD_OWNER(R, inode, 0),
	FIELD(R, size, MUST_MATCH, AS_DEC),
	FIELD(R, dev, MAY_DIFFER, AS_HEX),
	FIELD(R, ino, MAY_DIFFER, AS_DEC),
	FIELD(R, mode, MUST_MATCH, AS_OCTAL),
	FIELD(R, uid, MUST_MATCH, AS_DEC),
	FIELD(R, gid, MUST_MATCH, AS_DEC),
	FIELD(R, path_len, MUST_MATCH, AS_DEC),
};

/* ---- dump ---- */

static bool is_one(const struct snap *s, const struct rec_file *f)
{
	return file_class(s, f) == FILE_REGULAR && f->id.magic == TMPFS_MAGIC && f->path_len &&
	       !strncmp(f->path, WHERE, strlen(WHERE)) && !(f->flags & O_PATH);
}

bool shmfile_has(const struct snap *s, const struct rec_file *f)
{
	return snap_find(s, REC_SHMFILE, f->inode);
}

/* What is in the directory, by inode: read when the first file asks for its name. */
struct names {
	struct name { __u64 ino; char *name; } *v;
	size_t nr, cap;
	bool read;
};

static int by_ino(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static void read_names(struct names *n)
{
	DIR *d _closedir_ = opendir(WHERE);
	struct dirent *e;

	n->read = true;
	while (d && (e = readdir(d))) {
		if (n->nr == n->cap) {
			size_t cap = n->cap * 2 + 64;
			struct name *v = realloc(n->v, cap * sizeof(*v));

			if (!v)
				break; /* whoever is not found is refused */
			n->v = v;
			n->cap = cap;
		}
		n->v[n->nr++] = (struct name){ e->d_ino, strdup(e->d_name) };
	}
	if (n->nr)
		qsort(n->v, n->nr, sizeof(*n->v), by_ino);
}

static void free_names(struct names *n)
{
	for (size_t i = 0; i < n->nr; i++)
		free(n->v[i].name);
	free(n->v);
}

/*
 * sem_open(3) makes a file under a name of its own, maps it, and only then gives it the name that was
 * asked for: to the kernel it was deleted, as the link that it was opened by is gone. The same record
 * with the name that the file has now, or NULL.
 */
static struct rec_file *with_name(struct snap *s, struct names *n, const struct rec_file *f)
{
	struct name key = { f->id.ino }, *found;
	struct rec_file *r;
	size_t len;

	if (!f->id.nlink || f->id.magic != TMPFS_MAGIC || !f->path_len || !path_deleted(f->path, &f->id) ||
	    strncmp(f->path, WHERE, strlen(WHERE)))
		return NULL;
	if (!n->read)
		read_names(n);
	found = n->nr ? bsearch(&key, n->v, n->nr, sizeof(key), by_ino) : NULL;
	if (!found || !found->name)
		return NULL;
	len = strlen(WHERE) + strlen(found->name) + 1;
	r = snap_memory(s, ALIGN_UP(sizeof(*r) + len, REC_ALIGN));
	if (!r)
		return NULL;
	*r = *f;
	r->h.len = ALIGN_UP(sizeof(*r) + len, REC_ALIGN);
	r->path_len = len;
	memset(r->path, 0, r->h.len - sizeof(*r));
	snprintf(r->path, len, "%s%s", WHERE, found->name);
	return r;
}

static int note_file(struct snap *s, const struct rec_file *f)
{
	R *r;

	if (!is_one(s, f) || shmfile_has(s, f))
		return 0;
	r = snap_new(s, REC_SHMFILE, sizeof(*r) + f->path_len);
	if (!r)
		return -ENOMEM;
	r->inode = f->inode;
	r->size = f->id.size;
	r->dev = f->id.dev;
	r->ino = f->id.ino;
	r->mode = f->id.mode & 07777;
	r->path_len = f->path_len;
	memcpy(r->path, f->path, f->path_len);
	return 0;
}

int shmfile_note(struct snap *s)
{
	size_t nr;
	void **file = snap_all(s, REC_FILE, &nr);
	struct names names = {};
	int err = 0;

	for (size_t i = 0; i < nr && !err; i++) {
		file[i] = with_name(s, &names, file[i]) ?: file[i];
		err = note_file(s, file[i]);
	}
	snap_touch(s, REC_FILE);
	free_names(&names);
	return err;
}

static int collect(struct dump *d, void *rec)
{
	R *r = rec;
	size_t nr;
	void **file = snap_referring(&d->snap, REC_FILE, struct rec_file, inode, r->inode, &nr);
	struct stat st;
	int err = file_add_source(d, REC_SHMFILE, file[0]);

	if (err)
		return err;
	if (fstat(d->sources[d->nr_sources - 1].fd, &st))
		return fail(-errno, "examine %s", r->path);
	r->uid = st.st_uid;
	r->gid = st.st_gid;
	return 0;
}

/* ---- restore ---- */

enum place { GONE, SAME, CHANGED };

static int read_shmfile(const struct image *img, const void *rec)
{
	const R *r = rec;

	if (!path_ok(r->path, r->h.len - sizeof(*r), r->path_len) || strncmp(r->path, WHERE, strlen(WHERE)) ||
	    strstr(r->path, "/../") || r->mode & ~07777u || r->size > 1ull << 46)
		return fail(-ERR_IMAGE, "image: file %llu in memory is impossible", r->inode);
	return 0;
}

/* Every byte, holes too. Equal sizes are known. */
static bool same_contents(const struct restore *r, const R *s, int fd)
{
	size_t nr, at = 0;
	const struct image_page_run *run = image_runs(&r->image, REC_SHMFILE, s->inode, &nr);
	char page[4096], want[4096];

	for (__u64 pos = 0; pos < s->size; pos += sizeof(page)) {
		size_t len = s->size - pos < sizeof(page) ? s->size - pos : sizeof(page);
		__u64 into;

		while (at < nr && run[at].ext.offset + run[at].ext.len <= pos)
			at++;
		into = at < nr ? pos - run[at].ext.offset : 0;
		memset(want, 0, sizeof(want));
		if (at < nr && run[at].ext.offset <= pos && image_read_at(&r->image, run[at].pos + into, want, len))
			return false;
		if (pread(fd, page, len, pos) != (ssize_t)len || memcmp(page, want, len))
			return false;
	}
	return true;
}

static int taken(const R *s, const struct stat *st)
{
	struct held_file held = { .ino = st->st_ino, .dev = st->st_dev, .name = WHERE, .descriptors = true };
	pid_t pid = holder_find(&held);

	if (pid)
		return fail(-ERR_TAKEN, "%s has changed since the dump, and pid %d has it open", s->path, pid);
	if (st->st_ino != s->ino || path_kernel_dev(st->st_dev) != s->dev || !S_ISREG(st->st_mode))
		return fail(-ERR_TAKEN, "%s is another file now; remove it if nobody needs it", s->path);
	return CHANGED;
}

/* enum place, or a reported error; *fd: the file, if there is one. */
static int find_place(const struct restore *r, const R *s, int *fd)
{
	struct stat st;

	*fd = open(s->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0)
		return errno == ENOENT ? GONE : fail(-errno, "open %s", s->path);
	if (fstat(*fd, &st))
		return fail(-errno, "examine %s", s->path);
	if (S_ISREG(st.st_mode) && (__u64)st.st_size == s->size && same_contents(r, s, *fd))
		return SAME;
	return taken(s, &st);
}

int shmfile_places(const struct restore *r)
{
	snap_for_each(&r->image.snap, REC_SHMFILE, const R, s) {
		int fd _close_ = -1, place = find_place(r, s, &fd);

		if (place < 0)
			return place;
	}
	return 0;
}

static int make(struct restore *r, const R *s)
{
	const char **v = realloc(r->shmfiles, (r->nr_shmfiles + 1) * sizeof(*v));
	int fd _close_ = -1;

	if (!v)
		return fail(-ENOMEM, "restore");
	r->shmfiles = v;
	fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(-errno, "make %s", s->path);
	r->shmfiles[r->nr_shmfiles++] = s->path;
	if (fchown(fd, s->uid, s->gid) || fchmod(fd, s->mode))
		return fail(-errno, "give %s its owner and mode", s->path);
	return take_fd(&fd);
}

static int restore_shmfile(struct restore *r, const void *rec)
{
	const R *s = rec;
	int fd _close_ = -1, place = find_place(r, s, &fd);

	if (place < 0 || place == SAME)
		return place < 0 ? place : 0;
	if (place == GONE)
		fd = make(r, s);
	if (fd < 0)
		return fd;
	if (ftruncate(fd, 0))
		return fail(-errno, "empty %s", s->path);
	return nameless_fill(r, fd, REC_SHMFILE, s->inode, s->size);
}

void shmfile_undo(struct restore *r)
{
	for (size_t i = 0; i < r->nr_shmfiles; i++)
		unlink(r->shmfiles[i]);
	r->nr_shmfiles = 0;
}

const struct res_type res_shmfile = {
	.name = "shmfile", .tag = REC_SHMFILE, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_TEXT,
	.collect = collect, .read = read_shmfile, .restore = restore_shmfile,
};
