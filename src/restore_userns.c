// SPDX-License-Identifier: GPL-2.0-only
/*
 * restore_userns.c - tasks that are made one by one: in a user namespace that their maker is not in, by
 * an usher who goes there for it, or with outer numbers that can only be had by ns_last_pid.
 */
#include "restore_userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "rec_state.h"
#include "res/cred.h"

int restore_enter_userns(struct restore *r, struct batch *b, __u64 ns)
{
	int fd;

	if (restore_kept(r, ns, &fd, NULL))
		return fail(-ERR_IMAGE, "image: user namespace %llu was not made", ns);
	batch_op(b, SYS_setns, fd, CLONE_NEWUSER);
	/* commit_creds(): what enters a user namespace cannot be looked at any more; it has no secrets */
	batch_op(b, SYS_prctl, PR_SET_DUMPABLE, 1);
	return 0;
}

/* ---- cursors ---- */

/* The level whose pid namespace is the coordinator's own; -1: none that is asked for. */
static int own_level(const struct restore *r)
{
	if (r->opts->host_pids)
		return r->info->root_level - 1;
	return restore_in_own_pidns(r) ? -1 : (int)r->info->root_level;
}

/* A stub that is in the namespace of that level, on the way to ns. */
static struct unit *resident(struct restore *r, __u64 ns, unsigned int level)
{
	const struct rec_pidns *at = snap_find(&r->image.snap, REC_PIDNS, ns);
	const struct proc *init;

	while (at && at->level > level)
		at = snap_find(&r->image.snap, REC_PIDNS, at->parent);
	if (level == r->info->root_level)
		return &r->units[0];
	init = at ? tree_ns_init(&r->tree, at->addr) : NULL;
	return init ? &r->units[init - r->tree.procs] : NULL;
}

static int write_own_cursor(struct restore *r, const char *text)
{
	if (r->last_pid_fd < 0 || pwrite(r->last_pid_fd, text, strlen(text), 0) < 0)
		return fail(-errno, "write ns_last_pid");
	return 0;
}

/*
 * Those who are there may have no right to do it any more: somebody of ours goes there. It has a
 * number there itself, and gives it back before it is used.
 */
int restore_send_cursor(struct restore *r, pid_t member, int next)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", next - 1), status = 1;
	pid_t child = fork(), there;

	if (!child) {
		if (setns(syscall(SYS_pidfd_open, member, 0), CLONE_NEWPID))
			_exit(1);
		there = fork();
		if (!there)
			_exit(pwrite(r->last_pid_fd, text, len, 0) != len);
		_exit(there < 0 || waitpid(there, &status, 0) != there || status);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		return fail(-ECHILD, "write ns_last_pid in the pid namespace of %d", member);
	return 0;
}

static int set_cursor(struct restore *r, __u64 ns, unsigned int level, int next)
{
	struct unit *u;
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", next - 1);

	if ((int)level == own_level(r))
		return write_own_cursor(r, text);
	u = resident(r, ns, level);
	if (!u)
		return fail(-ERR_IMAGE, "image: nobody is in the pid namespace at level %u", level);
	if (u->plan->early)
		return (u->tid > 0 ? 0 : restore_find_tids(r)) ?: restore_send_cursor(r, u->tid, next);
	batch_op(&u->batch, SYS_pwrite64, r->last_pid_fd, machine_dup(&r->machine, text, len), len, 0);
	return restore_run_unit(r, u);
}

/* The next task that is made gets these outer numbers. Ours are put back by restore_own_cursor(). */
static int set_cursors(struct restore *r, const struct rec_pid *pid, unsigned int blind)
{
	unsigned int top = r->info->root_level - r->opts->host_pids;
	int err = 0;

	/* who is sent to an inner one has numbers in the outer ones, too */
	for (unsigned int l = top + blind; l-- > top && !err;)
		if (pid->numbers[l])
			err = set_cursor(r, pid->ns, l, pid->numbers[l]);
	return err;
}

