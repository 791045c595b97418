// SPDX-License-Identifier: GPL-2.0-only
/*
 * audit_soak.c - a tree of tasks that do random things, watched by an audit: at every checkpoint all
 * of them hold still, and the audit's table, a fresh walk and /proc must be the same.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TASKS_MAX 4096
#define INITS 64
#define LIVE_MAX 140
#define ALL_MAX 600 /* zombies are among them */
#define DEEP_MAX 6

enum phase { RUN, HOLD, END };

struct board {
	volatile int phase, live, all;
	volatile long beat;  /* seconds: who does not see it move is alone */
	volatile int init[INITS];
	unsigned long forks, namespaces, entered, execs, threads, exits;
};

struct row {
	int pid, ppid;
	bool zombie;
	char comm[64], chain[400];
};

struct table {
	struct row row[TASKS_MAX];
	int nr;
};

struct soak {
	const char *tool;
	char me[512];
	struct board *board;
	int board_fd;
	pid_t auditor;
	FILE *stream;
	unsigned long events, lost, checks, most, problems;
};

static long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* ---- a puppet ---- */

static unsigned int pick(unsigned int *seed, unsigned int n)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 8) % n;
}

static void puppet(struct soak *s, unsigned int seed, int depth);

static pid_t make(struct soak *s, unsigned int seed, int depth, unsigned long flags)
{
	struct clone_args a = { .flags = flags, .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD };
	pid_t pid;

	if (__atomic_add_fetch(&s->board->live, 1, __ATOMIC_SEQ_CST) > LIVE_MAX || s->board->all > ALL_MAX) {
		__atomic_sub_fetch(&s->board->live, 1, __ATOMIC_SEQ_CST);
		return -1;
	}
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (!pid)
		puppet(s, seed * 7 + 3, depth + !!(flags & CLONE_NEWPID));
	if (pid < 0)
		__atomic_sub_fetch(&s->board->live, 1, __ATOMIC_SEQ_CST);
	else
		__atomic_add_fetch(&s->board->forks, 1, __ATOMIC_RELAXED);
	return pid;
}

static int proc_pid(void)
{
	char link[32] = "";

	return readlink("/proc/self", link, sizeof(link) - 1) > 0 ? atoi(link) : 0;
}

/* Into a namespace that somebody made, for one child; and back. */
static void visit(struct soak *s, unsigned int *seed, int depth)
{
	int fd, own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", s->board->init[pick(seed, INITS)]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && own >= 0 && !setns(fd, CLONE_NEWPID)) {
		if (make(s, *seed, depth + 1, 0) > 0)
			__atomic_add_fetch(&s->board->entered, 1, __ATOMIC_RELAXED);
		setns(own, CLONE_NEWPID);
	}
	close(fd);
	close(own);
}

static void *nap(void *arg)
{
	usleep(20000);
	return NULL;
}

static void act(struct soak *s, unsigned int *seed, int depth)
{
	char name[16], arg[3][16];
	pthread_t t;

	switch (pick(seed, 16)) {
	case 0: case 1: case 2: case 3: case 4:
		make(s, *seed, depth, 0);
		break;
	case 5:
		if (depth < DEEP_MAX && make(s, *seed, depth, CLONE_NEWPID) > 0)
			__atomic_add_fetch(&s->board->namespaces, 1, __ATOMIC_RELAXED);
		break;
	case 6:
		make(s, *seed, depth, CLONE_PARENT); /* refused to an init */
		break;
	case 7:
		visit(s, seed, depth);
		break;
	case 8:
		snprintf(name, sizeof(name), "p%u", pick(seed, 100000));
		prctl(PR_SET_NAME, name);
		break;
	case 9:
		prctl(PR_SET_CHILD_SUBREAPER, pick(seed, 2));
		break;
	case 10:
		if (!pthread_create(&t, NULL, nap, NULL)) {
			pthread_detach(t);
			__atomic_add_fetch(&s->board->threads, 1, __ATOMIC_RELAXED);
		}
		break;
	case 11:
		__atomic_add_fetch(&s->board->execs, 1, __ATOMIC_RELAXED);
		snprintf(arg[0], sizeof(arg[0]), "%d", s->board_fd);
		snprintf(arg[1], sizeof(arg[1]), "%u", *seed);
		snprintf(arg[2], sizeof(arg[2]), "%d", depth);
		execl(s->me, s->me, "--puppet", arg[0], arg[1], arg[2], NULL);
		break;
	case 12: case 13: case 14: /* else they stay zombies */
		for (int i = 0; i < 6 && waitpid(-1, NULL, WNOHANG | __WALL) > 0; i++)
			;
		break;
	default:
		__atomic_sub_fetch(&s->board->live, 1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&s->board->exits, 1, __ATOMIC_RELAXED);
		_exit(pick(seed, 256));
	}
}

