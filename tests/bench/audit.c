// SPDX-License-Identifier: GPL-2.0-only
/*
 * audit.c - make bench SHAPE=audit: what an audit costs those who are watched, what it costs itself, and
 * how much it can follow.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUNS_MAX 99
#define LOOPS 300
#define MANY 20000
#define STORM_S 3
#define IDLE_S 10

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- an audit whose stream is read up to "ready"; the rest goes where out says ---- */

struct auditor {
	pid_t pid;
	FILE *messages; /* what --stats says in the end */
};

static struct auditor start_audit(bool stats)
{
	char *argv[] = { "bpf-ckpt", "audit", "--json", "--events", "start,ready,lost,end", stats ? "--stats" : NULL, NULL };
	char line[4096];
	struct auditor a = {};
	int out[2], err[2];
	FILE *f;

	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		die("pipe");
	a.pid = fork();
	if (!a.pid) {
		dup2(out[1], 1);
		dup2(err[1], 2);
		execv("build/bpf-ckpt", argv);
		_exit(127);
	}
	close(out[1]);
	close(err[1]);
	f = fdopen(dup(out[0]), "re");
	while (f && fgets(line, sizeof(line), f) && !strstr(line, "\"ready\""))
		;
	if (!f || feof(f))
		die("start an audit");
	fclose(f);
	a.messages = fdopen(err[0], "re");
	return a;
}

/* Prints its lines about programs when title is there; the numbers of events and losses. */
static void stop_audit(struct auditor *a, const char *title, unsigned long long *events, unsigned long long *lost)
{
	unsigned long long runs, ns;
	char line[4096], name[64];

	kill(a->pid, SIGTERM);
	while (fgets(line, sizeof(line), a->messages)) {
		if (sscanf(line, "%llu events, %llu lost", events, lost) == 2)
			continue;
		if (title && sscanf(line, "%63s %llu %llu", name, &runs, &ns) == 3 && runs)
			printf("%-12s %-14s %12llu runs %8llu ns each\n", title, name, runs, ns);
	}
	fclose(a->messages);
	waitpid(a->pid, NULL, 0);
}

/* To the nanosecond; /proc/PID/stat counts ticks. */
static double cpu_s(pid_t pid)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%llu", &ns) != 1)
		die(path);
	fclose(f);
	return ns / 1e9;
}

static long rss_kib(pid_t pid)
{
	char path[64], line[256];
	long kib = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f) && sscanf(line, "VmRSS: %ld", &kib) != 1)
		;
	if (f)
		fclose(f);
	return kib;
}

/* ---- loads ---- */

