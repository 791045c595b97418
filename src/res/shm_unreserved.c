// SPDX-License-Identifier: GPL-2.0-only
/*
 * shm_unreserved.c - kind "shm_unreserved": a System V segment was made with SHM_NORESERVE, and may be larger
 * than all memory. Only the inode of its file tells: of one that nobody of the tree has attached we open it.
 */
#include "shm_unreserved.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "dump.h"
#include "file.h"
#include "log.h"
#include "rec_file.h"
#include "res.h"
#include "sysv.h"
#include "walk.h"

#define R struct rec_shm_unreserved

static const struct field fields[] = {
	FIELD_OWNER(R, task, REC_TASK),
	FIELD(R, shmid, IS_KEY, AS_DEC),
};

bool shm_is_unreserved(const struct snap *s, const struct rec_shm *shm)
{
	size_t nr;

	snap_referring(s, REC_SHM_UNRESERVED, R, shmid, shm->shmid, &nr);
	return nr;
}

static const struct rec_file *file_of(const struct snap *s, __u64 shmid)
{
	size_t nr;
	void **file = snap_refs(s, REC_FILE, offsetof(struct rec_file, id.ino), shmid, &nr);

	for (size_t i = 0; i < nr; i++)
		if (file_looks_like_shm(file[i]))
			return file[i];
	return NULL;
}

/* The files of segments that nobody of the tree has attached, as a walk of our own shows them. */
static int look_at_detached(struct dump *d, void **shm, size_t nr, struct snap *own)
{
	int *fd = calloc(nr + 1, sizeof(*fd)), err = 0;
	size_t n = 0;

	if (!fd)
		return -ENOMEM;
	for (size_t i = 0; i < nr && !err; i++) {
		if (file_of(&d->snap, ((const struct rec_shm *)shm[i])->shmid))
			continue;
		fd[n] = shm_open_detached(shm[i]);
		if (fd[n] < 0)
			err = fd[n];
		else
			n++;
	}
	if (n && !err)
		err = walk_alone(d->walk, own);
	while (n)
		close(fd[--n]);
	free(fd);
	return err;
}

static int note(struct dump *d, const struct rec_shm *s)
{
	R *r = snap_new(&d->snap, REC_SHM_UNRESERVED, sizeof(*r));

	if (!r)
		return fail(-ENOMEM, "dump");
	r->task = s->task;
	r->shmid = s->shmid;
	return 0;
}

int shm_note_unreserved(struct dump *d)
{
	struct snap own = {};
	size_t nr;
	void **shm = snap_all(&d->snap, REC_SHM, &nr);
	int err = look_at_detached(d, shm, nr, &own);

	for (size_t i = 0; i < nr && !err; i++) {
		const struct rec_shm *s = shm[i];
		const struct rec_file *f = file_of(&d->snap, s->shmid) ?: file_of(&own, s->shmid);

		if (f && f->inode_flags & INODE_F_UNRESERVED)
			err = note(d, s);
	}
	snap_free(&own);
	return err;
}

static int read_unreserved(const struct image *img, const void *rec)
{
	const R *r = rec;
	size_t nr;

	snap_referring(&img->snap, REC_SHM, struct rec_shm, shmid, r->shmid, &nr);
	return nr ? 0 : fail(-ERR_IMAGE, "image: shared memory segment %llu is not there", r->shmid);
}

const struct res_type res_shm_unreserved = {
	.name = "shm_unreserved", .tag = REC_SHM_UNRESERVED, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]), .read = read_unreserved,
};
