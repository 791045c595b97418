// SPDX-License-Identifier: GPL-2.0-only
/* sim.c - processes, sessions, groups, pid and user namespaces without a kernel. */
#include "sim.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "rec_ns.h"
#include "rec_task.h"

unsigned int sim_random(struct sim *s, unsigned int below)
{
	s->seed = s->seed * 6364136223846793005ull + 1442695040888963407ull;
	return below ? (unsigned int)(s->seed >> 33) % below : 0;
}

int sim_new_pid(struct sim *s, int ns)
{
	int pid = s->nr_pids++;

	s->pid[pid] = (struct sim_pid){ .ns = ns };
	for (int n = ns; n >= 0; n = s->ns[n].parent)
		s->pid[pid].nr[s->ns[n].level] = ++s->ns[n].last;
	return pid;
}

static int add_task(struct sim *s, struct sim_task t)
{
	int task = s->nr_tasks++;

	t.state = SIM_LIVE;
	t.born = task;
	s->task[task] = t;
	return task;
}

static int add_ns(struct sim *s, int parent, int owner)
{
	int ns = s->nr_ns++;

	s->ns[ns] = (struct sim_ns){ .parent = parent, .level = parent < 0 ? 0 : s->ns[parent].level + 1,
				     .init = -1, .owner = owner };
	return ns;
}

void sim_start(struct sim *s, bool container)
{
	int ns;

	s->nr_tasks = s->nr_ns = 0;
	s->nr_pids = 1; /* 0: outside */
	s->nr_users = 1;
	s->user_above[0] = -1;
	ns = add_ns(s, -1, 0);
	s->ns[ns].last = 100;
	if (container)
		ns = add_ns(s, ns, 0);
	add_task(s, (struct sim_task){ .pid = sim_new_pid(s, ns), .parent = -1, .exit_signal = SIGCHLD,
				       .subreaper = !container });
	s->ns[ns].init = container ? 0 : -1;
}

static int ns_of(const struct sim *s, int task)
{
	return s->pid[s->task[task].pid].ns;
}

static bool within(const struct sim *s, int ns, int top)
{
	while (ns >= 0 && ns != top)
		ns = s->ns[ns].parent;
	return ns == top;
}

bool sim_has_rights(const struct sim *s, int user, int over)
{
	while (over >= 0 && over != user)
		over = s->user_above[over];
	return over == user;
}

/*
 * kernel/nsproxy.c, kernel/pid_namespace.c: rights over the owner of the namespace, over its init (which it
 * is named by), and over the owner of the own one, to come back.
 */
int sim_enterable(struct sim *s, int task, int other)
{
	int ns = ns_of(s, other), init = s->ns[ns].init, user = s->task[task].user;

	return within(s, ns, ns_of(s, task)) && init >= 0 && s->task[init].state == SIM_LIVE &&
	       sim_has_rights(s, user, s->ns[ns].owner) && sim_has_rights(s, user, s->task[init].user) &&
	       sim_has_rights(s, user, s->ns[ns_of(s, task)].owner) ? ns : -1;
}

bool sim_unshare_user(struct sim *s, int task)
{
	if (s->task[task].state != SIM_LIVE || s->nr_users == SIM_USERS)
		return false;
	s->user_above[s->nr_users] = s->task[task].user;
	s->task[task].user = s->nr_users++;
	return true;
}

bool sim_enter_user(struct sim *s, int task, int user)
{
	if (s->task[task].user == user || !sim_has_rights(s, s->task[task].user, user))
		return false;
	s->task[task].user = user;
	return true;
}

int sim_clone(struct sim *s, int task, int flags, int exit_signal, int pid)
{
	return sim_clone_in(s, task, ns_of(s, task), flags, exit_signal, pid);
}

