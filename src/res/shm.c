// SPDX-License-Identifier: GPL-2.0-only
/* shm.c - kind "shm": a System V shared memory segment, its contents, and who has it attached. */
#include "shm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "dump.h"
#include "file.h"
#include "log.h"
#include "nameless.h"
#include "pages_read.h"
#include "res.h"
#include "restore.h"
#include "shm_unreserved.h"
#include "sysv.h"

#define R struct rec_shm
#define MODES (0777u | SHM_DEST | SHM_LOCKED)

static const struct field fields[] = {
	FIELD_OWNER(R, task, REC_TASK),
	FIELD(R, shmid, IS_KEY, AS_DEC),
	FIELD_REF(R, contents, 0),
	FIELD(R, size, MUST_MATCH, AS_DEC),
	FIELDS_IPC_PERM(R),
	FIELD(R, nattch, MAY_DIFFER, AS_DEC), /* areas that were split for a while may be one again */
	FIELD(R, cpid, MAY_DIFFER, AS_DEC),
	FIELD(R, lpid, MAY_DIFFER, AS_DEC),
	FIELD(R, huge_shift, MUST_MATCH, AS_DEC),
	FIELD(R, atime, MAY_DIFFER, AS_SIGNED),
	FIELD(R, dtime, MAY_DIFFER, AS_SIGNED),
	FIELD(R, ctime, MAY_DIFFER, AS_SIGNED),
	FIELD(R, boot, MAY_DIFFER, AS_TEXT),
};

struct sysv_object shm_object(const struct rec_shm *s)
{
	return (struct sysv_object){ .tag = REC_SHM, .id = s->shmid, .perm = s->perm, .size = s->size,
				     .huge_shift = s->huge_shift, .boot = s->boot };
}

/* ---- dump ---- */

static const struct rec_file *file_of(const struct snap *s, const R *shm)
{
	size_t nr;
	void **file = snap_refs(s, REC_FILE, offsetof(struct rec_file, id.ino), shm->shmid, &nr);

	for (size_t i = 0; i < nr; i++)
		if (file_class(s, file[i]) == FILE_SYSV)
			return file[i];
	return NULL;
}

static unsigned int attached_areas(const struct snap *s, const R *shm)
{
	size_t nr, areas;
	void **file = snap_refs(s, REC_FILE, offsetof(struct rec_file, id.ino), shm->shmid, &nr);
	unsigned int sum = 0;

	for (size_t i = 0; i < nr; i++) {
		if (file_class(s, file[i]) != FILE_SYSV)
			continue;
		snap_referring(s, REC_VMA, struct rec_vma, file, rec_key(file[i]), &areas);
		sum += areas;
	}
	return sum;
}

static bool is_of_tree(pid_t pid, void *arg)
{
	const struct tree *t = arg;

	for (size_t i = 0; i < t->nr; i++)
		if (t->procs[i].pid->numbers[0] == pid)
			return true;
	return false;
}

static int check(struct check *c, const void *rec)
{
	const R *s = rec;
	pid_t pid;

	if (c->live || s->nattch <= attached_areas(c->snap, s))
		return 0;
	pid = sysv_attacher(s->shmid, is_of_tree, (void *)c->tree);
	if (pid)
		check_refuse(c, s->task, "shm", "System V shared memory segment %llu (key %#x) is also attached by pid "
			     "%d, outside of the tree", s->shmid, s->perm.key, pid);
	else
		check_refuse(c, s->task, "shm", "System V shared memory segment %llu (key %#x) is also attached outside "
			     "of the tree", s->shmid, s->perm.key);
	return 0;
}

/* A segment that nobody of the tree has attached: its file is had by attaching it for this moment. */
int shm_open_detached(const R *s)
{
	char *p = shmat(s->shmid, NULL, SHM_RDONLY), path[80];
	int fd, err;

	if (p == (void *)-1)
		return fail(-errno, "attach shared memory segment %llu", s->shmid);
	snprintf(path, sizeof(path), "/proc/self/map_files/%llx-%llx", (__u64)p, (__u64)p + ALIGN_UP(s->size, 4096ull));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	err = fd < 0 ? fail(-errno, "open %s", path) : 0;
	shmdt(p);
	return err ? err : fd;
}

static int collect(struct dump *d, void *rec)
{
	R *s = rec;
	const struct rec_file *f = file_of(&d->snap, s);
	struct page_source src = { .tag = REC_SHM, .id = ids_get(&d->ids, s->contents) };
	struct stat st;
	int err;

	src.fd = f ? file_open_held(d, f) : shm_open_detached(s);
	if (src.fd < 0)
		return src.fd;
	if (!fstat(src.fd, &st) && st.st_blksize > 4096 && f && f->id.magic == HUGETLBFS_MAGIC)
		s->huge_shift = __builtin_ctzl(st.st_blksize);
	err = s->huge_shift ? ranges_add(&src.ranges, 0, ALIGN_UP(s->size, (__u64)st.st_blksize)) :
			      file_ranges(src.fd, &src.ranges);
	return dump_add_pages(d, &src) ?: err;
}

/* ---- restore ---- */

static int read_shm(const struct image *img, const void *rec)
{
	const R *s = rec;

	if (!s->size || s->size > 1ull << 46 || s->shmid > 0x7fffffff || s->perm.mode & ~MODES ||
	    s->huge_shift > 34 || strnlen(s->boot, sizeof(s->boot)) == sizeof(s->boot))
		return fail(-ERR_IMAGE, "image: shared memory segment %llu is impossible", s->shmid);
	return 0;
}

static int fill(struct restore *r, const R *s, bool used)
{
	char *p = shmat(s->shmid, NULL, 0);
	int err = 0;

	if (p == (void *)-1)
		return fail(-errno, "attach shared memory segment %llu", s->shmid);
	if (used && madvise(p, ALIGN_UP(s->size, 4096ull), MADV_REMOVE))
		err = fail(-errno, "empty shared memory segment %llu", s->shmid);
	if (!err)
		err = nameless_copy(r, p, REC_SHM, s->contents, ALIGN_UP(s->size, 4096ull));
	shmdt(p);
	return err;
}

static int restore_shm(struct restore *r, const void *rec)
{
	const R *s = rec;
	struct sysv_object o = shm_object(s);
	int place = sysv_place(&o), err = place < 0 ? place : 0;

	o.unreserved = shm_is_unreserved(&r->image.snap, s);
	if (!place)
		err = sysv_make(r, &o);
	if (!err)
		err = fill(r, s, place);
	if (!err && s->perm.mode & SHM_LOCKED && shmctl(s->shmid, SHM_LOCK, NULL))
		err = fail(-errno, "lock shared memory segment %llu", s->shmid);
	return err;
}

const struct res_type res_shm = {
	.name = "shm", .tag = REC_SHM, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.check = check, .collect = collect, .read = read_shm, .restore = restore_shm,
};
