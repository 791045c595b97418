// SPDX-License-Identifier: GPL-2.0-only
/*
 * restore_keep.c - open files on their way from the coordinator to the tasks that have them.
 *
 * Stubs inherit what the coordinator holds, above the numbers of the image: the cheapest way. A tree may
 * have more open files than one process may hold, though. Then those that are nothing but descriptors go
 * to keepers, copies of the coordinator that only exist, each with as many as it may have, and the tasks
 * fetch them from there (pidfd_getfd(2)).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "log.h"
#include "rec_file.h"
#include "rec_ipc.h"
#include "rec_mem.h"
#include "res/file.h"
#include "restore.h"

#define SLACK 256ul /* descriptors that the coordinator needs for itself, while it makes files */

struct keeper {
	pid_t pid;
	int pidfd; /* at a high descriptor */
};

/* Nobody maps or runs it, so that nobody needs it before it is on its number. */
static bool only_descriptors(struct restore *r, __u64 id)
{
	const struct snap *s = &r->image.snap;
	size_t slots, areas, programs;
	void **slot;

	if (!snap_find(s, REC_FILE, id))
		return false;
	slot = snap_referring(s, REC_FD, struct rec_fd, file, id, &slots);
	for (size_t i = 0; i < slots; i++) {
		const struct unit *u = restore_unit(r, ((const struct rec_fd *)slot[i])->files);

		if (u && !restore_may_fetch(r, u))
			return false;
	}
	snap_referring(s, REC_VMA, struct rec_vma, file, id, &areas);
	snap_referring(s, REC_MM, struct rec_mm, exe, id, &programs);
	return slots && !areas && !programs;
}

void restore_keep_begin(struct restore *r)
{
	static const __u32 tags[] = { REC_FILE, REC_GHOST, REC_SHMEM, REC_HUGE, REC_FS, REC_FS, REC_MNTNS };
	size_t need = 2 * SLACK;

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		size_t nr;

		snap_all(&r->image.snap, tags[i], &nr);
		need += nr;
	}
	r->many = r->high + need > r->rlimit[RLIMIT_NOFILE].rlim_cur;
}

static int add_keeper(struct restore *r, pid_t pid)
{
	struct keeper *v = realloc(r->keepers, (r->nr_keepers + 1) * sizeof(*v));
	int pidfd _close_ = syscall(SYS_pidfd_open, pid, 0);

	if (!v)
		return fail(-ENOMEM, "restore");
	r->keepers = v;
	v[r->nr_keepers] = (struct keeper){ pid, fcntl(pidfd, F_DUPFD_CLOEXEC, r->high) };
	if (v[r->nr_keepers++].pidfd < 0)
		return fail(-errno, "open a process that keeps files");
	return 0;
}

int restore_keep_away(struct restore *r)
{
	pid_t self = getpid(), pid;
	int err;

	if (!r->nr_loose)
		return 0;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "bpf-ckpt-keeper");
		while (getppid() == self)
			pause();
		_exit(0);
	}
	if (pid < 0)
		return fail(-errno, "make a process that keeps files");
	err = add_keeper(r, pid);
	for (size_t i = 0; i < r->nr_kept && !err; i++) {
		struct kept *k = &r->kept[i];

		if (!k->loose)
			continue;
		close(k->fd);
		*k = (struct kept){ -1, -1, .keeper = r->nr_keepers, .there = k->fd };
	}
	r->nr_loose = 0;
	return err;
}

void restore_keep_end(struct restore *r)
{
	for (unsigned int i = 0; i < r->nr_keepers; i++) {
		kill(r->keepers[i].pid, SIGKILL);
		waitpid(r->keepers[i].pid, NULL, __WALL);
		cleanup_close(&r->keepers[i].pidfd);
	}
	free(r->keepers);
	r->keepers = NULL;
	r->nr_keepers = 0;
}

static int note(struct restore *r, __u64 id, const struct kept *k)
{
	if (r->nr_kept == r->cap_kept) {
		size_t cap = r->cap_kept ? r->cap_kept * 2 : 64;
		struct kept *v = realloc(r->kept, cap * sizeof(*v));

		if (!v)
			return fail(-ENOMEM, "restore");
		r->kept = v;
		r->cap_kept = cap;
	}
	if (ids_has(&r->kept_ids, id) || !ids_get(&r->kept_ids, id))
		return fail(-ERR_IMAGE, "image: object %llu is there twice", id);
	r->kept[r->nr_kept++] = *k;
	return 0;
}

static bool is_late(const struct restore *r, __u64 id)
{
	const struct rec_file *f = snap_find(&r->image.snap, REC_FILE, id);

	return f && file_class(&r->image.snap, f) == FILE_LATE;
}

/* No stub will inherit it. */
static int keep_loose(struct restore *r, __u64 id, int fd)
{
	int err = note(r, id, &(struct kept){ fd, -1, .loose = true });

	r->nr_loose++;
	if (!err && fd + SLACK > r->rlimit[RLIMIT_NOFILE].rlim_cur)
		err = restore_keep_away(r);
	return err;
}

int restore_keep(struct restore *r, __u64 id, int fd, int second)
{
	int high, high2;

	if (is_late(r, id)) /* tasks fetch it from whatever number it has */
		return note(r, id, &(struct kept){ fd, -1 });
	if (second < 0 && r->many && only_descriptors(r, id))
		return keep_loose(r, id, fd);
	high = fcntl(fd, F_DUPFD_CLOEXEC, r->high);
	high2 = second >= 0 ? fcntl(second, F_DUPFD_CLOEXEC, r->high) : -1;
	if (high < 0 || (second >= 0 && high2 < 0))
		return fail(-errno, "the tree has more open files than this process may have");
	close(fd);
	cleanup_close(&second);
	return note(r, id, &(struct kept){ high, high2 });
}

/* From its keeper; it is ours again as well then. */
static int take_back(const struct restore *r, struct kept *k)
{
	k->fd = syscall(SYS_pidfd_getfd, r->keepers[k->keeper - 1].pidfd, k->there, 0);
	return k->fd < 0 ? -errno : 0;
}

int restore_kept(const struct restore *r, __u64 id, int *fd, int *second)
{
	__u64 nr = ids_find(&r->kept_ids, id);
	struct kept *k = nr ? &r->kept[nr - 1] : NULL;

	if (!k || (k->fd < 0 && take_back(r, k)))
		return -ENOENT;
	*fd = k->fd;
	if (second)
		*second = k->fd2;
	return 0;
}

int restore_borrow(const struct restore *r, __u64 id)
{
	__u64 nr = ids_find(&r->kept_ids, id);
	struct kept k = nr ? r->kept[nr - 1] : (struct kept){};

	if (!nr)
		return -ENOENT;
	if (k.fd < 0)
		return take_back(r, &k) ?: k.fd;
	k.fd = fcntl(k.fd, F_DUPFD_CLOEXEC, 0);
	return k.fd < 0 ? -errno : k.fd;
}

int restore_give(struct restore *r, struct batch *b, __u64 id, int at, bool cloexec)
{
	__u64 nr = ids_find(&r->kept_ids, id);
	const struct kept *k = nr ? &r->kept[nr - 1] : NULL;

	if (!k)
		return -ENOENT;
	if (k->keeper) {
		int holder = r->keepers[k->keeper - 1].pidfd;

		batch_op(b, SYS_dup3, holder, at, O_CLOEXEC);
		restore_fetch(b, holder, k->there, at, cloexec);
	} else {
		batch_op(b, SYS_dup3, k->fd, at, cloexec ? O_CLOEXEC : 0);
	}
	return 0;
}
