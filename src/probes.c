// SPDX-License-Identifier: GPL-2.0-only
/* probes.c - what kernels and capabilities give, by trying it. */
#include "probes.h"

#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit.h"
#include "audit_probe.h"
#include "capability.h"
#include "cleanup.h"
#include "pagemap.h"
#include "tcp_lock.h"
#include "walk.h"

static bool has_btf(void)
{
	return !access("/sys/kernel/btf/vmlinux", R_OK);
}

static bool has_walk(void)
{
	struct walk_opts opts = {};
	struct walk *w = NULL;
	bool ok = !walk_open(&w, &opts);

	if (ok)
		walk_close(w);
	return ok;
}

static bool has_audit(void)
{
	struct audit_probe_opts opts = {};
	struct audit_probe *p = NULL;
	bool ok = !audit_probe_open(&p, &opts);

	audit_probe_close(p);
	return ok;
}

static bool has_ns_ends(void)
{
	return audit_probe_has_nsfree() || audit_ns_can_ask();
}

static bool has_sys_ptrace(void)
{
	return has_capability(CAP_SYS_PTRACE);
}

static bool has_sys_admin(void)
{
	return has_capability(CAP_SYS_ADMIN);
}

static bool has_sys_resource(void)
{
	return has_capability(CAP_SYS_RESOURCE);
}

/* A number of 0 is refused with EINVAL where set_tid is known, before any task is made. */
static bool has_set_tid(void)
{
	pid_t zero = 0;
	struct clone_args a = { .exit_signal = SIGCHLD, .set_tid = (__u64)&zero, .set_tid_size = 1 };
	long pid = syscall(SYS_clone3, &a, sizeof(a));

	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return pid < 0 && errno == EINVAL;
}

static bool has_pidfd_getfd(void)
{
	int pidfd _close_ = syscall(SYS_pidfd_open, getpid(), 0);
	int fd _close_ = pidfd < 0 ? -1 : syscall(438 /* pidfd_getfd */, pidfd, pidfd, 0);

	return fd >= 0;
}

static bool has_pagemap_scan(void)
{
	return pagemap_has_scan();
}

static bool has_suspend_seccomp(void)
{
	pid_t pid = fork();
	bool ok;

	if (!pid) {
		pause();
		_exit(0);
	}
	ok = pid > 0 && !ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_SUSPEND_SECCOMP);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return ok;
}

static bool has_timer_ids(void)
{
	return prctl(77 /* PR_TIMER_CREATE_RESTORE_IDS */, 2, 0, 0, 0) >= 0;
}

static bool has_guard(void)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool ok = p != MAP_FAILED && !madvise(p, 4096, 102 /* MADV_GUARD_INSTALL */);

	if (p != MAP_FAILED)
		munmap(p, 4096);
	return ok;
}

static bool has_member(const char *type, const char *member)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool found = false;
	int id;

	if (!btf)
		return false;
	id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);
	if (id > 0) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		const struct btf_member *m = btf_members(t);

		for (int i = 0; i < btf_vlen(t) && !found; i++)
			found = !strcmp(btf__name_by_offset(btf, m[i].name_off), member);
	}
	btf__free(btf);
	return found;
}

static bool has_ns_pid_max(void)
{
	return has_member("pid_namespace", "pid_max");
}

static bool has_nf_tables(void)
{
	return tcp_lock_available();
}

static bool in_initial_pidns(void)
{
	char link[64];
	ssize_t n = readlink("/proc/self/ns/pid", link, sizeof(link) - 1);

	link[n > 0 ? n : 0] = 0;
	return !strcmp(link, "pid:[4026531836]"); /* include/linux/proc_ns.h: PROC_PID_INIT_INO */
}

const struct feature features[] = {
	{ "kernel BTF", true, "no BPF program can be loaded", has_btf },
	{ "BPF iterators (task, vma, file)", true, "nothing can be read", has_walk },
	{ "initial pid namespace", true, "trees cannot be named by pid", in_initial_pidns },
	{ "CAP_SYS_PTRACE", true, "no task can be stopped", has_sys_ptrace },
	{ "CAP_SYS_ADMIN", true, "no pid namespace can be made or entered", has_sys_admin },
	{ "clone3 set_tid", true, "tasks cannot get their numbers", has_set_tid },
	{ "pidfd_getfd", true, "contents of pipes cannot be read", has_pidfd_getfd },
	{ "PTRACE_O_SUSPEND_SECCOMP", true, "tasks with seccomp filters cannot be restored",
	  has_suspend_seccomp },
	{ "PAGEMAP_SCAN", false, "pages are found by reading pagemap, which is slower",
	  has_pagemap_scan },
	{ "PR_TIMER_CREATE_RESTORE_IDS", false, "POSIX timer ids above 4096 cannot be restored",
	  has_timer_ids },
	{ "MADV_GUARD_INSTALL", false, "images with guard regions cannot be restored here", has_guard },
	{ "pid_max for each pid namespace", false, "the limit of numbers is one for all namespaces",
	  has_ns_pid_max },
	{ "nf_tables with owners", false, "a tree with TCP connections cannot be killed and restored (--tcp-established)",
	  has_nf_tables },
	{ "audit: tp_btf programs", false, "audit does not work", has_audit },
	{ "audit: fexit programs", false,
	  "audit sees refused calls, setns and unshare themselves only with --calls, which costs every system "
	  "call", audit_probe_has_calls },
	{ "audit: ends of pid namespaces", false, "audit does not tell when a pid namespace is gone",
	  has_ns_ends },
	{ "CAP_SYS_RESOURCE", false, "limits above this shell's own cannot be restored",
	  has_sys_resource },
	{},
};
