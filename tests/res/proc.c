// SPDX-License-Identifier: GPL-2.0-only
/* proc.c - what prctl, personality and /proc/PID set on a process. */
#include <linux/membarrier.h>
#include <signal.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include "../fixture.h"

#ifndef PR_GET_MDWE
#define PR_SET_MDWE		 65
#define PR_GET_MDWE		 66
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif

static void write_own(const char *name, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	fd = must(open(path, O_WRONLY));
	must(write(fd, text, strlen(text)));
	close(fd);
}

static long read_own(const char *name, int base)
{
	char path[64], text[64] = "";

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	fx_read_file(path, text, sizeof(text));
	return strtol(text, NULL, base);
}

struct proc {
	long dumpable, deathsig, subreaper, slack, thp, personality, oom, filter, nnp;
};

static struct proc before;

static void look(struct proc *p)
{
	int deathsig = -1, subreaper = -1;

	prctl(PR_GET_PDEATHSIG, &deathsig);
	prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
	*p = (struct proc){
		.dumpable = prctl(PR_GET_DUMPABLE),
		.deathsig = deathsig,
		.subreaper = subreaper,
		.slack = prctl(PR_GET_TIMERSLACK),
		.thp = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0),
		.personality = personality(0xffffffff),
		.oom = read_own("oom_score_adj", 10),
		.filter = read_own("coredump_filter", 16),
		.nnp = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
	};
}

static void verify(void)
{
	struct proc now;

	look(&now);
	expect_eq("dumpable", now.dumpable, before.dumpable);
	expect_eq("parent death signal", now.deathsig, before.deathsig);
	expect_eq("subreaper", now.subreaper, before.subreaper);
	expect_eq("timer slack", now.slack, before.slack);
	expect_eq("THP disabled", now.thp, before.thp);
	expect_eq("personality", now.personality, before.personality);
	expect_eq("oom_score_adj", now.oom, before.oom);
	expect_eq("coredump_filter", now.filter, before.filter);
	expect_eq("no_new_privs", now.nnp, before.nnp);
}

static void become_odd(void)
{
	write_own("oom_score_adj", "300");
	write_own("coredump_filter", "0x1f");
	must(prctl(PR_SET_PDEATHSIG, SIGUSR2));
	must(prctl(PR_SET_TIMERSLACK, 123456));
	must(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	must(personality(ADDR_NO_RANDOMIZE | PER_LINUX));
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	must(prctl(PR_SET_CHILD_SUBREAPER, 1));
	look(&before);
}

static void become_undumpable(void)
{
	must(prctl(PR_SET_DUMPABLE, 0));
	before.dumpable = 0;
}

static void verify_undumpable(void)
{
	expect_eq("dumpable", prctl(PR_GET_DUMPABLE), 0);
}

static void setup(void)
{
	look(&before);
	fx_child("odd", become_odd, verify);
	fx_child("private", become_undumpable, verify_undumpable);
}

const struct fixture fixture_proc = {
	.name = "proc",
	.about = "dumpable, oom score, slack, personality, THP and others of prctl",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- the parent death signal is sent when the parent ends ---- */

static volatile int got_signal;
static pid_t middle;

static void note_signal(int sig)
{
	got_signal = sig;
}

static void live_until_parent_ends(void)
{
	signal(SIGUSR2, note_signal);
	must(prctl(PR_SET_PDEATHSIG, SIGUSR2));
	fx_mark("armed");
	while (!got_signal)
		fx_nap();
	fx_mark("signalled");
	_exit(0);
}

static void setup_deathsig(void)
{
	must(prctl(PR_SET_CHILD_SUBREAPER, 1));
	middle = must(fork());
	if (!middle) {
		if (!must(fork()))
			live_until_parent_ends();
		fx_await("end-middle");
		_exit(17);
	}
	fx_await("armed");
}

static void verify_deathsig(void)
{
	expect(!fx_marked("signalled"), "the signal came before the parent ended");
	if (!fx_last())
		return;
	fx_mark("end-middle");
	expect_eq("exit status of the parent", fx_exit_of(middle), 17);
	fx_await("signalled");
	expect_eq("exit status of the orphan", fx_exit_of(-1), 0);
}

const struct fixture fixture_proc_deathsig = {
	.name = "proc_deathsig",
	.about = "the parent death signal, and a subreaper that gets the orphan",
	.setup = setup_deathsig,
	.verify = verify_deathsig,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- less common ones: to be kept, or refused by name ---- */

static struct rare {
	long mce, io_flusher, tsc, speculation, mdwe, merge, barriers, keepcaps;
} rare_before;

static long query_barriers(void)
{
#ifdef MEMBARRIER_CMD_GET_REGISTRATIONS
	return syscall(SYS_membarrier, MEMBARRIER_CMD_GET_REGISTRATIONS, 0, 0);
#else
	return syscall(SYS_membarrier, 1 << 9, 0, 0);
#endif
}

static void look_rare(struct rare *r)
{
	int tsc = -1;

	prctl(PR_GET_TSC, &tsc);
	*r = (struct rare){
		.mce = prctl(PR_MCE_KILL_GET, 0, 0, 0, 0),
		.io_flusher = prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0),
		.tsc = tsc,
		.speculation = prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0),
		.mdwe = prctl(PR_GET_MDWE, 0, 0, 0, 0),
		.merge = prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0),
		.barriers = query_barriers(),
		.keepcaps = prctl(PR_GET_KEEPCAPS),
	};
}

static void verify_rare(void)
{
	struct rare now;

	look_rare(&now);
	expect_eq("machine check policy", now.mce, rare_before.mce);
	expect_eq("IO flusher", now.io_flusher, rare_before.io_flusher);
	expect_eq("time stamp counter", now.tsc, rare_before.tsc);
	expect_eq("speculation", now.speculation, rare_before.speculation);
	expect_eq("MDWE", now.mdwe, rare_before.mdwe);
	expect_eq("memory merge", now.merge, rare_before.merge);
	expect_eq("membarrier registrations", now.barriers, rare_before.barriers);
	expect_eq("keep capabilities", now.keepcaps, rare_before.keepcaps);
}

static void look_all_rare(void)
{
	look_rare(&rare_before);
}

#define RARE(id, text, call)                                                                       \
	static void setup_##id(void)                                                               \
	{                                                                                          \
		if ((call) < 0)                                                                    \
			fx_skip("%s: %s", #id, strerror(errno));                                   \
		look_all_rare();                                                                   \
	}                                                                                          \
	const struct fixture fixture_proc_##id = {                                                 \
		.name = "proc_" #id,                                                               \
		.about = text,                                                                     \
		.setup = setup_##id,                                                               \
		.verify = verify_rare,                                                             \
		.flags = FX_MAY_REFUSE,                                                            \
	}

RARE(mce, "policy for machine checks",
     prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
RARE(io_flusher, "PR_SET_IO_FLUSHER", prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0));
RARE(keepcaps, "PR_SET_KEEPCAPS", prctl(PR_SET_KEEPCAPS, 1));
RARE(mdwe, "PR_SET_MDWE", prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0));
RARE(merge, "PR_SET_MEMORY_MERGE", prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0));
RARE(barrier, "membarrier registration",
     syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
RARE(speculation, "speculative store bypass disabled",
     prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_DISABLE, 0, 0));
