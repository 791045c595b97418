// SPDX-License-Identifier: GPL-2.0-only
/* restore_prepare.c - units, descriptors above those of the image, and a hole for the machine. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "log.h"
#include "rec_file.h"
#include "rec_mem.h"
#include "rec_ns.h"
#include "rec_state.h"
#include "restore.h"
#include "res/vdso.h"

#define PAGE 4096ull
#define HEAP (1ull << 30)       /* sparse: only what is used costs memory */
#define PARK_BYTES (64 * PAGE)  /* room for vdso and vvar next to the machine */
#define LOWEST 0x10000000ull    /* well above mmap_min_addr */
#define HIGHEST 0x7ffffffff000ull

/* ---- units: processes in plan order, then their other threads ---- */

static void index_add(struct restore *r, __u64 id, unsigned int unit)
{
	if (id)
		r->index[r->nr_index++] = (struct unit_of){ id, unit };
}

static int by_id_then_unit(const void *a, const void *b)
{
	const struct unit_of *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->unit < y->unit ? -1 : x->unit > y->unit;
}

/* Leaders come first among units, so an object that threads share is built by their leader. */
static void index_units(struct restore *r)
{
	size_t out = 0;

	for (unsigned int i = 0; i < r->nr_units; i++) {
		const struct rec_task *t = r->units[i].task;

		if (!t)
			continue;
		index_add(r, t->addr, i);
		index_add(r, t->sighand, i);
		index_add(r, t->signal, i);
		t = r->units[i].body;
		if (!t)
			continue;
		index_add(r, t->mm, i);
		index_add(r, t->files, i);
		index_add(r, t->fs, i);
	}
	qsort(r->index, r->nr_index, sizeof(*r->index), by_id_then_unit);
	for (size_t i = 0; i < r->nr_index; i++)
		if (!out || r->index[out - 1].id != r->index[i].id)
			r->index[out++] = r->index[i];
	r->nr_index = out;
}

static void note_sharers(struct restore *r)
{
	for (unsigned int i = 0; i < r->tree.nr; i++) {
		struct unit *u = &r->units[i], *owner = u->body ? restore_unit(r, u->body->files) : u;

		if (owner != u)
			owner->shares_files = u->shares_files = true;
	}
	/* a thread with a table or a directory of its own takes these from what the process inherited */
	for (unsigned int i = r->nr_procs; i < r->nr_units; i++) {
		struct unit *u = &r->units[i];

		if (u->body && (restore_unit(r, u->body->files) == u || restore_unit(r, u->body->fs) == u))
			restore_unit(r, restore_unit(r, u->task->signal)->body->files)->shares_files =
				restore_unit(r, u->task->signal)->shares_files = true;
	}
}

static int make_units(struct restore *r)
{
	unsigned int threads = 0, at;

	for (size_t i = 0; i < r->tree.nr; i++)
		threads += r->tree.procs[i].nr_threads - 1;
	r->nr_procs = r->plan.nr;
	r->nr_units = r->nr_procs + threads;
	r->units = calloc(r->nr_units + 1, sizeof(*r->units));
	r->index = calloc(r->nr_units, 6 * sizeof(*r->index));
	if (!r->units || !r->index)
		return fail(-ENOMEM, "restore");
	for (unsigned int i = 0; i < r->nr_procs; i++) {
		r->units[i].plan = &r->plan.task[i];
		r->units[i].proc = r->plan.task[i].proc;
		r->units[i].task = r->units[i].proc ? r->units[i].proc->leader : NULL;
		r->units[i].body = r->units[i].proc ? proc_body(r->units[i].proc) : NULL;
	}
	at = r->nr_procs;
	for (size_t i = 0; i < r->tree.nr; i++) {
		const struct proc *p = &r->tree.procs[i];

		for (unsigned int j = 1; j < p->nr_threads; j++, at++) {
			r->units[at].proc = p;
			r->units[at].task = p->threads[j];
			r->units[at].body = p->threads[j]->exit_state ? NULL : p->threads[j];
		}
	}
	index_units(r);
	note_sharers(r);
	restore_plan_mounts(r);
	return 0;
}

/* ---- descriptors ---- */

/* Only who is in a user namespace is handed descriptors by it. */
static int open_line(struct restore *r)
{
	size_t userns;
	int line[2];

	snap_all(&r->image.snap, REC_USERNS, &userns);
	if (!userns)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line))
		return -1;
	for (int i = 0; i < 2; i++) {
		r->hand[i] = fcntl(line[i], F_DUPFD_CLOEXEC, r->high);
		close(line[i]);
	}
	return r->hand[0] < 0 || r->hand[1] < 0 ? -1 : 0;
}

