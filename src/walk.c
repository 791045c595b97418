// SPDX-License-Identifier: GPL-2.0-only
/* walk.c - run the BPF iterators and collect their records. */
#include "walk.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>

#include "cleanup.h"
#include "log.h"
#include "rec_file.h"
#include "walk.skel.h"

enum { PROG_TASKS, PROG_SIGNALS, PROG_MM, PROG_FS, PROG_OWNERS, PROG_VMAS, PROG_FILES, PROG_HOLDERS, PROG_UNDOS,
       PROG_TTY_FILES, PROG_CTTY, PROG_MQUEUES, PROG_QUEUES, NR_PROGS };

struct walk {
	struct walk_bpf *skel;
	struct ring_buffer *ring;
	struct bpf_link *link[NR_PROGS];
	struct snap *into; /* where the ring's callback puts records */
	struct walk_stats stats;
};

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

static int loud(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(stderr, fmt, ap);
}

/* Ring-buffer callback: one sample is one frame, whole records back to back. */
static int take_frame(void *arg, void *data, size_t len)
{
	struct walk *w = arg;
	size_t off = 0;

	while (off + sizeof(struct rec_hdr) <= len) {
		const struct rec_hdr *h = (void *)((char *)data + off);
		int err;

		if (h->len < sizeof(*h) || off + h->len > len)
			return fail(-EPROTO, "walk: record 0x%x of %u bytes does not fit its frame",
				    h->tag, h->len);
		err = snap_add(w->into, h);
		if (err)
			return err;
		off += h->len;
		w->stats.records++;
	}
	w->stats.bytes += len;
	return 0;
}

/* Read one iterator to its end, draining the ring whenever the kernel says that it is full. */
static int run_iterator(struct walk *w, int prog)
{
	int iter _close_ = bpf_iter_create(bpf_link__fd(w->link[prog]));
	char buf[64];
	ssize_t n;
	int err;

	if (iter < 0)
		return fail(iter, "start the walk");
	for (;;) {
		n = read(iter, buf, sizeof(buf));
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return fail(-errno, "walk");
		err = ring_buffer__consume(w->ring);
		if (err < 0)
			return err;
		if (!n)
			return 0;
		w->stats.retries++;
	}
}

static void empty_map(int map, void *key)
{
	void *prev = NULL;

	while (!bpf_map_get_next_key(map, prev, key))
		bpf_map_delete_elem(map, key); /* from the start again: the cursor is gone */
}

/* The number of the page behind an address: proc_pid_pagemap(5). 0: not told. */
static __u64 page_number(const void *page)
{
	int fd _close_ = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	__u64 entry = 0;

	if (fd < 0 || pread(fd, &entry, sizeof(entry), (unsigned long)page / 4096 * sizeof(entry)) != sizeof(entry))
		return 0;
	return entry & ((1ull << 55) - 1);
}

/*
 * Where pages lie in the kernel: shown by one of ours, which a pipe holds as it is by vmsplice(2).
 * Packets are read by that.
 */
static int learn_pages(struct walk *w)
{
	struct walk_bpf__bss *b = w->skel->bss;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec iov = { page, 4096 };
	int end[2], err = 0;

	if (page == MAP_FAILED || pipe2(end, O_CLOEXEC))
		return fail(-errno, "walk: a page of our own");
	if (getrandom(page, sizeof(b->page_magic), 0) != sizeof(b->page_magic) || mlock(page, 4096) ||
	    vmsplice(end[1], &iov, 1, 0) != 4096)
		err = fail(-errno, "walk: a page of our own in a pipe");
	memcpy((void *)b->page_magic, page, sizeof(b->page_magic));
	b->page_number = page_number(page);
	b->page_fd = end[0];
	b->page_tgid = getpid();
	if (!err)
		err = run_iterator(w, PROG_QUEUES);
	b->page_tgid = 0;
	close(end[0]);
	close(end[1]);
	munmap(page, 4096);
	return err;
}

