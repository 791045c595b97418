// SPDX-License-Identifier: GPL-2.0-only
/* terminal.c - a whole screen for a while: keys without echo, and everything as it was afterwards. */
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

/* xterm's other screen, without a cursor and without wrapped lines; and back. */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[0m\033[?1049l"

/* The one piece of state that signal handlers need: they have no argument. */
static struct {
	volatile sig_atomic_t fd; /* 0: nothing to give back */
	struct termios before;
} taken;

/* tcsetattr() and write() may be called by a handler: signal-safety(7). */
static void give_back(void)
{
	int fd = taken.fd;

	if (!fd)
		return;
	taken.fd = 0;
	if (write(fd, LEAVE, strlen(LEAVE)) < 0)
		return;
	tcsetattr(fd, TCSANOW, &taken.before);
}

static void on_signal(int signo)
{
	give_back();
	raise(signo); /* SA_RESETHAND: it ends the process now */
}

static void catch_ends(void)
{
	static const int ends[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE,
				    SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS, SIGALRM, SIGUSR1, SIGUSR2 };
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESETHAND | SA_NODEFER };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		sigaction(ends[i], &sa, NULL);
}

int terminal_open(struct terminal *t)
{
	static bool registered;
	struct termios raw;
	int err;

	t->fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (t->fd < 0)
		return fail(-errno, "a screen needs a terminal");
	if (tcgetattr(t->fd, &taken.before)) {
		err = fail(-errno, "read the settings of the terminal");
		cleanup_close(&t->fd);
		return err;
	}
	raw = taken.before;
	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* stopped, it would leave its screen behind */
	taken.fd = t->fd;
	if (!registered)
		atexit(give_back);
	registered = true;
	catch_ends();
	tcsetattr(t->fd, TCSANOW, &raw);
	terminal_resized(t);
	return terminal_write(t, ENTER, strlen(ENTER));
}

void terminal_close(struct terminal *t)
{
	if (t->fd < 0)
		return;
	give_back();
	cleanup_close(&t->fd);
	t->fd = -1;
}

int terminal_resized(struct terminal *t)
{
	struct winsize w = {};
	unsigned int columns = 80, lines = 24;

	if (!ioctl(t->fd, TIOCGWINSZ, &w) && w.ws_col && w.ws_row) {
		columns = w.ws_col;
		lines = w.ws_row;
	}
	if (columns == t->columns && lines == t->lines)
		return 0;
	t->columns = columns;
	t->lines = lines;
	return 1;
}

int terminal_write(const struct terminal *t, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(t->fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= n;
		}
	}
	return 0;
}

/* The rest of a sequence comes with its first byte; a lone escape is a key of its own. */
static int escape_key(struct terminal *t)
{
	char c[4] = {};
	int n = 0;

	while (n < 3 && read(t->fd, &c[n], 1) == 1) {
		n++;
		if (n > 1 && (c[n - 1] == '~' || (c[n - 1] >= 'A' && c[n - 1] <= 'Z')))
			break;
	}
	if (n < 2 || (c[0] != '[' && c[0] != 'O'))
		return n ? KEY_NONE : 27;
	switch (c[1]) {
	case 'A':
		return KEY_UP;
	case 'B':
		return KEY_DOWN;
	case 'C':
		return KEY_RIGHT;
	case 'D':
		return KEY_LEFT;
	case '5':
		return KEY_PAGE_UP;
	case '6':
		return KEY_PAGE_DOWN;
	case 'H':
	case '1':
		return KEY_HOME;
	case 'F':
	case '4':
		return KEY_END;
	default:
		return KEY_NONE;
	}
}

int terminal_key(struct terminal *t)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN };
	unsigned char c;

	if (poll(&p, 1, 0) != 1)
		return KEY_NONE;
	if (read(t->fd, &c, 1) != 1)
		return KEY_GONE; /* it could be read, and there is nothing */
	return c == 27 ? escape_key(t) : c ? c : KEY_NONE;
}
