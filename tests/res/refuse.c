// SPDX-License-Identifier: GPL-2.0-only
/* refuse.c - what can't be checkpointed: a dump names it all at once, and nothing happens to it. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/landlock.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../fixture.h"

/* Others wait for us to give up our lease. */
static void take_lease(void)
{
	int fd = must(open(fx_path("leased"), O_RDONLY | O_CREAT, 0644));

	signal(SIGIO, SIG_IGN);
	must(fcntl(fd, F_SETLEASE, F_RDLCK));
	must(open(fx_path("leased"), O_WRONLY | O_NONBLOCK) < 0 && errno == EWOULDBLOCK ? 0 : -1);
}

/* What waits in a fifo is with its inode, which cannot be made without a name. */
static void open_fifos(void)
{
	static const char *const names[] = {"unlinked fifo", "hidden fifo"};

	for (size_t i = 0; i < FX_COUNT(names); i++) {
		must(mkfifo(fx_path(names[i]), 0600));
		must(write(must(open(fx_path(names[i]), O_RDWR)), "x", 1));
		must(unlink(fx_path(names[i])));
	}
	must(mkfifo(fx_path("hidden fifo"), 0600)); /* another one has its name */
}

/* Namespaces where nobody lives any more. */
static void open_namespaces(void)
{
	char path[64];
	pid_t pid = must(fork());

	if (!pid) {
		must(unshare(CLONE_NEWNET | CLONE_NEWPID));
		pid = must(fork());
		if (!pid)
			_exit(0);
		must(waitpid(pid, NULL, 0)); /* the init of a namespace that is open to nobody now */
		fx_mark("unshared");
		for (;;)
			fx_nap();
	}
	fx_await("unshared");
	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	must(open(path, O_RDONLY));
	snprintf(path, sizeof(path), "/proc/%d/ns/pid_for_children", pid);
	must(open(path, O_RDONLY));
	must(kill(pid, SIGKILL));
	must(waitpid(pid, NULL, 0));
}

static void setup(void)
{
	char path[64];
	int pty;

	must(inotify_add_watch(must(inotify_init1(0)), "/proc/self", IN_OPEN));
	must(open(fx_path(""), O_TMPFILE | O_RDWR | O_NOFOLLOW, 0600));
	must(syscall(SYS_pidfd_open, getppid(), 0));
	snprintf(path, sizeof(path), "/proc/%d/status", getppid());
	must(open(path, O_RDONLY));
	open_namespaces();
	take_lease();
	open_fifos();
	must(syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE));
	must(socket(AF_VSOCK, SOCK_STREAM, 0));
	pty = must(posix_openpt(O_RDWR | O_NOCTTY));
	must(unlockpt(pty));
	must(ioctl(must(ioctl(pty, TIOCGPTPEER, O_RDWR | O_NOCTTY)), TIOCSETD, &(int){ 27 /* N_NULL */ }));
}

const struct fixture fixture_refuse = {
	.name = "refuse",
	.about = "descriptors that can't be checkpointed",
	.setup = setup,
	.flags = FX_LEAVE_ONLY,
};

/* ---- what no tool can bring back: each kind that this system lets us make ---- */

/* The runner looks for each name in what the dump says. */
static void made(const char *name, int fd)
{
	int list;

	if (fd < 0)
		return;
	list = must(open(fx_path("made"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
	must(dprintf(list, "%d %s\n", fd, name));
	close(list);
}

static void make_bpf(void)
{
	struct bpf_insn insns[] = {{.code = 0xb7}, {.code = 0x95}}; /* r0 = 0; exit */
	union bpf_attr map = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
	union bpf_attr prog = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insn_cnt = 2,
			       .insns = (uintptr_t)insns, .license = (uintptr_t)"GPL"};

	made("BPF map", syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof(map)));
	made("BPF program", syscall(SYS_bpf, BPF_PROG_LOAD, &prog, sizeof(prog)));
}

static void setup_supervised(void)
{
	struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
	struct sock_fprog filter = {1, &allow};

	made("seccomp listener", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
					 SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter));
}

static void setup_kinds(void)
{
	struct perf_event_attr clock = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(clock),
					.config = PERF_COUNT_SW_CPU_CLOCK};
	struct landlock_ruleset_attr ruleset = {.handled_access_fs = 1};
	struct io_uring_params params = {};

	made("io_uring", syscall(SYS_io_uring_setup, 4, &params));
	made("userfaultfd", syscall(SYS_userfaultfd, 0));
	made("perf event", syscall(SYS_perf_event_open, &clock, 0, -1, -1, 0));
	make_bpf();
	made("Landlock ruleset", syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0));
	made("memfd_secret", syscall(SYS_memfd_secret, 0));
	made("file system context", syscall(SYS_fsopen, "tmpfs", 0));
	made("KVM", open("/dev/kvm", O_RDWR));
	made("FUSE", open("/dev/fuse", O_RDWR));
	made("network tunnel", open("/dev/net/tun", O_RDWR));
	made("loop devices", open("/dev/loop-control", O_RDWR));
	made("kernel's log", open("/dev/kmsg", O_RDONLY));
	made("autofs", open("/dev/autofs", O_RDWR));
	made("block device 7:0", open("/dev/loop0", O_RDONLY | O_NONBLOCK));
	fx_child("supervised", setup_supervised, NULL);
}

const struct fixture fixture_refuse_kinds = {
	.name = "refuse_kinds",
	.about = "descriptors that no tool can bring back",
	.setup = setup_kinds,
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