/* A chain may be used again by who was given it: for plans, which choose numbers. */
int sim_clone_in(struct sim *s, int task, int ns, int flags, int exit_signal, int pid)
{
	struct sim_task t = s->task[task];
	int child;

	if (s->nr_tasks == SIM_TASKS || t.state != SIM_LIVE)
		return -1;
	if (flags & SIM_PARENT && (t.parent < 0 || s->ns[ns_of(s, task)].init == task))
		return -1;
	if (flags & SIM_NEWPID) {
		/* kernel/pid_namespace.c: copy_pid_ns() wants the active one */
		if (ns != ns_of(s, task) || s->nr_ns == SIM_NS || s->ns[ns].level + 1 == SIM_LEVELS)
			return -1;
		/* "in_userns(parent_pid_ns->user_ns, user_ns)" */
		if (!sim_has_rights(s, s->ns[ns].owner, t.user))
			return -1;
		ns = pid ? s->pid[pid].ns : add_ns(s, ns, 0);
		s->ns[ns].owner = t.user;
	}
	t.pid = pid ? pid : sim_new_pid(s, ns);
	t.exit_signal = flags & SIM_PARENT ? t.exit_signal : exit_signal;
	t.parent = flags & SIM_PARENT ? t.parent : task;
	t.subreaper = false;
	child = add_task(s, t);
	if (flags & SIM_NEWPID)
		s->ns[ns].init = child;
	return child;
}

static bool is_there(const struct sim *s, int task)
{
	return s->task[task].state == SIM_LIVE || s->task[task].state == SIM_ZOMBIE;
}

static bool has_group(const struct sim *s, int pgid, int sid)
{
	for (int i = 0; i < s->nr_tasks; i++)
		if (is_there(s, i) && s->task[i].pgid == pgid && (sid < 0 || s->task[i].sid == sid))
			return true;
	return false;
}

bool sim_setsid(struct sim *s, int task)
{
	struct sim_task *t = &s->task[task];

	if (t->state != SIM_LIVE || has_group(s, t->pid, -1))
		return false;
	t->sid = t->pgid = t->pid;
	return true;
}

static bool sees(const struct sim *s, int task, int pid)
{
	int own = ns_of(s, task);

	for (int ns = pid ? s->pid[pid].ns : -1; ns >= 0; ns = s->ns[ns].parent)
		if (ns == own)
			return true;
	return false;
}

bool sim_setpgid(struct sim *s, int task, int target, int group)
{
	struct sim_task *t = &s->task[target];

	if (s->task[task].state != SIM_LIVE || !is_there(s, target))
		return false;
	if (!sees(s, task, t->pid) || !sees(s, task, group))
		return false;
	if (target != task && (t->parent != task || t->sid != s->task[task].sid))
		return false;
	if (t->sid == t->pid)
		return false;
	if (group != t->pid && !has_group(s, group, s->task[task].sid))
		return false;
	t->pgid = group;
	return true;
}

/* kernel/exit.c: find_new_reaper() */
static int reaper_of(const struct sim *s, int father)
{
	int level = s->ns[ns_of(s, father)].level;

	for (int up = s->task[father].parent; up >= 0; up = s->task[up].parent) {
		if (s->ns[ns_of(s, up)].level != level)
			break;
		if (s->task[up].subreaper && s->task[up].state == SIM_LIVE)
			return up;
	}
	return s->ns[ns_of(s, father)].init;
}

void sim_exit(struct sim *s, int task)
{
	int to = reaper_of(s, task);

	s->task[task].state = SIM_ZOMBIE;
	for (int i = 0; i < s->nr_tasks; i++) {
		if (s->task[i].parent != task || !is_there(s, i))
			continue;
		s->task[i].parent = to;
		s->task[i].exit_signal = SIGCHLD;
	}
}

bool sim_reap(struct sim *s, int task, int child)
{
	if (s->task[child].state != SIM_ZOMBIE || s->task[child].parent != task)
		return false;
	s->task[child].state = SIM_REAPED;
	return true;
}

static int any_live(struct sim *s)
{
	for (int tries = 0; tries < 64; tries++) {
		int task = sim_random(s, s->nr_tasks);

		if (s->task[task].state == SIM_LIVE)
			return task;
	}
	return 0;
}

void sim_step(struct sim *s)
{
	int task = any_live(s), other = sim_random(s, s->nr_tasks);

	switch (sim_random(s, 16)) {
	case 0 ... 5:
		sim_clone_in(s, task, !sim_random(s, 4) && sim_enterable(s, task, other) >= 0 ?
					      sim_enterable(s, task, other) : ns_of(s, task),
			     0, sim_random(s, 20) ? SIGCHLD : SIGUSR1, 0);
		break;
	case 6:
		if (!sim_random(s, 2))
			sim_clone(s, task, sim_random(s, 2) ? SIM_PARENT : SIM_NEWPID, SIGCHLD, 0);
		break;
	case 7:
	case 8:
		sim_setsid(s, task);
		break;
	case 9:
	case 10:
		sim_setpgid(s, task, sim_random(s, 2) ? task : other, s->task[sim_random(s, 2) ? task : other].pid);
		break;
	case 11:
		sim_setpgid(s, task, task, s->task[other].pgid);
		break;
	case 12:
	case 13:
		if (task && s->ns[ns_of(s, task)].init != task)
			sim_exit(s, task);
		break;
	case 14:
		if (s->task[other].parent >= 0)
			sim_reap(s, s->task[other].parent, other);
		break;
	case 15:
		if (s->users && task && !sim_random(s, 2))
			sim_unshare_user(s, task);
		else if (!sim_random(s, 4))
			s->task[task].subreaper = true;
		break;
	}
}

