// SPDX-License-Identifier: GPL-2.0-only
/* restart_block.c - system calls with a relative timeout that were stopped half-way. */
#include "restart_block.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <time.h>

#include "cleanup.h"
#include "log.h"

static __u64 clock_ns(clockid_t clock)
{
	struct timespec ts;

	return clock_gettime(clock, &ts) ? 0 : ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static __u64 left(__u64 expires, __u64 now)
{
	return expires > now ? expires - now : 1;
}

/* RESTART_NONE: of another call, or no such function. */
static unsigned int variant_of(const char *name)
{
	if (!strstr(name, "restart"))
		return RESTART_NONE;
	if (strstr(name, "nanosleep"))
		return RESTART_NANOSLEEP;
	if (strstr(name, "poll"))
		return RESTART_POLL;
	return strstr(name, "futex") ? RESTART_FUTEX : RESTART_NONE;
}

void restart_names_learn(struct restart_names *n)
{
	FILE *f _fclose_ = n->learnt ? NULL : fopen("/proc/kallsyms", "re");
	char line[256], name[128];
	unsigned long long at;
	char type;

	n->learnt = true;
	while (f && n->nr < ARRAY_SIZE(n->v) && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %c %127s", &at, &type, name) == 3 && variant_of(name))
			n->v[n->nr++] = (struct restart_name){ at, variant_of(name) };
}

/* The system call tells the variant, except when it was restarted once before. */
static unsigned int variant(struct restart_names *n, const struct rec_restart *b, long nr)
{
	switch (nr) {
	case SYS_nanosleep:
	case SYS_clock_nanosleep:
		return RESTART_NANOSLEEP;
	case SYS_poll:
		return RESTART_POLL;
	case SYS_futex:
		return RESTART_FUTEX;
	}
	restart_names_learn(n);
	for (unsigned int i = 0; i < n->nr; i++)
		if (n->v[i].fn == b->fn)
			return n->v[i].variant;
	return RESTART_NONE;
}

/*
 * The image holds the call itself in a form that does not depend on the kernel: in the registers,
 * with the arguments of the original. After restart_syscall() these are gone, so they come from the
 * block.
 */
void restart_block_read(struct restart_names *n, const struct rec_restart *b, struct rec_regs *regs)
{
	struct user_regs_struct *g = (void *)regs->data;
	bool again = g->orig_rax == SYS_restart_syscall;

	regs->restart = variant(n, b, g->orig_rax);
	switch (regs->restart) {
	case RESTART_NANOSLEEP:
		regs->remaining = left(b->expires, clock_ns(b->clockid));
		regs->arg[0] = b->clockid;
		regs->arg[1] = b->type ? b->rmtp : 0;
		break;
	case RESTART_POLL:
		regs->remaining = b->has_timeout ?
			left(b->tv_sec * 1000000000ull + b->tv_nsec, clock_ns(CLOCK_MONOTONIC)) : 0;
		regs->arg[0] = b->ufds;
		regs->arg[1] = b->nfds;
		regs->arg[2] = b->has_timeout;
		break;
	case RESTART_FUTEX:
		regs->remaining = b->futex_time;
		regs->arg[0] = b->uaddr;
		regs->arg[1] = b->val;
		/* the kernel's own flags differ between versions; the call's are in the registers */
		regs->arg[2] = again ? FUTEX_WAIT | (b->futex_flags & 1 ? 0 : FUTEX_PRIVATE_FLAG) :
				       g->rsi;
		regs->arg[3] = b->bitset;
		/* only FUTEX_WAIT counts from now; the others name a date on their clock */
		if ((regs->arg[2] & FUTEX_CMD_MASK) == FUTEX_WAIT)
			regs->remaining = left(b->futex_time, clock_ns(CLOCK_MONOTONIC));
		break;
	}
}

int restart_block_join(struct machine *m, struct batch *b, const struct rec_regs *regs)
{
	struct timespec ts = { regs->remaining / 1000000000, regs->remaining % 1000000000 };
	struct timespec *t = machine_dup(m, &ts, sizeof(ts));

	switch (regs->restart) {
	case RESTART_NANOSLEEP:
		batch_op(b, SYS_clock_nanosleep, regs->arg[0], 0, t, regs->arg[1]);
		break;
	case RESTART_POLL:
		/* milliseconds, rounded up: never sooner */
		batch_op(b, SYS_poll, regs->arg[0], regs->arg[1],
			 regs->arg[2] ? (regs->remaining + 999999) / 1000000 : (__u64)-1);
		break;
	case RESTART_FUTEX:
		batch_op(b, SYS_futex, regs->arg[0], regs->arg[2], regs->arg[1], t, 0, regs->arg[3]);
		break;
	default:
		return 0;
	}
	b->ops[b->nr - 1].flags = OP_MAY_FAIL;
	return 0;
}
