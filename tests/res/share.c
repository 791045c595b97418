// SPDX-License-Identifier: GPL-2.0-only
/* share.c - processes that share what usually only threads share. */
#include <linux/kcmp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../fixture.h"

static bool same(pid_t a, pid_t b, int what)
{
	return !must(syscall(SYS_kcmp, a, b, what, 0, 0));
}

/* ---- memory and signal actions: children that only look at what they share ---- */

static struct mate {
	pid_t pid;
	int flags;
	volatile int asked, answered;
} mates[] = {
	{ .flags = CLONE_VM },
	{ .flags = CLONE_VM | CLONE_FILES },
	{ .flags = CLONE_VM | CLONE_SIGHAND },
	{ .flags = CLONE_VM | CLONE_SIGHAND | CLONE_FS | CLONE_FILES },
};

/* It shares our thread area as well: no call that would write errno while we run. */
static int live_as_mate(void *arg)
{
	const struct timespec nap = { 0, 2000000 };
	struct mate *m = arg;
	pid_t parent = getppid();

	while (getppid() == parent && m->asked >= 0) {
		m->answered = m->asked;
		nanosleep(&nap, NULL);
	}
	return 9;
}

static void setup_vm(void)
{
	for (size_t i = 0; i < FX_COUNT(mates); i++) {
		char *stack = must_map(mmap(NULL, 65536, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

		mates[i].pid = must(clone(live_as_mate, stack + 65536, mates[i].flags | SIGCHLD, &mates[i]));
	}
}

static void verify_vm(void)
{
	static const struct { int flag, what; const char *name; } kinds[] = {
		{ CLONE_VM, KCMP_VM, "memory" }, { CLONE_FILES, KCMP_FILES, "descriptors" },
		{ CLONE_FS, KCMP_FS, "directories" }, { CLONE_SIGHAND, KCMP_SIGHAND, "signal actions" },
	};

	for (size_t i = 0; i < FX_COUNT(mates); i++) {
		struct mate *m = &mates[i];

		for (size_t k = 0; k < FX_COUNT(kinds); k++)
			expect_eq(kinds[k].name, same(getpid(), m->pid, kinds[k].what),
				  !!(m->flags & kinds[k].flag));
		m->asked = fx_last() ? -1 : fx_round() + 1;
		if (fx_last())
			expect_eq("how it ended", fx_exit_of(m->pid), 9);
		for (int n = 0; !fx_last() && m->answered != m->asked && n < 2000; n++)
			fx_nap();
		expect(fx_last() || m->answered == m->asked, "task %d does not see our memory", m->pid);
	}
}

const struct fixture fixture_share_vm = {
	.name = "share_vm",
	.about = "processes with one memory, with and without common signal actions and tables",
	.setup = setup_vm,
	.verify = verify_vm,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- tables that were handed on by somebody who has left them ---- */

static pid_t giver, heir;

static void setup_path(void)
{
	giver = must(syscall(SYS_clone, CLONE_FILES | CLONE_FS | SIGCHLD, 0, 0, 0, 0));
	if (!giver) {
		heir = must(syscall(SYS_clone, CLONE_FILES | CLONE_FS | SIGCHLD, 0, 0, 0, 0));
		if (!heir) {
			fx_mark("heir");
			fx_await("over");
			_exit(0);
		}
		must(unshare(CLONE_FILES | CLONE_FS));
		must(chdir("/"));
		fx_await("heir");
		fx_mark("given.%d", heir);
		_exit(fx_exit_of(heir));
	}
	for (heir = 2; !fx_marked("given.%d", heir); heir = heir < 70000 ? heir + 1 : 2)
		if (heir == 2)
			fx_nap();
}

static void verify_path(void)
{
	char now[512];

	expect(same(getpid(), heir, KCMP_FILES), "the heir has other descriptors");
	expect(same(getpid(), heir, KCMP_FS), "the heir has another directory");
	expect(!same(getpid(), giver, KCMP_FILES), "who left the table has it");
	expect(!same(getpid(), giver, KCMP_FS), "who left the directory has it");
	expect(getcwd(now, sizeof(now)) && strcmp(now, "/"), "the directory is %s", now);
	if (!fx_last())
		return;
	fx_mark("over");
	expect_eq("end of who gave", fx_exit_of(giver), 0);
}

const struct fixture fixture_share_path = {
	.name = "share_path",
	.about = "tables shared with a grandchild, which the one between has left",
	.setup = setup_path,
	.verify = verify_path,
	.flags = FX_ROUNDS | FX_NESTED,
};