static void puppet(struct soak *s, unsigned int seed, int depth)
{
	if (getpid() == 1)
		s->board->init[pick(&seed, INITS)] = proc_pid();
	for (;;) {
		if (s->board->phase == END || now() > s->board->beat + 20)
			_exit(0);
		if (s->board->phase == RUN)
			act(s, &seed, depth);
		usleep(1000 + pick(&seed, 6000));
	}
}

/* ---- three views ---- */

static int by_pid(const void *a, const void *b)
{
	return ((const struct row *)a)->pid - ((const struct row *)b)->pid;
}

static struct row *find(struct table *t, int pid)
{
	struct row key = { .pid = pid };

	return bsearch(&key, t->row, t->nr, sizeof(key), by_pid);
}

static bool read_status(int pid, struct row *r)
{
	char path[64], line[1024];
	int threads = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	*r = (struct row){ .pid = pid };
	while (fgets(line, sizeof(line), f)) {
		char state;

		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "Name:\t", 6))
			snprintf(r->comm, sizeof(r->comm), "%.63s", line + 6);
		else if (sscanf(line, "State:\t%c", &state) == 1)
			r->zombie = state == 'Z';
		else if (!strncmp(line, "NSpid:\t", 7)) {
			snprintf(r->chain, sizeof(r->chain), "%.399s", line + 7);
			for (char *c = r->chain; *c; c++)
				*c = *c == '\t' ? ',' : *c;
		} else if (sscanf(line, "PPid:\t%d", &r->ppid) != 1) {
			sscanf(line, "Threads:\t%d", &threads);
		}
	}
	fclose(f);
	if (threads > 1)
		r->zombie = false; /* only its first thread has ended */
	return true;
}

/* Everybody below us, as /proc has it. */
static void read_proc(struct table *t)
{
	static struct table all;
	static bool below[TASKS_MAX];
	struct dirent *d;
	DIR *dir = opendir("/proc");
	bool more = true;

	all.nr = t->nr = 0;
	while (dir && (d = readdir(dir)))
		if (atoi(d->d_name) > 0 && all.nr < TASKS_MAX && read_status(atoi(d->d_name), &all.row[all.nr]))
			all.nr++;
	closedir(dir);
	qsort(all.row, all.nr, sizeof(all.row[0]), by_pid);
	for (int i = 0; i < all.nr; i++)
		below[i] = all.row[i].pid == getpid();
	while (more) {
		more = false;
		for (int i = 0; i < all.nr; i++) {
			struct row *up = below[i] ? NULL : find(&all, all.row[i].ppid);

			if (up && below[up - all.row])
				more = below[i] = true;
		}
	}
	for (int i = 0; i < all.nr; i++)
		if (below[i])
			t->row[t->nr++] = all.row[i];
}

static bool value(const char *line, const char *key, const char *end, char *out, size_t len)
{
	const char *at = strstr(line, key);
	size_t n;

	if (!at)
		return false;
	at += strlen(key);
	n = strcspn(at, end);
	if (n >= len)
		return false;
	memcpy(out, at, n);
	out[n] = 0;
	return true;
}

