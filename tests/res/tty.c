// SPDX-License-Identifier: GPL-2.0-only
/* tty.c - pty pairs: modes, size, what is unread, sessions, hung up and locked ones. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../fixture.h"

#define TCGETS2_ 0x802c542a
#define TCSETS2_ 0x402c542b
#define BOTHER_	 0010000
#define LOWEST	 40 /* low numbers are everybody's: another test would have them at restore */

/* struct termios2 */
struct modes {
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line, cc[19];
	uint32_t ispeed, ospeed;
};

/* A pair with a number that others are not likely to want. */
static int open_master(int *index)
{
	int want = LOWEST + fx_now() / 1000 % 300, fd[512], nr = 0;

	do {
		fd[nr] = must(posix_openpt(O_RDWR | O_NOCTTY));
		must(ioctl(fd[nr], TIOCGPTN, index));
		nr++;
	} while (*index < want && nr < 500);
	for (int i = 0; i < nr - 1; i++)
		close(fd[i]);
	return fd[nr - 1];
}

static int open_pair(int *master, int *index)
{
	*master = open_master(index);
	must(unlockpt(*master));
	return must(ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
}

static void check_number(int master, int slave, int index)
{
	char name[64], want[64];
	struct stat st = {};
	int n = -1;

	snprintf(want, sizeof(want), "/dev/pts/%d", index);
	ioctl(master, TIOCGPTN, &n);
	expect_eq("number of the pair", n, index);
	if (slave < 0)
		return;
	expect(!ttyname_r(slave, name, sizeof(name)) && !strcmp(name, want), "slave is %s, was %s", name, want);
	fstat(slave, &st);
	expect_eq("its device", st.st_rdev, makedev(136, index));
}

static void set(int fd, struct modes *m)
{
	must(ioctl(fd, TCSETS2_, m));
	must(ioctl(fd, TCGETS2_, m));
}

static void check_modes(int fd, const struct modes *want)
{
	struct modes have = {};

	expect(!ioctl(fd, TCGETS2_, &have), "TCGETS2: %s", strerror(errno));
	expect(!memcmp(&have, want, sizeof(have)), "modes are %o %o %o %o %u %u, were %o %o %o %o %u %u", have.iflag, have.oflag,
	       have.cflag, have.lflag, have.ispeed, have.ospeed, want->iflag, want->oflag, want->cflag, want->lflag,
	       want->ispeed, want->ospeed);
}

static void check_size(int fd, int rows, int cols)
{
	struct winsize w = {};

	ioctl(fd, TIOCGWINSZ, &w);
	expect(w.ws_row == rows && w.ws_col == cols && w.ws_xpixel == 3 && w.ws_ypixel == 4, "size is %dx%d (%d, %d), was %dx%d",
	       w.ws_row, w.ws_col, w.ws_xpixel, w.ws_ypixel, rows, cols);
}

static void type(int master, const char *text, size_t len)
{
	must(write(master, text, len) == (ssize_t)len ? 0 : -1);
}

/* Until the line discipline has taken everything in: that is a kernel thread's work. */
static void await_unread(int fd, int want)
{
	int n = -1;

	for (int i = 0; i < 400 && n != want; i++) {
		must(ioctl(fd, FIONREAD, &n));
		fx_nap();
	}
	if (n != want)
		fx_die("%d bytes to read instead of %d", n, want);
}

static void expect_unread(const char *what, int fd, int want)
{
	int n = -1;

	ioctl(fd, FIONREAD, &n);
	expect_eq(what, n, want);
}

static void expect_read(const char *what, int fd, const char *want, size_t len)
{
	char buf[8192];
	ssize_t n = 0, more;

	while (n < (ssize_t)len) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, 3000) != 1 || (more = read(fd, buf + n, len - n)) <= 0)
			break;
		n += more;
	}
	expect(n == (ssize_t)len && !memcmp(buf, want, len), "%s: %zd bytes \"%.*s\", not \"%.*s\"", what, n, (int)n, buf,
	       (int)len, want);
}

static void expect_eof(const char *what, int fd)
{
	char c;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	expect(poll(&p, 1, 3000) == 1 && !read(fd, &c, 1), "%s: no end of file", what);
}

/* ---- lines ---- */

static int master, slave, second, number;
static struct modes modes;

