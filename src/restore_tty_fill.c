// SPDX-License-Identifier: GPL-2.0-only
/*
 * restore_tty_fill.c - what a pty pair holds: bytes that nobody has read, modes, flags.
 *
 * What the slave is to read is sent through its master, in modes in which nothing but line ends means
 * anything, and with echo on: the line discipline works in a kernel thread, and an echo tells that it has
 * taken a byte in. The echo is read off again. What the master is to read comes last, from the slave.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "restore.h"
#include "restore_tty.h"
#include "tty.h"

#define CHUNK 256u /* typed at once: its echo must find room, and so must the bytes */
#define WAIT_MS 5000
#define COLUMN_MAX 4096u
#define TCSETS2_ 0x402c542b
#define TIOCSLCKTRMIOS_ 0x5457

int pair_set_termios(const struct pair *p, const struct rec_termios *t)
{
	if (ioctl(p->slave >= 0 ? p->slave : p->master, TCSETS2_, t))
		return fail(-errno, "set the modes of terminal %.16s", p->s->name);
	return 0;
}

/* Take n bytes off the master that are no part of the image. */
static int read_off(const struct pair *p, unsigned int n)
{
	char buf[CHUNK];

	while (n) {
		struct pollfd ready = { .fd = p->master, .events = POLLIN };
		ssize_t got = poll(&ready, 1, WAIT_MS) == 1 ? read(p->master, buf, n < CHUNK ? n : CHUNK) : 0;

		if (got <= 0)
			return fail(got ? -errno : -ETIMEDOUT, "terminal %.16s does not answer", p->s->name);
		n -= got;
	}
	return 0;
}

/* Neither side is let wait for the other: what had found room finds it again, in a moment. */
static int put(const struct pair *p, int fd, const void *data, unsigned int n)
{
	const char *at = data;

	for (int i = 0; n; i++) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno != EAGAIN)
			return fail(-errno, "write %u bytes to terminal %.16s", n, p->s->name);
		if (done > 0) {
			n -= done;
			at += done;
		} else if (i > WAIT_MS) {
			return fail(-ETIMEDOUT, "terminal %.16s does not take %u bytes that it had", p->s->name, n);
		} else {
			nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
		}
	}
	return 0;
}

/* Modes in which a slave takes what it is sent as it is; of the image's only whether it is by lines. */
static struct rec_termios plain(const struct pair *p)
{
	const struct rec_tty *s = p->s;
	struct rec_termios t = s->termios;

	/* a stop by ^S is over when IXON is taken away */
	t.iflag = p->silent && s->flags & TTY_F_STOPPED ? IXON : 0;
	t.oflag = 0;
	t.lflag = (p->silent ? 0 : ECHO) | (s->flags & TTY_F_ICANON ? ICANON : 0);
	memset(t.cc, _POSIX_VDISABLE, sizeof(t.cc));
	t.cc[VMIN] = 1;
	return t;
}

/* ---- input of the slave ---- */

/* As if it came from the master, and taken in when this returns; since 6.2 only some may do that. */
static int simulate(const struct pair *p, const __u8 *data, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (ioctl(p->slave, TIOCSTI, data + i))
			return fail(-errno, "type into terminal %.16s behind its back (TIOCSTI; sysctl dev.tty.legacy_tiocsti)",
				    p->s->name);
	return 0;
}

static int type_bytes(const struct pair *p, const __u8 *data, unsigned int n)
{
	int err = 0;

	if (p->silent)
		return simulate(p, data, n);
	for (unsigned int at = 0; at < n && !err; at += CHUNK) {
		unsigned int len = n - at < CHUNK ? n - at : CHUNK;

		err = put(p, p->master, data + at, len) ?: read_off(p, len);
	}
	return err;
}

/* A line end that is none, as after ^V. */
static int type_literal(const struct pair *p, const struct rec_termios *plain, const __u8 *byte)
{
	struct rec_termios t = *plain;
	__u8 key = 026;

	t.lflag |= IEXTEN;
	t.cc[VLNEXT] = key;
	return pair_set_termios(p, &t) ?: (p->silent ? simulate(p, &key, 1) : put(p, p->master, &key, 1)) ?:
	       type_bytes(p, byte, 1) ?: pair_set_termios(p, plain);
}

