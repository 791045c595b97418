// SPDX-License-Identifier: GPL-2.0-only
/* machine.c - the coordinator's side of the syscall machine. */
#include "machine.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

#define PAGE 4096ul
#define SPINS 200 /* a batch of a few operations is over before a sleep would have begun */

extern const char machine_code[], machine_code_syscall[], machine_code_end[];

_Static_assert(sizeof(struct op) == 64, "arch/x86_64.S knows the layout of struct op");
_Static_assert(sizeof(struct slot) == 64, "arch/x86_64.S knows the layout of struct slot");

static size_t code_bytes(void)
{
	return ALIGN_UP((size_t)(machine_code_end - machine_code), PAGE);
}

size_t machine_size(unsigned int nr_slots, size_t heap)
{
	return code_bytes() + ALIGN_UP(nr_slots * sizeof(struct slot) + heap, PAGE);
}

static int map_code(struct machine *m, void *addr)
{
	size_t len = code_bytes();
	char *p = mmap(addr, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p == MAP_FAILED)
		return fail(-errno, "map the syscall machine at %p", addr);
	memcpy(p, machine_code, machine_code_end - machine_code);
	if (mprotect(p, len, PROT_READ | PROT_EXEC))
		return fail(-errno, "make the syscall machine executable");
	m->base = p;
	m->code_size = len;
	return 0;
}

int machine_open(struct machine *m, __u64 addr, unsigned int nr_slots, size_t heap)
{
	size_t arena;
	int err;

	*m = (struct machine){ .fd = -1, .nr_slots = nr_slots, .size = machine_size(nr_slots, heap) };
	err = map_code(m, (void *)addr);
	if (err)
		return err;
	arena = m->size - m->code_size;
	m->fd = memfd_create("bpf-ckpt", MFD_CLOEXEC);
	if (m->fd < 0 || ftruncate(m->fd, arena))
		return fail(-errno, "make an arena of %zu bytes", arena);
	if (mmap(m->base + m->code_size, arena, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, m->fd, 0) == MAP_FAILED)
		return fail(-errno, "map an arena of %zu bytes", arena);
	m->slots = (struct slot *)(m->base + m->code_size);
	m->used = m->code_size + nr_slots * sizeof(struct slot);
	for (unsigned int i = 0; i < nr_slots; i++)
		m->slots[i].done = 1; /* nothing was asked yet */
	return 0;
}

void machine_close(struct machine *m)
{
	if (m->base)
		munmap(m->base, m->size);
	if (m->fd > 0)
		close(m->fd);
	*m = (struct machine){ .fd = -1 };
}

__u64 machine_entry(const struct machine *m)
{
	return (__u64)m->base;
}

__u64 machine_syscall_insn(const struct machine *m)
{
	return (__u64)m->base + (machine_code_syscall - machine_code);
}

void *machine_alloc(struct machine *m, size_t size)
{
	size_t align = size >= 64 ? 64 : 16, at = ALIGN_UP(m->used, align);

	if (size > m->size || at + size > m->size)
		return NULL;
	m->used = at + size;
	return m->base + at;
}

void machine_trim(struct machine *m, const void *p, size_t len)
{
	m->used = (const char *)p + len - m->base;
}

void *machine_dup(struct machine *m, const void *p, size_t len)
{
	void *copy = machine_alloc(m, len);

	/* an operand of NULL would be taken as "none" by some calls: poison what cannot be had */
	return copy ? memcpy(copy, p, len) : (void *)~0xfffull;
}

struct op *batch_append(struct batch *b, long nr, __u64 a0, __u64 a1, __u64 a2, __u64 a3, __u64 a4,
			__u64 a5)
{
	if (b->nr == b->cap) {
		unsigned int cap = b->cap ? b->cap * 2 : 64;
		struct op *v = realloc(b->ops, cap * sizeof(*v));

		if (!v) {
			b->err = -ENOMEM;
			return &b->spare;
		}
		b->ops = v;
		b->cap = cap;
	}
	b->ops[b->nr] = (struct op){ .nr = nr, .arg = { a0, a1, a2, a3, a4, a5 } };
	return &b->ops[b->nr++];
}

void batch_free(struct batch *b)
{
	free(b->ops);
	*b = (struct batch){};
}

static void futex_wake(__u32 *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

int machine_submit(struct machine *m, unsigned int slot, struct batch *b)
{
	struct slot *s = &m->slots[slot];
	struct op *ops = machine_alloc(m, b->nr * sizeof(*ops));
	unsigned int nr = b->nr;
	int err = b->err;

	if (err || (nr && !ops))
		return fail(-ENOMEM, "arena of the syscall machine");
	if (nr)
		memcpy(ops, b->ops, nr * sizeof(*ops));
	b->nr = 0;
	s->ops = (__u64)ops;
	s->left = nr;
	s->total = nr;
	__atomic_store_n(&s->done, nr == 0, __ATOMIC_RELEASE);
	if (!nr)
		return 0;
	__atomic_store_n(&s->go, nr, __ATOMIC_RELEASE);
	futex_wake(&s->go);
	return 0;
}

static __u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

static bool has_died(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return pidfd >= 0 && poll(&p, 1, 0) == 1;
}

static int await_done(struct slot *s, int pidfd, int timeout_ms)
{
	const struct timespec slice = { 0, 20000000 };
	__u64 end = now_ms() + timeout_ms;

	for (int i = 0; i < SPINS; i++)
		if (__atomic_load_n(&s->done, __ATOMIC_ACQUIRE))
			return 0;
	while (!__atomic_load_n(&s->done, __ATOMIC_ACQUIRE)) {
		if (has_died(pidfd))
			return __atomic_load_n(&s->done, __ATOMIC_ACQUIRE) ? 0 : -ESRCH;
		if (now_ms() >= end)
			return -ETIMEDOUT;
		syscall(SYS_futex, &s->done, FUTEX_WAIT, 0, &slice, NULL, 0);
	}
	return 0;
}

int machine_wait(struct machine *m, unsigned int slot, int pidfd, int timeout_ms)
{
	const struct op *op;
	int err = await_done(&m->slots[slot], pidfd, timeout_ms);

	if (err)
		return err;
	op = machine_failed(m, slot);
	return op ? op->res : 0;
}

const struct op *machine_failed(const struct machine *m, unsigned int slot)
{
	const struct slot *s = &m->slots[slot];

	return s->done && s->left ? machine_result(m, slot, s->total - s->left) : NULL;
}

const struct op *machine_current(const struct machine *m, unsigned int slot)
{
	const struct slot *s = &m->slots[slot];

	return s->left && !machine_is_done(m, slot) ? machine_result(m, slot, s->total - s->left) : NULL;
}

const struct op *machine_result(const struct machine *m, unsigned int slot, unsigned int i)
{
	return (const struct op *)m->slots[slot].ops + i;
}

unsigned int machine_count(const struct machine *m, unsigned int slot)
{
	return m->slots[slot].total;
}

void machine_enter(struct machine *m, unsigned int slot)
{
	__asm__ volatile("movq %0, %%rbx\n\tjmp *%1"
			 :
			 : "r"(&m->slots[slot]), "r"(m->base)
			 : "rbx", "memory");
	__builtin_unreachable();
}

bool machine_is_done(const struct machine *m, unsigned int slot)
{
	return __atomic_load_n(&m->slots[slot].done, __ATOMIC_ACQUIRE);
}

void machine_retire(struct machine *m, unsigned int slot)
{
	m->slots[slot].left = 0;
	__atomic_store_n(&m->slots[slot].done, 1, __ATOMIC_RELEASE);
}
