// SPDX-License-Identifier: GPL-2.0-only
/* robust.c - what the kernel keeps for the C library: robust lists, clear_child_tid, rseq. */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../fixture.h"

static void *list_head;
static size_t list_size;
static pthread_mutex_t *lock;

static void *get_list(size_t *size)
{
	void *head = NULL;

	must(syscall(SYS_get_robust_list, 0, &head, size));
	return head;
}

static void take_lock(void)
{
	must(-pthread_mutex_lock(lock));
	list_head = get_list(&list_size);
}

static void verify_list(void)
{
	size_t size;
	void *head = get_list(&size);

	expect(head == list_head && size == list_size, "the list is at %p, was %p", head,
	       list_head);
}

static void setup(void)
{
	pthread_mutexattr_t attr;

	lock = must_map(
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	must(-pthread_mutex_init(lock, &attr));
	list_head = get_list(&list_size);
	fx_child("owner", take_lock, verify_list);
}

/* The owner ends with the lock held: the kernel has to find that by its robust list. */
static void verify(void)
{
	int err;

	verify_list();
	err = pthread_mutex_trylock(lock);
	expect(err == EBUSY, "the lock of another: %s", strerror(err));
	if (!fx_last())
		return;
	fx_mark("bye");
	do {
		fx_nap();
		err = pthread_mutex_trylock(lock);
	} while (err == EBUSY);
	expect(err == EOWNERDEAD, "the lock of a dead owner: %s", strerror(err));
}

const struct fixture fixture_robust = {
	.name = "robust",
	.about = "a robust mutex whose owner ends later",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- rseq ---- */

static struct rseq *rseq(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

static void setup_rseq(void)
{
	if (!__rseq_size)
		fx_skip("the C library has not registered rseq");
}

static void verify_cpu(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return;
	expect((int)rseq()->cpu_id == cpu, "rseq says cpu %d on cpu %d", (int)rseq()->cpu_id, cpu);
	expect(sched_getcpu() == cpu, "sched_getcpu says %d on cpu %d", sched_getcpu(), cpu);
}

static void *verify_all_cpus(void *arg)
{
	cpu_set_t all;

	sched_getaffinity(0, sizeof(all), &all);
	for (int cpu = 0; cpu < 8; cpu++)
		verify_cpu(cpu);
	sched_setaffinity(0, sizeof(all), &all);
	return NULL;
}

/* The kernel refuses a second registration with EBUSY or EINVAL: proof that the first one stands.
 */
static void verify_rseq(void)
{
	static __thread struct rseq other __attribute__((aligned(32)));
	pthread_t thread;

	verify_all_cpus(NULL);
	expect(syscall(SYS_rseq, &other, sizeof(other), 0, RSEQ_SIG) < 0,
	       "rseq was not registered any more");
	if (!pthread_create(&thread, NULL, verify_all_cpus, NULL))
		pthread_join(thread, NULL);
}

const struct fixture fixture_rseq = {
	.name = "rseq",
	.about = "the rseq area of the C library",
	.setup = setup_rseq,
	.verify = verify_rseq,
	.flags = FX_ROUNDS,
};
