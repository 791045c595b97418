// SPDX-License-Identifier: GPL-2.0-only
/* tty.c - terminals behind a walk: waits until they are still, puts what is unread together. */
#include "tty.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "dump.h"
#include "log.h"
#include "rec_external.h"
#include "rec_file.h"

#define SETTLE_TRIES 30
#define SETTLE_NS 1000000
#define UNREAD_MAX (1u << 20)

void **tty_files(const struct snap *s, const struct rec_tty *t, size_t *nr)
{
	return snap_referring(s, REC_TTY_FILE, struct rec_tty_file, tty, t->addr, nr);
}

const struct rec_tty *tty_master(const struct snap *s, const struct rec_tty *t)
{
	return t->side == TTY_IS_SLAVE ? snap_find(s, REC_TTY, t->link) : t->side == TTY_IS_MASTER ? t : NULL;
}

bool tty_is_outside(const struct snap *s, const struct rec_tty *t)
{
	const struct rec_tty *m = tty_master(s, t);
	size_t nr;
	void **file = m ? tty_files(s, m, &nr) : NULL;

	if (!m)
		return true;
	for (size_t i = 0; i < nr; i++)
		if (!snap_find(s, REC_EXTERNAL, rec_key(file[i])))
			return false;
	return m->count; /* a master that was closed is nobody's */
}

bool tty_file_is_outside(const struct snap *s, __u64 file)
{
	const struct rec_tty_file *f = snap_find(s, REC_TTY_FILE, file);
	const struct rec_tty *t = f ? snap_find(s, REC_TTY, f->tty) : NULL;

	return t && tty_is_outside(s, t);
}

bool tty_ctty_is_outside(const struct snap *s, const struct rec_proc *p)
{
	const struct rec_ctty *c = snap_find(s, REC_CTTY, p->addr);
	const struct rec_tty *t = c ? snap_find(s, REC_TTY, c->tty) : NULL;

	return t && tty_is_outside(s, t);
}

/* ---- the walk ---- */

static bool has_terminals(const struct dump *d)
{
	for (size_t i = 0; i < d->tree.nr; i++)
		if (d->tree.procs[i].sig->flags & PROC_F_TTY)
			return true;
	snap_for_each(&d->snap, REC_FILE, const struct rec_file, f)
		if (S_ISCHR(f->id.mode) && f->id.rdev >> 20 != 1) /* of those, most are /dev/null */
			return true;
	return false;
}

static bool drop(const void *rec, void *arg)
{
	return false;
}

/* What was written is taken in by a kernel thread, which is not stopped: until it has done all it can. */
static bool in_motion(const struct snap *s)
{
	snap_for_each(s, REC_TTY, const struct rec_tty, t)
		if (t->flip && t->unread < TTY_RING - 1 && !tty_is_outside(s, t))
			return true;
	return false;
}

static int walk_until_still(struct dump *d)
{
	static const __u32 tags[] = { REC_TTY, REC_TTY_FILE, REC_TTY_RAW, REC_CTTY };

	for (int i = 0; i < SETTLE_TRIES; i++) {
		int err;

		for (size_t k = 0; k < ARRAY_SIZE(tags); k++)
			snap_filter(&d->snap, tags[k], drop, NULL);
		err = walk_run(d->walk, WALK_TTYS, &d->snap);
		if (err)
			return err;
		snap_unique(&d->snap, REC_TTY);
		snap_unique(&d->snap, REC_TTY_FILE);
		snap_unique(&d->snap, REC_CTTY);
		snap_unique_bytes(&d->snap, REC_TTY_RAW);
		if (!in_motion(&d->snap))
			break;
		nanosleep(&(struct timespec){ 0, SETTLE_NS }, NULL);
	}
	return 0;
}

/* ---- what is unread ---- */

static bool get_mark(const __u8 *bits, unsigned int i)
{
	return bits[i / 8] >> i % 8 & 1;
}

/* Blocks of the ring: byte at place p is number (p - tail) of what is unread. */
static void add_ring(struct rec_tty_data *out, const struct rec_tty *t, const struct rec_tty_raw *raw)
{
	__u8 *marks = out->data + out->bytes;

	for (unsigned int i = 0; i < RAW_BLOCK; i++) {
		__u32 at = (raw->index * RAW_BLOCK + i - t->tail) & (TTY_RING - 1);

		if (at >= t->unread)
			continue;
		out->data[at] = raw->data[i];
		if (t->flags & TTY_F_ICANON && get_mark(raw->mark, i))
			marks[at / 8] |= 1u << at % 8;
	}
}

struct piece {
	__u32 at, room;
};

