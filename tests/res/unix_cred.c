// SPDX-License-Identifier: GPL-2.0-only
/* unix_cred.c - credentials: who made, connected or listened; who has sent; pids of those as descriptors. */
#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unix.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif
#define PEERPIDFD 77

/*
 * A parent that made a pair, a child that connects as another user to what a second child listens at,
 * and messages with the credentials of their senders.
 */
static int pair[2], as_user, from_child, passing[2], packets[2], listener;
static pid_t parent, child;
static char name[108];

static void be(uid_t uid, gid_t gid, const gid_t *groups, int nr)
{
	must(setgroups(nr, groups));
	must(setegid(gid));
	must(seteuid(uid));
}

static void be_root(void)
{
	must(seteuid(0));
	must(setegid(0));
	must(setgroups(0, NULL));
}

static void expect_cred(const char *what, int fd, pid_t pid, uid_t uid, gid_t gid)
{
	struct ucred cred = {};
	socklen_t len = sizeof(cred);

	expect(!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len), "%s: SO_PEERCRED: %s", what, strerror(errno));
	expect(cred.pid == pid && cred.uid == uid && cred.gid == gid, "%s: peer is pid %d uid %u gid %u, not %d %u %u",
	       what, cred.pid, cred.uid, cred.gid, pid, uid, gid);
}

static void expect_groups(const char *what, int fd, const gid_t *want, int nr)
{
	gid_t groups[64];
	socklen_t len = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		len = 0; /* none is an error for the size before 4.17, and none for us */
	expect(len == nr * sizeof(*want) && !memcmp(groups, want, len), "%s: %zu groups, first %u", what,
	       len / sizeof(*groups), groups[0]);
}

static void setup_child(void)
{
	static const gid_t groups[] = {7, 77, 777};

	child = getpid();
	be(1001, 1002, groups, 3);
	as_user = un_connected(SOCK_STREAM, name);
	be_root();
	must(write(passing[1], "child", 5));
	must(send(packets[1], "packet", 6, 0));
}

static void verify_child(void)
{
	char c = 'c';

	expect_cred("child's connection", as_user, parent, 0, 5);
	expect_cred("inherited pair", pair[1], parent, 0, 0);
	expect(write(as_user, &c, 1) == 1, "the child cannot write: %s", strerror(errno));
}

static void setup_cred(void)
{
	int one = 1;

	parent = getpid();
	must(setgroups(0, NULL)); /* what it was started with is not the point */
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, passing));
	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packets));
	must(setsockopt(passing[0], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	must(setsockopt(packets[0], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	must(write(passing[1], "parent", 6));
	must(send(packets[1], "own", 3, 0));
	must(chmod(fx_path("."), 0755));
	snprintf(name, sizeof(name), "@cred %x.%d", fx_ipc_key(), getpid());
	listener = un_bound(SOCK_STREAM, name);
	must(setegid(5));
	must(listen(listener, 3));
	must(setegid(0));
	child = fx_child("child", setup_child, verify_child);
	from_child = must(accept(listener, NULL, NULL));
}

/* One recvmsg(2): what it says, and who has said it. */
static void expect_said(const char *what, int fd, const char *text, pid_t pid)
{
	char buf[64] = "", control[CMSG_SPACE(sizeof(struct ucred))] = "";
	struct iovec iov = {buf, sizeof(buf) - 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	struct ucred cred = {};

	if (c && c->cmsg_type == SCM_CREDENTIALS)
		memcpy(&cred, CMSG_DATA(c), sizeof(cred));
	expect(n == (ssize_t)strlen(text) && !memcmp(buf, text, n), "%s: '%s' instead of '%s': %s", what, buf, text,
	       strerror(errno));
	expect(cred.pid == pid && cred.uid == 0 && cred.gid == 0, "%s: said by pid %d uid %u gid %u, not pid %d", what,
	       cred.pid, cred.uid, cred.gid, pid);
}

static void verify_cred(void)
{
	static const gid_t groups[] = {7, 77, 777};
	int pidfd = -1;
	socklen_t len = sizeof(pidfd);
	char c;

	expect_cred("pair", pair[0], parent, 0, 0);
	expect_cred("accepted", from_child, child, 1001, 1002);
	expect_groups("accepted", from_child, groups, 3);
	expect_cred("listening", listener, parent, 0, 5);
	expect_eq("SO_PASSCRED", un_option(passing[0], SO_PASSCRED), 1);
	if (!getsockopt(from_child, SOL_SOCKET, PEERPIDFD, &pidfd, &len)) {
		char line[256] = "", path[64];
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f) && strncmp(line, "Pid:", 4))
			;
		if (f)
			fclose(f);
		expect(atoi(line + 4) == fx_proc_pid(child), "SO_PEERPIDFD is of pid %d", atoi(line + 4));
		close(pidfd);
	}
	expect(recv(from_child, &c, 1, 0) == 1 && c == 'c', "the child does not say anything");
	if (!fx_last())
		return;
	expect_said("stream", passing[0], "parent", parent);
	expect_said("stream", passing[0], "child", child);
	expect_said("packets", packets[0], "own", parent);
	expect_said("packets", packets[0], "packet", child);
}

const struct fixture fixture_unix_cred = {
	.name = "unix_cred",
	.about = "SO_PEERCRED, SO_PEERGROUPS, SO_PEERPIDFD and the credentials of messages",
	.setup = setup_cred,
	.verify = verify_cred,
	.flags = FX_ROUNDS | FX_NESTED,
};
