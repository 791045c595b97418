// SPDX-License-Identifier: GPL-2.0-only
/* task.c - kind "task": a thread; what of it is neither registers nor shared with others. */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "cred.h"
#include "dump.h"
#include "log.h"
#include "rec_task.h"
#include "reach.h"
#include "res.h"
#include "restore.h"
#include "thread_maker.h"

#define R struct rec_task
#define IOPRIO_WHO_PROCESS 1
/* include/linux/sched.h */
#define PF_MCE_PROCESS 0x00000080u
#define PF_MCE_EARLY 0x08000000u

static const struct field fields[] = {
	FIELD_ID(R),
	FIELD_REF(R, pid, REC_PID),
	FIELD_REF(R, tgid, REC_PID),
	FIELD_REF(R, parent, REC_PID),
	FIELD_REF(R, mm, REC_MM),
	FIELD_REF(R, files, 0),
	FIELD_REF(R, fs, REC_FS),
	FIELD_REF(R, sighand, REC_SIGHAND),
	FIELD_REF(R, signal, REC_PROC),
	FIELD(R, nsproxy, NEVER_SAVED, AS_HEX),
	FIELD_REF(R, pidns_children, REC_PIDNS),
	FIELD(R, seccomp_filter, NEVER_SAVED, AS_HEX),
	FIELD(R, flags, MAY_DIFFER, AS_HEX),
	FIELD(R, pf, MAY_DIFFER, AS_HEX),
	FIELD(R, state, MAY_DIFFER, AS_HEX),
	FIELD(R, exit_state, MUST_MATCH, AS_HEX),
	FIELD(R, exit_code, MUST_MATCH, AS_HEX),
	FIELD(R, exit_signal, MUST_MATCH, AS_SIGNED),
	FIELD(R, jobctl, MAY_DIFFER, AS_HEX),
	FIELD(R, start_boottime, MAY_DIFFER, AS_DEC),
	FIELD(R, comm, MUST_MATCH, AS_TEXT),
	FIELD(R, pdeath_signal, MUST_MATCH, AS_DEC),
	FIELD(R, personality, MUST_MATCH, AS_HEX),
	FIELD_REF(R, mntns, REC_MNTNS),
	FIELD(R, ns_mnt, MAY_DIFFER, AS_DEC),
	FIELD(R, ns_uts, MUST_MATCH, AS_DEC),
	FIELD(R, ns_ipc, MUST_MATCH, AS_DEC),
	FIELD(R, ns_net, MUST_MATCH, AS_DEC),
	FIELD(R, ns_cgroup, MUST_MATCH, AS_DEC),
	FIELD(R, ns_time, MUST_MATCH, AS_DEC),
	FIELD(R, ns_time_children, MUST_MATCH, AS_DEC),
	FIELD(R, ns_user, MAY_DIFFER, AS_DEC), /* rec_owners tells */
	FIELD(R, cgroup, MAY_DIFFER, AS_DEC),
	FIELD(R, uid, MUST_MATCH, AS_DEC),
	FIELD(R, gid, MUST_MATCH, AS_DEC),
	FIELD(R, suid, MUST_MATCH, AS_DEC),
	FIELD(R, sgid, MUST_MATCH, AS_DEC),
	FIELD(R, euid, MUST_MATCH, AS_DEC),
	FIELD(R, egid, MUST_MATCH, AS_DEC),
	FIELD(R, fsuid, MUST_MATCH, AS_DEC),
	FIELD(R, fsgid, MUST_MATCH, AS_DEC),
	FIELD(R, cap_inheritable, MUST_MATCH, AS_HEX),
	FIELD(R, cap_permitted, MUST_MATCH, AS_HEX),
	FIELD(R, cap_effective, MUST_MATCH, AS_HEX),
	FIELD(R, cap_bounding, MUST_MATCH, AS_HEX),
	FIELD(R, cap_ambient, MUST_MATCH, AS_HEX),
	FIELD(R, securebits, MUST_MATCH, AS_HEX),
	FIELD(R, no_new_privs, MUST_MATCH, AS_DEC),
	FIELD(R, seccomp_mode, MUST_MATCH, AS_DEC),
	FIELD(R, seccomp_count, MUST_MATCH, AS_DEC),
	FIELD(R, ngroups, MUST_MATCH, AS_DEC),
	FIELD(R, ioprio, MUST_MATCH, AS_HEX),
	FIELD_ARRAY(R, groups, MUST_MATCH, AS_DEC),
	FIELD(R, policy, MUST_MATCH, AS_DEC),
	FIELD(R, nice, MUST_MATCH, AS_SIGNED),
	FIELD(R, rt_priority, MUST_MATCH, AS_DEC),
	FIELD(R, timer_slack, MUST_MATCH, AS_DEC),
	FIELD_ARRAY(R, cpus, MUST_MATCH, AS_HEX),
	FIELD(R, blocked, MAY_DIFFER, AS_HEX), /* regs.sigmask is what user space sees of it */
	FIELD(R, pending, MUST_MATCH, AS_HEX),
	FIELD(R, altstack_sp, MUST_MATCH, AS_HEX),
	FIELD(R, altstack_size, MUST_MATCH, AS_DEC),
	FIELD(R, altstack_flags, MUST_MATCH, AS_HEX),
	FIELD(R, rseq_len, MUST_MATCH, AS_DEC),
	FIELD(R, robust_list, MUST_MATCH, AS_HEX),
	FIELD(R, clear_child_tid, MUST_MATCH, AS_HEX),
	FIELD(R, rseq, MUST_MATCH, AS_HEX),
	FIELD(R, rseq_sig, MUST_MATCH, AS_HEX),
	FIELD(R, ptracer, NEVER_SAVED, AS_DEC),
	FIELD_AT(R, restart, "restart", NEVER_SAVED, AS_BYTES),
};

