// SPDX-License-Identifier: GPL-2.0-only
/* refuse_task.c - tasks that can't be checkpointed: each child is one reason. */
#include <fcntl.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixture.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_ON 1
#endif

static void setup_keyring(void)
{
	must(syscall(SYS_add_key, "user", "bpf-ckpt", "x", 1, KEY_SPEC_PROCESS_KEYRING));
}

static char allowed; /* SYSCALL_DISPATCH_FILTER_ALLOW */

static void setup_dispatch(void)
{
	must(prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &allowed));
}

static pid_t compat, dumped;

/* A program of 32 bits that sleeps: pause() again and again. */
static void start_compat(void)
{
	static const unsigned char program[] = {
		0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 32 bits, little endian */
		2, 0, 3, 0, 1, 0, 0, 0, 0x54, 0x80, 0x04, 0x08, 52, 0, 0, 0, /* i386; entry; headers */
		0, 0, 0, 0, 0, 0, 0, 0, 52, 0, 32, 0, 1, 0, 0, 0, 0, 0, 0, 0,
		1, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x80, 0x04, 0x08, 0x00, 0x80, 0x04, 0x08, /* all of it */
		0x5d, 0, 0, 0, 0x5d, 0, 0, 0, 5, 0, 0, 0, 0, 0x10, 0, 0,
		0xb8, 29, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xf7, /* mov $29, %eax; int $0x80; jmp */
	};
	int fd = must(open(fx_path("i386"), O_WRONLY | O_CREAT | O_CLOEXEC, 0755));

	must(write(fd, program, sizeof(program)));
	close(fd);
	compat = must(fork());
	if (!compat) {
		execl(fx_path("i386"), "i386", NULL);
		_exit(1);
	}
	while (fx_state(compat) != 'S' && fx_state(compat) != 'Z')
		fx_nap();
	if (fx_state(compat) == 'S') /* kernels may be without them */
		fx_mark("compat");
}

/* Its status says so; no exit code of a task makes such a one. */
static void start_dumped(void)
{
	siginfo_t si = {};

	dumped = must(fork());
	if (!dumped) {
		struct rlimit core;

		must(chdir(fx_path("")));
		must(getrlimit(RLIMIT_CORE, &core));
		core.rlim_cur = core.rlim_max;
		must(setrlimit(RLIMIT_CORE, &core));
		raise(SIGQUIT);
		_exit(1);
	}
	must(waitid(P_PID, dumped, &si, WEXITED | WNOWAIT));
	if (si.si_code == CLD_DUMPED) /* there may be no room for it, or a limit */
		fx_mark("dumped");
}

static void setup(void)
{
	start_dumped();
	start_compat();
	fx_child("keyring", setup_keyring, NULL);
	fx_child("dispatch", setup_dispatch, NULL);
}

static void verify(void)
{
	if (!fx_last())
		return;
	if (fx_marked("compat"))
		must(kill(compat, SIGKILL));
	must(waitpid(compat, NULL, 0));
	must(waitpid(dumped, NULL, 0));
}

const struct fixture fixture_refuse_task = {
	.name = "refuse_task",
	.about = "tasks that can't be checkpointed",
	.setup = setup,
	.verify = verify,
	.flags = FX_LEAVE_ONLY,
};

/* ---- a vfork(2) that is not over ---- */

static pid_t in_vfork;

/* Its parent sleeps in vfork(2) until it ends. */
static void setup_vfork(void)
{
	in_vfork = must(fork());
	if (!in_vfork) {
		if (!vfork()) {
			fx_mark("vforked");
			fx_await("bye");
			_exit(0);
		}
		_exit(0);
	}
	fx_await("vforked");
}

static void verify_vfork(void)
{
	if (!fx_last())
		return;
	fx_mark("bye");
	expect_eq("the end of who waits in vfork", fx_exit_of(in_vfork), 0);
}

const struct fixture fixture_refuse_vfork = {
	.name = "refuse_vfork",
	.about = "a child in vfork(2), and who waits for it",
	.setup = setup_vfork,
	.verify = verify_vfork,
	.flags = FX_LEAVE_ONLY,
};
