// SPDX-License-Identifier: GPL-2.0-only
/* refuse_memory.c - memory and IPC that can't be checkpointed: a dump names it, and it goes on. */
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../fixture.h"

#define SYS_MEMFD_SECRET 447

/* What another task's mapping has said about shared memory is not seen in this one's areas. */
static void bind_elsewhere(void *shared, size_t size)
{
	unsigned long node = 1;

	syscall(SYS_mbind, shared, size, MPOL_BIND, &node, 65, 0);
}

static void setup_memory(void)
{
	char *shared = must_map(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	int secret = syscall(SYS_MEMFD_SECRET, 0);
	pid_t pid = must(fork());

	if (!pid) {
		bind_elsewhere(shared, 8192);
		_exit(0);
	}
	fx_exit_of(pid);
	if (secret < 0)
		fx_skip("the kernel has no memfd_secret(2)");
	must(ftruncate(secret, 4096));
	*(char *)must_map(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, secret, 0)) = 1;
	close(secret);
}

const struct fixture fixture_refuse_memory = {
	.name = "refuse_memory",
	.about = "memory that can't be checkpointed",
	.setup = setup_memory,
	.flags = FX_LEAVE_ONLY,
};

/* ---- adjustments that two processes have together ---- */

static int shared_set;

static void setup_sysv(void)
{
	struct sembuf up = {0, 1, SEM_UNDO};

	shared_set = must(semget(IPC_PRIVATE, 1, 0600));
	fx_mark("ipc.s.%d", shared_set);
	must(semop(shared_set, &up, 1));
	if (!must(syscall(SYS_clone, CLONE_SYSVSEM | SIGCHLD, 0, 0, 0, 0))) {
		fx_await("bye");
		_exit(0);
	}
}

static void verify_sysv(void)
{
	if (fx_last())
		must(semctl(shared_set, 0, IPC_RMID));
}

const struct fixture fixture_refuse_sysv = {
	.name = "refuse_sysv",
	.about = "adjustments of semaphores that two processes have together",
	.setup = setup_sysv,
	.verify = verify_sysv,
	.flags = FX_LEAVE_ONLY,
};

/* ---- a queue that starts a thread, in the C library, when a message comes ---- */

static void on_message(union sigval value)
{
	(void)value;
}

static void setup_mqueue(void)
{
	struct sigevent ev = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_message};
	char name[64];
	mqd_t q;

	snprintf(name, sizeof(name), "/bpf-ckpt.%d.thread", getpid());
	q = must(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL));
	must(mq_unlink(name));
	must(mq_notify(q, &ev));
}

const struct fixture fixture_refuse_mqueue = {
	.name = "refuse_mqueue",
	.about = "a POSIX message queue that notifies by a thread",
	.setup = setup_mqueue,
	.flags = FX_LEAVE_ONLY,
};
