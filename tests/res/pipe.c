// SPDX-License-Identifier: GPL-2.0-only
/* pipe.c - pipes and fifos: content, size, packets, ends in different processes or closed. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fixture.h"

static void drain(int fd, char *buf, size_t size, const char *what)
{
	size_t have = 0;
	ssize_t n = 1;

	while (have < size && (n = read(fd, buf + have, size - have)) > 0)
		have += n;
	expect(have == size, "%s: %zu bytes of %zu: %s", what, have, size,
	       n < 0 ? strerror(errno) : "end of file");
}

/* ---- content, sizes, full ones ---- */

static struct {
	const char *name;
	int size;	/* F_SETPIPE_SZ; 0: default */
	size_t content; /* 0 and fill: until it is full */
	bool fill;
	int flags;
	int ends[2];
	int real_size;
	bool writable;
} pipes[] = {
	{"empty"},
	{"some", .content = 1000},
	{"odd", .content = 12345},
	{"full", .fill = true},
	{"large", .size = 1 << 20, .content = 700000},
	{"large full", .size = 1 << 18, .fill = true},
	{"small", .size = 4096, .content = 96},
	{"nonblock", .content = 8, .flags = O_NONBLOCK},
	{"cloexec", .content = 16, .flags = O_CLOEXEC},
};

static char buffer[1 << 20];

static void fill(int i)
{
	int out = pipes[i].ends[1];

	if (pipes[i].fill)
		pipes[i].content = pipes[i].real_size;
	fx_fill(buffer, sizeof(buffer), 40 + i);
	if (pipes[i].content)
		must(write(out, buffer, pipes[i].content) == (ssize_t)pipes[i].content ? 0 : -1);
}

static bool is_writable(int i)
{
	struct pollfd room = {pipes[i].ends[1], POLLOUT, 0};

	return poll(&room, 1, 0) == 1;
}

static void setup(void)
{
	for (size_t i = 0; i < FX_COUNT(pipes); i++) {
		must(pipe2(pipes[i].ends, pipes[i].flags));
		if (pipes[i].size)
			must(fcntl(pipes[i].ends[1], F_SETPIPE_SZ, pipes[i].size));
		pipes[i].real_size = must(fcntl(pipes[i].ends[1], F_GETPIPE_SZ));
		fill(i);
		pipes[i].writable = is_writable(i);
	}
}

static void check_pipe(int i)
{
	static char now[sizeof(buffer)];
	int *ends = pipes[i].ends, bytes = -1;
	size_t len = pipes[i].content;

	expect(!ioctl(ends[0], FIONREAD, &bytes) && bytes == (int)len, "%s: %d bytes, not %zu",
	       pipes[i].name, bytes, len);
	expect(fcntl(ends[0], F_GETPIPE_SZ) == pipes[i].real_size, "%s: size is %d, was %d",
	       pipes[i].name, fcntl(ends[0], F_GETPIPE_SZ), pipes[i].real_size);
	for (int e = 0; e < 2; e++) {
		expect((fcntl(ends[e], F_GETFL) & (O_NONBLOCK | O_ACCMODE)) ==
			       ((pipes[i].flags & O_NONBLOCK) | (e ? O_WRONLY : O_RDONLY)),
		       "%s: flags", pipes[i].name);
		expect(!(fcntl(ends[e], F_GETFD) & FD_CLOEXEC) == !(pipes[i].flags & O_CLOEXEC),
		       "%s: close-on-exec", pipes[i].name);
	}
	expect(is_writable(i) == pipes[i].writable, "%s: room for more", pipes[i].name);
	if (bytes != (int)len)
		return;
	fx_fill(buffer, sizeof(buffer), 40 + i);
	drain(ends[0], now, len, pipes[i].name);
	expect(!memcmp(now, buffer, len), "%s: content", pipes[i].name);
	if (!fx_last())
		fill(i);
}

static void verify(void)
{
	for (size_t i = 0; i < FX_COUNT(pipes); i++)
		check_pipe(i);
}