/* The image's own numbers must stay free: what stubs inherit lies above them. */
static int choose_high(struct restore *r)
{
	struct rlimit *lim = &r->rlimit[RLIMIT_NOFILE];
	int pidfd _close_ = -1, fd _close_ = -1;
	__u32 top = 2;

	lim->rlim_cur = lim->rlim_max;
	if (setrlimit(RLIMIT_NOFILE, lim))
		return fail(-errno, "raise the limit of open files");
	snap_for_each(&r->image.snap, REC_FD, const struct rec_fd, slot)
		if (slot->fd > top)
			top = slot->fd;
	snap_for_each(&r->image.snap, REC_EPOLL_ITEM, const struct rec_epoll_item, item)
		if (item->fd > top)
			top = item->fd; /* had by a file for the moment it is added */
	if (top + 16 >= lim->rlim_max)
		return fail(-EMFILE, "the tree uses descriptor %u, and this process may have %llu", top,
			    (unsigned long long)lim->rlim_max);
	r->high = top + 1;
	r->image_fd = fcntl(r->image.fd, F_DUPFD_CLOEXEC, r->high);
	if (r->image_fd < 0)
		return fail(-errno, "inherit the image");
	restore_keep_begin(r);
	pidfd = syscall(SYS_pidfd_open, getpid(), 0);
	r->self_pidfd = pidfd < 0 ? -1 : fcntl(pidfd, F_DUPFD_CLOEXEC, r->high);
	if (r->self_pidfd < 0)
		return fail(-errno, "open ourselves");
	if (open_line(r))
		return fail(-errno, "open a line to the tasks");
	fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	r->last_pid_fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, r->high);
	return 0;
}

/* ---- a hole ---- */

struct busy {
	__u64 start, end;
};

static int by_start(const void *a, const void *b)
{
	const struct busy *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int own_maps(struct restore *r, struct busy **v, size_t *nr)
{
	FILE *f _fclose_ = fopen("/proc/self/maps", "re");
	char line[512], name[256];

	if (!f)
		return fail(-errno, "open /proc/self/maps");
	while (fgets(line, sizeof(line), f)) {
		struct busy *more = realloc(*v, (*nr + 1) * sizeof(**v));
		struct busy b;

		if (!more)
			return fail(-ENOMEM, "restore");
		*v = more;
		name[0] = 0;
		if (sscanf(line, "%llx-%llx %*s %*s %*s %*s %255s", &b.start, &b.end, name) < 2)
			continue;
		(*v)[(*nr)++] = b;
		if ((!strcmp(name, "[vdso]") || !strncmp(name, "[vvar", 5)) &&
		    r->nr_vdso < ARRAY_SIZE(r->vdso)) {
			struct vdso_part *part = &r->vdso[r->nr_vdso++];

			snprintf(part->name, sizeof(part->name), "%.23s", name);
			part->start = b.start;
			part->len = b.end - b.start;
		}
	}
	return 0;
}

/* Free in every address space of the image and in ours. */
static __u64 find_hole(struct restore *r, struct busy *v, size_t nr, size_t need)
{
	__u64 at = LOWEST;

	qsort(v, nr, sizeof(*v), by_start);
	for (size_t i = 0; i < nr; i++) {
		if (v[i].start >= at && v[i].start - at >= need)
			return at;
		/* a stack that grows wants its gap */
		if (v[i].end + (1 << 20) > at)
			at = ALIGN_UP(v[i].end + (1 << 20), PAGE);
	}
	return HIGHEST - at >= need ? at : 0;
}

static int place_machine(struct restore *r)
{
	struct busy *v _free_ = NULL;
	size_t nr = 0, vmas, need = machine_size(r->nr_units + 1, HEAP) + PARK_BYTES;
	struct busy *all;
	__u64 at, park;
	int err = own_maps(r, &v, &nr);

	if (err)
		return err;
	snap_all(&r->image.snap, REC_VMA, &vmas);
	all = realloc(v, (nr + vmas + 1) * sizeof(*v));
	if (!all)
		return fail(-ENOMEM, "restore");
	v = all;
	snap_for_each(&r->image.snap, REC_VMA, const struct rec_vma, vma)
		v[nr++] = (struct busy){ vma->start, vma->end };
	at = find_hole(r, v, nr, need);
	if (!at)
		return fail(-ENOMEM, "no %zu bytes of address space are free in all tasks", need);
	err = machine_open(&r->machine, at, r->nr_units + 1, HEAP);
	park = at + r->machine.size;
	for (unsigned int i = 0; i < r->nr_vdso; i++) {
		r->vdso[i].parked = park;
		park += r->vdso[i].len;
	}
	return err;
}

/* Stubs have it too; who had no terminal lets go of it by this. */
static int keep_terminal(struct restore *r)
{
	int fd _close_ = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	r->own_tty = fcntl(fd, F_DUPFD_CLOEXEC, r->high);
	return r->own_tty < 0 ? fail(-errno, "keep /dev/tty") : 0;
}

int restore_prepare(struct restore *r)
{
	int err = make_units(r);

	if (!err)
		err = choose_high(r);
	if (!err)
		err = keep_terminal(r);
	if (!err)
		err = place_machine(r);
	return err ? err : vdso_prepare(r);
}
