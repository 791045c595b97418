// SPDX-License-Identifier: GPL-2.0-only
/* unix_rights.c - descriptors in flight: all kinds of files, some of them nowhere else, sockets in sockets. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unix.h"

enum { MANY = 270 }; /* more than a byte can count */

static int stream[2], packets[2], ring[2], many[2], kept_pipe[2], stays;

static void send_fds(int to, const char *text, const int *fd, int nr)
{
	char control[CMSG_SPACE(253 * sizeof(int))] = "";
	struct iovec iov = {(char *)text, strlen(text)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			     .msg_controllen = CMSG_SPACE(nr * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	*c = (struct cmsghdr){CMSG_LEN(nr * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(c), fd, nr * sizeof(int));
	must(sendmsg(to, &msg, 0));
}

static int recv_fds(const char *what, int from, const char *text, int *fd, int max)
{
	char control[CMSG_SPACE(253 * sizeof(int))] = "", buf[64] = "";
	struct iovec iov = {buf, sizeof(buf) - 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(from, &msg, MSG_DONTWAIT);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	int nr = c ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;

	expect(n == (ssize_t)strlen(text) && !memcmp(buf, text, n), "%s: '%s' instead of '%s': %s", what, buf, text,
	       strerror(errno));
	if (nr)
		memcpy(fd, CMSG_DATA(c), (nr < max ? nr : max) * sizeof(int));
	return nr;
}

static void setup_rights(void)
{
	int fd[8], inner[2], nested[2];
	struct epoll_event ev = {.events = EPOLLIN};
	uint64_t seven = 7;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, stream));
	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packets));
	must(pipe(kept_pipe));
	must(write(stream[0], "before ", 7));
	/* a write end of a pipe that is open here, too, and files that are nowhere else */
	fd[0] = kept_pipe[1];
	fd[1] = must(open(fx_path("file"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	must(write(fd[1], "0123456789", 10));
	must(lseek(fd[1], 3, SEEK_SET));
	fd[2] = must(open(fx_path("unlinked"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	must(write(fd[2], "contents", 8));
	must(unlink(fx_path("unlinked")));
	fd[3] = must(eventfd(0, EFD_NONBLOCK));
	must(write(fd[3], &seven, 8));
	fd[4] = must(memfd_create("in flight", 0));
	must(write(fd[4], "memory", 6));
	stays = must(open("/dev/null", O_RDWR));
	fd[5] = stays;
	fd[6] = must(syscall(SYS_pidfd_open, getpid(), 0));
	fd[7] = must(epoll_create1(0));
	ev.data.u64 = 4711;
	must(epoll_ctl(fd[7], EPOLL_CTL_ADD, fd[3], &ev));
	send_fds(stream[0], "eight", fd, 8);
	must(write(stream[0], " after", 6));
	must(close(kept_pipe[1]));
	for (int i = 1; i < 8; i++)
		if (i != 5)
			must(close(fd[i]));
	/* a socket in a packet, in whose queue another one is, in whose queue a file is */
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, inner));
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, nested));
	fd[0] = must(open(fx_path("file"), O_RDONLY));
	send_fds(nested[0], "deep", fd, 1);
	must(close(fd[0]));
	send_fds(inner[0], "inner", nested, 2);
	must(close(nested[0]));
	must(close(nested[1]));
	send_fds(packets[0], "outer", &inner[1], 1);
	must(close(inner[1]));
	must(dup2(inner[0], 100));
	must(close(inner[0]));
	/* each end in the queue of the other one */
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ring));
	send_fds(ring[0], "ring 0", &ring[0], 1);
	send_fds(ring[1], "ring 1", &ring[1], 1);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, many));
	for (int i = 0; i < MANY; i++) {
		char text[8];
		int both[2];

		must(pipe(both));
		snprintf(text, sizeof(text), "m%d", i);
		must(write(both[1], text, strlen(text)));
		send_fds(many[0], text, both, 2);
		must(close(both[0]));
		must(close(both[1]));
	}
}