int restore_read_cursor(const struct restore *r, char *text, size_t size)
{
	int fd _close_ = own_level(r) < 0 ? -1 : open("/proc/sys/kernel/ns_last_pid", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = 0;
	return fd < 0 && own_level(r) >= 0 ? fail(-errno, "read ns_last_pid") : 0;
}

/*
 * Did it get the number here that was wanted, or has a stranger been faster? The chain tells, and whose child
 * or thread it is (proc_pid_status(5)): a stranger may have just that number, and the same ones inside of its
 * own namespace.
 */
bool restore_has_numbers(const struct restore *r, const struct rec_pid *pid, const struct rec_pid *tgid,
			 const struct rec_pid *parent)
{
	int level = own_level(r), nr = 0, used = 0, up;
	char path[64], line[1024];
	FILE *f _fclose_ = NULL;
	bool same = false;

	if (level < 0 || !pid->numbers[level])
		return true; /* nobody else forks there */
	snprintf(path, sizeof(path), "/proc/%d/status", pid->numbers[level]);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		const char *at = line + 6;

		if (sscanf(line, "Tgid: %d", &up) == 1)
			same = up == pid_nr(tgid, level);
		if (sscanf(line, "PPid: %d", &up) == 1)
			same &= !pid_nr(parent, level) || up == pid_nr(parent, level);
		if (strncmp(line, "NSpid:", 6))
			continue;
		/* what lies above our own namespace is not shown */
		for (unsigned int l = level; l <= pid->level && same; l++, at += used)
			same = sscanf(at, "%d%n", &nr, &used) == 1 && nr == pid->numbers[l];
		return same;
	}
	return false;
}

int restore_set_cursors_late(struct restore *r, const struct rec_pid *pid, unsigned int blind)
{
	unsigned int top = r->info->root_level - r->opts->host_pids;
	char text[16];
	int err = 0;

	for (unsigned int l = top + blind; l-- > top && !err;) {
		const struct unit *u = (int)l == own_level(r) ? NULL : resident(r, pid->ns, l);

		snprintf(text, sizeof(text), "%d", pid->numbers[l] - 1);
		err = (int)l == own_level(r) ? write_own_cursor(r, text) :
		      u ? restore_send_cursor(r, u->tid, pid->numbers[l]) : -ESRCH;
	}
	return err;
}

int restore_put_cursors_back(struct restore *r, unsigned int thread, const char *own)
{
	const struct rec_pid *pid = snap_find(&r->image.snap, REC_PID, r->units[thread].task->pid);
	const struct rec_pidns *ns = snap_find(&r->image.snap, REC_PIDNS, pid->ns);
	unsigned int top = r->info->root_level - r->opts->host_pids;
	unsigned int blind = restore_unit(r, r->units[thread].task->signal)->plan->blind_threads;
	int err = 0;

	for (; ns && ns->level >= top && !err; ns = snap_find(&r->image.snap, REC_PIDNS, ns->parent)) {
		const struct unit *u = ns->level < top + blind && tree_has_pidns(&r->tree, ns->addr) ?
					       resident(r, pid->ns, ns->level) : NULL;

		if (u)
			err = restore_send_cursor(r, u->tid, ns->idr_next);
	}
	return err || !own[0] ? err : write_own_cursor(r, own);
}

/* ---- ushers ---- */

static struct unit *usher(struct restore *r)
{
	return &r->units[r->nr_units];
}

