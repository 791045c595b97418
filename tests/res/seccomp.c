// SPDX-License-Identifier: GPL-2.0-only
/* seccomp.c - strict mode and filters go on to filter. */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixture.h"

static int install(const struct sock_filter *code, size_t count, int flags)
{
	struct sock_fprog prog = {count, (struct sock_filter *)code};

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

/* System call nr gives err; everything else is allowed. */
static void deny(int nr, int err, int flags)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	must(install(code, FX_COUNT(code), flags));
}

static void check_denied(int nr, int err)
{
	long ret = syscall(nr, 0, 0, 0, 0);

	expect(ret < 0 && errno == err, "system call %d gives %ld (%s), not %s", nr, ret,
	       strerror(errno), strerror(err));
}

static const char *old_count = "";

static void verify_filters(void)
{
	check_denied(SYS_mkdir, EPERM);
	check_denied(SYS_rmdir, EXDEV);
	expect_eq("mode of seccomp", prctl(PR_GET_SECCOMP), 2);
	expect(!strcmp(fx_status("Seccomp_filters"), old_count), "%s filters, were %s",
	       fx_status("Seccomp_filters"), old_count);
	expect(syscall(SYS_getppid) >= 0, "an allowed call is denied");
}

static void note_count(void)
{
	static char text[32];

	snprintf(text, sizeof(text), "%s", fx_status("Seccomp_filters"));
	old_count = text;
}

static void setup_filters(void)
{
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	deny(SYS_mkdir, EPERM, 0);
	deny(SYS_rmdir, EXDEV, SECCOMP_FILTER_FLAG_LOG);
	note_count();
}

static void setup_third(void)
{
	deny(SYS_getpgrp, ENOTUNIQ, 0);
	note_count();
}

static void verify_third(void)
{
	verify_filters();
	check_denied(SYS_getpgrp, ENOTUNIQ);
}

static void setup_family(void)
{
	setup_filters();
	fx_child("heir", NULL, verify_filters);
	fx_child("stricter", setup_third, verify_third);
}

static void setup(void)
{
	fx_child("filtered", setup_family, verify_filters);
}

static void verify(void)
{
	expect_eq("mode of seccomp of the parent", prctl(PR_GET_SECCOMP), 0);
}

const struct fixture fixture_seccomp_filter = {
	.name = "seccomp_filter",
	.about = "stacked filters, inherited by children",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- a filter of one thread ---- */

static volatile int ask, ready;

static void *be_filtered(void *arg)
{
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	deny(SYS_getpgrp, EXFULL, 0);
	ready = 1;
	for (;;) {
		while (!ask)
			fx_nap();
		check_denied(SYS_getpgrp, EXFULL);
		ask = 0;
	}
	return NULL;
}

static void setup_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, be_filtered, NULL))
		fx_die("pthread_create");
	while (!ready)
		fx_nap();
}

static void verify_thread(void)
{
	expect(syscall(SYS_getpgrp) >= 0, "the filter spread to another thread");
	ask = 1;
	while (ask)
		fx_nap();
}

const struct fixture fixture_seccomp_thread = {
	.name = "seccomp_thread",
	.about = "a filter of one thread only",
	.setup = setup_thread,
	.verify = verify_thread,
	.flags = FX_ROUNDS,
};

/* ---- a filter that kills on anything but a few calls: a restore may not trip over it ---- */

static pid_t tight;
static int to_tight[2], from_tight[2];

static void live_tightly(void)
{
	static const int allowed[] = {SYS_read, SYS_write, SYS_exit_group, SYS_restart_syscall};
	struct sock_filter code[3 + FX_COUNT(allowed)] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	size_t n = FX_COUNT(allowed);
	char byte;

	for (size_t i = 0; i < n; i++)
		code[1 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i],
							   n - i, 0);
	code[1 + n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[2 + n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	must(install(code, FX_COUNT(code), 0));
	while (read(to_tight[0], &byte, 1) == 1 && byte) {
		byte++;
		if (write(from_tight[1], &byte, 1) != 1)
			break;
	}
	syscall(SYS_exit_group, 21);
}

static void fork_tight(void (*live)(void))
{
	must(pipe(to_tight));
	must(pipe(from_tight));
	tight = must(fork());
	if (!tight) {
		close(to_tight[1]); /* so that it ends when its parent is gone */
		close(from_tight[0]);
		live();
	}
	while (fx_state(tight) != 'S')
		fx_nap();
}

static char ask_tight(char byte)
{
	char answer = 0;

	if (write(to_tight[1], &byte, 1) != 1 || (byte && read(from_tight[0], &answer, 1) != 1))
		fx_fail("the pipe: %s", strerror(errno));
	return answer;
}

/* The answer of a dead task would never come. */
static bool lives(void)
{
	expect(fx_state(tight) == 'S', "the task is in state %c", fx_state(tight) ?: '-');
	return fx_state(tight) == 'S';
}

static void setup_tight(void)
{
	fork_tight(live_tightly);
}

static void verify_tight(void)
{
	if (!lives())
		return;
	expect_eq("answer", ask_tight(5), 6);
	while (fx_state(tight) != 'S')
		fx_nap();
	if (!fx_last())
		return;
	ask_tight(0);
	expect_eq("exit status", fx_exit_of(tight), 21);
}

const struct fixture fixture_seccomp_kill = {
	.name = "seccomp_kill",
	.about = "a filter that kills on all but four system calls",
	.setup = setup_tight,
	.verify = verify_tight,
	.flags = FX_ROUNDS,
};

/* ---- strict ---- */

static void live_strictly(void)
{
	char byte;

	must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
	while (syscall(SYS_read, to_tight[0], &byte, 1) == 1 && byte) {
		if (byte == 100)
			syscall(SYS_getpid); /* kills */
		byte++;
		syscall(SYS_write, from_tight[1], &byte, 1);
	}
	syscall(SYS_exit, 22);
}

static void setup_strict(void)
{
	fork_tight(live_strictly);
}

static void verify_strict(void)
{
	char byte = 100;

	if (!lives())
		return;
	expect_eq("answer", ask_tight(7), 8);
	while (fx_state(tight) != 'S')
		fx_nap();
	if (!fx_last())
		return;
	must(write(to_tight[1], &byte, 1));
	expect_eq("end after a forbidden call", fx_exit_of(tight), -SIGKILL);
}

const struct fixture fixture_seccomp_strict = {
	.name = "seccomp_strict",
	.about = "strict mode",
	.setup = setup_strict,
	.verify = verify_strict,
	.flags = FX_ROUNDS,
};