/* An end of file has no echo; to print the line again, which is empty behind it, has one of two bytes. */
static int type_eof(const struct pair *p, const struct rec_termios *plain)
{
	static const __u8 keys[] = { 004, 022 };
	struct rec_termios t = *plain;

	t.lflag |= IEXTEN;
	t.cc[VEOF] = keys[0];
	t.cc[VREPRINT] = keys[1];
	return pair_set_termios(p, &t) ?:
	       (p->silent ? simulate(p, keys, 1) : put(p, p->master, keys, 2) ?: read_off(p, 2)) ?:
	       pair_set_termios(p, plain);
}

/* What ends a line, as n_tty.c leaves it in its buffer: a NUL for the end of file. */
static int type_end(const struct pair *p, const struct rec_termios *plain, const __u8 *byte)
{
	struct rec_termios t = *plain;

	if (*byte == '\n')
		return type_bytes(p, byte, 1);
	if (!*byte)
		return type_eof(p, plain);
	t.cc[VEOL] = *byte;
	return pair_set_termios(p, &t) ?: type_bytes(p, byte, 1) ?: pair_set_termios(p, plain);
}

static int type_input(const struct pair *p, const struct rec_tty_data *d)
{
	struct rec_termios t = plain(p);
	bool lines = t.lflag & ICANON;
	unsigned int from = 0;
	int err = pair_set_termios(p, &t);

	for (unsigned int i = 0; d && i < d->taken && !err; i++) {
		bool ends = lines && tty_ends_line(d, i), newline = lines && d->data[i] == '\n';

		if (!ends && !newline)
			continue;
		err = type_bytes(p, d->data + from, i - from);
		if (!err)
			err = ends ? type_end(p, &t, &d->data[i]) : type_literal(p, &t, &d->data[i]);
		from = i + 1;
	}
	return err || !d ? err : type_bytes(p, d->data + from, d->taken - from);
}

/* ---- output ---- */

/* Far to the right all columns are one but for what a tab makes of them. */
static unsigned int near(unsigned int column)
{
	return column < COLUMN_MAX ? column : COLUMN_MAX + column % 8;
}

/* The slave's discipline counts where its cursor is: move it there. A CR would reset canon_column, too. */
static int move_to(const struct pair *p, unsigned int from, unsigned int to)
{
	struct rec_termios t = plain(p);
	unsigned int left = from < to ? to - from : from - to;
	char text[CHUNK];
	int err;

	if (p->slave < 0 || !left)
		return 0;
	t.oflag = OPOST;
	memset(text, from < to ? ' ' : '\b', sizeof(text));
	err = pair_set_termios(p, &t);
	while (left && !err) {
		unsigned int len = left < CHUNK ? left : CHUNK;

		err = put(p, p->slave, text, len) ?: read_off(p, len);
		left -= len;
	}
	return err;
}

/*
 * What was not taken in, into buffers as large as they were: tty_buffer.c counts these, and a write that
 * finds no room in the last one makes another of its own size, which holds twice as much.
 */
static int write_pieces(const struct pair *p, int fd, const struct rec_tty_data *d)
{
	unsigned int at = d->taken;
	int err = 0;

	for (unsigned int i = 0; at < d->bytes && !err; i++) {
		unsigned int size = i / 2 < TTY_PIECES && d->pieces[i / 2] ? d->pieces[i / 2] : CHUNK;
		unsigned int n = d->bytes - at < size ? d->bytes - at : size;

		err = put(p, fd, d->data + at, n);
		at += n;
	}
	return err;
}

/* As the slave wrote it. */
static int write_output(const struct pair *p, const struct rec_tty_data *d)
{
	struct rec_termios t = plain(p);
	int err = d ? pair_set_termios(p, &t) : 0;

	/* in small buffers, so that none of them is left half full when it comes to the others */
	for (unsigned int at = 0; d && at < d->taken && !err; at += CHUNK)
		err = put(p, p->slave, d->data + at, d->taken - at < CHUNK ? d->taken - at : CHUNK);
	return err || !d ? err : write_pieces(p, p->slave, d);
}

