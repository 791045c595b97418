// SPDX-License-Identifier: GPL-2.0-only
/* refuse.c - what can't be checkpointed: a dump names it all at once, and nothing happens to it. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixture.h"

static void setup(void)
{
	int ends[2], pty;

	must(inotify_init1(0));
	must(syscall(SYS_pidfd_open, getpid(), 0));
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	must(socket(AF_INET, SOCK_DGRAM, 0));
	pty = must(posix_openpt(O_RDWR | O_NOCTTY));
	must(unlockpt(pty));
	must(open("/proc/self/ns/pid", O_RDONLY));
}

const struct fixture fixture_refuse = {
	.name = "refuse",
	.about = "descriptors that can't be checkpointed",
	.setup = setup,
	.flags = FX_LEAVE_ONLY,
};

/* ---- a child that is traced ---- */

static pid_t traced;

/* It gets no signal, which would stop it for its tracer. */
static void setup_traced(void)
{
	traced = must(fork());
	if (!traced) {
		fx_await("bye");
		_exit(0);
	}
	must(ptrace(PTRACE_SEIZE, traced, 0, 0));
}

static void verify_traced(void)
{
	expect(!ptrace(PTRACE_INTERRUPT, traced, 0, 0), "it is not traced any more: %s",
	       strerror(errno));
	expect(waitpid(traced, NULL, 0) == traced, "it does not stop: %s", strerror(errno));
	expect(!ptrace(PTRACE_CONT, traced, 0, 0), "it does not go on: %s", strerror(errno));
}

const struct fixture fixture_refuse_traced = {
	.name = "refuse_traced",
	.about = "a child that is traced by its parent",
	.setup = setup_traced,
	.verify = verify_traced,
	.flags = FX_LEAVE_ONLY,
};
