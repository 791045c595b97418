// SPDX-License-Identifier: GPL-2.0-only
/*
 * make_userns.c - a user namespace with the owner, maps and limits of an image.
 *
 * Who makes it is its owner, and somebody in the one above writes the maps (user_namespaces(7)): two
 * processes of ours, the writer and its child, the maker, which stops when it is done.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "idmap.h"
#include "log.h"
#include "restore_userns.h"

#define NOBODY 65534
#define MAP_BYTES 4096 /* the kernel takes less than a page */

/* What is decided before the first fork: afterwards there is no memory to be had. */
struct job {
	const struct rec_userns *ns;
	int parent_fd;        /* -1: made in our own */
	__u32 owner, group;   /* as that one calls them */
	bool deny;            /* setgroups(2), which the one above allows */
	char map[USERNS_MAPS][MAP_BYTES];
	int line;             /* to the coordinator */
};

struct answer {
	pid_t maker;
	int err;
	char what[40];
};

/* Of the writer or the maker: no way on. The coordinator says so. */
static void __attribute__((noreturn)) give_up(const struct job *j, const char *what)
{
	struct answer a = { .err = errno };

	snprintf(a.what, sizeof(a.what), "%s", what);
	if (write(j->line, &a, sizeof(a)) < 0)
		_exit(2);
	_exit(1);
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = strlen(text);
	bool ok = fd >= 0 && write(fd, text, len) == len;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* ---- the maker ---- */

static void drop_setfcap(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d))
		return;
	d[CAP_SETFCAP / 32].effective &= ~(1u << CAP_SETFCAP % 32);
	syscall(SYS_capset, &h, d);
}

/*
 * A new namespace takes over what its maker's limits are: kernel/user_namespace.c. The number of processes
 * is not asked of user 0 of the initial one.
 */
static void take_rlimits(const struct job *j)
{
	static const int which[USERNS_RLIMITS] = { RLIMIT_NPROC, RLIMIT_MSGQUEUE, RLIMIT_SIGPENDING,
						   RLIMIT_MEMLOCK };
	struct rlimit lim;

	for (int i = 0; i < USERNS_RLIMITS; i++) {
		bool none = j->ns->rlimit[i] == (__s64)(~0ull >> 1);

		if (which[i] == RLIMIT_NPROC && none && j->parent_fd < 0)
			continue;
		if (getrlimit(which[i], &lim))
			give_up(j, "getrlimit");
		lim.rlim_cur = none ? RLIM_INFINITY : (rlim_t)j->ns->rlimit[i];
		if (lim.rlim_cur > lim.rlim_max)
			lim.rlim_max = lim.rlim_cur;
		if (setrlimit(which[i], &lim))
			give_up(j, "have the limits of its maker");
	}
}

/* The user whose limit of processes it took over; the owner is the effective one. */
static int real_user(const struct job *j)
{
	if (j->parent_fd >= 0 || j->ns->rlimit[0] == (__s64)(~0ull >> 1))
		return -1;
	return j->owner ? j->owner : NOBODY;
}

static void set_limits(const struct job *j)
{
	static const char *const name[USERNS_LIMITS] = {
		"max_user_namespaces", "max_pid_namespaces", "max_uts_namespaces", "max_ipc_namespaces",
		"max_net_namespaces", "max_mnt_namespaces", "max_cgroup_namespaces", "max_time_namespaces",
		"max_inotify_instances", "max_inotify_watches", "max_fanotify_groups", "max_fanotify_marks",
	};
	char path[64], text[24];

	for (int i = 0; i < USERNS_LIMITS; i++) {
		if (j->ns->limit[i] == 0x7fffffff)
			continue;
		snprintf(path, sizeof(path), "/proc/sys/user/%s", name[i]);
		snprintf(text, sizeof(text), "%lld", j->ns->limit[i]);
		if (!write_text(path, text))
			give_up(j, path);
	}
}

static void __attribute__((noreturn)) make(const struct job *j)
{
	take_rlimits(j);
	/* the ids of the owner, and our rights */
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) || syscall(SYS_setresgid, -1, j->group, -1) ||
	    syscall(SYS_setresuid, real_user(j), j->owner, -1))
		give_up(j, "become its owner");
	if (!(j->ns->flags & USERNS_F_SETFCAP))
		drop_setfcap();
	if (unshare(CLONE_NEWUSER))
		give_up(j, "unshare(CLONE_NEWUSER)");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	raise(SIGSTOP);
	set_limits(j);
	raise(SIGSTOP);
	for (;;)
		pause();
}

/* ---- the writer ---- */

