// SPDX-License-Identifier: GPL-2.0-only
/* calls.c - random system calls of real tasks, each made by the simulated kernel as well. */
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

#include "grow.h"

bool grow_problem(struct grow *g, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!g->problem[0])
		vsnprintf(g->problem, sizeof(g->problem), fmt, ap);
	va_end(ap);
	return false;
}

/* ---- telling tasks ---- */

int grow_tell_all(struct grow *g, int task, int op, const int arg[4])
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
	grow_problem(g, "task %d does not answer to %d", task, op);
	return -ETIMEDOUT;
}

int grow_tell(struct grow *g, int task, int op, int a, int b)
{
	return grow_tell_all(g, task, op, (int[4]){ a, b });
}

int grow_number(const struct grow *g, int task, int pid)
{
	int own = g->sim.pid[g->sim.task[task].pid].ns;

	for (int ns = pid ? g->sim.pid[pid].ns : -1; ns >= 0; ns = g->sim.ns[ns].parent)
		if (ns == own)
			return g->sim.pid[pid].nr[g->sim.ns[own].level];
	return 0;
}

bool grow_learn(struct grow *g, int task, pid_t here)
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
	return level == g->sim.ns[p->ns].level + 1 || grow_problem(g, "task %d has %d numbers", task, level);
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
	       grow_problem(g, "%s of task %d: the kernel says %s, the simulation %s", what, task,
		       real >= 0 ? "yes" : strerror(-real), sim ? "yes" : "no");
}

/* Tables that the child has in common with its parent, now and then: only --verify looks at them. */
static int random_sharing(struct grow *g)
{
	int dice = sim_random(&g->sim, 24);

	return dice == 0 ? CLONE_FILES : dice == 1 ? CLONE_FS : dice == 2 ? CLONE_FILES | CLONE_FS : 0;
}

/* Most threads have what their process has. */
static int random_tables(struct grow *g)
{
	int dice = sim_random(&g->sim, 6);

	return dice == 0 ? CLONE_FILES : dice == 1 ? CLONE_FS : dice == 2 ? 0 : CLONE_FILES | CLONE_FS;
}

/* The first task sees all, and goes on seeing it; a process with threads cannot (EINVAL). */
static bool do_users(struct grow *g, int task)
{
	int uid = g->sim.task[task].user || sim_random(&g->sim, 3) ? 0 : 1000 + task;

	if (!g->sim.users || !task || g->threaded[task] || !sim_unshare_user(&g->sim, task))
		return true;
	return agree(g, "unshare(CLONE_NEWUSER)", task, true, grow_tell(g, task, OP_USERS, uid, 0));
}

/* other: whose pid namespace the child is born in, when the task can enter that; or -1. */
static bool do_clone(struct grow *g, int task, int flags, int other)
{
	int exit_signal = sim_random(&g->sim, 20) ? SIGCHLD : SIGUSR1, share = random_sharing(g);
	int own = g->sim.pid[g->sim.task[task].pid].ns, ns = other < 0 ? -1 : sim_enterable(&g->sim, task, other);
	int child = sim_clone_in(&g->sim, task, ns < 0 ? own : ns, flags, exit_signal, 0), real;

	if (child < 0)
		return true;
	real = grow_tell_all(g, task, OP_CLONE, (int[4]){ child,
		(flags & SIM_NEWPID ? CLONE_NEWPID : 0) | (flags & SIM_PARENT ? CLONE_PARENT : 0) | share,
		flags & SIM_PARENT ? 0 : exit_signal,
		ns < 0 || ns == own ? 0 : grow_number(g, task, g->sim.task[g->sim.ns[ns].init].pid) });
	if (!agree(g, "clone", task, true, real) || !grow_learn(g, child, find_here(g, task, real)))
		return false;
	if (!sim_random(&g->sim, 10)) {
		g->threaded[child] = true;
		if (grow_tell(g, child, OP_THREAD, random_tables(g), 0))
			return grow_problem(g, "task %d makes no thread", child);
	}
	return sim_random(&g->sim, 3) || !grow_tell(g, child, OP_MEMORY, child + 1, 0);
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
	int t = grow_number(g, task, g->sim.task[target].pid), p = grow_number(g, task, group);

	if (!t || !p || g->sim.task[target].state != SIM_LIVE || would_never_end(g, target, group))
		return true;
	return agree(g, "setpgid", task, sim_setpgid(&g->sim, task, target, group),
		     grow_tell(g, task, OP_SETPGID, t, p));
}

/* A leader that is dead before its threads is none yet ('z'): they take its children for as long. */
char grow_state(pid_t here)
{
	char path[64], text[512] = "", *paren, state = 0;
	int fd, threads = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", here);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	if (fd >= 0)
		close(fd);
	paren = strrchr(text, ')');
	if (paren) /* proc(5): state is the third, num_threads the twentieth */
		sscanf(paren + 1, " %c%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%*s%d", &state, &threads);
	return state == 'Z' && threads > 1 ? 'z' : state;
}

static bool do_exit(struct grow *g, int task)
{
	int ns = g->sim.pid[g->sim.task[task].pid].ns;

	if (!task || g->sim.ns[ns].init == task)
		return true;
	g->code[task] = sim_random(&g->sim, 200);
	sim_exit(&g->sim, task);
	if (grow_tell(g, task, OP_EXIT, g->code[task], 0))
		return false;
	/* until the kernel has made it a zombie and found new parents */
	for (int i = 0; i < PATIENCE_MS; i++) {
		char state = grow_state(g->sim.pid[g->sim.task[task].pid].nr[0]);

		if (!state || state == 'Z')
			return true;
		usleep(1000);
	}
	return grow_problem(g, "task %d does not exit", task);
}

bool grow_reap(struct grow *g, int child)
{
	int up = g->sim.task[child].parent, real;

	if (up < 0 || g->sim.task[up].state != SIM_LIVE || g->sim.task[child].state != SIM_ZOMBIE)
		return true;
	real = grow_tell(g, up, OP_REAP, grow_number(g, up, g->sim.task[child].pid), 0);
	if (!agree(g, "wait", up, sim_reap(&g->sim, up, child), real))
		return false;
	return WEXITSTATUS(real) == g->code[child] ||
	       grow_problem(g, "task %d ended with %d, not %d", child, WEXITSTATUS(real), g->code[child]);
}

bool grow_step(struct grow *g)
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
		return agree(g, "setsid", task, sim_setsid(s, task), grow_tell(g, task, OP_SETSID, 0, 0));
	case 9 ... 10:
		return do_setpgid(g, task, task, s->task[task].pid);
	case 11:
		return do_setpgid(g, task, sim_random(s, 2) ? task : other, s->task[other].pgid);
	case 12 ... 13:
		return do_exit(g, task);
	case 14:
		return grow_reap(g, other);
	default:
		if (sim_random(s, 2))
			return do_users(g, task);
		if (sim_random(s, 2))
			return true;
		s->task[task].subreaper = true;
		return !grow_tell(g, task, OP_SUBREAPER, 0, 0);
	}
}
