// SPDX-License-Identifier: GPL-2.0-only
/* sem.c - System V semaphores: values, who changed them, adjustments at exit, waiters. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixture.h"

#define NSEMS 300

static int set, untouched;
static pid_t last;

static int op(int num, int by, int flags)
{
	struct sembuf b = {num, by, flags};

	return semop(set, &b, 1);
}

static int value(int num)
{
	return semctl(set, num, GETVAL);
}

/* ---- a child with adjustments; in the last round it ends, and they are made ---- */

static void setup_child(void)
{
	must(op(1, 5, SEM_UNDO));       /* -5 at its end */
	must(op(2, -1, SEM_UNDO));      /* +1 */
	must(op(NSEMS - 1, 30000, 0));
	must(op(NSEMS - 1, -20000, SEM_UNDO));
	must(op(4, 7, 0));
}

static void verify_child(void)
{
	expect_eq("the child's semaphore", value(4), 7);
}

/* ---- a child that waits ---- */

static void *wait_here(void *arg)
{
	struct sembuf b = {5, -1, 0};
	int *got = arg;

	*got = semop(set, &b, 1) ? -errno : 1;
	return NULL;
}

static int waited;
static pthread_t waiter;

static void setup_waiter(void)
{
	must(pthread_create(&waiter, NULL, wait_here, &waited));
	while (semctl(set, 5, GETNCNT) != 1)
		fx_nap();
}

static void verify_waiter(void)
{
	expect(!waited, "semop has returned %d", waited);
	while (semctl(set, 5, GETNCNT) != 1) /* it starts anew */
		fx_nap();
	if (!fx_last())
		return;
	must(op(5, 1, 0));
	pthread_join(waiter, NULL);
	expect_eq("the semop of a waiter", waited, 1);
}

static void setup(void)
{
	set = must(semget(fx_ipc_key(), NSEMS, IPC_CREAT | IPC_EXCL | 0606));
	fx_mark("ipc.s.%d", set);
	untouched = must(semget(IPC_PRIVATE, 2, 0600));
	fx_mark("ipc.s.%d", untouched);
	must(semctl(untouched, 1, SETVAL, 3));
	must(op(2, 3, 0));
	must(op(0, 32767, SEM_UNDO));
	must(op(0, -32767, SEM_UNDO | IPC_NOWAIT));
	must(op(3, 32767, 0));
	last = fx_child("undo", setup_child, verify_child);
	fx_child("waiter", setup_waiter, verify_waiter);
}

static void verify(void)
{
	struct semid_ds ds;
	pid_t pid;

	expect_eq("semaphore 0", value(0), 0);
	expect_eq("semaphore 1", value(1), 5);
	expect_eq("semaphore 2", value(2), 2);
	expect_eq("semaphore 3", value(3), 32767);
	expect_eq("last semaphore", value(NSEMS - 1), 10000);
	expect_eq("untouched", semctl(untouched, 1, GETVAL), 3);
	expect_eq("who changed semaphore 3", semctl(set, 3, GETPID), getpid());
	expect_eq("who changed semaphore 4", semctl(set, 4, GETPID), last);
	must(semctl(set, 0, IPC_STAT, &ds));
	expect_eq("mode", ds.sem_perm.mode, 0606);
	if (!fx_last())
		return;
	/* the same adjustments by another one, to know that they can be seen */
	pid = must(fork());
	if (!pid) {
		op(6, 2, SEM_UNDO);
		_exit(value(6));
	}
	expect_eq("a child's value", fx_exit_of(pid), 2);
	expect_eq("and after its end", value(6), 0);
	while (!fx_marked("part.%d.waiter", fx_round()) || !fx_marked("part.%d.undo", fx_round()))
		fx_nap();
	must(semctl(set, 0, IPC_RMID));
	must(semctl(untouched, 0, IPC_RMID));
}

const struct fixture fixture_sem = {
	.name = "sem",
	.about = "System V semaphores: values, last users, a waiter",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED | FX_OUTLIVED,
};

/* ---- adjustments: a process and a thread that has its own ---- */

static pid_t holder;

static int apart(void *arg)
{
	must(op(2, 4, SEM_UNDO));
	fx_mark("apart");
	for (;;)
		fx_nap();
	return 0;
}

/* No pthread: they always share the adjustments. */
static void setup_holder(void)
{
	static char stack[1 << 16] __attribute__((aligned(16)));

	must(op(1, 5, SEM_UNDO));
	must(clone(apart, stack + sizeof(stack),
		   CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, NULL));
	fx_await("apart");
}

static void end_holder(void)
{
	if (fx_last())
		must(op(3, 1, SEM_UNDO));
}

static void setup_undo(void)
{
	set = must(semget(IPC_PRIVATE, 8, 0600));
	fx_mark("ipc.s.%d", set);
	must(op(1, 10, 0));
	must(op(2, 10, 0));
	holder = fx_child("holder", setup_holder, end_holder);
	fx_may_be_killed(holder);
}

static void verify_undo(void)
{
	expect_eq("value with an adjustment", value(1), 15);
	expect_eq("value with a thread's adjustment", value(2), 14);
	if (!fx_last())
		return;
	while (!fx_marked("part.%d.holder", fx_round()))
		fx_nap();
	expect_eq("value with an adjustment of now", value(3), 1);
	kill(holder, SIGKILL);
	for (int i = 0; i < 1000 && (value(1) != 10 || value(2) != 10 || value(3)); i++)
		fx_nap(); /* threads end in their own time */
	expect_eq("value after the end of who adjusts", value(1), 10);
	expect_eq("value after the end of the thread", value(2), 10);
	expect_eq("value after the end, new adjustment", value(3), 0);
	must(semctl(set, 0, IPC_RMID));
}

const struct fixture fixture_sem_undo = {
	.name = "sem_undo",
	.about = "SEM_UNDO of a process, and of a thread that does not share it",
	.setup = setup_undo,
	.verify = verify_undo,
	.flags = FX_ROUNDS | FX_NESTED | FX_OUTLIVED,
};
