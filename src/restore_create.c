// SPDX-License-Identifier: GPL-2.0-only
/* restore_create.c - make every process with its numbers, session and group, as the plan says. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "log.h"
#include "rec_state.h"
#include "res/cred.h"
#include "restore.h"
#include "restore_tty.h"
#include "restore_userns.h"

#define ADDRESS_MAX 0x7ffffffff000ull
#define SIGSET_ALL ~0ull

struct kernel_sigaction {
	__u64 handler, flags, restorer, mask;
};


/* set_tid wants the innermost number first: the one place where the order is turned round. */
void restore_set_tid(struct restore *r, struct clone_args *a, const struct rec_pid *pid, unsigned int blind)
{
	unsigned int outer = r->info->root_level - r->opts->host_pids + blind, nr = pid->level - outer + 1;
	pid_t *v = machine_alloc(&r->machine, nr * sizeof(*v));

	for (unsigned int i = 0; v && i < nr; i++)
		v[i] = pid->numbers[pid->level - i];
	while (v && nr && !v[nr - 1]) /* a helper's outermost: any will do */
		nr--;
	a->set_tid = nr ? (__u64)v : 0;
	a->set_tid_size = nr;
}

void restore_add_clone(struct restore *r, struct batch *b, unsigned int child)
{
	const struct plan_task *t = &r->plan.task[child];
	struct clone_args a = { .flags = t->share, .exit_signal = t->exit_signal };

	if (t->method == PLAN_SIBLING || t->ushered) {
		a.flags |= CLONE_PARENT;
		a.exit_signal = 0; /* it gets its creator's; another value is EINVAL */
	}
	if (t->new_pidns)
		a.flags |= CLONE_NEWPID;
	restore_set_tid(r, &a, t->pid, t->blind);
	if (t->kind == PLAN_HELPER) {
		r->units[child].number = machine_alloc(&r->machine, sizeof(pid_t));
		a.flags |= CLONE_PARENT_SETTID;
		a.parent_tid = (__u64)r->units[child].number;
	}
	batch_op(b, SYS_clone3, machine_dup(&r->machine, &a, sizeof(a)), sizeof(a), 0, 0, 0,
		 &r->machine.slots[child])->flags = OP_CHILD;
}

/* Index of the first child of each creator, and the next one: plan tasks in ascending order. */
struct creators {
	unsigned int *first, *next;
};

static int list_children(const struct restore *r, struct creators *c)
{
	c->first = calloc(r->nr_procs, sizeof(*c->first));
	c->next = calloc(r->nr_procs, sizeof(*c->next));
	if (!c->first || !c->next)
		return fail(-ENOMEM, "restore");
	for (unsigned int i = r->nr_procs; i-- > 1;) {
		unsigned int by = r->plan.task[i].creator;

		c->next[i] = c->first[by];
		c->first[by] = i;
	}
	return 0;
}

/* In this order; who enters its user namespace late does so in the end of BEFORE_ENTRY. */
enum when { BEFORE_USERNS, BEFORE_SETSID, BEFORE_ENTRY, IN_THE_END };

static enum when made_when(const struct plan_task *t)
{
	return t->before_setsid ? t->before_userns ? BEFORE_USERNS : BEFORE_SETSID :
	       t->before_userns ? BEFORE_ENTRY : IN_THE_END;
}

static void add_children(struct restore *r, const struct creators *c, unsigned int by, enum when when)
{
	for (unsigned int i = c->first[by]; i; i = c->next[i])
		if (made_when(&r->plan.task[i]) == when && !plan_is_slow(&r->plan.task[i]))
			restore_add_clone(r, &r->units[by].batch, i);
}

/*
 * CLONE_CLEAR_SIGHAND leaves alone what is ignored (kernel/signal.c: flush_signal_handlers()), as nohup(1) and
 * many who start programs have it.
 */
static void stop_ignoring(struct restore *r, struct batch *b)
{
	struct kernel_sigaction none = {};

	for (int sig = 1; sig <= 64; sig++) {
		struct kernel_sigaction own = {};

		if (!syscall(SYS_rt_sigaction, sig, NULL, &own, 8) && own.handler == (__u64)SIG_IGN)
			batch_op(b, SYS_rt_sigaction, sig, machine_dup(&r->machine, &none, sizeof(none)), 0, 8);
	}
}

