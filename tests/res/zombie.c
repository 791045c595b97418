// SPDX-License-Identifier: GPL-2.0-only
/* zombie.c - children that have ended and that nobody has waited for. */
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixture.h"

static const int endings[] = {0, 1, 42, 255, -SIGKILL, -SIGTERM, -SIGSEGV, -SIGABRT, -64};
static pid_t zombies[FX_COUNT(endings)];

static void end_by(int how)
{
	struct rlimit none = {0, 0};

	if (how >= 0)
		_exit(how);
	setrlimit(RLIMIT_CORE, &none);
	signal(-how, SIG_DFL);
	kill(getpid(), -how);
	for (;;) /* as a pid 1 it would not end */
		fx_nap();
}

static void await_end(pid_t pid)
{
	siginfo_t si;

	while (waitid(P_PID, pid, &si, WEXITED | WNOWAIT) && errno == EINTR)
		;
}

static void setup(void)
{
	for (size_t i = 0; i < FX_COUNT(endings); i++) {
		zombies[i] = must(fork());
		if (!zombies[i])
			end_by(endings[i]);
		await_end(zombies[i]);
	}
}

static void check_zombie(pid_t pid, int how)
{
	siginfo_t si = {};

	expect_eq("state of a zombie", fx_state(pid), 'Z');
	expect(!waitid(P_PID, pid, &si, WEXITED | WNOWAIT | WNOHANG), "waitid %d: %s", pid,
	       strerror(errno));
	expect_eq("pid of a zombie", si.si_pid, pid);
	expect_eq("code of a zombie", si.si_code, how < 0 ? CLD_KILLED : CLD_EXITED);
	expect_eq("status of a zombie", si.si_status, how < 0 ? -how : how);
	expect_eq("uid of a zombie", si.si_uid, 0);
	if (fx_last())
		expect_eq("wait status of a zombie", fx_exit_of(pid), how);
}

static void verify(void)
{
	for (size_t i = 0; i < FX_COUNT(endings); i++)
		check_zombie(zombies[i], endings[i]);
	if (fx_last())
		expect(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "a child is left over");
}

const struct fixture fixture_zombie = {
	.name = "zombie",
	.about = "zombies by exit and by signal",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- the ended pid 1 of a child pid namespace ---- */

static pid_t ended_init;

static void setup_init(void)
{
	must(unshare(CLONE_NEWPID));
	ended_init = must(fork());
	if (!ended_init)
		_exit(getpid() == 1 ? 9 : 10);
	fx_back_to_own_pidns();
	await_end(ended_init);
}

static void verify_init(void)
{
	check_zombie(ended_init, 9);
}

const struct fixture fixture_zombie_init = {
	.name = "zombie_init",
	.about = "a zombie that was the pid 1 of a child pid namespace",
	.setup = setup_init,
	.verify = verify_init,
	.flags = FX_NESTS | FX_MAY_REFUSE,
};

/* ---- a zombie whose parent has zombies of its own, in another group and session ---- */

static pid_t led;

static void setup_parent(void)
{
	led = must(fork());
	if (!led) {
		setsid();
		_exit(3);
	}
	await_end(led);
	zombies[0] = must(fork());
	if (!zombies[0]) {
		setpgid(0, 0);
		_exit(4);
	}
	await_end(zombies[0]);
}

static void verify_parent(void)
{
	check_zombie(led, 3);
	check_zombie(zombies[0], 4);
	if (!fx_last()) {
		expect_eq("session of a zombie leader", getsid(led), led);
		expect_eq("group of a zombie leader", getpgid(zombies[0]), zombies[0]);
	}
}

static void setup_deep(void)
{
	fx_child("parent", setup_parent, verify_parent);
}

const struct fixture fixture_zombie_leader = {
	.name = "zombie_leader",
	.about = "zombies that lead a session and a group",
	.setup = setup_deep,
	.flags = FX_ROUNDS,
};
