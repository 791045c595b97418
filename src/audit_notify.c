// SPDX-License-Identifier: GPL-2.0-only
/* audit_notify.c - tell a service manager that the audit is ready and alive: sd_notify(3). */
#include "audit_notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

static void say(struct audit_notify *n, const char *text)
{
	if (n->socket >= 0)
		send(n->socket, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int on_event(struct audit_sink *s, const struct audit *a, const struct audit_event *e)
{
	struct audit_notify *n = (struct audit_notify *)s;

	say(n, e->type == AE_READY ? "READY=1\n" : "STOPPING=1\n");
	return 0;
}

/* Twice as often as is asked for; a tick is a second, so that is the shortest. */
static int on_tick(struct audit_sink *s, const struct audit *a)
{
	struct audit_notify *n = (struct audit_notify *)s;
	char text[128];

	if (n->watchdog_ns && a->now_ns >= n->last_ns + n->watchdog_ns / 2) {
		n->last_ns = a->now_ns;
		say(n, "WATCHDOG=1\n");
	}
	snprintf(text, sizeof(text), "STATUS=%zu tasks, %zu pid namespaces, %zu zombies, %llu events lost\n",
		 a->nr_tasks, a->nr_namespaces, a->nr_zombies, a->totals.lost);
	say(n, text);
	return 0;
}

static int connect_to(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd;

	if (len < 2 || len >= sizeof(to.sun_path) || (*path != '/' && *path != '@')) {
		warn("NOTIFY_SOCKET=%s is no address of a socket", path);
		return -1;
	}
	memcpy(to.sun_path, path, len);
	if (*path == '@')
		to.sun_path[0] = 0; /* of the abstract name space */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (void *)&to, offsetof(struct sockaddr_un, sun_path) + len)) {
		warn("NOTIFY_SOCKET=%s: %s", path, strerror(errno));
		close(fd);
		fd = -1;
	}
	return fd;
}

/* $WATCHDOG_PID, when set, names whom it is meant for. */
static __u64 watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	return usec && (!pid || atoi(pid) == getpid()) ? strtoull(usec, NULL, 10) * 1000 : 0;
}

void audit_notify_open(struct audit_notify *n)
{
	const char *path = getenv("NOTIFY_SOCKET");

	*n = (struct audit_notify){ .socket = path ? connect_to(path) : -1 };
	if (n->socket < 0)
		return;
	n->watchdog_ns = watchdog();
	n->sink.event = on_event;
	n->sink.tick = on_tick;
	n->sink.types = 1u << AE_READY | 1u << AE_END;
}

void audit_notify_close(struct audit_notify *n)
{
	if (n->socket >= 0)
		close(n->socket);
}
