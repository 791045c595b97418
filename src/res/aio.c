// SPDX-License-Identifier: GPL-2.0-only
/*
 * aio.c - kinds "aio", a context of io_setup(2), and "aio_ring", the events in it.
 *
 * The address of the ring is the context's name. A new one is mapped where the kernel likes and moved, which
 * it takes notice of; its place in the table, which the ring tells, is that of the first free slot. Where the
 * next event goes, only events move: reads of nothing.
 */
#include "aio.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "check.h"
#include "dump.h"
#include "log.h"
#include "rec_ipc.h"
#include "res.h"
#include "restore.h"
#include "vma.h"

#define A struct rec_aio
#define RING struct rec_aio_ring
#define SETTLE_TRIES 100 /* a millisecond each */
#define SLOTS 64

static const struct field fields[] = {
	FIELD_OWNER(A, mm, REC_MM),
	FIELD(A, ring, IS_KEY, AS_HEX),
	FIELD(A, ring_len, MUST_MATCH, AS_DEC),
	FIELD(A, slot, MUST_MATCH, AS_DEC),
	FIELD(A, max_reqs, MUST_MATCH, AS_DEC),
	FIELD(A, events, MUST_MATCH, AS_DEC),
	FIELD(A, tail, MUST_MATCH, AS_DEC),
	FIELD(A, busy, MUST_MATCH, AS_DEC),
};

static A *find_context(const struct snap *s, __u64 mm, __u64 ring)
{
	size_t nr;
	void **aio = snap_range(s, REC_AIO, mm, &nr);

	for (size_t i = 0; i < nr; i++)
		if (((A *)aio[i])->ring == ring)
			return aio[i];
	return NULL;
}

/* ---- dump ---- */

static bool any_busy(const struct snap *s)
{
	snap_for_each(s, REC_AIO, const A, a)
		if (a->busy)
			return true;
	return false;
}

int aio_settle(struct dump *d)
{
	int err = 0;

	for (int i = 0; i < SETTLE_TRIES && any_busy(&d->snap) && !err; i++) {
		struct snap now = {};

		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
		err = walk_run(d->walk, WALK_STATE, &now);
		snap_for_each(&d->snap, REC_AIO, A, a) {
			const A *b = find_context(&now, a->mm, a->ring);

			if (b) {
				a->busy = b->busy;
				a->tail = b->tail;
			}
		}
		snap_free(&now);
	}
	return err;
}

static int check(struct check *c, const void *rec)
{
	const A *a = rec;

	if (a->busy && !c->live)
		check_refuse(c, a->mm, "aio", "AIO context %#llx has %u requests that are not complete, and did not become so "
			     "in %d ms: a poll, or a slow device; wait for them, or cancel them", a->ring, a->busy,
			     SETTLE_TRIES);
	if (a->ring_len > REC_LEN_MAX - 4096 || a->slot >= SLOTS)
		check_refuse(c, a->mm, "aio", "AIO context %#llx is larger than is supported", a->ring);
	return 0;
}

const char *aio_area_refusal(const struct snap *s, const struct rec_vma *v)
{
	const A *a = find_context(s, v->mm, v->start);

	if (!a)
		return "it was the ring of an AIO context, which is another process's or gone";
	if (v->end - v->start != a->ring_len || (v->flags & 7) != (VM_READ | VM_WRITE) ||
	    v->flags & ~(0xffull | VM_DONTEXPAND | VM_VOLATILE))
		return "it is the ring of an AIO context, which was changed as memory";
	return NULL;
}

static int collect(struct dump *d, void *rec)
{
	const A *a = rec;
	RING *ring = snap_new(&d->snap, REC_AIO_RING, sizeof(*ring) + a->ring_len);
	pid_t pid = task_tid(&d->tree, users_find(&d->users, a->mm)->task);
	struct iovec local, remote = { (void *)a->ring, a->ring_len };

	if (!ring)
		return fail(-ENOMEM, "dump");
	ring->mm = a->mm;
	ring->ring = a->ring;
	ring->bytes = a->ring_len;
	local = (struct iovec){ ring->data, a->ring_len };
	if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != (ssize_t)a->ring_len)
		return fail(-errno, "read the ring of AIO context %#llx", a->ring);
	return 0;
}

/* ---- restore ---- */

static int read_aio(const struct image *img, const void *rec)
{
	const A *a = rec;

	if (!a->ring || a->ring & 4095 || a->ring_len & 4095 || !a->ring_len || a->ring_len > REC_LEN_MAX || a->busy ||
	    a->slot >= SLOTS || !a->max_reqs || a->tail >= a->events)
		return fail(-ERR_IMAGE, "image: AIO context %#llx is impossible", a->ring);
	return 0;
}

