// SPDX-License-Identifier: GPL-2.0-only
/*
 * audit_ns.c - when pid namespaces end: told by a probe, or asked for by the kernel's own id.
 *
 * A namespace outlives its init and its members while a descriptor, a mount or a namespace below
 * holds it. Nothing tells of its end where no trampoline loads; since 6.18 a file handle of nsfs
 * opens as long as the namespace is there (fs/nsfs.c: nsfs_fh_to_dentry).
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit.h"
#include "cleanup.h"

#define FD_NSFS_ROOT (-10003) /* include/uapi/linux/fcntl.h */
#define FILEID_NSFS 0xf1    /* include/linux/exportfs.h */
#define SECOND 1000000000ull
#define POLL_MAX (32 * SECOND)

struct nsfs_handle { /* include/uapi/linux/nsfs.h: struct nsfs_file_handle */
	__u64 ns_id;
	__u32 ns_type;
	__u32 ns_inum;
};

union handle {
	struct file_handle h;
	char room[sizeof(struct file_handle) + sizeof(struct nsfs_handle)];
};

static int handle_fd(const struct nsfs_handle *want)
{
	union handle u = { .h = { .handle_bytes = sizeof(*want), .handle_type = FILEID_NSFS } };

	memcpy(u.h.f_handle, want, sizeof(*want));
	return open_by_handle_at(FD_NSFS_ROOT, &u.h, O_RDONLY | O_CLOEXEC);
}

/* The own namespace opens by its handle, and that of nobody says ESTALE. */
bool audit_ns_can_ask(void)
{
	union handle u = { .h = { .handle_bytes = sizeof(struct nsfs_handle) } };
	int own _close_ = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	struct nsfs_handle h;
	int mount, fd;

	if (own < 0 || name_to_handle_at(own, "", &u.h, &mount, AT_EMPTY_PATH) ||
	    u.h.handle_type != FILEID_NSFS || u.h.handle_bytes != sizeof(h))
		return false;
	memcpy(&h, u.h.f_handle, sizeof(h));
	fd = handle_fd(&h);
	if (fd < 0)
		return false;
	close(fd);
	h.ns_id = ~0ull >> 2;
	fd = handle_fd(&h);
	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == ESTALE;
}

static bool is_there(const struct audit_ns *ns)
{
	struct nsfs_handle h = { ns->where.ns_id, CLONE_NEWPID, ns->where.inum };
	int fd = handle_fd(&h);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno != ESTALE;
}

static int tell_destroyed(struct audit *a, struct audit_ns *ns, __u64 when, const char *how)
{
	struct audit_event e;

	a->totals.destroyed++;
	audit_event_init(a, &e, AE_DESTROYED, when);
	audit_event_ns(a, &e, ns);
	e.how = how;
	ns->gone = true;
	return audit_emit(a, &e);
}

/* Nobody refers to it any more in the table. */
static bool is_unused(const struct audit_ns *ns)
{
	return !ns->tasks && !ns->threads && !ns->below;
}

int audit_ns_freed(struct audit *a, __u64 key, __u64 when)
{
	struct audit_ns *ns = audit_ns_find(a, key);
	int err;

	if (!ns)
		return 0;
	err = ns->gone ? 0 : tell_destroyed(a, ns, when, "event");
	if (is_unused(ns))
		audit_ns_remove(a, ns);
	else
		audit_ns_rekey(a, ns);
	return err;
}

/* Its memory belongs to another by now: it stays for those who are still in it, out of reach. */
void audit_ns_rekey(struct audit *a, struct audit_ns *ns)
{
	audit_ns_unhash(a, ns);
	ns->key = (__u64)(unsigned long)ns; /* no address of the kernel's */
	audit_ns_hash(a, ns);
	ns->reused = true;
}

static int ask(struct audit *a, struct audit_ns *ns, __u64 now)
{
	if (ns->reused)
		return tell_destroyed(a, ns, now, "address used again");
	if (a->opts.nsfree)
		return 0; /* a probe tells */
	if (!a->opts.ns_ask || !ns->where.ns_id) {
		ns->gone = true; /* the kernel does not say: it is forgotten with its last member */
		return 0;
	}
	if (now < ns->ask_ns)
		return 0;
	if (!is_there(ns))
		return tell_destroyed(a, ns, now, "asked");
	ns->ask_step = ns->ask_step ? ns->ask_step * 2 : SECOND / 2;
	if (ns->ask_step > POLL_MAX)
		ns->ask_step = POLL_MAX;
	ns->ask_ns = now + ns->ask_step;
	return 0;
}

int audit_ns_tick(struct audit *a, __u64 now)
{
	struct audit_ns *next;
	int err = 0;

	for (struct audit_ns *ns = a->namespaces; ns && !err; ns = next) {
		next = ns->next;
		if (!is_unused(ns) || (!ns->died_ns && !ns->reused))
			continue;
		if (!ns->gone)
			err = ask(a, ns, now);
		if (ns->gone)
			audit_ns_remove(a, ns);
	}
	return err;
}