/* What the coordinator's copy must get rid of before it is a clean stub that others are made from. */
static void clean_root(struct restore *r, struct batch *b)
{
	struct kernel_sigaction chld = { .flags = SA_NOCLDSTOP };
	__u64 lo = (__u64)r->machine.base, hi = lo + r->machine.size;

	/* glibc registered rseq: the kernel would write to what is unmapped now */
	if (__rseq_size)
		batch_op(b, SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, 32, 1,
			 RSEQ_SIG)->flags = OP_MAY_FAIL;
	stop_ignoring(r, b);
	/* stops of children are not news while the tree is being made */
	batch_op(b, SYS_rt_sigaction, SIGCHLD, machine_dup(&r->machine, &chld, sizeof(chld)), 0, 8);
	for (unsigned int i = 0; i < r->nr_vdso; i++) {
		batch_op(b, SYS_mremap, r->vdso[i].start, r->vdso[i].len, r->vdso[i].len,
			 MREMAP_MAYMOVE | MREMAP_FIXED, r->vdso[i].parked);
		hi += r->vdso[i].len;
	}
	batch_op(b, SYS_munmap, 0, lo);
	batch_op(b, SYS_munmap, hi, ADDRESS_MAX - hi);
}

/* A parent that dies takes all below it along, until the image's own setting. */
static void die_with_parent(struct batch *b)
{
	batch_op(b, SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
}

/* Born as a child of a helper, whose very purpose is to die. */
static bool is_helpers(const struct restore *r, unsigned int i)
{
	const struct plan_task *t = &r->plan.task[i];

	while (t->method == PLAN_SIBLING)
		t = &r->plan.task[t->creator];
	return t->method == PLAN_FORK && r->plan.task[t->creator].kind == PLAN_HELPER;
}

/* Its own session or group, and the children that are born there. */
static int settle(struct restore *r, const struct creators *c, unsigned int i)
{
	const struct plan_task *t = &r->plan.task[i];
	struct batch *b = &r->units[i].batch;
	int err = 0;

	if (t->setsid) {
		batch_op(b, SYS_setsid);
		ctty_take(r, b, t->proc);
	} else if (t->group == GROUP_LEAD || t->lead_first) {
		batch_op(b, SYS_setpgid, 0, 0);
	}
	add_children(r, c, i, BEFORE_ENTRY);
	if (t->enters_late)
		err = cred_enter(r, &r->units[i]);
	add_children(r, c, i, IN_THE_END);
	return err;
}

static int program_creation(struct restore *r, const struct creators *c)
{
	int err = 0;

	for (unsigned int i = 0; i < r->nr_procs && !err; i++) {
		const struct plan_task *t = &r->plan.task[i];
		struct batch *b = &r->units[i].batch;

		if (!is_helpers(r, i))
			die_with_parent(b);
		if (t->subreaper)
			batch_op(b, SYS_prctl, PR_SET_CHILD_SUBREAPER, 1);
		if (t->method == PLAN_ROOT || t->method == PLAN_FOREIGN)
			clean_root(r, b);
		err = restore_enter_mounts(r, i);
		add_children(r, c, i, BEFORE_USERNS);
		if (!err && t->early && !t->enters_late)
			err = cred_enter(r, &r->units[i]);
		add_children(r, c, i, BEFORE_SETSID);
		if (!err && !t->settle_round)
			err = settle(r, c, i);
		if (!err && !plan_waits(t))
			err = machine_submit(&r->machine, i, b);
	}
	return err;
}

/* The root stub: a copy of ourselves that enters the machine at once and never comes back. */
static int clone_root(struct restore *r)
{
	const struct plan_task *t = &r->plan.task[0];
	struct clone_args a = { .flags = CLONE_CLEAR_SIGHAND | CLONE_PIDFD, .exit_signal = SIGCHLD,
				.pidfd = (__u64)&r->root_pidfd };
	sigset_t mask;
	long pid;

	if (r->tree.container)
		a.flags |= CLONE_NEWPID;
	restore_set_tid(r, &a, t->pid, 0);
	/* stubs must not be disturbed; SIGCHLD stays open, so that its default drops it */
	sigfillset(&mask);
	sigdelset(&mask, SIGCHLD);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	if (t->ushered)
		return restore_ushered_root(r);
	if (r->opts->new_pidns && !r->tree.container) {
		a.flags &= ~CLONE_PIDFD;
		a.pidfd = 0;
		return restore_make_init(r, &a);
	}
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (!pid)
		machine_enter(&r->machine, 0);
	if (pid < 0) {
		if (errno == EEXIST)
			return fail(-ERR_TAKEN, "number %d was taken just now", pid_own_nr(t->pid));
		return fail(-errno, "make the root task");
	}
	r->root_pid = pid;
	return 0;
}

static int await_round(struct restore *r, unsigned int round)
{
	int err = 0;

	for (unsigned int i = 0; i < r->nr_procs && !err; i++)
		if (r->plan.task[i].round == round)
			err = restore_await(r, &r->units[i]);
	return err;
}

/* The next children of the stub are born in the pid namespace of that member of it. */
void restore_enter_pidns(struct batch *b, pid_t member)
{
	batch_op(b, SYS_pidfd_open, member, 0);
	batch_op(b, SYS_setns, 0, CLONE_NEWPID)->flags = OP_LAST;
	batch_op(b, SYS_close, 0)->flags = OP_LAST_BUT_ONE;
}

/* A copy of ourselves in a pid namespace of the tree, as the root task was made. */
static int make_foreigner(struct restore *r, unsigned int i)
{
	const struct plan_task *t = &r->plan.task[i];
	struct clone_args a = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = t->exit_signal };
	int there _close_ = -1, home _close_ = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	const struct unit *init = &r->units[t->enter - r->tree.procs];
	int err = init->tid > 0 ? 0 : restore_find_tids(r);
	long pid;

	if (err)
		return err;
	there = syscall(SYS_pidfd_open, init->tid, 0);
	if (home < 0 || there < 0 || setns(there, CLONE_NEWPID))
		return fail(-errno, "enter pid namespace of %d", pid_own_nr(t->enter->pid));
	restore_set_tid(r, &a, t->pid, 0);
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (!pid)
		machine_enter(&r->machine, i);
	err = pid < 0 ? -errno : 0;
	if (setns(home, CLONE_NEWPID))
		return fail(-errno, "come back to our own pid namespace");
	return err ? fail(err, "make a task in a pid namespace of the tree") : 0;
}