static void verify_files(const int *fd)
{
	struct stat a, b;
	struct epoll_event ev = {};
	uint64_t value = 0;
	char buf[16] = "";

	expect(epoll_wait(fd[7], &ev, 1, 0) == 1 && ev.data.u64 == 4711, "the epoll instance says nothing");
	expect(!syscall(SYS_pidfd_send_signal, fd[6], 0, NULL, 0), "the pidfd: %s", strerror(errno));
	expect(write(fd[0], "p", 1) == 1 && read(kept_pipe[0], buf, 1) == 1 && buf[0] == 'p', "it is another pipe");
	expect(read(fd[1], buf, 2) == 2 && !memcmp(buf, "34", 2), "the file is at '%.2s'", buf);
	expect(pread(fd[2], buf, 8, 0) == 8 && !memcmp(buf, "contents", 8), "the unlinked file has '%.8s'", buf);
	expect(read(fd[3], &value, 8) == 8 && value == 7, "the eventfd counts %lu", value);
	expect(pread(fd[4], buf, 6, 0) == 6 && !memcmp(buf, "memory", 6), "the memfd has '%.6s'", buf);
	fstat(fd[5], &a);
	fstat(stays, &b);
	expect(a.st_rdev == b.st_rdev, "null is something else");
}

static void verify_rights(void)
{
	int fd[8], inner, nested[2];
	char buf[16] = "";

	expect_eq("bytes in the stream", recv(stream[1], buf, 16, MSG_PEEK | MSG_DONTWAIT) > 0, 1);
	if (!fx_last())
		return;
	/* bytes before them are told together with the first descriptors, and none behind */
	expect_eq("descriptors", recv_fds("stream", stream[1], "before eight", fd, 8), 8);
	verify_files(fd);
	expect_eq("descriptors of no message", recv_fds("stream", stream[1], " after", fd, 8), 0);
	expect_eq("sockets in the packet", recv_fds("packet", packets[1], "outer", &inner, 1), 1);
	expect_eq("sockets in the socket", recv_fds("inner", inner, "inner", nested, 2), 2);
	expect_eq("files in the nested one", recv_fds("nested", nested[1], "deep", fd, 1), 1);
	expect(read(fd[0], buf, 3) == 3 && !memcmp(buf, "012", 3), "the deep file has '%s'", buf);
	expect(write(100, "!", 1) == 1 && read(inner, buf, 1) == 1 && buf[0] == '!', "the inner socket is another one");
	expect_eq("the ring", recv_fds("ring", ring[1], "ring 0", fd, 1), 1);
	expect(write(ring[1], "r", 1) == 1, "write to the ring");
	expect_eq("the ring", recv_fds("ring", ring[0], "ring 1", fd + 1, 1), 1);
	expect(read(fd[0], buf, 1) == 1 && buf[0] == 'r', "the ring's socket is another one");
	for (int i = 0; i < MANY; i++) {
		char text[8];

		snprintf(text, sizeof(text), "m%d", i);
		expect_eq("ends of a pipe", recv_fds("many", many[1], text, fd, 2), 2);
		memset(buf, 0, sizeof(buf));
		expect(read(fd[0], buf, sizeof(buf)) == (ssize_t)strlen(text) && !strcmp(buf, text), "pipe %d has '%s'", i,
		       buf);
		close(fd[0]);
		close(fd[1]);
	}
}

const struct fixture fixture_unix_rights = {
	.name = "unix_rights",
	.about = "descriptors in flight: files that are nowhere else, sockets in sockets, a ring",
	.setup = setup_rights,
	.verify = verify_rights,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- what cannot be checkpointed, in flight ---- */

static void setup_refused(void)
{
	char path[64];
	int fd;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, stream));
	snprintf(path, sizeof(path), "/proc/%d/status", getppid());
	fd = must(open(path, O_RDONLY));
	send_fds(stream[0], "of an outsider", &fd, 1);
	must(close(fd));
	fd = must(open("/dev/kmsg", O_RDONLY)); /* behind the other: only a dump looks there */
	send_fds(stream[0], "a device", &fd, 1);
	must(close(fd));
	fd = must(socket(AF_VSOCK, SOCK_STREAM, 0));
	send_fds(stream[1], "a socket", &fd, 1);
	must(close(fd));
}

const struct fixture fixture_refuse_rights = {
	.name = "refuse_rights",
	.about = "descriptors in flight that can't be checkpointed",
	.setup = setup_refused,
	.flags = FX_LEAVE_ONLY,
};