static int by_place(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* The sizes of the buffers that what was not taken in yet lies in, in their order. */
static void list_pieces(struct rec_tty_data *out, void **raw, size_t nr)
{
	struct piece v[TTY_PIECES];
	size_t n = 0;

	for (size_t i = 0; i < nr; i++) {
		const struct rec_tty_raw *b = raw[i];

		if (b->kind == RAW_FLIP && b->room && n < TTY_PIECES)
			v[n++] = (struct piece){ b->index, b->room };
	}
	qsort(v, n, sizeof(*v), by_place);
	for (size_t i = 0; i < n; i++)
		out->pieces[i] = v[i].room < 0xffff ? v[i].room : 0xffff;
}

static int put_together(struct dump *d, const struct rec_tty *t)
{
	__u32 bytes = t->unread + t->flip, have = t->unread;
	struct rec_tty_data *out;
	size_t nr;
	void **raw;

	if (t->unread > TTY_RING || t->flip > UNREAD_MAX)
		return fail(-EAGAIN, "what is unread of terminal %.16s changes while it is read", t->name);
	if (!bytes)
		return 0;
	out = snap_new(&d->snap, REC_TTY_DATA, sizeof(*out) + bytes + (bytes + 7) / 8);
	if (!out)
		return fail(-ENOMEM, "dump");
	out->tty = t->addr;
	out->bytes = bytes;
	out->taken = t->unread;
	raw = snap_range(&d->snap, REC_TTY_RAW, t->addr, &nr);
	for (size_t i = 0; i < nr; i++) {
		const struct rec_tty_raw *b = raw[i];

		if (b->kind == RAW_READ) {
			add_ring(out, t, b);
		} else if (b->kind == RAW_FLIP && b->bytes <= RAW_BLOCK && b->index <= t->flip && b->bytes <= t->flip - b->index) {
			memcpy(out->data + t->unread + b->index, b->data, b->bytes);
			have += b->bytes;
		}
	}
	list_pieces(out, raw, nr);
	return have == bytes ? 0 : fail(-EAGAIN, "what is unread of terminal %.16s changes while it is read", t->name);
}

#define ECHO_MOVE_BACK_COL 0x80
#define ECHO_SET_CANON_COL 0x81
#define ECHO_ERASE_TAB 0x82

/* Without the marks of where a line begins: typing makes these again. */
static void add_echoes(struct rec_tty_echo *out, const __u8 *ring, const struct rec_tty *t)
{
	for (__u32 i = 0; i < t->echo; i++) {
		__u8 c = ring[(t->echo_tail + i) & (TTY_RING - 1)];
		__u8 op = ring[(t->echo_tail + i + 1) & (TTY_RING - 1)];

		if (c != ECHO_START) {
			out->data[out->bytes++] = c;
			continue;
		}
		i++;
		if (op == ECHO_SET_CANON_COL)
			continue;
		out->erases |= op == ECHO_MOVE_BACK_COL || op == ECHO_ERASE_TAB;
		out->data[out->bytes++] = c;
		out->data[out->bytes++] = op;
	}
}

static int collect_echoes(struct dump *d, struct rec_tty *t)
{
	__u8 ring[TTY_RING] = {};
	struct rec_tty_echo *out;
	size_t nr;
	void **raw = snap_range(&d->snap, REC_TTY_RAW, t->addr, &nr);

	if (!t->echo || t->echo > TTY_RING)
		return 0;
	for (size_t i = 0; i < nr; i++) {
		const struct rec_tty_raw *b = raw[i];

		if (b->kind == RAW_ECHO && b->index < TTY_RING / RAW_BLOCK)
			memcpy(ring + (size_t)b->index * RAW_BLOCK, b->data, RAW_BLOCK);
	}
	out = snap_new(&d->snap, REC_TTY_ECHO, sizeof(*out) + t->echo);
	if (!out)
		return fail(-ENOMEM, "dump");
	out->tty = t->addr;
	add_echoes(out, ring, t);
	t->echo = out->bytes;
	return 0;
}

static int collect_unread(struct dump *d)
{
	int err = 0;

	snap_for_each(&d->snap, REC_TTY, struct rec_tty, t) {
		const struct rec_tty *m = tty_master(&d->snap, t);

		/* what the user types into a terminal of the outside is not ours */
		if (!err && m && m->count && !tty_is_outside(&d->snap, t))
			err = put_together(d, t) ?: collect_echoes(d, t);
	}
	snap_filter(&d->snap, REC_TTY_RAW, drop, NULL);
	return err;
}

int tty_walk(struct dump *d)
{
	int err = has_terminals(d) ? walk_until_still(d) : 0;

	return err ? err : collect_unread(d);
}

/* ---- who else ---- */

static bool has_open(const char *pid, const char *want)
{
	char path[300], link[64];
	DIR *dir _closedir_ = NULL;
	struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%.20s/fd/%.20s", pid, e->d_name);
		n = readlink(path, link, sizeof(link) - 1);
		if (n > 0 && (link[n] = 0, !strcmp(link, want)))
			return true;
	}
	return false;
}

static bool is_of_tree(const struct tree *tree, int pid)
{
	for (size_t i = 0; i < tree->nr; i++)
		if (tree->procs[i].pid->numbers[0] == pid)
			return true;
	return false;
}

const char *tty_holder(const struct tree *tree, unsigned int index, char *buf, size_t len)
{
	DIR *dir _closedir_ = opendir("/proc");
	struct dirent *e;
	char want[32];

	snprintf(buf, len, "somebody");
	snprintf(want, sizeof(want), "/dev/pts/%u", index);
	while (dir && (e = readdir(dir))) {
		int pid = atoi(e->d_name);
		char path[48], comm[32] = "?";
		FILE *f _fclose_ = NULL;

		if (pid <= 0 || pid == getpid() || is_of_tree(tree, pid) || !has_open(e->d_name, want))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		f = fopen(path, "re");
		if (f && fgets(comm, sizeof(comm), f))
			comm[strcspn(comm, "\n")] = 0;
		snprintf(buf, len, "pid %d (%s)", pid, comm);
		break;
	}
	return buf;
}
