// SPDX-License-Identifier: GPL-2.0-only
/* tcp_order.c - segments of TCP that came before others that are missing: nobody has acknowledged them. */
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inet.h"

/*
 * The receiver has a filter that drops what begins with an 'A', again and again. What comes behind it waits
 * out of order, and the sender is told so (SACK). A restored receiver does not have it: RFC 2018, section 8,
 * has the sender keep what was not acknowledged in order, and it sends all of it again.
 */
enum { FIRST = 10, PARTS = 4, PART = 1000, ALL = FIRST + PARTS * PART };

static void drop_first(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 12), /* length of the header */
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 2),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_X, 0, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'A', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, -1),
	};
	struct sock_fprog prog = {FX_COUNT(code), code};

	must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
}

/* Each part in a segment of its own; until the sender knows that some have come, but not the first. */
static void send_parts(int fd)
{
	char part[PART];
	int yes = 1;

	must(setsockopt(fd, SOL_TCP, TCP_NODELAY, &yes, sizeof(yes)));
	memset(part, 'A', sizeof(part));
	must(send(fd, part, FIRST, 0));
	for (int i = 0; i < PARTS; i++) {
		memset(part, 'B' + i, sizeof(part));
		must(send(fd, part, PART, 0));
	}
	for (struct tcp_info info = {}; !info.tcpi_sacked; fx_nap()) {
		socklen_t len = sizeof(info);

		must(getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len));
	}
}

static void expect_parts(const char *what, int fd)
{
	char got[ALL + 1];
	size_t have = 0;
	int none = 0;

	expect(!setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none)), "%s: the filter is gone: %s", what,
	       strerror(errno));
	while (have < ALL) {
		struct pollfd p = {fd, POLLIN, 0};
		ssize_t n = poll(&p, 1, 30000) == 1 ? recv(fd, got + have, sizeof(got) - have, MSG_DONTWAIT) : -1;

		if (n <= 0)
			break;
		have += n;
	}
	expect_eq(what, have, ALL);
	for (size_t i = 0; i < have; i++) {
		char want = i < FIRST ? 'A' : 'B' + (i - FIRST) / PART;

		if (got[i] != want) {
			fx_fail("%s: byte %zu is %c, not %c", what, i, got[i], want);
			break;
		}
	}
}

static int receiver[2], sender;

static void serve_outside(void)
{
	int listener = must(socket(AF_INET, SOCK_STREAM, 0)), fd, file;
	union address is;
	char c;

	must(bind(listener, &loopback4.any, size_of(&loopback4)));
	must(listen(listener, 1));
	is = name_of(listener);
	file = must(open(fx_path("address"), O_CREAT | O_WRONLY, 0644));
	must(write(file, &is, sizeof(is)));
	close(file);
	fx_mark("listening");
	fd = must(accept(listener, NULL, NULL));
	must(read(fd, &c, 1));
	send_parts(fd);
	fx_mark("sent");
	must(read(fd, &c, 1) == 0 ? 0 : -1); /* its end, and no reset */
	fx_mark("ended");
}

static void setup_order(void)
{
	int listener = must(socket(AF_INET, SOCK_STREAM, 0));
	union address to;

	fx_await("listening");
	fx_read_file(fx_path("address"), &to, sizeof(to));
	receiver[0] = must(socket(AF_INET, SOCK_STREAM, 0));
	must(connect(receiver[0], &to.any, size_of(&to)));
	drop_first(receiver[0]);
	must(write(receiver[0], "x", 1));
	fx_await("sent");
	must(bind(listener, &loopback4.any, size_of(&loopback4)));
	must(listen(listener, 1));
	to = name_of(listener);
	sender = must(socket(AF_INET, SOCK_STREAM, 0));
	must(connect(sender, &to.any, size_of(&to)));
	receiver[1] = must(accept(listener, NULL, NULL));
	close(listener);
	drop_first(receiver[1]);
	send_parts(sender);
}

static void verify_order(void)
{
	if (!fx_last())
		return;
	expect_parts("from outside", receiver[0]);
	expect_parts("within the tree", receiver[1]);
	close(receiver[0]);
	fx_await("ended");
}

const struct fixture fixture_tcp_order = {
	.name = "tcp_order",
	.about = "TCP segments out of order, which the sender was told of: it has to send them again",
	.setup = setup_order,
	.verify = verify_order,
	.outside = serve_outside,
	.flags = FX_ROUNDS | FX_TCP,
};
