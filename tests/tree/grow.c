// SPDX-License-Identifier: GPL-2.0-only
/*
 * grow.c - trees of real tasks, grown from a seed by random system calls, each also made by the
 * simulated kernel of tests/unit/sim.c, which must agree; then checkpointed, killed, restored, and
 * asked one by one who they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../unit/sim.h"
#include "board.h"

#define PATIENCE_MS 20000

struct grow {
	struct sim sim;
	struct board *board;
	char dir[128], board_path[160], image[160], log[160];
	const char *tool;
	int code[SIM_TASKS]; /* exit status of the dead */
	bool stopped[SIM_TASKS];
	pid_t root;
	char problem[256];
};

static bool problem(struct grow *g, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!g->problem[0])
		vsnprintf(g->problem, sizeof(g->problem), fmt, ap);
	va_end(ap);
	return false;
}

/* ---- telling tasks ---- */

/* -ETIMEDOUT when it does not answer. */
static int tell_all(struct grow *g, int task, int op, const int arg[4])
{
	struct board_slot *s = &g->board->slot[task];

	memcpy(s->arg, arg, sizeof(s->arg));
	__atomic_store_n(&s->op, op, __ATOMIC_RELEASE);
	g->board->beat++;
	for (int i = 0; i < PATIENCE_MS * 10; i++) {
		if (!__atomic_load_n(&s->op, __ATOMIC_ACQUIRE))
			return op == OP_EXIT ? 0 : s->result;
		usleep(100);
	}
	problem(g, "task %d does not answer to %d", task, op);
	return -ETIMEDOUT;
}

static int tell(struct grow *g, int task, int op, int a, int b)
{
	return tell_all(g, task, op, (int[4]){ a, b });
}

/* The number of a chain as a task sees it, 0 when it cannot. */
static int number_for(const struct grow *g, int task, int pid)
{
	int own = g->sim.pid[g->sim.task[task].pid].ns;

	for (int ns = pid ? g->sim.pid[pid].ns : -1; ns >= 0; ns = g->sim.ns[ns].parent)
		if (ns == own)
			return g->sim.pid[pid].nr[g->sim.ns[own].level];
	return 0;
}

/* Learn the real numbers of a new task from /proc, which shows the whole chain. */
static bool learn_numbers(struct grow *g, int task, pid_t here)
{
	struct sim_pid *p = &g->sim.pid[g->sim.task[task].pid];
	char path[64], line[256], *at;
	int level = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", here);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "NSpid:", 6))
			continue;
		for (at = strtok(line + 6, " \t\n"); at && level < SIM_LEVELS; at = strtok(NULL, " \t\n"))
			p->nr[level++] = atoi(at);
	}
	if (f)
		fclose(f);
	return level == g->sim.ns[p->ns].level + 1 || problem(g, "task %d has %d numbers", task, level);
}

/* The child that a task has just made, by the number that the task knows it by: its number here. */
static pid_t find_here(const struct grow *g, int creator, int number)
{
	char path[64];
	pid_t here = g->sim.pid[g->sim.task[creator].pid].nr[0], child = 0;
	FILE *f;

	if (!g->sim.ns[g->sim.pid[g->sim.task[creator].pid].ns].level)
		return number;
	/* children of the creator, or of its parent: look at the last numbers of each */
	for (int up = 0; up < 2 && !child; up++) {
		snprintf(path, sizeof(path), "/proc/%d/task/%d/children", here, here);
		f = fopen(path, "re");
		while (f && fscanf(f, "%d", &child) == 1) {
			char status[64], line[256];
			bool hit = false;
			FILE *s;

			snprintf(status, sizeof(status), "/proc/%d/status", child);
			s = fopen(status, "re");
			while (s && fgets(line, sizeof(line), s)) {
				int nr[SIM_LEVELS] = {}, n = 0;

				if (strncmp(line, "NSpid:", 6))
					continue;
				for (char *at = strtok(line + 6, " \t\n"); at && n < SIM_LEVELS;
				     at = strtok(NULL, " \t\n"))
					nr[n++] = atoi(at);
				hit = nr[g->sim.ns[g->sim.pid[g->sim.task[creator].pid].ns].level] == number;
			}
			if (s)
				fclose(s);
			if (hit)
				break;
			child = 0;
		}
		if (f)
			fclose(f);
		if (g->sim.task[creator].parent < 0)
			break;
		here = g->sim.pid[g->sim.task[g->sim.task[creator].parent].pid].nr[0];
	}
	return child;
}

