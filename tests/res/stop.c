// SPDX-License-Identifier: GPL-2.0-only
/* stop.c - stopped processes stay stopped, and their parent sees what it would have seen. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixture.h"

static struct stopped {
	const char *name;
	int signal;
	bool noticed; /* the parent has waited for the stop */
	bool threads;
	pid_t pid;
} all[] = {
	{"noticed", SIGSTOP, true, false},
	{"unnoticed", SIGSTOP, false, false},
	{"by-tty-signal", SIGTSTP, false, false},
	{"threads", SIGSTOP, true, true},
};

static void *idle(void *arg)
{
	for (;;)
		fx_nap();
	return NULL;
}

static void wait_for_continue(struct stopped *s)
{
	pthread_t thread;

	for (int i = 0; s->threads && i < 3; i++)
		pthread_create(&thread, NULL, idle, NULL);
	fx_mark("ready.%s", s->name);
	fx_await("continued");
	_exit(11);
}

static bool stop_pending(const struct stopped *s)
{
	siginfo_t si = {};

	if (waitid(P_PID, s->pid, &si, WSTOPPED | WNOHANG | WNOWAIT) || si.si_pid != s->pid)
		return false;
	expect(si.si_code == CLD_STOPPED && si.si_status == s->signal,
	       "%s: the notice has code %d, signal %d", s->name, si.si_code, si.si_status);
	return true;
}

static void stop_one(struct stopped *s)
{
	siginfo_t si;

	s->pid = must(fork());
	if (!s->pid)
		wait_for_continue(s);
	setpgid(s->pid, s->pid); /* not an orphaned group: SIGTSTP would not stop that */
	fx_await("ready.%s", s->name);
	must(kill(s->pid, s->signal));
	while (fx_state(s->pid) != 'T' || !stop_pending(s))
		fx_nap();
	if (s->noticed)
		must(waitid(P_PID, s->pid, &si, WSTOPPED));
}

static void setup(void)
{
	for (size_t i = 0; i < FX_COUNT(all); i++)
		stop_one(&all[i]);
}

static void continue_one(struct stopped *s)
{
	siginfo_t si = {};

	must(kill(s->pid, SIGCONT));
	while (waitid(P_PID, s->pid, &si, WCONTINUED | WEXITED | WNOWAIT) && errno == EINTR)
		;
	expect_eq("code of the notice of SIGCONT", si.si_code, CLD_CONTINUED);
}

static void verify(void)
{
	for (size_t i = 0; i < FX_COUNT(all); i++) {
		struct stopped *s = &all[i];

		expect(fx_state(s->pid) == 'T', "%s is in state %c", s->name, fx_state(s->pid));
		expect(stop_pending(s) == !s->noticed, "%s: notice of the stop %s", s->name,
		       s->noticed ? "came twice" : "was lost");
		if (fx_last())
			continue_one(s);
	}
	if (!fx_last())
		return;
	fx_mark("continued");
	for (size_t i = 0; i < FX_COUNT(all); i++)
		expect_eq("exit status of a continued child", fx_exit_of(all[i].pid), 11);
}

const struct fixture fixture_stop = {
	.name = "stop",
	.about = "stopped processes, their notice waited for or not",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};
