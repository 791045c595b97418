// SPDX-License-Identifier: GPL-2.0-only
/* siginfo.c - kind "siginfo": queued signals with what they carry. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "dump.h"
#include "log.h"
#include "rec_state.h"
#include "rec_task.h"
#include "res.h"
#include "restore.h"

#define R struct rec_siginfo
#define AT_ONCE 32

#ifndef PTRACE_PEEKSIGINFO
#define PTRACE_PEEKSIGINFO 0x4209
#define PTRACE_PEEKSIGINFO_SHARED 1
#endif

static const struct field fields[] = {
	FIELD_OWNER(R, task, REC_TASK),
	FIELD(R, shared, IS_KEY, AS_DEC),
	FIELD(R, index, IS_KEY, AS_DEC),
	{ "info", offsetof(R, info), 128, 1, MUST_MATCH, AS_BYTES },
};

static int collect_queue(struct dump *d, const struct rec_task *t, bool shared)
{
	pid_t tid = task_tid(&d->tree, t);
	siginfo_t info[AT_ONCE];
	struct { __u64 off; __u32 flags; __s32 nr; } args = {
		.flags = shared ? PTRACE_PEEKSIGINFO_SHARED : 0, .nr = AT_ONCE };

	for (long n = AT_ONCE; n == AT_ONCE; args.off += n) {
		n = ptrace(PTRACE_PEEKSIGINFO, tid, &args, info);
		if (n < 0)
			return fail(-errno, "read the pending signals of thread %d", tid);
		for (long i = 0; i < n; i++) {
			struct rec_siginfo *r = snap_new(&d->snap, REC_SIGINFO, sizeof(*r));

			if (!r)
				return fail(-ENOMEM, "dump");
			r->task = t->addr;
			r->shared = shared;
			r->index = args.off + i;
			memcpy(r->info, &info[i], sizeof(info[i]));
		}
	}
	return 0;
}

static int collect_task(struct dump *d, const struct rec_task *t)
{
	const struct rec_proc *p = snap_find(&d->snap, REC_PROC, t->signal);
	int err = 0;

	/* a pending bit may stand without an entry (the queue was full): it has none to be read */
	if (t->pending)
		err = collect_queue(d, t, false);
	if (!err && t->pid == t->tgid && p && p->pending)
		err = collect_queue(d, t, true);
	return err;
}

static int read_siginfo(const struct image *img, const void *rec)
{
	const struct rec_siginfo *s = rec;
	const siginfo_t *info = (const void *)s->info;

	if (info->si_signo < 1 || info->si_signo > 64 || info->si_signo == SIGKILL || s->shared > 1)
		return fail(-ERR_IMAGE, "image: a queued signal is impossible");
	return 0;
}

/* A task may queue any si_code to itself, and only itself; all signals are blocked by now. */
static int join(struct restore *r, const void *rec)
{
	const struct rec_siginfo *s = rec;
	struct unit *u = restore_unit(r, s->task);
	int sig = ((const siginfo_t *)s->info)->si_signo;
	void *info = machine_dup(&r->machine, s->info, sizeof(s->info));
	pid_t pid = restore_nr(r, u, u->task->tgid), tid = restore_nr(r, u, u->task->pid);

	if (s->shared)
		batch_op(&u->batch, SYS_rt_sigqueueinfo, pid, sig, info);
	else
		batch_op(&u->batch, SYS_rt_tgsigqueueinfo, pid, tid, sig, info);
	return 0;
}

const struct res_type res_siginfo = {
	.name = "siginfo", .tag = REC_SIGINFO, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.phase = PHASE_LAST, .collect_task = collect_task, .read = read_siginfo, .join = join,
};