/* Task events until "ready": the table of an audit. */
static bool read_stream(struct soak *s, FILE *f, struct table *t)
{
	static char line[1 << 16];
	char text[64];

	t->nr = 0;
	while (fgets(line, sizeof(line), f)) {
		struct row *r = &t->row[t->nr];

		s->events++;
		if (strstr(line, "\"type\":\"lost\""))
			s->lost++;
		if (strstr(line, "\"type\":\"ready\"")) {
			qsort(t->row, t->nr, sizeof(t->row[0]), by_pid);
			return true;
		}
		if (!strstr(line, "\"type\":\"task\"") || t->nr == TASKS_MAX)
			continue;
		if (!value(line, "\"pid\":[", "]", r->chain, sizeof(r->chain)) ||
		    !value(line, "\"comm\":\"", "\"", r->comm, sizeof(r->comm)) ||
		    !value(line, "\"ppid\":[", "],", text, sizeof(text)))
			return false;
		r->ppid = atoi(text);
		r->pid = atoi(r->chain);
		r->zombie = strstr(line, "\"zombie\":1") != NULL;
		t->nr++;
	}
	return false;
}

static FILE *start_audit(struct soak *s, char *const options[], pid_t *pid)
{
	char *argv[16] = { (char *)s->tool, "audit", "--json", NULL }, self[16];
	int pipes[2], n = 3;

	snprintf(self, sizeof(self), "%d", getpid());
	argv[n++] = self;
	for (int i = 0; options[i]; i++)
		argv[n++] = options[i];
	if (pipe2(pipes, O_CLOEXEC))
		return NULL;
	*pid = fork();
	if (!*pid) {
		dup2(pipes[1], 1);
		execv(s->tool, argv);
		_exit(127);
	}
	close(pipes[1]);
	return fdopen(pipes[0], "re");
}

static bool ask_auditor(struct soak *s, struct table *t)
{
	kill(s->auditor, SIGUSR1);
	return read_stream(s, s->stream, t);
}

static bool ask_fresh(struct soak *s, struct table *t)
{
	char *options[] = { "--for", "0.01", NULL };
	pid_t pid;
	FILE *f = start_audit(s, options, &pid);
	unsigned long events = s->events;
	bool ok = f && read_stream(s, f, t);

	s->events = events;
	while (f && fgetc(f) != EOF)
		;
	if (f)
		fclose(f);
	waitpid(pid, NULL, 0);
	for (int i = 0, n = t->nr; i < n; i++) { /* it saw itself */
		if (t->row[i].pid == pid) {
			memmove(&t->row[i], &t->row[i + 1], (n - i - 1) * sizeof(t->row[0]));
			t->nr--;
			break;
		}
	}
	return ok;
}

/* ---- checkpoints ---- */

static int differ(struct table *want, struct table *got, const char *who, char *buf, size_t len)
{
	int nr = 0;

	for (int i = 0; i < want->nr; i++) {
		struct row *w = &want->row[i], *g = find(got, w->pid);

		if (g && !strcmp(w->chain, g->chain) && !strcmp(w->comm, g->comm) && w->ppid == g->ppid &&
		    w->zombie == g->zombie)
			continue;
		if (!nr++)
			snprintf(buf, len, "%s: %d [%s] %s parent %d%s is %s [%s] %s parent %d%s", who, w->pid, w->chain,
				 w->comm, w->ppid, w->zombie ? " zombie" : "", g ? "" : "missing", g ? g->chain : "",
				 g ? g->comm : "", g ? g->ppid : 0, g && g->zombie ? " zombie" : "");
	}
	for (int i = 0; i < got->nr; i++)
		if (!find(want, got->row[i].pid) && !nr++)
			snprintf(buf, len, "%s: %d [%s] %s parent %d%s is not below us in /proc", who, got->row[i].pid,
				 got->row[i].chain, got->row[i].comm, got->row[i].ppid,
				 got->row[i].zombie ? " zombie" : "");
	return nr;
}

/* What is still under way when they hold still (wake-ups, grace periods) gets some time. */
static void checkpoint(struct soak *s)
{
	static struct table proc, table, fresh, again;
	char why[1024] = "";
	int wrong = 1;

	s->board->phase = HOLD;
	for (int try = 0; try < 12 && wrong; try++) {
		usleep(80000);
		s->board->beat = now();
		read_proc(&proc);
		if (!ask_auditor(s, &table) || !ask_fresh(s, &fresh)) {
			snprintf(why, sizeof(why), "an audit ended");
			break;
		}
		read_proc(&again);
		wrong = differ(&proc, &again, "/proc twice", why, sizeof(why)) ?:
			differ(&proc, &table, "table", why, sizeof(why)) ?:
			differ(&proc, &fresh, "fresh walk", why, sizeof(why));
	}
	s->checks++;
	if ((unsigned long)proc.nr > s->most)
		s->most = proc.nr;
	if (wrong) {
		s->problems++;
		printf("# checkpoint %lu: %d differ: %s\n", s->checks, wrong, why);
	}
	s->board->phase = RUN;
}