static void setup_lines(void)
{
	struct winsize w = { 31, 97, 3, 4 };

	slave = open_pair(&master, &number);
	must(ioctl(slave, TCGETS2_, &modes));
	modes.lflag &= ~ECHO;
	modes.cc[VEOL] = ';';
	modes.cc[VERASE] = 'Q';
	modes.cflag = (modes.cflag & ~CBAUD) | BOTHER_ | B57600 << 16;
	modes.ospeed = 12345;
	set(slave, &modes);
	must(ioctl(slave, TIOCSWINSZ, &w));
	/* a line, one that ends in another way, an empty end of file, a new line that is none, a part */
	type(master, "first\nsec;\004\026\nmid\ntail\026\004Qlef", 27);
	must(write(slave, "out\tput\n", 8));
	await_unread(master, 9);
	await_unread(slave, 15);
}

static void verify_lines(void)
{
	check_number(master, slave, number);
	check_modes(slave, &modes);
	check_modes(master, &modes);
	check_size(slave, 31, 97);
	expect_unread("input in lines", slave, 15);
	expect_unread("output", master, 9);
	if (!fx_last())
		return;
	expect_read("output", master, "out\tput\r\n", 9);
	expect_read("first line", slave, "first\n", 6);
	expect_read("second line", slave, "sec;", 4);
	expect_eof("between the lines", slave);
	expect_read("third line", slave, "\nmid\n", 5);
	/* Q erased the end of file that ^V had made a character; the next erases more */
	type(master, "Qt!\n", 4);
	expect_read("the line that was being typed", slave, "taillet!\n", 9);
	/* the column goes on: a tab is as wide as the last line left it */
	must(write(slave, "x", 1));
	expect_read("further output", master, "x", 1);
}