/* Goes into the user namespace, with the ids that the init is to have from birth. */
static int program_usher(struct restore *r, unsigned int task)
{
	const struct plan_task *t = &r->plan.task[task], *by = &r->plan.task[t->creator];
	struct batch *b = &usher(r)->batch;
	__u64 mntns = restore_birth_mounts(r, task);
	int fd, err;

	batch_op(b, SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	if (mntns && !restore_kept(r, mntns, &fd, NULL))
		batch_op(b, SYS_setns, fd, CLONE_NEWNS);
	batch_op(b, SYS_prctl, PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP);
	cred_set_ids(r, b, task ? by->stands : 0, t->like, task ? by->stands_like : NULL);
	err = restore_enter_userns(r, b, t->userns);
	return err ? err : machine_submit(&r->machine, r->nr_units, b);
}

static int await_usher(struct restore *r)
{
	return restore_await(r, usher(r));
}

static void add_usher(struct restore *r, unsigned int task)
{
	const struct plan_task *t = &r->plan.task[task];
	/* whom it makes gets its exit signal */
	struct clone_args a = { .flags = t->share, .exit_signal = t->exit_signal };

	if (t->method == PLAN_SIBLING) {
		a.flags |= CLONE_PARENT;
		a.exit_signal = 0;
	}
	restore_set_tid(r, &a, t->usher, t->blind_usher);
	batch_op(&r->units[t->creator].batch, SYS_clone3, machine_dup(&r->machine, &a, sizeof(a)), sizeof(a),
		 0, 0, 0, &r->machine.slots[r->nr_units])->flags = OP_CHILD;
}

/* Number of the operation's child, as who made it sees it. */
static pid_t made(const struct restore *r, unsigned int slot)
{
	for (unsigned int i = machine_count(&r->machine, slot); i--;) {
		const struct op *op = machine_result(&r->machine, slot, i);

		if (op->nr == SYS_clone3)
			return op->res;
	}
	return 0;
}

static int send_usher(struct restore *r, unsigned int task, pid_t *number)
{
	const struct plan_task *t = &r->plan.task[task];
	int err = program_usher(r, task);

	if (!err)
		err = set_cursors(r, t->usher, t->blind_usher);
	if (err)
		return err;
	add_usher(r, task);
	err = restore_run_unit(r, &r->units[t->creator]);
	*number = made(r, t->creator);
	return err ? err : await_usher(r);
}

/* Whose child a task is while the tree is made. */
static struct unit *reaper(struct restore *r, const struct plan_task *t)
{
	return &r->units[t->method == PLAN_SIBLING ? r->plan.task[t->creator].parent : t->creator];
}

static int end_usher(struct restore *r, unsigned int task, pid_t number)
{
	const struct plan_task *t = &r->plan.task[task];
	struct unit *up = reaper(r, t);
	int err;

	batch_op(&usher(r)->batch, SYS_exit_group, 0);
	err = machine_submit(&r->machine, r->nr_units, &usher(r)->batch);
	batch_op(&up->batch, SYS_wait4, pid_nr(t->usher, up->plan->pid->level) ?: number, 0, __WALL, 0);
	if (t->exit_signal && t->exit_signal != SIGCHLD) { /* it has been told by that one */
		__u64 set = 1ull << (t->exit_signal - 1);
		struct timespec now = {};

		batch_op(&up->batch, SYS_rt_sigtimedwait, machine_dup(&r->machine, &set, sizeof(set)), 0,
			 machine_dup(&r->machine, &now, sizeof(now)), 8)->flags = OP_MAY_FAIL;
	}
	if (!err)
		err = restore_run_unit(r, up);
	machine_retire(&r->machine, r->nr_units);
	return err;
}

/* ---- one task ---- */

/* Somebody was faster: its number is another one. It has done nothing yet. */
static int undo(struct restore *r, struct unit *maker, unsigned int task)
{
	const struct plan_task *t = &r->plan.task[task];
	pid_t number = made(r, maker - r->units);
	struct unit *up = reaper(r, t);
	int err;

	batch_op(&maker->batch, SYS_kill, number, SIGKILL);
	err = restore_run_unit(r, maker);
	batch_op(&up->batch, SYS_wait4, number, 0, __WALL, 0);
	return err ? err : restore_run_unit(r, up);
}

int restore_retry_number(const struct restore *r, const struct rec_pid *pid, __u64 deadline)
{
	int level = own_level(r), nr = level < 0 ? 0 : pid->numbers[level];

	/* whoever has it now had it by chance, and mostly for a moment */
	while (nr && (!kill(nr, 0) || !kill(-nr, 0)) && restore_now_ns() < deadline)
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	return restore_now_ns() < deadline ? 0 :
		fail(-ERR_TAKEN, "number %d at level %d is taken, or others fork faster than this command", nr,
		     level);
}

/* A maker in our own namespace has been told the number; other ones know an inner one. */
static bool is_made(struct restore *r, const struct unit *maker, unsigned int task)
{
	const struct plan_task *t = &r->plan.task[task];
	const struct plan_task *by = maker == usher(r) ? &r->plan.task[t->creator] : maker->plan;
	const struct rec_pidns *ns = snap_find(&r->image.snap, REC_PIDNS, by->ns);

	if (ns && (int)ns->level == own_level(r) && t->pid->numbers[ns->level])
		return made(r, maker - r->units) == t->pid->numbers[ns->level];
	return restore_has_numbers(r, t->pid, t->pid, reaper(r, t)->plan->pid);
}

static int make_by(struct restore *r, struct unit *maker, unsigned int task)
{
	const struct plan_task *t = &r->plan.task[task];
	__u64 deadline = restore_deadline(r);
	int err = 0;

	while (!err) {
		err = set_cursors(r, t->pid, t->blind);
		if (err)
			break;
		if (t->enter)
			restore_enter_pidns(&maker->batch, restore_nr(r, maker, t->enter->pid->addr));
		restore_add_clone(r, &maker->batch, task);
		if (t->enter)
			restore_enter_pidns(&maker->batch, pid_own_nr(maker->plan->pid));
		err = restore_run_unit(r, maker);
		if (err || !t->blind || is_made(r, maker, task))
			return err;
		err = undo(r, maker, task) ?: restore_retry_number(r, t->pid, deadline);
	}
	return err;
}

int restore_make_slow(struct restore *r, unsigned int task)
{
	const struct plan_task *t = &r->plan.task[task];
	pid_t number = 0;
	char cursor[16];
	int err = t->blind || t->blind_usher ? restore_read_cursor(r, cursor, sizeof(cursor)) : 0;

	if (!err && t->ushered)
		err = send_usher(r, task, &number);
	if (!err)
		err = make_by(r, t->ushered ? usher(r) : &r->units[t->creator], task);
	if (!err && t->ushered)
		err = end_usher(r, task, number);
	if (!err && (t->blind || t->blind_usher) && cursor[0])
		err = write_own_cursor(r, cursor);
	if (!err && t->put_in) {
		struct unit *up = &r->units[t->parent];
		const pid_t *helper = r->units[task].number;

		batch_op(&up->batch, SYS_setpgid, helper ? *helper : restore_nr(r, up, t->pid->addr),
			 restore_nr(r, up, t->put_in->addr));
		err = restore_run_unit(r, up);
	}
	return err || !plan_waits(t) ? err : machine_submit(&r->machine, task, &r->units[task].batch);
}

static int make_root_by_usher(struct restore *r)
{
	const struct plan_task *t = &r->plan.task[0];
	__u64 deadline = restore_deadline(r);
	int err = 0;

	while (!err) {
		err = set_cursors(r, t->pid, t->blind);
		restore_add_clone(r, &usher(r)->batch, 0);
		if (!err)
			err = restore_run_unit(r, usher(r));
		if (err)
			break;
		r->root_pid = made(r, r->nr_units);
		/* the usher is in our own namespace, and has been told */
		if (!t->blind || r->root_pid == pid_nr(t->pid, own_level(r))) {
			r->root_pidfd = syscall(SYS_pidfd_open, r->root_pid, 0);
			return r->root_pidfd < 0 ? fail(-errno, "find the root task") : 0;
		}
		kill(r->root_pid, SIGKILL);
		waitpid(r->root_pid, NULL, __WALL);
		r->root_pid = 0;
		err = restore_retry_number(r, t->pid, deadline);
	}
	return err;
}

/* The usher is our child, and so is whom it makes. */
int restore_ushered_root(struct restore *r)
{
	struct clone_args a = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD };
	const struct plan_task *t = &r->plan.task[0];
	char cursor[16] = "";
	long pid;
	int err = program_usher(r, 0);

	if (!err)
		err = t->blind ? restore_read_cursor(r, cursor, sizeof(cursor)) : 0;
	if (err)
		return err;
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (!pid)
		machine_enter(&r->machine, r->nr_units);
	if (pid < 0)
		return fail(-errno, "make a task");
	err = await_usher(r);
	if (!err)
		err = make_root_by_usher(r);
	if (!err && cursor[0])
		err = write_own_cursor(r, cursor);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, __WALL);
	machine_retire(&r->machine, r->nr_units);
	if (!err && t->blind)
		err = machine_submit(&r->machine, 0, &r->units[0].batch);
	return err;
}
