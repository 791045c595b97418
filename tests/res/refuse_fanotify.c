// SPDX-License-Identifier: GPL-2.0-only
/* refuse_fanotify.c - groups of fanotify that can't be checkpointed. */
#include <fcntl.h>
#include <sched.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include "../fixture.h"

static int group(unsigned int flags)
{
	int fd = fanotify_init(flags | FAN_CLOEXEC, O_RDONLY);

	if (fd < 0)
		fx_skip("fanotify of flags %#x: %s", flags, strerror(errno));
	return fd;
}

static int touch(const char *name)
{
	return must(open(fx_path(name), O_CREAT | O_RDWR, 0644));
}

static void mark(int fd, unsigned int flags, uint64_t mask, const char *path)
{
	must(fanotify_mark(fd, FAN_MARK_ADD | flags, mask, AT_FDCWD, path));
}

static void setup_in_userns(void)
{
	must(unshare(CLONE_NEWUSER));
	mark(group(FAN_REPORT_FID), 0, FAN_OPEN, "/");
}

static void setup(void)
{
	int fd = group(FAN_CLASS_NOTIF), mounts = fanotify_init(0x4000 /* FAN_REPORT_MNT */, 0);

	mark(fd, 0, FAN_OPEN, "/proc/self");
	close(touch("ignored"));
	mark(fd, FAN_MARK_IGNORED_MASK, FAN_OPEN, fx_path("ignored"));
	touch("ignored");
	close(touch("deleted"));
	mark(fd, 0, FAN_OPEN, fx_path("deleted"));
	if (mounts >= 0) {
		mark(mounts, 0x110 /* FAN_MARK_MNTNS */, 0x01000000 /* FAN_MNT_ATTACH */, "/proc/self/ns/mnt");
		fx_mark("mounts");
	}
	if (!access(fx_path("mount"), F_OK))
		mark(fd, FAN_MARK_MOUNT, FAN_OPEN, fx_path("mount"));
	fx_child("userns", setup_in_userns, NULL);
}

const struct fixture fixture_refuse_fanotify = {
	.name = "refuse_fanotify",
	.about = "fanotify: marks that can't be found or made again, groups of a user namespace",
	.setup = setup,
	.flags = FX_LEAVE_ONLY,
};

/* ---- who opens "asked" has to wait for us ---- */

static void setup_asks(void)
{
	int fd = group(FAN_CLASS_CONTENT);

	close(touch("asked"));
	mark(fd, 0, FAN_OPEN_PERM, fx_path("asked"));
}

const struct fixture fixture_refuse_fanotify_asks = {
	.name = "refuse_fanotify_asks",
	.about = "fanotify: others wait for an answer",
	.setup = setup_asks,
	.flags = FX_LEAVE_ONLY,
};
