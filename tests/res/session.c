// SPDX-License-Identifier: GPL-2.0-only
/* session.c - sessions, process groups, leaders that are gone, orphans. */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixture.h"

static struct ids {
	pid_t pid, ppid, pgid, sid;
} ids;

static void remember(void)
{
	ids = (struct ids){getpid(), getppid(), getpgid(0), getsid(0)};
}

static void verify_ids(void)
{
	expect_eq("pid", getpid(), ids.pid);
	expect_eq("parent", getppid(), ids.ppid);
	expect_eq("group", getpgid(0), ids.pgid);
	expect_eq("session", getsid(0), ids.sid);
	expect(!kill(-ids.pgid, 0), "signal to group %d: %s", ids.pgid, strerror(errno));
}

static void setup_child(void)
{
	remember();
}

static void setup_group(void)
{
	must(setpgid(0, 0));
	remember();
}

/* ---- a session led by a live leader, with two groups, one with a child of another session ---- */

static void setup_leader(void)
{
	fx_child("older", setup_child, verify_ids); /* stays in the old session */
	must(setsid());
	fx_child("member", setup_child, verify_ids);
	fx_child("grouped", setup_group, verify_ids);
	remember();
}

static void setup(void)
{
	setup_child();
	fx_child("leader", setup_leader, verify_ids);
	fx_child("plain", setup_child, verify_ids);
}

/* The root's own parent is another one after a restore. */
static void verify_root(void)
{
	ids.ppid = getppid();
	verify_ids();
}

const struct fixture fixture_session = {
	.name = "session",
	.about = "sessions with children from before and after setsid",
	.setup = setup,
	.verify = verify_root,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- sessions and groups whose leader has ended ---- */

static void become_orphan(void)
{
	pid_t parent = getppid();

	fx_mark("born.%s", fx_name());
	while (getppid() == parent)
		fx_nap();
	remember();
}

static void become_grouped_orphan(void)
{
	must(setpgid(0, 0));
	become_orphan();
}

static void fork_orphan(const char *name, void (*become)(void))
{
	if (!must(fork()))
		fx_serve_child(name, become, verify_ids);
	fx_await("born.%s", name);
}

/* Forks members, leads them, ends before them. */
static void leave_behind(bool session, const char *const *names, int count)
{
	pid_t leader = must(fork());

	if (!leader) {
		must(session ? setsid() : setpgid(0, 0));
		for (int i = 0; i < count; i++)
			fork_orphan(names[i], i == 2 ? become_grouped_orphan : become_orphan);
		_exit(0);
	}
	fx_exit_of(leader);
	for (int i = 0; i < count; i++)
		fx_adopt(names[i]);
}

static void setup_ghosts(void)
{
	static const char *const in_session[] = {"s-one", "s-two", "s-grouped"};
	static const char *const in_group[] = {"g-one", "g-two"};

	must(prctl(PR_SET_CHILD_SUBREAPER, 1));
	leave_behind(true, in_session, 3);
	leave_behind(false, in_group, 2);
}

const struct fixture fixture_session_ghost = {
	.name = "session_ghost",
	.about = "members of sessions and groups whose leaders have ended",
	.setup = setup_ghosts,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- pipelines: groups set by the parent, as a shell does ---- */

#define NR_JOBS	  3
#define NR_STAGES 3

static pid_t stages[NR_JOBS][NR_STAGES];

static void setup_jobs(void)
{
	char name[16];

	for (int j = 0; j < NR_JOBS; j++) {
		for (int i = 0; i < NR_STAGES; i++) {
			snprintf(name, sizeof(name), "job%d-%d", j, i);
			stages[j][i] = fx_child(name, NULL, NULL);
			must(setpgid(stages[j][i], stages[j][0]));
		}
	}
}

static void verify_jobs(void)
{
	for (int j = 0; j < NR_JOBS; j++) {
		for (int i = 0; i < NR_STAGES; i++) {
			expect_eq("group of a stage", getpgid(stages[j][i]), stages[j][0]);
			expect_eq("session of a stage", getsid(stages[j][i]), getsid(0));
		}
		expect(!kill(-stages[j][0], 0), "signal to a job: %s", strerror(errno));
	}
}

const struct fixture fixture_session_jobs = {
	.name = "session_jobs",
	.about = "three pipelines, each a group",
	.setup = setup_jobs,
	.verify = verify_jobs,
	.flags = FX_ROUNDS,
};