static void await_stop(const struct job *j, pid_t maker)
{
	int status;

	if (waitpid(maker, &status, WUNTRACED) != maker || !WIFSTOPPED(status))
		_exit(1); /* it has said why */
}

static void write_maps(const struct job *j, pid_t maker)
{
	static const char *const name[USERNS_MAPS] = { "uid_map", "gid_map", "projid_map" };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/setgroups", maker);
	if (j->deny && !write_text(path, "deny"))
		give_up(j, "write setgroups");
	for (int i = 0; i < USERNS_MAPS; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", maker, name[i]);
		if (j->map[i][0] && !write_text(path, j->map[i]))
			give_up(j, name[i]);
	}
}

static void __attribute__((noreturn)) write_for_maker(const struct job *j)
{
	struct answer a = {};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (j->parent_fd >= 0 && setns(j->parent_fd, CLONE_NEWUSER))
		give_up(j, "enter the one above");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	a.maker = fork();
	if (!a.maker)
		make(j);
	if (a.maker < 0)
		give_up(j, "fork");
	await_stop(j, a.maker);
	write_maps(j, a.maker);
	kill(a.maker, SIGCONT);
	await_stop(j, a.maker);
	if (write(j->line, &a, sizeof(a)) != sizeof(a))
		_exit(1);
	waitpid(a.maker, NULL, 0);
	_exit(0);
}

/* ---- the coordinator ---- */

/* "INSIDE OUTSIDE COUNT" a line, the outside as the namespace above calls it. */
static int print_map(const struct restore *r, const struct rec_userns *ns, int which, char *text)
{
	const struct snap *s = &r->image.snap;
	__u32 nr, outside, last;
	const struct rec_idrange *v = userns_map(ns, which, &nr);
	int used = 0;

	for (__u32 i = 0; i < nr; i++) {
		if (!userns_id(s, ns->parent, which, v[i].outside, &outside) ||
		    !userns_id(s, ns->parent, which, v[i].outside + v[i].count - 1, &last) ||
		    last - outside != v[i].count - 1)
			return fail(-ERR_IMAGE, "image: user namespace %llu maps ids that the one above does not "
				    "have", ns->addr);
		used += snprintf(text + used, MAP_BYTES - used, "%u %u %u\n", v[i].inside, outside,
				 v[i].count);
	}
	return 0;
}

static int prepare(struct restore *r, const struct rec_userns *ns, struct job *j)
{
	const struct snap *s = &r->image.snap;
	const struct rec_userns *up = snap_find(s, REC_USERNS, ns->parent);
	int err = 0;

	*j = (struct job){ .ns = ns, .parent_fd = -1 };
	if (up->level) {
		err = restore_make_userns(r, up) ?: restore_kept(r, up->addr, &j->parent_fd, NULL);
		j->deny = up->flags & ~ns->flags & USERNS_F_SETGROUPS;
	} else {
		j->deny = !(ns->flags & USERNS_F_SETGROUPS);
	}
	if (!userns_id(s, ns->parent, MAP_UID, ns->owner, &j->owner) ||
	    !userns_id(s, ns->parent, MAP_GID, ns->group, &j->group))
		return fail(-ERR_IMAGE, "image: user namespace %llu has an owner that the one above does not have",
			    ns->addr);
	for (int i = 0; i < USERNS_MAPS && !err; i++)
		err = print_map(r, ns, i, j->map[i]);
	return err;
}

static int keep(struct restore *r, const struct rec_userns *ns, const struct answer *a)
{
	char path[64];
	int fd;

	if (!a->maker)
		return fail(-a->err, "make a user namespace: %s", a->what);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", a->maker);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(-errno, "open a user namespace");
	return restore_keep(r, ns->addr, fd, -1);
}

int restore_make_userns(struct restore *r, const struct rec_userns *ns)
{
	struct job *j _free_ = malloc(sizeof(*j));
	struct answer a = {};
	int line[2], err, fd;
	pid_t writer;

	if (!ns->level || !restore_kept(r, ns->addr, &fd, NULL))
		return 0;
	if (!j)
		return fail(-ENOMEM, "restore");
	err = prepare(r, ns, j);
	if (err)
		return err;
	if (pipe2(line, O_CLOEXEC))
		return fail(-errno, "make a user namespace");
	j->line = line[1];
	writer = fork();
	if (!writer)
		write_for_maker(j);
	close(line[1]);
	if (writer < 0 || read(line[0], &a, sizeof(a)) != sizeof(a))
		err = fail(-ECHILD, "make a user namespace");
	else
		err = keep(r, ns, &a);
	close(line[0]);
	if (a.maker > 0)
		kill(a.maker, SIGKILL);
	if (writer > 0)
		waitpid(writer, NULL, 0);
	return err;
}
