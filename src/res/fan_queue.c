// SPDX-License-Identifier: GPL-2.0-only
/* fan_queue.c - the events of a fanotify group: taken out, and lost in a way that its reader is told of. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "fanotify.h"
#include "log.h"

#ifndef SYS_fsopen
#define SYS_fsopen 430
#define SYS_fsconfig 431
#define SYS_fsmount 432
#endif
#define CONFIG_CREATE 6 /* FSCONFIG_CMD_CREATE */
#define EVENT_MAX 4096 /* bytes, and so not many descriptors */
#define TRIES 1000000 /* errors of a read; each takes an event out */

/* Events bring descriptors of files, and of who touched them. Returns how many there are in the buffer. */
static unsigned int close_all(const char *buf, ssize_t len)
{
	const struct fanotify_event_metadata *ev = (const void *)buf;
	unsigned int nr = 0;

	for (; FAN_EVENT_OK(ev, len); ev = FAN_EVENT_NEXT(ev, len), nr++) {
		if (ev->fd >= 0)
			close(ev->fd);
		for (size_t at = ev->metadata_len; at + sizeof(struct fanotify_event_info_pidfd) <= ev->event_len;) {
			const struct fanotify_event_info_pidfd *info = (const void *)((const char *)ev + at);

			if (info->hdr.info_type == FAN_EVENT_INFO_TYPE_PIDFD && info->pidfd >= 0)
				close(info->pidfd);
			if (!info->hdr.len)
				break;
			at += info->hdr.len;
		}
	}
	return nr;
}

/*
 * Takes out up to max events. A read that fails has taken one, too, unless the buffer was too small for
 * it (EINVAL) or there was none (EAGAIN).
 */
static int take(int fd, unsigned int max)
{
	char *buf _free_ = malloc(EVENT_MAX);
	size_t len = 0;

	if (!buf)
		return fail(-ENOMEM, "restore");
	for (unsigned int tries = 0; max && tries < TRIES; tries++) {
		size_t most = max < EVENT_MAX / FAN_EVENT_METADATA_LEN ? max * FAN_EVENT_METADATA_LEN : EVENT_MAX;
		ssize_t n;

		len = len > most ? len : most;
		n = read(fd, buf, len);
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno == EINVAL && len < EVENT_MAX) {
			len += sizeof(__u32); /* too short for the first one: never long enough for two */
			continue;
		}
		len = 0;
		max -= n > 0 ? close_all(buf, n) : 1;
	}
	return max ? fail(-EPROTO, "read fanotify events") : 0;
}

/* A reader that waits must not be we. */
static int take_nonblocking(int fd, unsigned int max)
{
	int flags = fcntl(fd, F_GETFL), err;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return fail(-errno, "read fanotify events");
	err = take(fd, max);
	if (fcntl(fd, F_SETFL, flags))
		return fail(-errno, "set the flags of a fanotify group");
	return err;
}

int fan_queue_drain(int fd)
{
	return take_nonblocking(fd, ~0u);
}

/* A directory of a file system that nobody else sees, and that ends with its descriptor. */
static int make_room(void)
{
	int ctx _close_ = syscall(SYS_fsopen, "tmpfs", 1 /* FSOPEN_CLOEXEC */), mount _close_ = -1, fd;

	if (ctx < 0 || syscall(SYS_fsconfig, ctx, CONFIG_CREATE, NULL, NULL, 0))
		return fail(-errno, "make a tmpfs of our own");
	mount = syscall(SYS_fsmount, ctx, 1 /* FSMOUNT_CLOEXEC */, 0);
	fd = mount < 0 ? -1 : openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? fail(-errno, "make a tmpfs of our own") : fd;
}

/* Each is another one: equal events become one. */
static int open_files(int room, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		char name[16];
		int fd;

		snprintf(name, sizeof(name), "%u", i);
		fd = openat(room, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			return fail(-errno, "make a file of our own");
		close(fd);
	}
	return 0;
}

static unsigned int read_max(void)
{
	FILE *f _fclose_ = fopen("/proc/sys/fs/fanotify/max_queued_events", "re");
	unsigned int max;

	return f && fscanf(f, "%u", &max) == 1 ? max : 0;
}

int fan_queue_overflow(int fd, const struct rec_fanotify *n)
{
	unsigned int max = read_max();
	int room _close_ = make_room(), err;

	if (room < 0)
		return room;
	if (!max)
		return fail(-EIO, "read fs.fanotify.max_queued_events");
	if (fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, room, NULL)) {
		if (errno != EXDEV)
			return fail(-errno, "have a fanotify group watch a directory of our own");
		warn("a fanotify group whose file system has no number of its own (FUSE) is not told that %u events are lost",
		     n->queued);
		return 0;
	}
	err = open_files(room, max + 1);
	if (fanotify_mark(fd, FAN_MARK_REMOVE, FAN_OPEN | FAN_EVENT_ON_CHILD, room, NULL) && !err)
		err = fail(-errno, "have a fanotify group not watch our own directory any more");
	return err ? err : take_nonblocking(fd, max); /* what is left says so */
}
