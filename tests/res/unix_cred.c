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

/* ---- messages: many bytes of one sender, some from before anybody asked, pids as descriptors ---- */

enum { PASSPIDFD = 76, SCM_PIDFD = 4, ROOM = 1 << 20, MUCH = 400000 };

static int much[2], early[2], by_pidfd[2];
static pid_t teller;
static bool has_pidfds;

static void setup_teller(void)
{
	must(send(by_pidfd[1], "child", 5, 0));
}

static void setup_cred_queue(void)
{
	int one = 1, room = ROOM;
	char *buf = calloc(1, MUCH);

	parent = getpid();
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, much));
	must(setsockopt(much[0], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	must(setsockopt(much[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)));
	must(send(much[1], buf, MUCH, 0) == MUCH ? 0 : -1);
	/* a reader that asks later is told of nobody */
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, early));
	must(send(early[1], "early", 5, 0));
	must(setsockopt(early[0], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	must(send(early[1], "late", 4, 0));
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, by_pidfd));
	has_pidfds = !setsockopt(by_pidfd[0], SOL_SOCKET, PASSPIDFD, &one, sizeof(one)); /* since 6.5 */
	teller = fx_child("teller", setup_teller, NULL);
	free(buf);
}

static void expect_cred_of(const char *what, int fd, ssize_t bytes, pid_t pid, uid_t uid)
{
	char control[CMSG_SPACE(sizeof(struct ucred))] = "", *buf = malloc(ROOM);
	struct iovec iov = {buf, ROOM};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	struct ucred cred = {-1, -1, -1};

	if (c && c->cmsg_type == SCM_CREDENTIALS)
		memcpy(&cred, CMSG_DATA(c), sizeof(cred));
	expect_eq(what, n, bytes);
	expect(cred.pid == pid && cred.uid == uid, "%s: by pid %d uid %u, not %d %u", what, cred.pid, cred.uid, pid, uid);
	free(buf);
}

static void expect_pidfd(int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = "", text[8], line[256] = "", path[64];
	struct iovec iov = {text, sizeof(text)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	FILE *f;

	expect(n == 5 && c && c->cmsg_type == SCM_PIDFD, "no pidfd comes with a message: %zd", n);
	if (!c || c->cmsg_type != SCM_PIDFD)
		return;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", *(int *)CMSG_DATA(c));
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f) && strncmp(line, "Pid:", 4))
		;
	if (f)
		fclose(f);
	expect(atoi(line + 4) == fx_proc_pid(teller), "the pidfd of a message is of pid %d", atoi(line + 4));
	close(*(int *)CMSG_DATA(c));
}

static void verify_cred_queue(void)
{
	if (!fx_last())
		return;
	expect_cred_of("much", much[0], MUCH, parent, 0);
	expect_cred_of("early", early[0], 5, 0, 65534);
	expect_cred_of("late", early[0], 4, parent, 0);
	if (has_pidfds)
		expect_pidfd(by_pidfd[0]);
}

const struct fixture fixture_unix_cred_queue = {
	.name = "unix_cred_queue",
	.about = "credentials of waiting messages: of many bytes, of nobody, as pidfds",
	.setup = setup_cred_queue,
	.verify = verify_cred_queue,
	.flags = FX_ROUNDS | FX_NESTED,
};
