// SPDX-License-Identifier: GPL-2.0-only
/*
 * load.c - the workloads of make bench: load DIR PROCESSES KIB THREADS NAMESPACES FILES KIND. A root with
 * so many processes below it, each with that much private memory in use and so many open files of a kind
 * (file, pipe, eventfd, unix: connected sockets, tcp, dgram, 6tcp: sockets without a peer), the root
 * with so many further threads; spread over so many new pid namespaces, one in the other. The root and
 * the last process tick.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static struct board *open_board(const char *dir)
{
	char path[4096];
	struct board *b;
	int fd;

	snprintf(path, sizeof(path), "%s/board", dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die(path);
	b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (b == MAP_FAILED)
		die("mmap");
	close(fd);
	return b;
}

/* A tick every 50 us or so: less than what is measured, and hardly any load. */
static void tick(struct board *b, int which)
{
	const struct timespec pause = { 0, 50000 };
	uint64_t last = now_ns();

	prctl(PR_SET_TIMERSLACK, 1);
	for (;;) {
		uint64_t now = now_ns();

		if (b->ticker[which].epoch != b->epoch) {
			b->ticker[which].longest_ns = 0;
			b->ticker[which].epoch = b->epoch;
		} else if (now - last > b->ticker[which].longest_ns) {
			b->ticker[which].longest_ns = now - last;
		}
		b->ticker[which].ticks++;
		last = now;
		nanosleep(&pause, NULL);
	}
}

static void use_memory(struct board *b, size_t bytes)
{
	uint64_t pid = getpid();
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	for (size_t i = 0; i < bytes; i += sizeof(uint64_t))
		*(uint64_t *)(p + i) = i * 0x9e3779b97f4a7c15ull + pid;
	b->memory = (uint64_t)p;
	b->bytes = bytes;
}

static void use_files(const char *dir, int files, const char *kind)
{
	struct rlimit lim;
	char path[4096];
	int ends[2];

	getrlimit(RLIMIT_NOFILE, &lim);
	lim.rlim_cur = lim.rlim_max;
	setrlimit(RLIMIT_NOFILE, &lim);
	snprintf(path, sizeof(path), "%s/board", dir);
	for (int i = 0; i < files; i += *kind == 'p' || *kind == 'u' ? 2 : 1)
		if (*kind == 'f' ? open(path, O_RDONLY) < 0 :
		    *kind == 'p' ? pipe(ends) :
		    *kind == 'u' ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) :
		    *kind == 't' ? socket(AF_INET, SOCK_STREAM, 0) < 0 :
		    *kind == '6' ? socket(AF_INET6, SOCK_STREAM, 0) < 0 :
		    *kind == 'd' ? socket(AF_INET, SOCK_DGRAM, 0) < 0 : eventfd(i, 0) < 0)
			die(kind);
}

static void *sleeper(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void live(struct board *b, size_t bytes, char **argv)
{
	use_memory(b, bytes);
	use_files(argv[1], atoi(argv[6]), argv[7]);
	__atomic_fetch_add(&b->ready, 1, __ATOMIC_SEQ_CST);
	sleeper(NULL);
}

int main(int argc, char **argv)
{
	int processes = argc == 8 ? atoi(argv[2]) : 0, threads, share;
	size_t bytes = argc == 8 ? strtoul(argv[3], NULL, 10) << 10 : 0;
	struct board *b;

	if (processes < 1) {
		fprintf(stderr, "Usage: load DIR PROCESSES KIB THREADS NAMESPACES FILES KIND\n");
		return 2;
	}
	b = open_board(argv[1]);
	if (setsid() < 0)
		die("setsid");
	share = atoi(argv[5]) ? processes / (atoi(argv[5]) + 1) : processes;
	for (int i = 1; i < processes; i++) {
		bool deeper = i % share == 0;
		pid_t pid;

		if (deeper && unshare(CLONE_NEWPID))
			die("unshare");
		pid = fork();
		if (pid < 0)
			die("fork");
		if (pid && deeper && i > share) /* the init of a namespace, which has all that it will have */
			live(b, bytes, argv);
		if (pid && deeper)
			break;
		if (pid)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (deeper)
			continue;
		if (i < processes - 1)
			live(b, bytes, argv);
		use_memory(b, bytes);
		use_files(argv[1], atoi(argv[6]), argv[7]);
		__atomic_fetch_add(&b->ready, 1, __ATOMIC_SEQ_CST);
		tick(b, 1);
	}
	if (getpid() == 1)
		live(b, bytes, argv);
	use_memory(b, bytes);
	use_files(argv[1], atoi(argv[6]), argv[7]);
	threads = atoi(argv[4]);
	for (int i = 0; i < threads; i++) {
		pthread_attr_t attr;
		pthread_t t;

		pthread_attr_init(&attr);
		pthread_attr_setstacksize(&attr, 65536);
		if (pthread_create(&t, &attr, sleeper, NULL))
			die("pthread_create");
	}
	__atomic_fetch_add(&b->ready, 1, __ATOMIC_SEQ_CST);
	tick(b, 0);
}