/* ---- as records ---- */

uint64_t sim_pid_key(int pid)
{
	return pid ? 0x1000u + pid : 0;
}

static void add_pid_record(const struct sim *s, struct snap *snap, int pid)
{
	int level = s->ns[s->pid[pid].ns].level;
	struct rec_pid *r = snap_new(snap, REC_PID, sizeof(*r) + (level + 1) * sizeof(r->numbers[0]));

	r->addr = sim_pid_key(pid);
	r->ns = 0x2001u + s->pid[pid].ns;
	r->level = level;
	for (int i = 0; i < s->nr_tasks; i++)
		r->alive |= is_there(s, i) && s->task[i].pid == pid;
	for (int l = 0; l <= level; l++)
		r->numbers[l] = s->pid[pid].nr[l];
}

static void add_task_records(const struct sim *s, struct snap *snap, int i)
{
	const struct sim_task *t = &s->task[i];
	struct rec_task *task = snap_new(snap, REC_TASK, sizeof(*task));
	struct rec_proc *proc = snap_new(snap, REC_PROC, sizeof(*proc));
	struct rec_owners *owners = snap_new(snap, REC_OWNERS, sizeof(*owners));

	task->addr = 0x3001u + i;
	task->pid = task->tgid = sim_pid_key(t->pid);
	task->parent = t->parent < 0 ? 0 : sim_pid_key(s->task[t->parent].pid);
	task->signal = 0x4001u + i;
	task->flags = TASK_F_LEADER;
	task->exit_state = t->state == SIM_ZOMBIE ? 32 : 0;
	task->exit_signal = t->exit_signal;
	task->start_boottime = t->born;
	owners->task = task->addr;
	owners->user = 0x5001u + t->user;
	owners->pid = owners->children = 0x5001u + s->ns[s->pid[t->pid].ns].owner;
	owners->mnt = 0x5001u;
	task->pidns_children = 0x2001u + s->pid[t->pid].ns;
	proc->addr = task->signal;
	proc->tgid = task->pid;
	proc->pgid = sim_pid_key(t->pgid);
	proc->sid = sim_pid_key(t->sid);
	proc->nr_threads = 1;
	proc->flags = t->subreaper ? PROC_F_SUBREAPER : 0;
}

static void add_user_record(const struct sim *s, struct snap *snap, int user)
{
	struct rec_userns *r = snap_new(snap, REC_USERNS, sizeof(*r) + 2 * sizeof(r->range[0]));

	r->addr = 0x5001u + user;
	r->parent = user ? 0x5001u + s->user_above[user] : 0;
	for (int up = user; up; up = s->user_above[up])
		r->level++;
	r->flags = USERNS_F_SETGROUPS;
	if (user)
		r->nr[MAP_UID] = r->nr[MAP_GID] = 1;
	r->range[0].count = r->range[1].count = ~0u;
}

void sim_records(const struct sim *s, struct snap *snap)
{
	for (int i = 0; i < s->nr_users; i++)
		add_user_record(s, snap, i);
	for (int i = 0; i < s->nr_ns; i++) {
		struct rec_pidns *r = snap_new(snap, REC_PIDNS, sizeof(*r));

		r->addr = 0x2001u + i;
		r->parent = s->ns[i].parent < 0 ? 0 : 0x2001u + s->ns[i].parent;
		r->level = s->ns[i].level;
		r->adding = 1;
		r->reaper = s->ns[i].init < 0 ? 0 : sim_pid_key(s->task[s->ns[i].init].pid);
		r->inum = i;
	}
	for (int i = 1; i < s->nr_pids; i++)
		add_pid_record(s, snap, i);
	for (int i = 0; i < s->nr_tasks; i++)
		if (is_there(s, i))
			add_task_records(s, snap, i);
}
