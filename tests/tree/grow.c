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

#include "../unit/reasons.h"
#include "grow.h"

/* ---- some are stopped meanwhile ---- */

/* The first task sees all and is not among them. */
static bool stop_some(struct grow *g)
{
	for (int i = 1; i < g->sim.nr_tasks; i++) {
		pid_t here = g->sim.pid[g->sim.task[i].pid].nr[0];

		g->stopped[i] = g->sim.task[i].state == SIM_LIVE && !sim_random(&g->sim, 16) &&
				g->sim.ns[g->sim.pid[g->sim.task[i].pid].ns].init != i;
		if (!g->stopped[i])
			continue;
		if (grow_tell(g, 0, OP_SIGNAL, grow_number(g, 0, g->sim.task[i].pid), SIGSTOP))
			return grow_problem(g, "task %d cannot be stopped", i);
		for (int n = 0; n < PATIENCE_MS && grow_state(here) != 'T'; n++)
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
			return grow_problem(g, "task %d is not stopped any more", i);
		if (grow_tell(g, 0, OP_SIGNAL, grow_number(g, 0, g->sim.task[i].pid), SIGCONT))
			return grow_problem(g, "task %d cannot be continued", i);
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
	int up = t->parent >= 0 ? grow_number(g, task, g->sim.task[t->parent].pid) : s->ids.ppid;

	if (grow_tell(g, task, OP_REPORT, 0, 0) < 0)
		return false;
	if (t->parent < 0)
		up = s->ids.ppid;
	if (s->ids.pid != grow_number(g, task, t->pid) || s->ids.ppid != up ||
	    s->ids.sid != grow_number(g, task, t->sid) || s->ids.pgid != grow_number(g, task, t->pgid))
		return grow_problem(g, "task %d says pid %d parent %d session %d group %d; should be %d %d %d %d",
			       task, s->ids.pid, s->ids.ppid, s->ids.sid, s->ids.pgid,
			       grow_number(g, task, t->pid), up, grow_number(g, task, t->sid),
			       grow_number(g, task, t->pgid));
	return !s->ids.damaged || grow_problem(g, "the memory of task %d is damaged", task);
}

static bool ask_all(struct grow *g)
{
	for (int i = 0; i < g->sim.nr_tasks; i++)
		if (g->sim.task[i].state == SIM_LIVE && !ask(g, i))
			return false;
	return true;
}

static bool start(struct grow *g, bool container, bool users)
{
	struct clone_args a = { .flags = container ? CLONE_NEWPID : 0, .exit_signal = SIGCHLD };
	int fd = open(g->board_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), null;

	if (fd < 0 || ftruncate(fd, sizeof(*g->board)))
		return grow_problem(g, "%s: %s", g->board_path, strerror(errno));
	g->board = mmap(NULL, sizeof(*g->board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	sim_start(&g->sim, container);
	g->sim.users = users;
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
	return g->root > 0 && !grow_tell(g, 0, OP_REPORT, 0, 0) && grow_learn(g, 0, g->root);
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
		return grow_problem(g, "dump gives %d", status), -1;
	g->root = 0;
	reap_all();
	status = run_tool(g, restore);
	if (status)
		return grow_problem(g, "restore gives %d", status), -1;
	f = fopen(pidfile, "re");
	if (!f || fscanf(f, "%d", &g->root) != 1)
		grow_problem(g, "no pid in %s", pidfile);
	if (f)
		fclose(f);
	unlink(pidfile);
	return 1;
}

/* Only who has our board in its memory: a number may be somebody else's by now. */
static void end_member(const struct grow *g, pid_t pid)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0);
	char path[64], line[512];
	bool ours = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	while (f && !ours && fgets(line, sizeof(line), f))
		ours = strstr(line, g->board_path);
	if (ours && pidfd >= 0)
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	if (f)
		fclose(f);
	if (pidfd >= 0)
		close(pidfd);
}

/* An init takes all along, a subreaper's tasks are told. */
static void end_all(const struct grow *g, bool container)
{
	for (int i = 1; i < g->sim.nr_tasks && !container && g->root > 0; i++)
		if (g->sim.task[i].state == SIM_LIVE)
			end_member(g, g->sim.pid[g->sim.task[i].pid].nr[0]);
	if (g->root > 0)
		end_member(g, g->root);
}

static int run_seed(struct grow *g, uint64_t seed, int steps)
{
	int result = -1, random;

	memset(&g->sim, 0, sizeof(g->sim));
	g->problem[0] = 0;
	g->sim.seed = seed * 0x9e3779b97f4a7c15ull + 7;
	unlink(g->log);
	memset(g->threaded, 0, sizeof(g->threaded));
	if (start(g, seed & 1, seed & 2)) {
		random = 10 + sim_random(&g->sim, 90);
		steps = steps ? steps : random;
		for (int i = 0; i < steps && !g->problem[0] && g->sim.nr_tasks < SIM_TASKS; i++)
			grow_step(g);
		if (!g->problem[0] && ask_all(g) && stop_some(g))
			result = checkpoint(g);
		if (result == 1 && continue_stopped(g) && ask_all(g))
			for (int i = 0; i < g->sim.nr_tasks; i++)
				grow_reap(g, i);
	}
	end_all(g, seed & 1);
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

/* ---- why trees were refused ---- */

/* Without the numbers, which differ from tree to tree. */
static void count_reason(struct reasons *r, const char *why)
{
	const char *at = strstr(why, "): ");
	char text[160] = "";
	size_t n = 0;

	for (at = at ? at + 3 : why; *at && *at != '(' && n < sizeof(text) - 1; at++)
		if (*at < '0' || *at > '9')
			text[n++] = *at;
	reasons_count(r, text);
}

int main(int argc, char **argv)
{
	struct grow *g = calloc(1, sizeof(*g));
	struct reasons reasons = {};
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
			count_reason(&reasons, why);
		} else {
			printf("not ok tree/%lu: %s; %s", seed, g->problem, why);
			fflush(stdout);
			bad++;
			printf(" (fails with %d steps)\n", steps ? steps : minimize(g, seed));
		}
		fflush(stdout);
	}
	printf("# %lu trees: %d with a problem\n", nr, bad);
	reasons_print(&reasons, nr, "# ");
	unlink(g->log);
	unlink(g->board_path);
	rmdir(g->dir);
	return bad > 0;
}