/* ---- the random calls: both kernels must agree ---- */

static bool agree(struct grow *g, const char *what, int task, bool sim, int real)
{
	return sim == (real >= 0) ||
	       problem(g, "%s of task %d: the kernel says %s, the simulation %s", what, task,
		       real >= 0 ? "yes" : strerror(-real), sim ? "yes" : "no");
}

/* Tables that the child has in common with its parent, now and then: only --verify looks at them. */
static int random_sharing(struct grow *g)
{
	int dice = sim_random(&g->sim, 24);

	return dice == 0 ? CLONE_FILES : dice == 1 ? CLONE_FS : dice == 2 ? CLONE_FILES | CLONE_FS : 0;
}

/* other: whose pid namespace the child is born in, when the task can enter that; or -1. */
static bool do_clone(struct grow *g, int task, int flags, int other)
{
	int exit_signal = sim_random(&g->sim, 20) ? SIGCHLD : SIGUSR1, share = random_sharing(g);
	int own = g->sim.pid[g->sim.task[task].pid].ns, ns = other < 0 ? -1 : sim_enterable(&g->sim, task, other);
	int child = sim_clone_in(&g->sim, task, ns < 0 ? own : ns, flags, exit_signal, 0), real;

	if (child < 0)
		return true;
	real = tell_all(g, task, OP_CLONE, (int[4]){ child,
		(flags & SIM_NEWPID ? CLONE_NEWPID : 0) | (flags & SIM_PARENT ? CLONE_PARENT : 0) | share,
		flags & SIM_PARENT ? 0 : exit_signal,
		ns < 0 || ns == own ? 0 : number_for(g, task, g->sim.task[g->sim.ns[ns].init].pid) });
	if (!agree(g, "clone", task, true, real) || !learn_numbers(g, child, find_here(g, task, real)))
		return false;
	if (!sim_random(&g->sim, 10) && tell(g, child, OP_THREAD, 0, 0))
		return problem(g, "task %d makes no thread", child);
	return sim_random(&g->sim, 3) || !tell(g, child, OP_MEMORY, child + 1, 0);
}

/*
 * An init waits at its end until no number of its namespace is in use (zap_pid_ns_processes()): in a
 * process group led by a member it would wait for itself, and two of them for each other, for ever.
 */
static bool would_never_end(const struct grow *g, int target, int group)
{
	int ns = g->sim.pid[g->sim.task[target].pid].ns;

	if (g->sim.ns[ns].init != target || group == g->sim.task[target].pid)
		return false;
	/* groups of the namespaces above it go on without it */
	for (int up = g->sim.ns[ns].parent; up >= 0; up = g->sim.ns[up].parent)
		if (!group || up == g->sim.pid[group].ns)
			return false;
	return true;
}

static bool do_setpgid(struct grow *g, int task, int target, int group)
{
	int t = number_for(g, task, g->sim.task[target].pid), p = number_for(g, task, group);

	if (!t || !p || g->sim.task[target].state != SIM_LIVE || would_never_end(g, target, group))
		return true;
	return agree(g, "setpgid", task, sim_setpgid(&g->sim, task, target, group),
		     tell(g, task, OP_SETPGID, t, p));
}