/* Tasks that their creator has to go to another namespace for, or send somebody. */
static int make_slow(struct restore *r, unsigned int round)
{
	int err = 0;

	for (unsigned int i = 1; i < r->nr_procs && !err; i++) {
		const struct plan_task *t = &r->plan.task[i];

		if (t->round == round && plan_is_slow(t))
			err = t->method == PLAN_FOREIGN ? make_foreigner(r, i) : restore_make_slow(r, i);
	}
	return err;
}

static int settle_late(struct restore *r, const struct creators *c, unsigned int round)
{
	int err = 0;

	for (unsigned int i = 0; i < r->nr_procs && !err; i++) {
		if (r->plan.task[i].settle_round != round)
			continue;
		err = settle(r, c, i) ?: restore_run_unit(r, &r->units[i]);
	}
	return err;
}

static int make_all(struct restore *r, const struct creators *c)
{
	int err = await_round(r, 0);

	for (unsigned int round = 1; round < r->plan.rounds && !err; round++) {
		err = make_slow(r, round);
		if (!err)
			err = settle_late(r, c, round);
		if (!err)
			err = await_round(r, round);
	}
	return err;
}

/* Groups whose leaders did not exist yet when their members were made. */
static int join_turn(struct restore *r, unsigned int turn)
{
	for (unsigned int i = 0; i < r->nr_procs; i++) {
		const struct plan_task *t = &r->plan.task[i];
		struct unit *u = &r->units[i];

		if (t->turn != turn)
			continue;
		if (t->group == GROUP_JOIN) {
			batch_op(&u->batch, SYS_setpgid, 0, restore_nr(r, u, t->pgid->addr));
		} else if (t->group == GROUP_BY_PARENT) {
			struct unit *up = &r->units[t->parent];

			batch_op(&up->batch, SYS_setpgid, restore_nr(r, up, t->pid->addr),
				 restore_nr(r, up, t->pgid->addr));
		}
	}
	return restore_run_batches(r);
}

static int join_groups(struct restore *r)
{
	int err = 0;

	for (unsigned int turn = 0; turn < r->plan.turns && !err; turn++)
		err = join_turn(r, turn);
	return err;
}