static void check_flags(struct check *c, const struct rec_task *t)
{
	static const struct { __u32 flag; const char *text; } no[] = {
		{ TASK_F_IO_URING, "uses io_uring, whose rings cannot be saved" },
		{ TASK_F_KEYRING, "has a thread or process keyring, whose keys cannot be saved" },
		{ TASK_F_USER_DISPATCH, "uses syscall user dispatch, which is not supported yet" },
		{ TASK_F_COMPAT, "is a 32-bit program, which is not supported yet" },
		{ TASK_F_SHSTK, "has a user shadow stack, which is not supported yet" },
		{ TASK_F_VFORK, "was made by vfork(2) and has not called exec or exit yet; try again" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (t->flags & no[i].flag)
			check_refuse(c, t->addr, "task", "%s", no[i].text);
	if (t->ptracer && c->live)
		check_refuse(c, t->addr, "task", "is traced by pid %u; end the debugger first",
			     t->ptracer);
}

static void check_namespaces(struct check *c, const struct rec_task *t, const struct rec_task *own)
{
	const struct { const char *name; __u32 theirs, ours; } ns[] = {
		{ "uts", t->ns_uts, own->ns_uts },
		{ "ipc", t->ns_ipc, own->ns_ipc },	 { "network", t->ns_net, own->ns_net },
		{ "cgroup", t->ns_cgroup, own->ns_cgroup }, { "time", t->ns_time, own->ns_time },
		{ "time (for children)", t->ns_time_children, own->ns_time_children },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ns); i++)
		if (ns[i].theirs != ns[i].ours)
			check_refuse(c, t->addr, "namespace", "%s namespace %u differs from this command's "
				     "(%u); only pid and user namespaces and proc mounts may differ yet",
				     ns[i].name, ns[i].theirs, ns[i].ours);
}

/*
 * After unshare(CLONE_NEWPID) and a fork, as unshare(1) does, the namespace for children has an init
 * in the tree, and the task can be put back in front of it with setns(). Before the fork it is empty:
 * unshare() makes another one like it.
 */
static void check_children_ns(struct check *c, const struct rec_task *t)
{
	const struct rec_pidns *ns = snap_find(c->snap, REC_PIDNS, t->pidns_children);
	const struct rec_pid *pid = snap_find(c->snap, REC_PID, t->pid);
	bool empty = ns && !ns->reaper && !ns->allocated && pid && ns->parent == pid->ns;

	if (!empty && !tree_ns_init(c->tree, t->pidns_children))
		check_refuse(c, t->addr, "pidns", "called unshare(CLONE_NEWPID) or setns(): its next child "
			     "would be in pid namespace %u, whose init is not in the tree, which is not "
			     "supported yet", ns ? ns->inum : 0);
}

/* What is not its process's own is not another process's, either. */
static bool shared_with_process(struct check *c, const struct rec_task *t, const struct rec_task *body)
{
	void **user;
	size_t nr;

	user = snap_referring(c->snap, REC_TASK, struct rec_task, files, t->files, &nr);
	for (size_t i = 0; i < nr && t->files != body->files; i++)
		if (((const struct rec_task *)user[i])->tgid != t->tgid)
			return true;
	user = snap_referring(c->snap, REC_TASK, struct rec_task, fs, t->fs, &nr);
	for (size_t i = 0; i < nr && t->fs != body->fs; i++)
		if (((const struct rec_task *)user[i])->tgid != t->tgid)
			return true;
	return false;
}

static bool has_pidfd_of_threads(void)
{
	int fd _close_ = syscall(SYS_pidfd_open, getpid(), PIDFD_THREAD);

	return fd >= 0;
}

/* A thread's table of its own is nobody else's; planned by thread_maker(). */
static void check_thread(struct check *c, const struct rec_task *t)
{
	const struct proc *p = tree_find(c->tree, t->tgid);
	const struct rec_task *body = p ? proc_body(p) : NULL;

	if (!body || t == p->leader)
		return;
	if (t->mntns != body->mntns)
		check_refuse(c, t->addr, "mntns", "a thread is in another mount namespace than its process, "
			     "which is not supported yet");
	if (t->files == body->files && t->fs == body->fs)
		return;
	if (t->files != body->files)
		check_outside(c, t->files, "fd", "descriptor table (CLONE_FILES)");
	if (t->files != body->files && !has_pidfd_of_threads())
		check_refuse(c, t->addr, "fd", "a thread has a descriptor table of its own "
			     "(unshare(CLONE_FILES)), which can be read from Linux 6.9 on (PIDFD_THREAD)");
	if (!thread_maker(p, t))
		check_refuse(c, t->addr, "fd", "a thread has its descriptor table in common with one thread and "
			     "its working directory with another, which cannot be rebuilt");
	if (shared_with_process(c, t, body))
		check_refuse(c, t->addr, "fd", "a thread shares a descriptor table or a working directory of its "
			     "own with another process, which is not supported");
}

static int check(struct check *c, const void *rec)
{
	const struct rec_task *t = rec;
	const struct rec_proc *p = snap_find(c->snap, REC_PROC, t->signal);
	const struct rec_pid *pid = snap_find(c->snap, REC_PID, t->pid);

	if (t->exit_state) {
		if (t->exit_code & 0x80)
			check_refuse(c, t->addr, "task", "is a zombie that dumped core; its exit status "
				     "cannot be made again; let its parent reap it");
		return 0;
	}
	check_flags(c, t);
	if (t->pid == t->tgid)
		check_outside(c, t->files, "fd", "descriptor table (CLONE_FILES)");
	check_thread(c, t);
	check_namespaces(c, t, c->own);
	if (t->ngroups > REC_GROUPS_MAX)
		check_refuse(c, t->addr, "task", "is in %u groups; up to %d are supported", t->ngroups,
			     REC_GROUPS_MAX);
	if (pid && t->pidns_children != pid->ns)
		check_children_ns(c, t);
	if (p && t->exit_signal >= 0 && t->exit_signal > 64)
		check_refuse(c, t->addr, "task", "has exit signal %d", t->exit_signal);
	return 0;
}

/* Behind the last processor the kernel keeps whatever its stack had: cpumask_copy() stops there. */
static int collect(struct dump *d, void *rec)
{
	struct rec_task *t = rec;
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	/* the parent of the root may be hidden from us, and is nobody's business */
	if (!snap_find(&d->snap, REC_PID, t->parent))
		t->parent = 0;
	for (long i = cpus; i < REC_CPU_WORDS * 64L; i++)
		t->cpus[i / 64] &= ~(1ull << i % 64);
	return 0;
}

static int read_task(const struct image *img, const void *rec)
{
	const struct rec_task *t = rec;

	if (t->ngroups > REC_GROUPS_MAX || strnlen(t->comm, sizeof(t->comm)) == sizeof(t->comm) ||
	    t->pdeath_signal > 64 || t->exit_signal > 64 || t->seccomp_mode > 2)
		return fail(-ERR_IMAGE, "image: task %llu holds impossible values", t->addr);
	return 0;
}

static void join_identity(struct restore *r, struct batch *b, const struct rec_task *t)
{
	struct { __u64 sp; __u32 flags, pad; __u64 size; } ss = {
		t->altstack_sp, t->altstack_flags, 0, t->altstack_size };

	batch_op(b, SYS_prctl, PR_SET_NAME, machine_dup(&r->machine, t->comm, sizeof(t->comm)));
	if (t->altstack_size || t->altstack_flags)
		batch_op(b, SYS_sigaltstack, machine_dup(&r->machine, &ss, sizeof(ss)), 0);
	if (t->robust_list)
		batch_op(b, SYS_set_robust_list, t->robust_list, 24); /* struct robust_list_head */
	batch_op(b, SYS_set_tid_address, t->clear_child_tid);
	if (t->rseq)
		batch_op(b, SYS_rseq, t->rseq, t->rseq_len, 0, t->rseq_sig);
}

/* Whatever needs a privilege comes before credentials, and what a change of them resets, after. */
static int join(struct restore *r, const void *rec)
{
	const struct rec_task *t = rec;
	struct batch *b = restore_batch(r, t->addr);
	int err;

	if (t->exit_state) { /* a leader that exits before its threads keeps its name and rights */
		if (restore_unit(r, t->addr)->body) {
			batch_op(b, SYS_prctl, PR_SET_NAME, machine_dup(&r->machine, t->comm, sizeof(t->comm)));
			return cred_join(r, b, t);
		}
		return 0;
	}
	join_identity(r, b, t);
	batch_op(b, SYS_sched_setaffinity, 0, sizeof(t->cpus),
		 machine_dup(&r->machine, t->cpus, sizeof(t->cpus)));
	if (t->ioprio && syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, restore_unit(r, t->addr)->tid, t->ioprio))
		return fail(-errno, "set the I/O priority of %.16s", t->comm); /* it may lack the right */
	if (t->timer_slack)
		batch_op(b, SYS_prctl, PR_SET_TIMERSLACK, t->timer_slack);
	if (t->personality)
		batch_op(b, SYS_personality, t->personality);
	err = cred_join(r, b, t);
	if (t->no_new_privs)
		batch_op(b, SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
	if (t->pf & PF_MCE_PROCESS)
		batch_op(b, SYS_prctl, PR_MCE_KILL, PR_MCE_KILL_SET,
			 t->pf & PF_MCE_EARLY ? PR_MCE_KILL_EARLY : PR_MCE_KILL_LATE);
	batch_op(b, SYS_prctl, PR_SET_PDEATHSIG, t->pdeath_signal);
	if (t->seccomp_mode == 1) /* SECCOMP_MODE_STRICT; suspended like filters while we trace */
		batch_op(b, SYS_prctl, PR_SET_SECCOMP, 1);
	return err;
}

const struct res_type res_task = {
	.name = "task", .tag = REC_TASK, .size = sizeof(R),
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.phase = PHASE_THREAD, .check = check, .collect = collect, .read = read_task, .join = join,
};