static bool do_exit(struct grow *g, int task)
{
	int ns = g->sim.pid[g->sim.task[task].pid].ns;

	if (!task || g->sim.ns[ns].init == task)
		return true;
	g->code[task] = sim_random(&g->sim, 200);
	sim_exit(&g->sim, task);
	if (tell(g, task, OP_EXIT, g->code[task], 0))
		return false;
	/* until the kernel has made it a zombie and found new parents */
	for (int i = 0; i < PATIENCE_MS; i++) {
		char path[64], text[512] = "";
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/stat", g->sim.pid[g->sim.task[task].pid].nr[0]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || strstr(text, ") Z")) {
			if (fd >= 0)
				close(fd);
			return true;
		}
		close(fd);
		usleep(1000);
	}
	return problem(g, "task %d does not exit", task);
}

static bool do_reap(struct grow *g, int child)
{
	int up = g->sim.task[child].parent, real;

	if (up < 0 || g->sim.task[up].state != SIM_LIVE || g->sim.task[child].state != SIM_ZOMBIE)
		return true;
	real = tell(g, up, OP_REAP, number_for(g, up, g->sim.task[child].pid), 0);
	if (!agree(g, "wait", up, sim_reap(&g->sim, up, child), real))
		return false;
	return WEXITSTATUS(real) == g->code[child] ||
	       problem(g, "task %d ended with %d, not %d", child, WEXITSTATUS(real), g->code[child]);
}

static bool step(struct grow *g)
{
	struct sim *s = &g->sim;
	int task = sim_random(s, s->nr_tasks), other = sim_random(s, s->nr_tasks);

	for (int tries = 0; s->task[task].state != SIM_LIVE && tries < 20; tries++)
		task = sim_random(s, s->nr_tasks);
	if (s->task[task].state != SIM_LIVE)
		task = 0;
	switch (sim_random(s, 16)) {
	case 0 ... 5:
		return do_clone(g, task, 0, sim_random(s, 5) ? -1 : other);
	case 6:
		return do_clone(g, task, sim_random(s, 3) ? SIM_PARENT : SIM_NEWPID, sim_random(s, 3) ? -1 : other);
	case 7 ... 8:
		return agree(g, "setsid", task, sim_setsid(s, task), tell(g, task, OP_SETSID, 0, 0));
	case 9 ... 10:
		return do_setpgid(g, task, task, s->task[task].pid);
	case 11:
		return do_setpgid(g, task, sim_random(s, 2) ? task : other, s->task[other].pgid);
	case 12 ... 13:
		return do_exit(g, task);
	case 14:
		return do_reap(g, other);
	default:
		if (sim_random(s, 4))
			return true;
		s->task[task].subreaper = true;
		return !tell(g, task, OP_SUBREAPER, 0, 0);
	}
}

/* ---- some are stopped meanwhile ---- */

static char state_of(pid_t here)
{
	char path[64], text[512] = "", *paren;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", here);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	if (fd >= 0)
		close(fd);
	paren = strrchr(text, ')');
	return paren && paren[1] ? paren[2] : 0;
}

/* The first task sees all and is not among them. */
static bool stop_some(struct grow *g)
{
	for (int i = 1; i < g->sim.nr_tasks; i++) {
		pid_t here = g->sim.pid[g->sim.task[i].pid].nr[0];

		g->stopped[i] = g->sim.task[i].state == SIM_LIVE && !sim_random(&g->sim, 16) &&
				g->sim.ns[g->sim.pid[g->sim.task[i].pid].ns].init != i;
		if (!g->stopped[i])
			continue;
		if (tell(g, 0, OP_SIGNAL, number_for(g, 0, g->sim.task[i].pid), SIGSTOP))
			return problem(g, "task %d cannot be stopped", i);
		for (int n = 0; n < PATIENCE_MS && state_of(here) != 'T'; n++)
			usleep(1000);
	}
	return true;
}

/* Who was stopped does not act on what it is told, until it is continued. */
static bool continue_stopped(struct grow *g)
{
	for (int i = 1; i < g->sim.nr_tasks; i++)
		if (g->stopped[i])
			__atomic_store_n(&g->board->slot[i].op, OP_REPORT, __ATOMIC_RELEASE);
	usleep(20000);
	for (int i = 1; i < g->sim.nr_tasks; i++) {
		if (!g->stopped[i])
			continue;
		if (!__atomic_load_n(&g->board->slot[i].op, __ATOMIC_ACQUIRE))
			return problem(g, "task %d is not stopped any more", i);
		if (tell(g, 0, OP_SIGNAL, number_for(g, 0, g->sim.task[i].pid), SIGCONT))
			return problem(g, "task %d cannot be continued", i);
	}
	return true;
}

