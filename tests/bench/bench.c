// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench.c - make bench: how long trees of several shapes stand still, as they see it themselves, how
 * long dump and restore take, and what copying the same memory costs at least.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "load.h"
#include "walk.h"

#define RUNS_MAX 99

struct shape {
	const char *name;
	int processes, kib, threads, namespaces;
	int files; /* of each process */
	const char *kind;
};

static const struct shape shapes[] = {
	{ "one small process", 1, 100, 0 },
	{ "101 processes", 101, 100, 0 },
	{ "501 processes, 100 KiB each", 501, 100, 0 },
	{ "200 threads", 1, 100, 199 },
	{ "one process, 1 GiB", 1, 1 << 20, 0 },
	{ "100 in 8 namespaces", 100, 4, 0, 8 },
	{ "500 in 8 namespaces", 500, 4, 0, 8 },
	{ "2000 in 8 namespaces", 2000, 4, 0, 8 },
	{ "5000 in 8 namespaces", 5000, 4, 0, 8 },
	{ "10 open files", 1, 4, 0, 0, 10, "file" },
	{ "100 open files", 1, 4, 0, 0, 100, "file" },
	{ "1000 open files", 1, 4, 0, 0, 1000, "file" },
	{ "10000 open files", 1, 4, 0, 0, 10000, "file" },
	{ "100 open ends of pipes", 1, 4, 0, 0, 100, "pipe" },
	{ "1000 open ends of pipes", 1, 4, 0, 0, 1000, "pipe" },
	{ "10000 open ends of pipes", 1, 4, 0, 0, 10000, "pipe" },
	{ "100 open eventfds", 1, 4, 0, 0, 100, "eventfd" },
	{ "1000 open eventfds", 1, 4, 0, 0, 1000, "eventfd" },
	{ "10000 open eventfds", 1, 4, 0, 0, 10000, "eventfd" },
	{ "10 unix sockets", 1, 4, 0, 0, 10, "unix" },
	{ "100 unix sockets", 1, 4, 0, 0, 100, "unix" },
	{ "1000 unix sockets", 1, 4, 0, 0, 1000, "unix" },
	{ "10000 unix sockets", 1, 4, 0, 0, 10000, "unix" },
	{ "100 UDP sockets", 1, 4, 0, 0, 100, "dgram" },
	{ "1000 UDP sockets", 1, 4, 0, 0, 1000, "dgram" },
	{ "10000 UDP sockets", 1, 4, 0, 0, 10000, "dgram" },
	{ "100 TCP sockets", 1, 4, 0, 0, 100, "tcp" },
	{ "1000 TCP sockets", 1, 4, 0, 0, 1000, "tcp" },
	{ "10000 TCP sockets", 1, 4, 0, 0, 10000, "tcp" },
	{ "10000 TCP sockets over IPv6", 1, 4, 0, 0, 10000, "6tcp" },
	{ "20 with 10000 open eventfds", 20, 4, 0, 0, 10000, "eventfd" },
};

struct bench {
	const char *tool, *load;
	char dir[256], image[300], board_path[300];
	struct board *board;
	int runs;
	pid_t root;
};

struct series {
	double v[RUNS_MAX];
	int nr;
};

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static void clean(struct bench *b)
{
	if (b->root > 0)
		kill(b->root, SIGKILL);
	unlink(b->image);
	unlink(b->board_path);
	rmdir(b->dir);
}

static void die(struct bench *b, const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, errno ? strerror(errno) : "failed");
	clean(b);
	exit(1);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(struct series *s)
{
	qsort(s->v, s->nr, sizeof(s->v[0]), by_value);
	return s->nr % 2 ? s->v[s->nr / 2] : (s->v[s->nr / 2 - 1] + s->v[s->nr / 2]) / 2;
}

static void add(struct series *s, double v)
{
	s->v[s->nr++] = v;
}