int walk_run(struct walk *w, unsigned int passes, struct snap *s)
{
	static const struct { unsigned int pass; int prog; } order[] = {
		{ WALK_TASKS, PROG_TASKS }, { WALK_STATE, PROG_SIGNALS }, { WALK_STATE, PROG_MM },
		{ WALK_STATE, PROG_FS },    { WALK_STATE, PROG_OWNERS },
		{ WALK_VMAS, PROG_VMAS },	  { WALK_FILES, PROG_FILES },
		{ WALK_HOLDERS, PROG_HOLDERS }, { WALK_UNDOS, PROG_UNDOS },
		{ WALK_TTYS, PROG_TTY_FILES }, { WALK_TTYS, PROG_CTTY },
		{ WALK_MQUEUES, PROG_MQUEUES }, { WALK_QUEUES, PROG_QUEUES },
	};
	int err = 0;

	if (passes & WALK_MQUEUES)
		empty_map(bpf_map__fd(w->skel->maps.told_queues), &(__u64){ 0 });
	if (passes & WALK_QUEUES && !w->skel->bss->page_direct)
		err = fail(-EOPNOTSUPP, "walk: pages of packets cannot be read on this kernel");
	w->into = s;
	for (size_t i = 0; i < ARRAY_SIZE(order) && !err; i++)
		if (passes & order[i].pass)
			err = run_iterator(w, order[i].prog);
	w->into = NULL;
	return err;
}

int walk_members(struct walk *w, const __u32 *tgids, size_t nr)
{
	int map = bpf_map__fd(w->skel->maps.members);
	__u32 key;
	__u8 one = 1;

	empty_map(map, &key);
	for (size_t i = 0; i < nr; i++)
		if (bpf_map_update_elem(map, &tgids[i], &one, BPF_ANY))
			return fail(-errno, "walk: note member %u of %zu", tgids[i], nr);
	return 0;
}

int walk_held(struct walk *w, const __u64 *files, size_t nr)
{
	int map = bpf_map__fd(w->skel->maps.held_files);
	__u8 one = 1;

	for (size_t i = 0; i < nr; i++)
		if (bpf_map_update_elem(map, &files[i], &one, BPF_ANY))
			return fail(-errno, "walk: note file %zu of %zu", i, nr);
	return 0;
}

int walk_sems(struct walk *w, __u32 semid, __u32 nsems)
{
	if (bpf_map_update_elem(bpf_map__fd(w->skel->maps.sem_sizes), &semid, &nsems, BPF_ANY))
		return fail(-errno, "walk: note semaphore set %u", semid);
	return 0;
}

int walk_own(struct walk *w, const __u64 *files, size_t nr, struct snap *s)
{
	int err = walk_held(w, files, nr);

	if (err)
		return err;
	w->skel->bss->show_self = SELF_HELD;
	err = walk_run(w, WALK_FILES, s);
	w->skel->bss->show_self = SELF_HIDDEN;
	return err;
}

int walk_alone(struct walk *w, struct snap *s)
{
	int err;

	w->skel->bss->show_self = SELF_ALONE;
	err = walk_run(w, WALK_FILES, s);
	w->skel->bss->show_self = SELF_HIDDEN;
	return err;
}

static int open_exemplar(enum anon_kind kind)
{
	sigset_t none;

	sigemptyset(&none);
	switch (kind) {
	case ANON_EVENTFD:
		return eventfd(0, EFD_CLOEXEC);
	case ANON_EPOLL:
		return epoll_create1(EPOLL_CLOEXEC);
	case ANON_TIMERFD:
		return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	case ANON_SIGNALFD:
		return signalfd(-1, &none, SFD_CLOEXEC);
	default:
		return -1;
	}
}

/* Which file_operations the exemplars have, by the walk's own words. */
static int learn(struct walk *w, const int *fd)
{
	unsigned int seen = 0;
	struct snap s = {};
	int err;

	w->skel->bss->self_tgid = getpid();
	w->skel->bss->show_self = SELF_ALL;
	err = walk_run(w, WALK_FILES, &s);
	snap_for_each(&s, REC_FD, const struct rec_fd, slot) {
		const struct rec_file *f = snap_find(&s, REC_FILE, slot->file);

		for (int kind = 0; f && kind < ANON_KINDS; kind++) {
			if ((int)slot->fd != fd[kind])
				continue;
			w->skel->bss->anon_fops[kind] = f->f_op;
			seen++;
		}
	}
	w->skel->bss->show_self = SELF_HIDDEN;
	snap_free(&s);
	if (!err && seen != ANON_KINDS)
		err = fail(-ENOENT, "walk: the kernel does not show this process its own descriptors");
	return err;
}