const struct fixture fixture_pipe = {
	.name = "pipe",
	.about = "pipes of several sizes, empty, full, and between",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- full by many small writes: as many buffers as fit, most of each unused ---- */

static int slots[2], slot_bytes;

static void setup_slots(void)
{
	must(pipe2(slots, O_NONBLOCK | O_DIRECT)); /* packets are never merged */
	while (write(slots[1], "abc", 3) == 3)
		slot_bytes += 3;
	must(errno == EAGAIN ? 0 : -1);
}

static void verify_slots(void)
{
	char text[8];
	int seen = 0;

	expect(write(slots[1], "abc", 3) < 0 && errno == EAGAIN, "the pipe is not full any more");
	if (!fx_last())
		return;
	while (read(slots[0], text, sizeof(text)) == 3)
		seen += 3;
	expect_eq("bytes in small packets", seen, slot_bytes);
}

const struct fixture fixture_pipe_slots = {
	.name = "pipe_slots",
	.about = "a pipe full of three-byte packets",
	.setup = setup_slots,
	.verify = verify_slots,
	.flags = FX_ROUNDS,
};

/* ---- packet mode: borders of messages ---- */

static const int packets[] = {1, 10, 4096, 3, 100, 4000};
static int packet_ends[2];

static void send_packets(void)
{
	for (size_t i = 0; i < FX_COUNT(packets); i++) {
		fx_fill(buffer, sizeof(buffer), 60 + i);
		must(write(packet_ends[1], buffer, packets[i]) == packets[i] ? 0 : -1);
	}
}

static void setup_packet(void)
{
	must(pipe2(packet_ends, O_DIRECT | O_NONBLOCK));
	send_packets();
}

static void verify_packet(void)
{
	static char now[8192];
	ssize_t n;

	expect(fcntl(packet_ends[1], F_GETFL) & O_DIRECT, "packet mode is lost");
	for (size_t i = 0; i < FX_COUNT(packets); i++) {
		fx_fill(buffer, sizeof(buffer), 60 + i);
		n = read(packet_ends[0], now, sizeof(now));
		expect(n == packets[i], "packet %zu has %zd bytes, had %d", i, n, packets[i]);
		expect(n < 0 || !memcmp(now, buffer, n), "content of packet %zu", i);
	}
	expect(read(packet_ends[0], now, 1) < 0, "a packet too many");
	if (!fx_last())
		send_packets();
}

const struct fixture fixture_pipe_packet = {
	.name = "pipe_packet",
	.about = "messages in a pipe in packet mode",
	.setup = setup_packet,
	.verify = verify_packet,
	.flags = FX_ROUNDS,
};

/* ---- closed ends ---- */

static int no_writer, no_reader;

static void setup_closed(void)
{
	int ends[2];

	must(pipe(ends));
	must(write(ends[1], "last words", 10));
	no_writer = ends[0];
	close(ends[1]);
	must(pipe(ends));
	no_reader = ends[1];
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
}

static void verify_closed(void)
{
	struct pollfd pfd = {no_reader, POLLOUT, 0};
	char text[16];

	expect(write(no_reader, "x", 1) < 0 && errno == EPIPE, "writing without a reader");
	expect(poll(&pfd, 1, 0) == 1 && pfd.revents & POLLERR, "poll without a reader: %x",
	       pfd.revents);
	pfd = (struct pollfd){no_writer, POLLIN, 0};
	expect(poll(&pfd, 1, 0) == 1 && pfd.revents & POLLHUP, "poll without a writer: %x",
	       pfd.revents);
	if (!fx_last())
		return;
	expect(read(no_writer, text, 16) == 10 && !memcmp(text, "last words", 10), "last content");
	expect(read(no_writer, text, 16) == 0, "end of file");
}

const struct fixture fixture_pipe_closed = {
	.name = "pipe_closed",
	.about = "pipes with one end closed",
	.setup = setup_closed,
	.verify = verify_closed,
	.flags = FX_ROUNDS,
};

/* ---- ends in different processes ---- */

static int down[2], up[2];

static void setup_filter(void)
{
	close(down[1]);
	close(up[0]);
}

/* Adds one to each byte of a round: what was in the pipe before, then what comes. */
static void verify_filter(void)
{
	char text[16];

	drain(down[0], text, 8, "child");
	for (int i = 0; i < 8; i++)
		text[i]++;
	expect(write(up[1], text, 8) == 8, "write: %s", strerror(errno));
	if (fx_last())
		expect(read(down[0], text, 1) == 0, "end of file in the child");
}

static void setup_between(void)
{
	must(pipe(down));
	must(pipe(up));
	fx_child("filter", setup_filter, verify_filter);
	close(down[0]);
	close(up[1]);
	must(write(down[1], "0123", 4));
}

static void verify_between(void)
{
	char text[16] = "";

	expect(write(down[1], "4567", 4) == 4, "write: %s", strerror(errno));
	drain(up[0], text, 8, "parent");
	expect(!memcmp(text, "12345678", 8), "the child answered %s", text);
	if (fx_last())
		close(down[1]);
	else
		must(write(down[1], "0123", 4));
}

const struct fixture fixture_pipe_between = {
	.name = "pipe_between",
	.about = "pipes between parent and child, and the end of file",
	.setup = setup_between,
	.verify = verify_between,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- an end opened again through /proc: another file on the same pipe ---- */

static int again[2], reopened;

static void setup_again(void)
{
	char path[64];

	must(pipe(again));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", again[0]);
	reopened = must(open(path, O_RDONLY | O_NONBLOCK));
	must(write(again[1], "abc", 3));
}

static void verify_again(void)
{
	char c = 0;

	expect(!(fcntl(again[0], F_GETFL) & O_NONBLOCK), "flags of the first");
	expect(fcntl(reopened, F_GETFL) & O_NONBLOCK, "flags of the second");
	expect(read(reopened, &c, 1) == 1 && c == 'a', "read through the second: %c", c);
	expect(read(again[0], &c, 1) == 1 && c == 'b', "read through the first: %c", c);
	expect(read(reopened, &c, 1) == 1 && c == 'c', "read through the second: %c", c);
	expect(read(reopened, &c, 1) < 0 && errno == EAGAIN, "there is more");
	must(write(again[1], "abc", 3));
}

const struct fixture fixture_pipe_reopened = {
	.name = "pipe_reopened",
	.about = "the reading end of a pipe, opened twice",
	.setup = setup_again,
	.verify = verify_again,
	.flags = FX_ROUNDS,
};

/* ---- fifos ---- */

static int fifo_in, fifo_out, fifo_both, fifo_alone, fifo_left;

static void setup_fifo(void)
{
	int fd;

	must(mkfifo(fx_path("fifo"), 0600));
	must(mkfifo(fx_path("both"), 0600));
	must(mkfifo(fx_path("alone"), 0600));
	must(mkfifo(fx_path("left"), 0600));
	fifo_in = must(open(fx_path("fifo"), O_RDONLY | O_NONBLOCK));
	fifo_out = must(open(fx_path("fifo"), O_WRONLY));
	fifo_both = must(open(fx_path("both"), O_RDWR | O_NOFOLLOW));
	fifo_alone = must(open(fx_path("alone"), O_RDONLY | O_NONBLOCK));
	fd = must(open(fx_path("left"), O_RDONLY | O_NONBLOCK));
	fifo_left = must(open(fx_path("left"), O_WRONLY));
	must(write(fifo_left, "left", 4));
	close(fd);
	must(fcntl(fifo_out, F_SETPIPE_SZ, 1 << 17));
	must(write(fifo_out, "through the fifo", 16));
	must(write(fifo_both, "both", 4));
}

static void verify_fifo(void)
{
	char text[32] = "";
	struct stat st = {};
	int fd;

	expect(!fstat(fifo_in, &st) && S_ISFIFO(st.st_mode) && st.st_nlink == 1, "no fifo");
	expect_eq("O_NOFOLLOW", fcntl(fifo_both, F_GETFL) & O_NOFOLLOW, O_NOFOLLOW);
	expect_eq("size of the fifo", fcntl(fifo_in, F_GETPIPE_SZ), 1 << 17);
	expect(read(fifo_in, text, 32) == 16 && !memcmp(text, "through the fifo", 16),
	       "content of the fifo: %s", text);
	expect(read(fifo_both, text, 32) == 4 && !memcmp(text, "both", 4), "content of both");
	expect(read(fifo_alone, text, 32) == 0, "a fifo without a writer has content");
	fd = open(fx_path("alone"), O_WRONLY | O_NONBLOCK);
	expect(fd >= 0 && write(fd, "x", 1) == 1 && read(fifo_alone, text, 32) == 1,
	       "a new writer of the fifo: %s", strerror(errno));
	close(fd);
	fd = open(fx_path("left"), O_RDONLY | O_NONBLOCK);
	expect(fd >= 0 && read(fd, text, 32) == 4 && !memcmp(text, "left", 4), "content of one that has only a writer");
	must(write(fifo_left, "left", 4));
	close(fd);
	must(write(fifo_out, "through the fifo", 16));
	must(write(fifo_both, "both", 4));
}

const struct fixture fixture_pipe_fifo = {
	.name = "pipe_fifo",
	.about = "named fifos, with both ends, one, and both in one",
	.setup = setup_fifo,
	.verify = verify_fifo,
	.flags = FX_ROUNDS | FX_NESTED,
};