/* Runs the tool to its end; its time in ms, and the most memory that it ever had, in MiB. */
static double run_tool(struct bench *b, char *const argv[], double *memory)
{
	double start = now_ms();
	struct rusage use;
	pid_t pid = fork();
	int status;

	if (!pid) {
		execv(b->tool, argv);
		_exit(127);
	}
	errno = 0;
	if (pid < 0 || wait4(pid, &status, 0, &use) != pid || status)
		die(b, argv[1]);
	if (memory)
		*memory = use.ru_maxrss / 1024.0;
	return now_ms() - start;
}

static void start_load(struct bench *b, const struct shape *s)
{
	char processes[16], kib[16], threads[16], namespaces[16], files[16];
	int fd = open(b->board_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), null;

	if (fd < 0 || ftruncate(fd, sizeof(*b->board)))
		die(b, b->board_path);
	b->board = mmap(NULL, sizeof(*b->board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (b->board == MAP_FAILED)
		die(b, "mmap");
	snprintf(processes, sizeof(processes), "%d", s->processes);
	snprintf(kib, sizeof(kib), "%d", s->kib);
	snprintf(threads, sizeof(threads), "%d", s->threads);
	snprintf(namespaces, sizeof(namespaces), "%d", s->namespaces);
	snprintf(files, sizeof(files), "%d", s->files);
	b->root = fork();
	if (!b->root) {
		null = open("/dev/null", O_RDWR);
		for (fd = 0; fd < 3; fd++)
			dup2(null, fd);
		close_range(3, ~0u, 0);
		execl(b->load, b->load, b->dir, processes, kib, threads, namespaces, files,
		      s->kind ?: "file", NULL);
		_exit(127);
	}
	for (int i = 0; b->board->ready < (uint64_t)s->processes; i++) {
		if (waitpid(b->root, NULL, WNOHANG) || i > 30000)
			die(b, "start a load");
		usleep(1000);
	}
	usleep(50000);
}

/* The longest gap between ticks since forget(). */
static double stood_still(struct bench *b, const struct shape *s)
{
	double ms = b->board->ticker[0].longest_ns / 1e6;

	if (s->processes > 1 && b->board->ticker[1].longest_ns / 1e6 > ms)
		ms = b->board->ticker[1].longest_ns / 1e6;
	return ms;
}

static void forget(struct bench *b)
{
	b->board->epoch++;
	usleep(20000);
}

/* process_vm_readv() of the same memory into a hot buffer of 1 MiB: what any copy must pay. */
static double floor_ms(struct bench *b)
{
	static char buffer[1 << 20];
	uint64_t at = b->board->memory, end = at + b->board->bytes;
	double start = now_ms();

	for (; at < end; at += sizeof(buffer)) {
		size_t len = end - at < sizeof(buffer) ? end - at : sizeof(buffer);
		struct iovec local = { buffer, len }, remote = { (void *)at, len };

		if (process_vm_readv(b->root, &local, 1, &remote, 1, 0) != (ssize_t)len)
			die(b, "process_vm_readv");
	}
	return now_ms() - start;
}

/* Every task of the system with its chain of numbers, while all of them run. */
static double walk_ms(struct bench *b)
{
	struct walk *w = NULL;
	struct series time = {};

	if (walk_open(&w, &(struct walk_opts){}))
		die(b, "the walk cannot be opened");
	for (int i = 0; i < b->runs; i++) {
		struct snap s = {};
		double start = now_ms();

		if (walk_run(w, WALK_TASKS, &s))
			die(b, "the walk fails");
		add(&time, now_ms() - start);
		snap_free(&s);
	}
	walk_close(w);
	return median(&time);
}

static double memcpy_ms(void)
{
	static char from[1 << 20], to[1 << 20];
	double start;

	memset(from, 1, sizeof(from));
	memset(to, 1, sizeof(to));
	start = now_ms();
	for (int i = 0; i < 1024; i++) {
		memcpy(to, from, sizeof(from));
		__asm__ volatile("" ::: "memory");
	}
	return now_ms() - start;
}

static void measure_snapshots(struct bench *b, const struct shape *s, double *memory)
{
	char pid[16], *argv[] = { (char *)b->tool, "dump", pid, "-o", b->image, NULL };
	struct series pause = {}, dump = {}, floor = {}, most = {};
	struct stat st;

	snprintf(pid, sizeof(pid), "%d", b->root);
	for (int i = 0; i < b->runs; i++) {
		double rss;

		unlink(b->image);
		if (s->processes == 1 && s->kib >= 1 << 20)
			add(&floor, floor_ms(b));
		forget(b);
		add(&dump, run_tool(b, argv, &rss));
		usleep(20000);
		add(&pause, stood_still(b, s));
		add(&most, rss);
	}
	stat(b->image, &st);
	*memory = median(&most);
	printf("%-28s %9.2f %9.1f %9.1f", s->name, median(&pause), median(&dump),
	       st.st_size / 1048576.0);
	if (floor.nr)
		printf(" %9.1f %7.2f", median(&floor), median(&pause) / median(&floor));
	else
		printf(" %9s %7s", "", "");
}

/* Everybody below us is of the load: its orphans are ours, and its numbers must be free again. */
static void reap_all(struct bench *b)
{
	double end = now_ms() + 20000;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0 && now_ms() < end)
		if (!pid)
			usleep(200);
	if (pid >= 0)
		die(b, "a killed load does not end");
}

static void measure_restores(struct bench *b)
{
	char pid[16];
	char *dump[] = { (char *)b->tool, "dump", pid, "--kill", "-o", b->image, NULL };
	char *restore[] = { (char *)b->tool, "restore", b->image, "-d", NULL };
	struct series time = {};
	uint64_t ticks;

	for (int i = 0; i < b->runs; i++) {
		unlink(b->image);
		snprintf(pid, sizeof(pid), "%d", b->root);
		run_tool(b, dump, NULL);
		reap_all(b);
		usleep(20000);
		ticks = b->board->ticker[0].ticks;
		add(&time, run_tool(b, restore, NULL));
		for (int j = 0; j < 1000 && b->board->ticker[0].ticks == ticks; j++)
			usleep(1000);
		if (b->board->ticker[0].ticks == ticks)
			die(b, "a restored tree does not tick");
	}
	printf(" %9.1f", median(&time));
}

static void measure(struct bench *b, const struct shape *s)
{
	double memory, walk;

	start_load(b, s);
	walk = walk_ms(b);
	measure_snapshots(b, s, &memory);
	measure_restores(b);
	printf(" %9.1f %9.1f\n", memory, walk);
	fflush(stdout);
	kill(b->root, SIGKILL);
	reap_all(b);
	b->root = 0;
	munmap(b->board, sizeof(*b->board));
	unlink(b->image);
	unlink(b->board_path);
}

int main(int argc, char **argv)
{
	struct bench b = { .tool = "build/bpf-ckpt", .load = "build/tests/bench/load", .runs = 5 };
	const char *only = argc > 2 ? argv[2] : "";

	if (argc > 1)
		b.runs = atoi(argv[1]);
	if (b.runs < 1 || b.runs > RUNS_MAX) {
		fprintf(stderr, "Usage: bench [RUNS [NAME]]\n");
		return 2;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	snprintf(b.dir, sizeof(b.dir), "/dev/shm/bpf-ckpt-bench.%d", getpid());
	snprintf(b.image, sizeof(b.image), "%s/image", b.dir);
	snprintf(b.board_path, sizeof(b.board_path), "%s/board", b.dir);
	if (mkdir(b.dir, 0700))
		die(&b, b.dir);
	printf("medians of %d runs; ms and MiB; pause: as a task of the tree sees it; floor: "
	       "process_vm_readv of the same memory; walk: of all tasks of the system; memcpy: %.0f ms a GiB\n", b.runs, memcpy_ms());
	printf("%-28s %9s %9s %9s %9s %7s %9s %9s %9s\n", "", "pause", "dump", "image", "floor", "ratio",
	       "restore", "dumper", "walk");
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (strstr(shapes[i].name, only))
			measure(&b, &shapes[i]);
	clean(&b);
	return 0;
}