/* Ghosts and helpers have done their duty; their numbers stay taken as sessions and groups. */
static int end_placeholders(struct restore *r)
{
	int err = 0;

	for (unsigned int i = r->tree.nr; i < r->nr_procs && !err; i++) {
		batch_op(&r->units[i].batch, SYS_exit_group, 0);
		err = machine_submit(&r->machine, i, &r->units[i].batch);
	}
	/* from the last: a ghost that a helper made is its parent's once that has gone */
	for (unsigned int i = r->nr_procs; i-- > r->tree.nr && !err;) {
		struct unit *up = &r->units[r->plan.task[i].parent];

		batch_op(&up->batch, SYS_wait4, r->units[i].number ? *r->units[i].number :
			 pid_nr(r->plan.task[i].pid, up->plan->pid->level), 0, __WALL, 0);
		err = restore_run_unit(r, up);
		machine_retire(&r->machine, i);
	}
	for (unsigned int i = 0; i < r->tree.nr && !err; i++) {
		if (!is_helpers(r, i))
			continue;
		die_with_parent(&r->units[i].batch);
		err = restore_run_unit(r, &r->units[i]);
	}
	return err;
}

/* The last thing a zombie does: name, credentials, and the very status it ended with. */
static void end_zombie(struct restore *r, struct unit *u)
{
	const struct rec_task *t = u->task;
	__u64 none = 0;
	const struct rec_proc *p = u->proc->sig;

	batch_op(&u->batch, SYS_prctl, PR_SET_NAME,
		 machine_dup(&r->machine, t->comm, sizeof(t->comm)));
	/* it may have been made in a hurry */
	batch_op(&u->batch, SYS_sched_setscheduler, 0, SCHED_OTHER, machine_dup(&r->machine, &none, sizeof(none)));
	/* it dumped no core then, so it shall not now, whatever its limit is */
	batch_op(&u->batch, SYS_prctl, PR_SET_DUMPABLE, 0);
	for (int i = 0; i < REC_RLIMITS; i++)
		batch_op(&u->batch, SYS_prlimit64, 0, i,
			 machine_dup(&r->machine, &p->rlimit[i], sizeof(p->rlimit[i])), 0);
	if (cred_enter(r, u) || cred_join(r, &u->batch, t))
		return;
	batch_op(&u->batch, SYS_prctl, PR_SET_DUMPABLE, 0);
	if (t->exit_code & 0x7f) {
		batch_op(&u->batch, SYS_rt_sigprocmask, SIG_SETMASK,
			 machine_dup(&r->machine, &none, sizeof(none)), 0, 8);
		batch_op(&u->batch, SYS_kill, restore_nr(r, u, t->tgid), t->exit_code & 0x7f);
	}
	batch_op(&u->batch, SYS_exit_group, t->exit_code >> 8 & 0xff);
}

static int await_exit(struct restore *r, struct unit *u)
{
	int fd _close_ = syscall(SYS_pidfd_open, u->tid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return fail(-errno, "await the end of zombie %d", u->tid);
	if (poll(&p, 1, r->opts->timeout_ms) != 1)
		return fail(-ETIMEDOUT, "zombie %d (%.16s) does not exit", u->tid, u->task->comm);
	return 0;
}

static int end_zombies(struct restore *r)
{
	int err = 0;

	for (unsigned int i = 0; i < r->tree.nr && !err; i++) {
		if (r->plan.task[i].kind != PLAN_ZOMBIE)
			continue;
		end_zombie(r, &r->units[i]);
		err = machine_submit(&r->machine, i, &r->units[i].batch);
		if (!err)
			err = await_exit(r, &r->units[i]);
		machine_retire(&r->machine, i);
	}
	return err;
}

/*
 * Where a number is had by ns_last_pid it is a race with all that fork here: then stubs, which have this
 * policy from us until they get their own, shall not wait for a processor. It is no matter when it fails.
 */
static void hurry(const struct restore *r, bool on)
{
	const struct sched_param prio = { .sched_priority = on };
	bool any = false;

	for (unsigned int i = 0; i < r->nr_procs; i++)
		any |= r->plan.task[i].blind || r->plan.task[i].blind_threads;
	if (any)
		sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, &prio);
}

int restore_create(struct restore *r)
{
	struct creators c = {};
	int err = list_children(r, &c);

	if (!err)
		err = program_creation(r, &c);
	hurry(r, true);
	if (!err)
		err = clone_root(r);
	if (!err)
		err = make_all(r, &c);
	hurry(r, false);
	free(c.first);
	free(c.next);
	if (!err)
		err = join_groups(r);
	if (!err)
		err = end_placeholders(r);
	if (!err)
		err = ctty_drop(r);
	if (!err)
		err = restore_find_tids(r);
	return err ? err : end_zombies(r);
}
