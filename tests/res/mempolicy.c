// SPDX-License-Identifier: GPL-2.0-only
/* mempolicy.c - NUMA policies of a process, of a thread, and of areas; one node is enough for them. */
#include <linux/mempolicy.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../fixture.h"

#define PAGE 4096UL
#define BITS 65

static char *area, *shared;
static int thread_mode, thread_round;
static pthread_t other;

struct policy {
	int mode;
	unsigned long nodes;
};

static struct policy get(const void *addr)
{
	struct policy p = {.mode = -1};
	unsigned long nodes[16] = {};

	if (syscall(SYS_get_mempolicy, &p.mode, nodes, 1024, addr, addr ? MPOL_F_ADDR : 0))
		fx_fail("get_mempolicy: %s", strerror(errno));
	p.nodes = nodes[0];
	return p;
}

static void expect_policy(const char *what, const void *addr, int mode, unsigned long nodes)
{
	struct policy p = get(addr);

	expect(p.mode == mode && p.nodes == nodes, "%s: policy %#x of nodes %#lx instead of %#x of %#lx", what,
	       p.mode, p.nodes, mode, nodes);
}

static void *thread(void *arg)
{
	for (;;) {
		thread_mode = get(NULL).mode;
		__atomic_store_n(&thread_round, fx_round(), __ATOMIC_RELEASE);
		fx_nap();
	}
	return NULL;
}

static void setup(void)
{
	unsigned long one = 1;

	area = must_map(mmap(NULL, 12 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	shared = must_map(mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	if (syscall(SYS_set_mempolicy, MPOL_INTERLEAVE, &one, BITS))
		fx_skip("the kernel has no NUMA policies: %s", strerror(errno));
	must(pthread_create(&other, NULL, thread, NULL)); /* has the interleaving, we ... */
	while (!__atomic_load_n(&thread_mode, __ATOMIC_ACQUIRE))
		fx_nap();
	must(syscall(SYS_set_mempolicy, MPOL_BIND | MPOL_F_STATIC_NODES, &one, BITS));
	must(syscall(SYS_mbind, area, 4 * PAGE, MPOL_PREFERRED, &one, BITS, 0));
	must(syscall(SYS_mbind, area + 4 * PAGE, 4 * PAGE, MPOL_BIND | MPOL_F_RELATIVE_NODES, &one, BITS, 0));
	must(syscall(SYS_mbind, shared, 2 * PAGE, MPOL_INTERLEAVE, &one, BITS, 0));
	fx_fill(area, 12 * PAGE, 1);
	fx_fill(shared, 4 * PAGE, 2);
}

static void verify(void)
{
	while (__atomic_load_n(&thread_round, __ATOMIC_ACQUIRE) != fx_round())
		fx_nap();
	expect_eq("mode of the thread", thread_mode, MPOL_INTERLEAVE);
	expect_policy("process", NULL, MPOL_BIND | MPOL_F_STATIC_NODES, 1);
	expect_policy("first area", area, MPOL_PREFERRED, 1);
	expect_policy("second area", area + 4 * PAGE, MPOL_BIND | MPOL_F_RELATIVE_NODES, 1);
	expect_policy("area without", area + 8 * PAGE, MPOL_DEFAULT, 0);
	expect_policy("shared memory", shared, MPOL_INTERLEAVE, 1);
	expect_policy("shared memory without", shared + 2 * PAGE, MPOL_DEFAULT, 0);
	expect(!fx_differs(area, 12 * PAGE, 1) && !fx_differs(shared, 4 * PAGE, 2), "contents");
}

const struct fixture fixture_mempolicy = {
	.name = "mempolicy",
	.about = "set_mempolicy of process and thread, mbind of areas",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};