/* ---- echoes that found no way out ---- */

/* What was typed is not to be read: it was before, or comes again as input. */
static int forget_input(const struct pair *p, unsigned int n)
{
	char buf[CHUNK];
	ssize_t got = n ? read(p->slave, buf, n) : 0;

	return got == (ssize_t)n ? 0 : fail(got < 0 ? -errno : -EIO, "take back what terminal %.16s was typed", p->s->name);
}

/* Output is stopped or full by now, so these stay; each is typed in the mode that shows it as it was. */
static int type_echoes(const struct pair *p, const struct rec_tty_echo *e)
{
	struct rec_termios t = plain(p);
	unsigned int typed = 0;
	int err = 0;

	for (unsigned int i = 0; i < e->bytes && !err; i++) {
		const __u8 *c = &e->data[i];
		bool special = *c == ECHO_START && i + 1 < e->bytes;

		if (special)
			c = &e->data[++i];
		t.lflag = ECHO | (special && *c != ECHO_START ? ECHOCTL : 0);
		err = pair_set_termios(p, &t) ?: simulate(p, c, 1);
		if (!err && ++typed == CHUNK) {
			err = forget_input(p, typed);
			typed = 0;
		}
	}
	return err ?: forget_input(p, typed);
}

/* ---- flags ---- */