const struct fixture fixture_tty_lines = {
	.name = "tty_lines",
	.about = "a pty with unread lines, an unfinished one, output, modes and size",
	.setup = setup_lines,
	.verify = verify_lines,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- bytes ---- */

static void setup_bytes(void)
{
	slave = open_pair(&master, &number);
	second = must(ioctl(master, TIOCGPTPEER, O_RDONLY | O_NOCTTY | O_NONBLOCK));
	must(ioctl(slave, TCGETS2_, &modes));
	modes.iflag = IGNPAR;
	modes.oflag = 0;
	modes.lflag = 0;
	modes.cc[VMIN] = 3;
	modes.cc[VTIME] = 7;
	set(slave, &modes);
	must(ioctl(master, TIOCSWINSZ, &(struct winsize){ 5, 6, 3, 4 }));
	must(fchown(slave, 7, 8));
	must(fchmod(slave, 0604));
	type(master, "a\0\377\004\n\003\032\021\023z", 10);
	must(write(slave, "\0\1\2\n", 4));
	await_unread(slave, 10);
	await_unread(master, 4);
}

static void verify_bytes(void)
{
	struct stat st = {};

	check_number(master, second, number);
	check_modes(second, &modes);
	check_size(master, 5, 6);
	fstat(slave, &st);
	expect(st.st_uid == 7 && st.st_gid == 8 && (st.st_mode & 07777) == 0604, "owner and mode are %u:%u %o", st.st_uid,
	       st.st_gid, st.st_mode);
	expect_eq("flags of the second one", fcntl(second, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY | O_NONBLOCK);
	expect_unread("input", slave, 10);
	expect_unread("output", master, 4);
	if (!fx_last())
		return;
	expect_read("input", second, "a\0\377\004\n\003\032\021\023z", 10);
	expect_read("output", master, "\0\1\2\n", 4);
	type(master, "more", 4);
	expect_read("further input", slave, "more", 4);
}

const struct fixture fixture_tty_bytes = {
	.name = "tty_bytes",
	.about = "a pty in raw mode, its slave opened twice, owned by somebody, with unread bytes",
	.setup = setup_bytes,
	.verify = verify_bytes,
	.flags = FX_ROUNDS,
};

/* ---- as much as there is room for ---- */

static int full_in, full_out;

/* The kernel's buffers are as large as what is written at once: how much there is room for depends on it. */
static int fill(int fd, unsigned char seed, size_t chunk)
{
	unsigned char buf[1000];
	int total = 0, tries = 0;
	ssize_t n;

	must(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK));
	while (tries < 20) {
		for (size_t i = 0; i < chunk; i++)
			buf[i] = seed + (total + i) * 7 % 251;
		n = write(fd, buf, chunk);
		if (n > 0) {
			total += n;
		} else {
			tries++;
			fx_nap();
		}
	}
	return total;
}

static void drain(const char *what, int fd, unsigned char seed, int want)
{
	unsigned char c;
	int n = 0;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (; poll(&p, 1, 300) == 1 && read(fd, &c, 1) == 1; n++)
		if (c != (unsigned char)(seed + n * 7 % 251)) {
			fx_fail("%s: byte %d is %d", what, n, c);
			return;
		}
	expect_eq(what, n, want);
}

static void setup_full(void)
{
	slave = open_pair(&master, &number);
	must(ioctl(slave, TCGETS2_, &modes));
	modes.iflag = modes.oflag = modes.lflag = 0;
	set(slave, &modes);
	full_in = fill(master, 1, 64);
	full_out = fill(slave, 2, 1000);
	if (full_in < 4096 || full_out < 4096)
		fx_die("it holds only %d and %d bytes", full_in, full_out);
}

static void verify_full(void)
{
	check_modes(slave, &modes);
	expect_unread("input", slave, 4095); /* n_tty keeps one free */
	if (!fx_last())
		return;
	drain("input", slave, 1, full_in);
	drain("output", master, 2, full_out);
}

const struct fixture fixture_tty_full = {
	.name = "tty_full",
	.about = "a pty that is full in both directions",
	.setup = setup_full,
	.verify = verify_full,
	.flags = FX_ROUNDS,
};

/* ---- masters alone ---- */

static int locked, left, locked_number, left_number;

static void setup_alone(void)
{
	int gone;

	locked = open_master(&locked_number);
	must(ioctl(locked, TIOCSWINSZ, &(struct winsize){ 9, 8, 3, 4 }));
	gone = open_pair(&left, &left_number);
	must(write(gone, "last words\n", 11));
	await_unread(left, 12);
	close(gone);
	master = open_master(&number);
	must(unlockpt(master));
	type(master, "early\n", 6);
	expect_read("echo", master, "early\r\n", 7);
}

static void verify_alone(void)
{
	struct pollfd p = { .fd = left, .events = POLLIN };
	int lock = -1;
	char c;

	check_number(locked, -1, locked_number);
	check_number(left, -1, left_number);
	check_number(master, -1, number);
	check_size(locked, 9, 8);
	ioctl(locked, TIOCGPTLCK, &lock);
	expect_eq("lock", lock, 1);
	ioctl(master, TIOCGPTLCK, &lock);
	expect_eq("lock of the other", lock, 0);
	p.fd = locked;
	expect(poll(&p, 1, 0) == 0, "one that nobody has opened says %#x", p.revents);
	p.fd = left;
	expect(poll(&p, 1, 0) == 1 && p.revents & POLLHUP, "one that was left says %#x", p.revents);
	if (!fx_last())
		return;
	expect_read("last words", left, "last words\r\n", 12);
	expect(read(left, &c, 1) < 0 && errno == EIO, "reading on gives %s", strerror(errno));
	slave = must(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
	expect_read("what was typed before", slave, "early\n", 6);
}

const struct fixture fixture_tty_alone = {
	.name = "tty_alone",
	.about = "masters: one locked, one whose slave was closed, one whose slave nobody has opened yet",
	.setup = setup_alone,
	.verify = verify_alone,
	.flags = FX_ROUNDS,
};

/* ---- hung up ---- */

static int orphan, orphan_number, revoked;

static void setup_hung(void)
{
	int gone;

	orphan = open_pair(&gone, &orphan_number);
	close(gone);
	revoked = open_pair(&master, &number);
	must(ioctl(revoked, 0x5437 /* TIOCVHANGUP */));
	slave = must(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
	must(write(slave, "on", 2));
	await_unread(master, 2);
}

static void verify_hung(void)
{
	struct stat st = {};
	struct modes m;
	char c;

	fstat(orphan, &st);
	expect_eq("device of the orphan", st.st_rdev, makedev(136, orphan_number));
	expect(!read(orphan, &c, 1), "the orphan has something to read");
	expect(write(orphan, "x", 1) < 0 && errno == EIO, "the orphan can be written");
	expect(ioctl(revoked, TCGETS2_, &m) < 0 && errno == EIO, "the revoked one answers");
	expect(!ioctl(slave, TCGETS2_, &m), "the new one: %s", strerror(errno));
	check_number(master, slave, number);
	expect_unread("output", master, 2);
	if (fx_last())
		expect_read("output", master, "on", 2);
}

const struct fixture fixture_tty_hung = {
	.name = "tty_hung",
	.about = "slaves that were hung up: by the end of their master, by vhangup(2)",
	.setup = setup_hung,
	.verify = verify_hung,
	.flags = FX_ROUNDS,
};

/* ---- stopped, packets, exclusive ---- */

static int soft_master, soft, soft_number;

static void setup_flow(void)
{
	slave = open_pair(&master, &number);
	must(ioctl(master, TIOCPKT, &(int){ 1 }));
	must(ioctl(slave, TCXONC, TCOOFF));
	must(ioctl(slave, TIOCEXCL));
	soft = open_pair(&soft_master, &soft_number);
	type(soft_master, "ab\n", 3);
	expect_read("echo", soft_master, "ab\r\n", 4);
	type(soft_master, "\023", 1);
	for (int i = 0; i < 400; i++) {
		struct pollfd p = { .fd = soft, .events = POLLOUT };

		if (poll(&p, 1, 0) == 0 || !(p.revents & POLLOUT))
			return;
		fx_nap();
	}
	fx_die("^S does not stop it");
}

static void verify_flow(void)
{
	struct pollfd out[2] = { { .fd = slave, .events = POLLOUT }, { .fd = soft, .events = POLLOUT } };
	int on = 0;
	char c = -1;

	poll(out, 2, 0);
	expect(!(out[0].revents & POLLOUT), "TCOOFF is over");
	expect(!(out[1].revents & POLLOUT), "^S is over");
	ioctl(master, TIOCGPKT, &on);
	expect_eq("packet mode", on, 1);
	on = 0;
	ioctl(slave, TIOCGEXCL, &on);
	expect_eq("exclusive", on, 1);
	if (!fx_last())
		return;
	expect(read(master, &c, 1) == 1 && c == TIOCPKT_STOP, "the master is told %#x", c);
	must(ioctl(slave, TCXONC, TCOON));
	expect(read(master, &c, 1) == 1 && c == TIOCPKT_START, "then %#x", c);
	expect_read("input", soft, "ab\n", 3);
	type(soft_master, "\021", 1);
	must(write(soft, "go", 2));
	expect_read("output goes on with ^Q", soft_master, "go", 2);
}

const struct fixture fixture_tty_flow = {
	.name = "tty_flow",
	.about = "output stopped by TCOOFF, told in packet mode, and by ^S; exclusive",
	.setup = setup_flow,
	.verify = verify_flow,
	.flags = FX_ROUNDS,
};

/* ---- many ---- */

static struct { int master, slave, number; } many[100];

/* Every third one is closed again, so that their numbers have gaps. */
static void setup_many(void)
{
	int low[LOWEST + 300], nr = 0, first;

	/* all at the side of one that is out of the way, and not each by a search for it */
	many[0].slave = open_pair(&many[0].master, &first);
	close(many[0].slave);
	close(many[0].master);
	for (int n = -1; n < first - 1 && nr < LOWEST + 300; nr++) {
		low[nr] = must(posix_openpt(O_RDWR | O_NOCTTY));
		must(ioctl(low[nr], TIOCGPTN, &n));
	}
	for (size_t i = 0; i < FX_COUNT(many); i++) {
		many[i].master = must(posix_openpt(O_RDWR | O_NOCTTY));
		must(unlockpt(many[i].master));
		must(ioctl(many[i].master, TIOCGPTN, &many[i].number));
		many[i].slave = must(ioctl(many[i].master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
		must(ioctl(many[i].master, TIOCSWINSZ, &(struct winsize){ i, 2 * i, 3, 4 }));
	}
	while (nr)
		close(low[--nr]);
	for (size_t i = 0; i < FX_COUNT(many); i += 3) {
		close(many[i].slave);
		close(many[i].master);
	}
}

static void verify_many(void)
{
	for (size_t i = 0; i < FX_COUNT(many); i++) {
		if (i % 3 == 0)
			continue;
		check_number(many[i].master, many[i].slave, many[i].number);
		check_size(many[i].slave, i, 2 * i);
	}
}

const struct fixture fixture_tty_many = {
	.name = "tty_many",
	.about = "many pairs, with gaps between their numbers",
	.setup = setup_many,
	.verify = verify_many,
};

/* ---- echoes that wait ---- */

static int full, full_master, full_number, mute, mute_master, mute_number;

static void setup_echo(void)
{
	/* by ^S: lines, one that is not finished, control characters; then what was typed is read */
	slave = open_pair(&master, &number);
	type(master, "\023", 1);
	fx_nap();
	type(master, "one\ntw\026\001\377o", 10);
	await_unread(slave, 4);
	/* by TCOOFF, and nothing is left to read of it; behind a flush of the input nothing would be */
	mute = open_pair(&mute_master, &mute_number);
	must(write(mute, "123", 3));
	await_unread(mute_master, 3);
	must(ioctl(mute, TCXONC, TCOOFF));
	type(mute_master, "gone\n", 5);
	await_unread(mute, 5);
	expect_read("input", mute, "gone\n", 5);
	/* as there is no more room */
	full = open_pair(&full_master, &full_number);
	must(ioctl(full, TCGETS2_, &modes));
	modes.oflag = 0;
	set(full, &modes);
	full_out = fill(full, 3, 64);
	type(full_master, "x\ny", 3);
	await_unread(full, 2);
}

static void verify_echo(void)
{
	expect_unread("input", slave, 4);
	expect_unread("output", master, 0);
	expect_unread("output of the other", mute_master, 3);
	if (!fx_last())
		return;
	type(master, "\021", 1);
	/* ^V shows a ^ that the next character takes the place of */
	expect_read("echo", master, "one\r\ntw^\b^A\377o", 13);
	expect_read("line", slave, "one\n", 4);
	type(master, "\n", 1);
	expect_read("the other line", slave, "tw\001\377o\n", 6);
	must(ioctl(mute, TCXONC, TCOON));
	/* the next one to write finds them */
	must(write(mute, "x", 1));
	expect_read("echo of what was read", mute_master, "123gone\r\nx", 10);
	drain("output", full_master, 3, full_out);
	type(full_master, "z", 1);
	expect_read("echo behind it", full_master, "x\nyz", 4);
}

const struct fixture fixture_tty_echo = {
	.name = "tty_echo",
	.about = "echoes that find no way out: output is stopped, or full",
	.setup = setup_echo,
	.verify = verify_echo,
	.flags = FX_ROUNDS,
};

/* ---- a session ---- */

static int own_tty;

static pid_t foreground(int fd)
{
	pid_t pgrp = 0;

	ioctl(fd, TIOCGPGRP, &pgrp);
	return pgrp;
}

static void setup_job(void)
{
	must(setpgid(0, 0));
	close(master);
}

static void verify_job(void)
{
	expect_eq("foreground group, as the job sees it", foreground(slave), getpgrp());
	expect_eq("by /dev/tty", foreground(own_tty), getpgrp());
	expect_eq("session of the terminal", tcgetsid(slave), getsid(0));
}

static void setup_stranger(void)
{
	close(master);
	must(ioctl(slave, TIOCNOTTY));
}

static void verify_stranger(void)
{
	int fd = open("/dev/tty", O_RDWR);

	expect(fd < 0 && errno == ENXIO, "it has a controlling terminal");
	if (fd >= 0)
		close(fd);
}

static pid_t job;

static void setup_leader(void)
{
	must(setsid());
	must(ioctl(slave, TIOCSCTTY, 0));
	own_tty = must(open("/dev/tty", O_RDWR | O_NONBLOCK));
	job = fx_child("job", setup_job, verify_job);
	fx_child("stranger", setup_stranger, verify_stranger);
	signal(SIGTTOU, SIG_IGN);
	must(tcsetpgrp(slave, job));
	close(master);
}

static void verify_leader(void)
{
	char name[64], path[64];
	int fd = open("/dev/tty", O_RDWR);

	expect(fd >= 0, "/dev/tty: %s", strerror(errno));
	expect_eq("foreground group", foreground(slave), job);
	expect_eq("by /dev/tty", foreground(own_tty), job);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", own_tty);
	expect(readlink(name, path, sizeof(path)) == 8 && !memcmp(path, "/dev/tty", 8), "its path is %.8s", path);
	expect_eq("flags of /dev/tty", fcntl(own_tty, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR | O_NONBLOCK);
	if (fd >= 0)
		close(fd);
}

static void setup_session(void)
{
	slave = open_pair(&master, &number);
	fx_child("leader", setup_leader, verify_leader);
}

static void verify_session(void)
{
	int fd = open("/dev/tty", O_RDWR);

	expect(fd < 0, "who has only opened it has it as controlling terminal");
	check_number(master, slave, number);
}

const struct fixture fixture_tty_session = {
	.name = "tty_session",
	.about = "a session on a pty: leader, foreground job, one without a terminal, /dev/tty",
	.setup = setup_session,
	.verify = verify_session,
	.flags = FX_ROUNDS | FX_NESTED,
};