/* ---- checkpoint, restore, questions ---- */

static int run_tool(struct grow *g, char *const argv[])
{
	int status, fd;
	pid_t pid = fork();

	if (!pid) {
		fd = open(g->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(fd, 1);
		dup2(fd, 2);
		execv(g->tool, argv);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Everybody below us is of the tree. */
static void reap_all(void)
{
	for (int i = 0; i < 50000 && waitpid(-1, NULL, WNOHANG | __WALL) >= 0; i++)
		usleep(100);
}

static bool ask(struct grow *g, int task)
{
	const struct sim_task *t = &g->sim.task[task];
	struct board_slot *s = &g->board->slot[task];
	int up = t->parent >= 0 ? number_for(g, task, g->sim.task[t->parent].pid) : s->ids.ppid;

	if (tell(g, task, OP_REPORT, 0, 0) < 0)
		return false;
	if (t->parent < 0)
		up = s->ids.ppid;
	if (s->ids.pid != number_for(g, task, t->pid) || s->ids.ppid != up ||
	    s->ids.sid != number_for(g, task, t->sid) || s->ids.pgid != number_for(g, task, t->pgid))
		return problem(g, "task %d says pid %d parent %d session %d group %d; should be %d %d %d %d",
			       task, s->ids.pid, s->ids.ppid, s->ids.sid, s->ids.pgid,
			       number_for(g, task, t->pid), up, number_for(g, task, t->sid),
			       number_for(g, task, t->pgid));
	return !s->ids.damaged || problem(g, "the memory of task %d is damaged", task);
}

static bool ask_all(struct grow *g)
{
	for (int i = 0; i < g->sim.nr_tasks; i++)
		if (g->sim.task[i].state == SIM_LIVE && !ask(g, i))
			return false;
	return true;
}

static bool start(struct grow *g, bool container)
{
	struct clone_args a = { .flags = container ? CLONE_NEWPID : 0, .exit_signal = SIGCHLD };
	int fd = open(g->board_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), null;

	if (fd < 0 || ftruncate(fd, sizeof(*g->board)))
		return problem(g, "%s: %s", g->board_path, strerror(errno));
	g->board = mmap(NULL, sizeof(*g->board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	sim_start(&g->sim, container);
	sim_setsid(&g->sim, 0);
	g->root = syscall(SYS_clone3, &a, sizeof(a));
	if (!g->root) {
		null = open("/dev/null", O_RDWR);
		for (fd = 0; fd < 3; fd++)
			dup2(null, fd);
		close_range(3, ~0u, 0);
		setsid();
		prctl(PR_SET_CHILD_SUBREAPER, !container);
		prctl(PR_SET_PDEATHSIG, 0);
		member_serve(g->board, 0);
	}
	return g->root > 0 && !tell(g, 0, OP_REPORT, 0, 0) && learn_numbers(g, 0, g->root);
}

/* 1: equal, 0: refused, -1: a problem. */
static int checkpoint(struct grow *g)
{
	char pid[16], pidfile[192], *dump[] = { "bpf-ckpt", "dump", pid, "-o", g->image, "--kill", NULL };
	char *restore[] = { "bpf-ckpt", "restore", g->image, "-d", "--verify", "--pidfile", pidfile, NULL };
	int status;
	FILE *f;

	snprintf(pid, sizeof(pid), "%d", g->root);
	snprintf(pidfile, sizeof(pidfile), "%s/pid", g->dir);
	status = run_tool(g, dump);
	if (status == 3)
		return 0;
	if (status)
		return problem(g, "dump gives %d", status), -1;
	g->root = 0;
	reap_all();
	status = run_tool(g, restore);
	if (status)
		return problem(g, "restore gives %d", status), -1;
	f = fopen(pidfile, "re");
	if (!f || fscanf(f, "%d", &g->root) != 1)
		problem(g, "no pid in %s", pidfile);
	if (f)
		fclose(f);
	unlink(pidfile);
	return 1;
}

static int run_seed(struct grow *g, uint64_t seed, int steps)
{
	int result = -1, random;

	memset(&g->sim, 0, sizeof(g->sim));
	g->problem[0] = 0;
	g->sim.seed = seed * 0x9e3779b97f4a7c15ull + 7;
	unlink(g->log);
	if (start(g, seed & 1)) {
		random = 10 + sim_random(&g->sim, 90);
		steps = steps ? steps : random;
		for (int i = 0; i < steps && !g->problem[0] && g->sim.nr_tasks < SIM_TASKS; i++)
			step(g);
		if (!g->problem[0] && ask_all(g) && stop_some(g))
			result = checkpoint(g);
		if (result == 1 && continue_stopped(g) && ask_all(g))
			for (int i = 0; i < g->sim.nr_tasks; i++)
				do_reap(g, i);
	}
	/* the whole tree: an init takes all along, a subreaper's tasks are told */
	for (int i = 1; i < g->sim.nr_tasks; i++)
		if (g->root && g->sim.task[i].state == SIM_LIVE)
			kill(g->sim.pid[g->sim.task[i].pid].nr[0] * !(seed & 1) ?: g->root, SIGKILL);
	if (g->root > 0)
		kill(g->root, SIGKILL);
	reap_all();
	munmap(g->board, sizeof(*g->board));
	unlink(g->image);
	return g->problem[0] ? -1 : result;
}

/* ---- the command ---- */

static void last_line(const char *path, char *buf, size_t len)
{
	FILE *f = fopen(path, "re");
	char line[512];

	buf[0] = 0;
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "bpf-ckpt: ", 10))
			snprintf(buf, len, "%.*s", (int)strcspn(line, "\n"), line);
	if (f)
		fclose(f);
}

/* The fewest steps of a seed that still go wrong. */
static int minimize(struct grow *g, uint64_t seed)
{
	for (int steps = 4; steps < 100; steps += 4)
		if (run_seed(g, seed, steps) < 0)
			return steps;
	return 0;
}

int main(int argc, char **argv)
{
	struct grow *g = calloc(1, sizeof(*g));
	int bad = 0, steps = argc > 3 ? atoi(argv[3]) : 0;
	uint64_t first, nr;
	char why[512];

	if (argc < 3 || !g) {
		fprintf(stderr, "Usage: grow FIRST-SEED NUMBER-OF-SEEDS [STEPS]\n");
		return 2;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	g->tool = getenv("BPF_CKPT") ?: "build/bpf-ckpt";
	snprintf(g->dir, sizeof(g->dir), "%s/bpf-ckpt-tree.%d", getenv("TMPDIR") ?: "/tmp", getpid());
	snprintf(g->board_path, sizeof(g->board_path), "%s/board", g->dir);
	snprintf(g->image, sizeof(g->image), "%s/image", g->dir);
	snprintf(g->log, sizeof(g->log), "%s/log", g->dir);
	if (mkdir(g->dir, 0700)) {
		perror(g->dir);
		return 1;
	}
	first = strtoull(argv[1], NULL, 10);
	nr = strtoull(argv[2], NULL, 10);
	for (uint64_t seed = first; seed < first + nr; seed++) {
		int result = run_seed(g, seed, steps);

		last_line(g->log, why, sizeof(why));
		if (result > 0) {
			printf("ok tree/%lu\n", seed);
		} else if (!result) {
			printf("refused tree/%lu: %s\n", seed, why);
		} else {
			printf("not ok tree/%lu: %s; %s", seed, g->problem, why);
			fflush(stdout);
			bad++;
			printf(" (fails with %d steps)\n", steps ? steps : minimize(g, seed));
		}
		fflush(stdout);
	}
	unlink(g->log);
	unlink(g->board_path);
	rmdir(g->dir);
	return bad > 0;
}