/* Who was killed with a namespace has not counted itself out. */
static void count_again(struct soak *s)
{
	static struct table t;
	int live = 0;

	read_proc(&t);
	for (int i = 0; i < t.nr; i++)
		live += !t.row[i].zombie;
	s->board->live = live;
	s->board->all = t.nr;
}

static void sow(struct soak *s, unsigned int *seed)
{
	while (s->board->live < LIVE_MAX / 3)
		if (make(s, pick(seed, 1 << 30), 0, pick(seed, 3) ? 0 : CLONE_NEWPID) < 0)
			break;
	for (int i = 0; i < 20; i++) { /* orphans come to us */
		pid_t pid = waitpid(-1, NULL, WNOHANG | __WALL);

		if (pid == s->auditor)
			s->auditor = 0;
		if (pid <= 0)
			break;
	}
}

static void end_all(struct soak *s)
{
	s->board->phase = END;
	for (int i = 0; i < 2000; i++) {
		pid_t pid = waitpid(-1, NULL, WNOHANG | __WALL);

		if (pid < 0)
			break;
		if (!pid)
			usleep(5000);
	}
}

static int soak(struct soak *s, int seconds, unsigned int seed)
{
	char *options[] = { "--strict", "--zombies", "0", NULL };
	static struct table ignored;
	int status = 1;
	long end;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	s->stream = start_audit(s, options, &s->auditor);
	if (!s->stream || !read_stream(s, s->stream, &ignored))
		return 1;
	fcntl(fileno(s->stream), F_SETPIPE_SZ, 1 << 20);
	s->board->beat = now();
	for (end = now() + seconds; now() < end && s->auditor;) {
		for (int i = 0; i < 100 && s->auditor; i++) {
			sow(s, &seed);
			usleep(10000);
			if (i % 25 == 0)
				count_again(s);
		}
		s->board->beat = now();
		if (s->auditor)
			checkpoint(s);
	}
	s->board->phase = END;
	if (s->auditor) {
		kill(s->auditor, SIGINT);
		while (fgetc(s->stream) != EOF)
			;
		waitpid(s->auditor, &status, 0);
	}
	end_all(s);
	return s->problems || !s->checks ? 1 : status;
}

int main(int argc, char **argv)
{
	static struct soak s;
	unsigned int seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	bool is_puppet = argc == 5 && !strcmp(argv[1], "--puppet");
	int status;

	s.tool = getenv("BPF_CKPT") ?: "build/bpf-ckpt";
	s.board_fd = is_puppet ? atoi(argv[2]) : (int)syscall(SYS_memfd_create, "board", 0);
	if (readlink("/proc/self/exe", s.me, sizeof(s.me) - 1) < 0 ||
	    (!is_puppet && ftruncate(s.board_fd, sizeof(*s.board))))
		return 1;
	s.board = mmap(NULL, sizeof(*s.board), PROT_READ | PROT_WRITE, MAP_SHARED, s.board_fd, 0);
	if (s.board == MAP_FAILED)
		return 1;
	if (is_puppet)
		puppet(&s, strtoul(argv[3], NULL, 0), atoi(argv[4]));
	if (argc < 2 || atoi(argv[1]) < 1) {
		fprintf(stderr, "Usage: audit_soak SECONDS [SEED]\n");
		return 2;
	}
	status = soak(&s, atoi(argv[1]), seed);
	printf("%s audit/soak of %s s, seed %u: %lu checkpoints (%lu wrong), up to %lu tasks; %lu forks, %lu "
	       "namespaces, %lu entered, %lu execs, %lu threads, %lu exits; %lu events, %lu losses\n",
	       status ? "not ok" : "ok", argv[1], seed, s.checks, s.problems, s.most, s.board->forks,
	       s.board->namespaces, s.board->entered, s.board->execs, s.board->threads, s.board->exits, s.events,
	       s.lost);
	return !!status;
}