static int flow(const struct pair *p, int fd, const struct rec_tty *t)
{
	struct rec_termios stop = plain(p);
	__u8 key = 023;

	if (!(t->flags & TTY_F_STOPPED))
		return 0;
	if (t->flags & TTY_F_TCO_STOPPED || t->side == TTY_IS_MASTER)
		return ioctl(fd, TCXONC, TCOOFF) ? fail(-errno, "stop terminal %.16s", t->name) : 0;
	/* as if ^S had been typed, which a ^Q ends */
	stop.iflag = IXON;
	stop.cc[VSTOP] = key;
	stop.cc[VSTART] = 021;
	if (pair_set_termios(p, &stop) || (p->silent ? simulate(p, &key, 1) : put(p, p->master, &key, 1)))
		return -EIO;
	for (int i = 0; i < WAIT_MS; i++) {
		struct pollfd out = { .fd = p->slave, .events = POLLOUT };

		if (!poll(&out, 1, 0) || !(out.revents & POLLOUT))
			return 0;
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
	return fail(-ETIMEDOUT, "stop terminal %.16s", t->name);
}

/* Packet mode, and what its reader is yet to be told: drivers/tty/pty.c sets these bits as it happens. */
static int packet(const struct pair *p)
{
	struct rec_termios t = p->s->termios;
	int on = 1, fd = p->slave, err = 0;
	__u32 want = p->s->pktstatus;

	if (!(p->m->flags & TTY_F_PACKET))
		return 0;
	if (ioctl(p->master, TIOCPKT, &on))
		return fail(-errno, "set terminal %.16s to packets", p->m->name);
	if (want & TIOCPKT_FLUSHREAD)
		err = ioctl(fd, TCFLSH, TCIFLUSH);
	if (want & TIOCPKT_FLUSHWRITE)
		err |= ioctl(fd, TCFLSH, TCOFLUSH);
	if (want & (TIOCPKT_NOSTOP | TIOCPKT_DOSTOP)) {
		t.iflag ^= IXON;
		err |= ioctl(fd, TCSETS2_, &t) || ioctl(fd, TCSETS2_, &p->s->termios);
	}
	if (want & TIOCPKT_IOCTL)
		err |= ioctl(fd, TCSETS2_, &p->s->termios);
	if (want & TIOCPKT_START)
		err |= ioctl(fd, TCXONC, TCOOFF) || ioctl(fd, TCXONC, TCOON);
	return err ? fail(-errno, "bring terminal %.16s to its state of packet mode", p->m->name) : 0;
}

static int lock_modes(const struct pair *p)
{
	static const struct rec_termios none;
	struct termios t = {};

	if (!memcmp(&p->s->locked, &none, sizeof(none)))
		return 0;
	/* struct termios of the kernel: what rec_termios begins with */
	memcpy(&t, &p->s->locked, offsetof(struct rec_termios, ispeed));
	return ioctl(p->slave >= 0 ? p->slave : p->master, TIOCSLCKTRMIOS_, &t) ?
		       fail(-errno, "lock the modes of terminal %.16s", p->s->name) : 0;
}

static int set_flags(const struct pair *p)
{
	int lock = p->m->flags & TTY_F_LOCKED ? 1 : 0;

	if ((p->m->flags & TTY_F_EXCLUSIVE && ioctl(p->master, TIOCEXCL)) ||
	    (p->s->flags & TTY_F_EXCLUSIVE && ioctl(p->slave, TIOCEXCL)))
		return fail(-errno, "make terminal %.16s exclusive", p->s->name);
	return lock && ioctl(p->master, TIOCSPTLCK, &lock) ? fail(-errno, "lock terminal %.16s", p->s->name) : 0;
}

/* The next character means itself: ^V has been typed. */
static int literal_next(const struct pair *p)
{
	__u8 key = p->s->termios.cc[VLNEXT];

	return p->s->flags & TTY_F_LNEXT ? put(p, p->master, &key, 1) : 0;
}

/* Stops that were told in packet mode are told again, so they come behind it; the others before. */
static int finish(const struct pair *p, const struct rec_tty_data *in)
{
	bool told = p->m->flags & TTY_F_PACKET && p->s->pktstatus & TIOCPKT_STOP;
	int err = told || p->silent ? 0 : flow(p, p->slave, p->s);

	err = err ?: pair_set_termios(p, &p->s->termios);
	if (!err && in) /* it has no room for these, now as then */
		err = write_pieces(p, p->master, in);
	err = err ?: literal_next(p) ?: packet(p);
	if (!err && told)
		err = flow(p, p->slave, p->s) ?: pair_set_termios(p, &p->s->termios);
	return err ?: flow(p, p->master, p->m) ?: lock_modes(p) ?: set_flags(p);
}

/* With room for echoes: each byte that is typed has one. */
static int fill(const struct pair *p, const struct rec_tty_data *in, const struct rec_tty_data *out)
{
	unsigned int start = near(p->s->canon_column);

	return move_to(p, 0, start) ?: type_input(p, in) ?: move_to(p, start, near(p->s->column)) ?: write_output(p, out);
}

/* Without: output first, until nothing comes out; then echoes, and input without any. */
static int fill_silently(struct pair *p, const struct rec_tty_data *in, const struct rec_tty_data *out,
			 const struct rec_tty_echo *echo)
{
	int err = move_to(p, 0, near(p->s->column)) ?: write_output(p, out);

	p->silent = true;
	return err ?: flow(p, p->slave, p->s) ?: type_echoes(p, echo) ?: type_input(p, in);
}

int pair_fill(struct restore *r, struct pair *p)
{
	const struct rec_tty *s = p->s;
	const struct rec_tty_data *in = snap_find(&r->image.snap, REC_TTY_DATA, s->addr);
	const struct rec_tty_data *out = snap_find(&r->image.snap, REC_TTY_DATA, p->m->addr);
	const struct rec_tty_echo *echo = snap_find(&r->image.snap, REC_TTY_ECHO, s->addr);
	struct winsize size = { s->rows, s->cols, s->xpixel, s->ypixel };
	int flags = fcntl(p->master, F_GETFL), err;

	if (ioctl(p->master, TIOCSWINSZ, &size))
		return fail(-errno, "set the size of terminal %.16s", s->name);
	fcntl(p->master, F_SETFL, flags | O_NONBLOCK);
	err = echo ? fill_silently(p, in, out, echo) : fill(p, in, out);
	err = err ?: finish(p, in);
	fcntl(p->master, F_SETFL, flags);
	return err;
}