static int read_ring(const struct image *img, const void *rec)
{
	const RING *ring = rec;
	const A *a = find_context(&img->snap, ring->mm, ring->ring);

	if (!a || ring->bytes != a->ring_len || ring->bytes > ring->h.len - sizeof(*ring))
		return fail(-ERR_IMAGE, "image: the ring of AIO context %#llx is impossible", ring->ring);
	return 0;
}

static const A *context_of_slot(void **aio, size_t nr, unsigned int slot)
{
	for (size_t i = 0; i < nr; i++)
		if (((const A *)aio[i])->slot == slot)
			return aio[i];
	return NULL;
}

/* In slots that are free in the image too, so that each gets its own; the addresses are the result. */
static int make_contexts(struct restore *r, struct unit *u, void **aio, size_t nr, aio_context_t *made)
{
	size_t left = nr;

	for (unsigned int slot = 0; slot < SLOTS && left; slot++) {
		const A *a = context_of_slot(aio, nr, slot);

		batch_op(&u->batch, SYS_io_setup, a ? a->max_reqs : 1, &made[slot]);
		left -= a != NULL;
	}
	return restore_run_unit(r, u);
}

/* Reads of no byte, each an event at once, until the next one goes where it would have gone. */
static int submit_nothing(struct restore *r, struct batch *b, const A *a)
{
	struct iocb cb = { .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = r->image_fd };
	struct iocb *one = machine_dup(&r->machine, &cb, sizeof(cb));
	struct iocb **list = machine_alloc(&r->machine, (a->tail + 1) * sizeof(*list));

	if (!one || !list)
		return fail(-ENOMEM, "arena of the syscall machine");
	for (__u32 i = 0; i < a->tail; i++)
		list[i] = one;
	if (a->tail)
		batch_op(b, SYS_io_submit, a->ring, a->tail, list);
	return 0;
}

static int move_contexts(struct restore *r, struct unit *u, void **aio, size_t nr, const aio_context_t *made)
{
	for (unsigned int slot = 0; slot < SLOTS; slot++) {
		const A *a = context_of_slot(aio, nr, slot);
		int err = 0;

		if (a) {
			batch_op(&u->batch, SYS_mremap, made[slot], a->ring_len, a->ring_len, MREMAP_MAYMOVE | MREMAP_FIXED,
				 a->ring);
			err = submit_nothing(r, &u->batch, a);
		} else if (made[slot]) {
			batch_op(&u->batch, SYS_io_destroy, made[slot]);
		}
		if (err)
			return err;
	}
	return restore_run_unit(r, u);
}

static int fill_rings(struct restore *r, const struct unit *u, __u64 mm)
{
	size_t nr;
	void **ring = snap_range(&r->image.snap, REC_AIO_RING, mm, &nr);

	for (size_t i = 0; i < nr; i++) {
		const RING *data = ring[i];
		struct iovec local = { (void *)data->data, data->bytes }, remote = { (void *)data->ring, data->bytes };

		if (process_vm_writev(u->tid, &local, 1, &remote, 1, 0) != (ssize_t)data->bytes)
			return fail(-errno, "fill the ring of AIO context %#llx", data->ring);
	}
	return 0;
}

static int restore_contexts(struct restore *r, __u64 mm)
{
	struct unit *u = restore_unit(r, mm);
	aio_context_t *made = machine_alloc(&r->machine, SLOTS * sizeof(*made));
	size_t nr;
	void **aio = snap_range(&r->image.snap, REC_AIO, mm, &nr);
	int err;

	if (!nr)
		return 0;
	if (!made)
		return fail(-ENOMEM, "arena of the syscall machine");
	err = make_contexts(r, u, aio, nr, made);
	if (!err)
		err = move_contexts(r, u, aio, nr, made);
	return err ? err : fill_rings(r, u, mm);
}

int aio_restore(struct restore *r)
{
	int err = 0;

	snap_for_each(&r->image.snap, REC_MM, const struct rec_mm, mm)
		err = err ?: restore_contexts(r, mm->addr);
	return err;
}

const struct res_type res_aio = {
	.name = "aio", .tag = REC_AIO, .size = sizeof(A), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.check = check, .collect = collect, .read = read_aio,
};

static const struct field ring_fields[] = {
	FIELD_OWNER(RING, mm, REC_MM),
	FIELD(RING, ring, IS_KEY, AS_HEX),
	FIELD(RING, bytes, MUST_MATCH, AS_DEC),
};

const struct res_type res_aio_ring = {
	.name = "aio_ring", .tag = REC_AIO_RING, .size = sizeof(RING), .owned = true,
	.fields = ring_fields, .nr_fields = sizeof(ring_fields) / sizeof(ring_fields[0]),
	.tail = MUST_MATCH, .tail_form = AS_BYTES, .read = read_ring,
};
