// SPDX-License-Identifier: GPL-2.0-only
/* listen_socket.c - a socket that listens where a user said. */
#include "listen_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"

/* A socket file that nobody listens at any more is in the way. */
static void remove_stale(const struct sockaddr_un *at)
{
	int fd _close_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	if (fd >= 0 && !lstat(at->sun_path, &st) && S_ISSOCK(st.st_mode) &&
	    connect(fd, (const struct sockaddr *)at, sizeof(*at)) && errno == ECONNREFUSED)
		unlink(at->sun_path);
}

/* Whoever reaches the directory may ask, as whoever reaches a port: umask(2) would have root's alone. */
static int open_to_all(const struct sockaddr *at)
{
	return at->sa_family == AF_UNIX ? chmod(((const struct sockaddr_un *)at)->sun_path, 0666) : 0;
}

static int listen_at(const struct sockaddr *at, socklen_t len)
{
	int fd _close_ = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int yes = 1;

	if (fd < 0)
		return -errno;
	if (at->sa_family == AF_UNIX)
		remove_stale((const struct sockaddr_un *)at);
	else
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, at, len) || open_to_all(at) || listen(fd, LISTEN_CLIENTS))
		return -errno;
	return take_fd(&fd);
}

static int listen_unix(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (!*path || strlen(path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	strcpy(at.sun_path, path);
	return listen_at((struct sockaddr *)&at, sizeof(at));
}

/* "9435", "127.0.0.1:9435", "[::1]:9435"; names are not looked up. */
static int listen_inet(const char *where)
{
	const char *colon = strrchr(where, ':'), *digits = colon ? colon + 1 : where;
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	size_t len = colon ? colon - where : 0;
	char host[64] = "127.0.0.1", *end;
	unsigned long port = strtoul(digits, &end, 10);

	if (*digits < '0' || *digits > '9' || *end || port > 65535 || len >= sizeof(host))
		return -EINVAL;
	if (colon) {
		memcpy(host, where, len);
		host[len] = 0;
	}
	v4.sin_port = v6.sin6_port = htons(port);
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
		return listen_at((struct sockaddr *)&v4, sizeof(v4));
	if (len < 2 || *host != '[' || host[len - 1] != ']')
		return -EINVAL;
	host[len - 1] = 0;
	if (inet_pton(AF_INET6, host + 1, &v6.sin6_addr) != 1)
		return -EINVAL;
	return listen_at((struct sockaddr *)&v6, sizeof(v6));
}

int listen_socket(const char *where)
{
	return strncmp(where, "unix:", 5) ? listen_inet(where) : listen_unix(where + 5);
}