/* Teach the programs what they cannot know. */
static int calibrate(struct walk *w)
{
	int fd[ANON_KINDS], err = 0;

	for (int kind = 0; kind < ANON_KINDS; kind++) {
		fd[kind] = open_exemplar(kind);
		if (fd[kind] < 0 && !err)
			err = fail(-errno, "open an exemplar of an anonymous file");
	}
	if (!err)
		err = learn(w, fd);
	for (int kind = 0; kind < ANON_KINDS; kind++)
		if (fd[kind] >= 0)
			close(fd[kind]);
	return err;
}

static int attach(struct walk *w)
{
	struct bpf_program *prog[NR_PROGS] = {
		[PROG_TASKS] = w->skel->progs.walk_tasks,     [PROG_SIGNALS] = w->skel->progs.walk_signals,
		[PROG_MM] = w->skel->progs.walk_mm,	      [PROG_FS] = w->skel->progs.walk_fs,
		[PROG_VMAS] = w->skel->progs.walk_vmas,	      [PROG_FILES] = w->skel->progs.walk_files,
		[PROG_HOLDERS] = w->skel->progs.walk_holders, [PROG_UNDOS] = w->skel->progs.walk_undos,
		[PROG_TTY_FILES] = w->skel->progs.walk_tty_files, [PROG_CTTY] = w->skel->progs.walk_ctty,
		[PROG_MQUEUES] = w->skel->progs.walk_mqueues, [PROG_QUEUES] = w->skel->progs.walk_queues,
		[PROG_OWNERS] = w->skel->progs.walk_owners,
	};

	for (int i = 0; i < NR_PROGS; i++) {
		w->link[i] = bpf_program__attach_iter(prog[i], NULL);
		if (!w->link[i])
			return fail(-errno, "attach BPF program %s", bpf_program__name(prog[i]));
	}
	return 0;
}

static int load(struct walk *w, const struct walk_opts *opts)
{
	const char *ring = getenv("BPF_CKPT_RING"); /* bytes, a power of two from 4096 on: for tests */
	int err;

	libbpf_set_print(opts->verbose ? loud : quiet);
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return fail(-errno, "this kernel has no BTF (/sys/kernel/btf/vmlinux): "
				    "CONFIG_DEBUG_INFO_BTF is needed");
	w->skel = walk_bpf__open();
	if (!w->skel)
		return fail(-errno, "open BPF object");
	if (ring && bpf_map__set_max_entries(w->skel->maps.ring, strtoul(ring, NULL, 0)))
		return fail(-errno, "ring of %s bytes", ring);
	err = walk_bpf__load(w->skel);
	if (err == -EPERM)
		return fail(err, "load BPF programs (needs root, or CAP_BPF, CAP_PERFMON and "
				 "CAP_SYS_PTRACE)");
	if (err)
		return fail(err, "load BPF programs (-v shows what the kernel said)");
	if (!w->skel->bss) /* libbpf found that the kernel has no global data, for whatever reason, and did without */
		return fail(-ENOTSUP, "load BPF programs: no memory of theirs could be mapped");
	w->ring = ring_buffer__new(bpf_map__fd(w->skel->maps.ring), take_frame, w, NULL);
	if (!w->ring)
		return fail(-errno, "map the ring");
	err = attach(w);
	if (!err)
		err = calibrate(w);
	return err ? err : learn_pages(w);
}

int walk_open(struct walk **out, const struct walk_opts *opts)
{
	struct walk *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return fail(-ENOMEM, "walk");
	err = load(w, opts);
	if (err)
		walk_close(w);
	else
		*out = w;
	return err;
}

void walk_close(struct walk *w)
{
	if (!w)
		return;
	for (int i = 0; i < NR_PROGS; i++)
		bpf_link__destroy(w->link[i]);
	ring_buffer__free(w->ring);
	walk_bpf__destroy(w->skel);
	free(w);
}

const struct walk_stats *walk_stats(const struct walk *w)
{
	return &w->stats;
}