static __attribute__((noinline)) void one_process(int exec)
{
	pid_t pid = exec ? fork() : vfork();

	if (!pid) {
		if (exec)
			execl("/bin/true", "true", NULL);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		die("fork");
}

/* Of this process and those it has waited for: what other loads on the machine do not stretch. */
static double own_cpu_s(void)
{
	struct rusage self, children;

	getrusage(RUSAGE_SELF, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	return self.ru_utime.tv_sec + self.ru_stime.tv_sec + children.ru_utime.tv_sec + children.ru_stime.tv_sec +
	       (self.ru_utime.tv_usec + self.ru_stime.tv_usec + children.ru_utime.tv_usec +
		children.ru_stime.tv_usec) / 1e6;
}

static double loop_us(double *cpu)
{
	double begin = now_s(), used = own_cpu_s();

	for (int i = 0; i < LOOPS; i++)
		one_process(1);
	*cpu = (own_cpu_s() - used) / LOOPS * 1e6;
	return (now_s() - begin) / LOOPS * 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, int nr)
{
	qsort(v, nr, sizeof(*v), by_value);
	return nr % 2 ? v[nr / 2] : (v[nr / 2 - 1] + v[nr / 2]) / 2;
}

#define SETTLE_US 300000 /* the start of an audit leaves caches cold: both loops come after one */

static double with_audit(double *cpu, double *own)
{
	unsigned long long events = 0, lost = 0;
	struct auditor a = start_audit(false); /* to be measured costs, too */
	double used, us;

	usleep(SETTLE_US);
	used = cpu_s(a.pid);
	us = loop_us(cpu);
	*own = (cpu_s(a.pid) - used) / LOOPS * 1e6;
	stop_audit(&a, NULL, &events, &lost);
	return us;
}

static double after_audit(double *cpu)
{
	unsigned long long events = 0, lost = 0;
	struct auditor a = start_audit(false);

	stop_audit(&a, NULL, &events, &lost);
	usleep(SETTLE_US);
	return loop_us(cpu);
}

/*
 * Off and on in turn, and every second pair the other way round: machines drift by more than what is
 * measured, and the first of two is not as the second.
 */
static void bench_loop(int runs)
{
	struct auditor a;
	double off[RUNS_MAX], on[RUNS_MAX], ratio[RUNS_MAX], cpu_off[RUNS_MAX], cpu_on[RUNS_MAX], cpu[RUNS_MAX],
		own[RUNS_MAX];
	unsigned long long events = 0, lost = 0;

	loop_us(off);
	for (int i = 0; i < runs; i++) {
		if (i % 2)
			on[i] = with_audit(&cpu_on[i], &own[i]);
		off[i] = after_audit(&cpu_off[i]);
		if (i % 2 == 0)
			on[i] = with_audit(&cpu_on[i], &own[i]);
		cpu[i] = cpu_on[i] / cpu_off[i];
		ratio[i] = on[i] / off[i];
	}
	a = start_audit(true);
	loop_us(off + RUNS_MAX - 1);
	stop_audit(&a, "loop", &events, &lost);
	printf("loop         fork+exec+exit+wait %.1f us without, %.1f us with an audit; ratio of each pair: median %.3f\n",
	       median(off, runs), median(on, runs), median(ratio, runs));
	printf("loop         CPU time of it %.1f us without, %.1f us with; ratio of each pair: median %.3f\n",
	       median(cpu_off, runs), median(cpu_on, runs), median(cpu, runs));
	printf("loop         CPU time of the audit itself: %.2f us of each\n", median(own, runs));
	fflush(stdout);
}

static void bench_idle(void)
{
	struct auditor a = start_audit(true);
	unsigned long long events = 0, lost = 0;
	double before, begin;

	sleep(1);
	before = cpu_s(a.pid);
	begin = now_s();
	sleep(IDLE_S);
	printf("idle         %.3f %% of a core", (cpu_s(a.pid) - before) / (now_s() - begin) * 100);
	stop_audit(&a, NULL, &events, &lost);
	printf(", with %.0f events a second of others\n", (double)events / (IDLE_S + 1));
	fflush(stdout);
}

static void bench_memory(void)
{
	unsigned long long events = 0, lost = 0;
	static pid_t pid[MANY];
	struct auditor a;
	double begin;
	int nr = 0;

	while (nr < MANY && (pid[nr] = fork()) >= 0) {
		if (!pid[nr]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			pause();
			_exit(0);
		}
		nr++;
	}
	begin = now_s();
	a = start_audit(true);
	printf("memory       %d more tasks: ready after %.2f s, RSS %.1f MiB", nr, now_s() - begin,
	       rss_kib(a.pid) / 1024.0);
	for (int i = 0; i < nr; i++)
		kill(pid[i], SIGKILL);
	for (int i = 0; i < nr; i++)
		waitpid(pid[i], NULL, 0);
	sleep(1);
	printf(", %.1f MiB when they are gone\n", rss_kib(a.pid) / 1024.0);
	stop_audit(&a, NULL, &events, &lost);
	fflush(stdout);
}

static void bench_storm(int makers)
{
	struct auditor a = start_audit(true);
	unsigned long long events = 0, lost = 0;
	double begin = now_s(), took;

	for (int i = 0; i < makers; i++) {
		if (!fork()) {
			while (now_s() < begin + STORM_S)
				one_process(0);
			_exit(0);
		}
	}
	for (int i = 0; i < makers; i++)
		wait(NULL);
	took = now_s() - begin;
	stop_audit(&a, makers == 2 ? "storm" : NULL, &events, &lost);
	printf("storm        %d makers of vfork+exit+wait: %.0f events a second, %llu of %llu lost\n", makers, events / took,
	       lost, events);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int runs = argc > 1 ? atoi(argv[1]) : 5;

	if (runs < 1 || runs > RUNS_MAX) {
		fprintf(stderr, "Usage: audit [RUNS]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	bench_loop(runs * 3);
	bench_idle();
	bench_storm(1);
	bench_storm(2);
	bench_memory();
	return 0;
}
