// SPDX-License-Identifier: GPL-2.0-only
/* busy.c - threads that are always in some system call, and count what was interrupted. */
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../fixture.h"

#define NAP_NS 30000000

struct worker {
	const char *name;
	long (*call)(void); /* anything but -EINTR is as it should be */
	volatile unsigned long calls, interrupted;
};

static char regular[1024];
static int empty[2], epoll, semaphores, sockets[2];
static const struct timespec nap = {0, NAP_NS};

static long do_nanosleep(void)
{
	return syscall(SYS_nanosleep, &nap, NULL);
}

static long do_clock_nanosleep(void)
{
	return syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &nap, NULL);
}

static long do_poll(void)
{
	struct pollfd pfd = {empty[0], POLLIN, 0};

	return poll(&pfd, 1, NAP_NS / 1000000);
}

static long do_ppoll(void)
{
	struct pollfd pfd = {empty[0], POLLIN, 0};

	return ppoll(&pfd, 1, &nap, NULL);
}

static long do_select(void)
{
	struct timeval tv = {0, NAP_NS / 1000};

	return select(0, NULL, NULL, NULL, &tv);
}

static long do_futex(void)
{
	static int word;

	return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &nap, NULL, 0);
}

static long do_futex_absolute(void)
{
	static int word;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += 1;
	return syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, &until, NULL, 1);
}

static long do_sigtimedwait(void)
{
	uint64_t set = 1UL << (SIGUSR2 - 1);

	return syscall(SYS_rt_sigtimedwait, &set, NULL, &nap, 8);
}

static long do_file(void)
{
	char text[64];

	return fx_read_file(regular, text, sizeof(text));
}

static long do_epoll(void)
{
	struct epoll_event ev;

	return epoll_wait(epoll, &ev, 1, NAP_NS / 1000000);
}

static long do_semtimedop(void)
{
	struct sembuf op = {.sem_op = -1};

	return semtimedop(semaphores, &op, 1, &nap);
}

static long do_recv(void)
{
	char c;

	return recv(sockets[0], &c, 1, 0);
}

static struct worker simple[] = {
	{"nanosleep", do_nanosleep},
	{"clock_nanosleep", do_clock_nanosleep},
	{"poll", do_poll},
	{"ppoll", do_ppoll},
	{"select", do_select},
	{"futex", do_futex},
	{"absolute futex", do_futex_absolute},
	{"sigtimedwait", do_sigtimedwait},
	{"open and read", do_file},
};

static struct worker special[] = {
	{"epoll_wait", do_epoll},
	{"semtimedop", do_semtimedop},
	{"recv with a timeout", do_recv},
};

static volatile int stop;

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!stop) {
		errno = 0;
		if (w->call() < 0 && errno == EINTR)
			w->interrupted++;
		w->calls++;
	}
	return NULL;
}

static void start(struct worker *list, int count)
{
	pthread_t thread;

	for (int i = 0; i < count; i++) {
		if (pthread_create(&thread, NULL, work, &list[i]))
			fx_die("pthread_create");
		pthread_detach(thread);
	}
	for (int i = 0; i < count; i++)
		while (!list[i].calls)
			fx_nap();
}

static void check(struct worker *list, int count)
{
	for (int i = 0; i < count; i++) {
		unsigned long before = list[i].calls;

		expect(!list[i].interrupted, "%s was interrupted %lu times in %lu", list[i].name,
		       list[i].interrupted, list[i].calls);
		while (list[i].calls == before) /* it goes on */
			fx_nap();
	}
}

static void setup(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	must(pipe(empty));
	snprintf(regular, sizeof(regular), "%s", fx_path("root.pid"));
	start(simple, FX_COUNT(simple));
}

static void verify(void)
{
	check(simple, FX_COUNT(simple));
	stop = fx_last();
}

const struct fixture fixture_busy = {
	.name = "busy",
	.about = "threads that count interrupted system calls",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_MOVES | FX_NESTED,
};

static void setup_special(void)
{
	struct timeval tv = {0, NAP_NS / 1000};

	epoll = must(epoll_create1(0));
	semaphores = must(semget(IPC_PRIVATE, 1, 0600));
	fx_mark("ipc.s.%d", semaphores);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	must(setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	start(special, FX_COUNT(special));
}

static void verify_special(void)
{
	check(special, FX_COUNT(special));
	if (!fx_last())
		return;
	stop = 1;
	semctl(semaphores, 0, IPC_RMID);
}

const struct fixture fixture_busy_special = {
	.name = "busy_special",
	.about = "the same with calls that the kernel never restarts by itself",
	.setup = setup_special,
	.verify = verify_special,
	.flags = FX_LEAVE_ONLY | FX_MOVES,
};

/* A descriptor that nothing can bring back: the dump is refused, after all was stopped. */
static void setup_refused(void)
{
	if (syscall(SYS_userfaultfd, O_CLOEXEC) < 0)
		fx_skip("userfaultfd: %s", strerror(errno));
	setup_special();
}

const struct fixture fixture_busy_refused = {
	.name = "busy_refused",
	.about = "the same with what cannot be saved",
	.setup = setup_refused,
	.verify = verify_special,
	.flags = FX_LEAVE_ONLY | FX_MOVES,
};
