// SPDX-License-Identifier: GPL-2.0-only
/* signalfd.c - sets of signals, and signals that wait to be read. */
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../fixture.h"

static int usr, rt;

static int make(int sig, int flags)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	must(sigprocmask(SIG_BLOCK, &set, NULL));
	return must(signalfd(-1, &set, flags));
}

static void send(void)
{
	must(kill(getpid(), SIGUSR1));
	must(sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 77}));
}

static void setup(void)
{
	usr = make(SIGUSR1, SFD_NONBLOCK);
	rt = make(SIGRTMIN + 3, SFD_NONBLOCK | SFD_CLOEXEC);
	send();
}

static void verify(void)
{
	struct signalfd_siginfo si = {};

	expect(read(usr, &si, sizeof(si)) == sizeof(si) && si.ssi_signo == SIGUSR1 &&
	       si.ssi_pid == (uint32_t)getpid(), "signal %u from %u", si.ssi_signo, si.ssi_pid);
	expect(read(usr, &si, sizeof(si)) < 0 && errno == EAGAIN, "another one");
	expect(read(rt, &si, sizeof(si)) == sizeof(si) && (int)si.ssi_signo == SIGRTMIN + 3 &&
	       si.ssi_int == 77, "signal %u with %d", si.ssi_signo, si.ssi_int);
	send();
}

const struct fixture fixture_signalfd = {
	.name = "signalfd",
	.about = "two signalfds with a signal each to be read",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};
