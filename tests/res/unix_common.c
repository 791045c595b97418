// SPDX-License-Identifier: GPL-2.0-only
/* unix_common.c - what the fixtures of unix sockets share. */
#include <stdio.h>
#include <unistd.h>

#include "unix.h"

socklen_t un_address(struct sockaddr_un *a, const char *name)
{
	size_t len = strlen(name);

	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	if (!len)
		return sizeof(a->sun_family);
	memcpy(a->sun_path, name, len);
	if (name[0] != '@')
		return offsetof(struct sockaddr_un, sun_path) + len + 1;
	a->sun_path[0] = 0;
	return offsetof(struct sockaddr_un, sun_path) + len;
}

int un_bound(int type, const char *name)
{
	struct sockaddr_un a;
	socklen_t len = un_address(&a, name);
	int fd = must(socket(AF_UNIX, type, 0));

	must(bind(fd, (struct sockaddr *)&a, len));
	return fd;
}

int un_connected(int type, const char *name)
{
	struct sockaddr_un a;
	socklen_t len = un_address(&a, name);
	int fd = must(socket(AF_UNIX, type, 0));

	must(connect(fd, (struct sockaddr *)&a, len));
	return fd;
}

int un_option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	must(getsockopt(fd, SOL_SOCKET, name, &value, &len));
	return value;
}

void un_expect_name(const char *what, int fd, bool peer, const char *name)
{
	struct sockaddr_un a = {}, want;
	socklen_t len = sizeof(a), want_len = un_address(&want, name);

	if ((peer ? getpeername : getsockname)(fd, (struct sockaddr *)&a, &len))
		fx_fail("%s: name: %s", what, strerror(errno));
	else if (len != want_len || memcmp(a.sun_path, want.sun_path, len - sizeof(a.sun_family)))
		fx_fail("%s: %s is '%c%s' (%u bytes), not '%s'", what, peer ? "peer" : "name",
			a.sun_path[0] ? a.sun_path[0] : '@', a.sun_path + 1, len, name);
}

void un_expect_text(const char *what, int fd, const char *text)
{
	char buf[4096] = "";
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT | (fx_last() ? 0 : MSG_PEEK));

	if (n < 0)
		fx_fail("%s: %s, instead of '%s'", what, strerror(errno), text);
	else if (n != (ssize_t)strlen(text) || memcmp(buf, text, n))
		fx_fail("%s: '%s' (%zd bytes), not '%s'", what, buf, n, text);
}

void un_expect_nothing(const char *what, int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK);

	expect(n < 0 && errno == EAGAIN, "%s: there is something (%zd: %s)", what, n, strerror(errno));
}
