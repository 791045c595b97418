// SPDX-License-Identifier: GPL-2.0-only
/*
 * unix_bind.c - give a socket its name, which is not where its file is.
 *
 * The name is what bind(2) was told: "x" of some working directory, or "/x" of a root that was changed,
 * of a file that was moved or unlinked since. So it is bound in a directory of ours that is root and
 * working directory for that moment; from there the file takes its place when all is complete, in
 * exchange for a stale one of the same name. Nobody can connect before, and nothing is left behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "path.h"
#include "restore.h"
#include "sock.h"
#include "unix_make.h"
#include "unix_sweep.h"

/* For those that get no place: any directory that can be written to. */
#define ELSEWHERE "/tmp"

/* Once for all the sockets of a directory, when they come one after the other. */
static void sweep(struct unix_work *w, int dir)
{
	struct stat st;

	if (fstat(dir, &st) || (st.st_dev == w->swept_dev && st.st_ino == w->swept_ino))
		return;
	w->swept_dev = st.st_dev;
	w->swept_ino = st.st_ino;
	unix_sweep(dir);
}

static int make_dir(struct unix_work *w, struct unix_place *p, const char *in)
{
	p->dir = open(in, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->dir < 0)
		return fail(-errno, "open %s, where a socket is bound", in);
	sweep(w, p->dir);
	for (int try = 0; try < 100; try++) {
		snprintf(p->name, sizeof(p->name), UNIX_TEMPORARY "%06lx", random() & 0xffffff);
		if (!mkdirat(p->dir, p->name, 0700)) {
			p->tmp = openat(p->dir, p->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			return p->tmp < 0 || flock(p->tmp, LOCK_EX | LOCK_NB) ? fail(-errno, "open %s/%s", in, p->name) : 0;
		}
		if (errno != EEXIST)
			break;
	}
	p->name[0] = 0;
	return fail(-errno, "make a directory in %s", in);
}

/* Whatever directories the name goes through: false makes them, true removes them again. */
static void walk_name(char *name, bool remove)
{
	size_t len = strlen(name);

	for (size_t k = 1; k < len; k++) {
		size_t i = remove ? len - k : k;

		if (name[i] != '/')
			continue;
		name[i] = 0;
		if (remove)
			rmdir(name);
		else
			mkdir(name, 0700);
		name[i] = '/';
	}
}

/* A relative name may go up: so far below our root, and no farther. */
static int depth_of(const char *name)
{
	int depth = 0;

	for (const char *at = name; (at = strstr(at, "..")); at += 2)
		depth++;
	return name[0] == '/' ? 0 : depth;
}

/* In our root: bind, then the file goes to UNIX_NODE and all else away. */
static int bind_here(int fd, const struct rec_unix *u)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char name[UNIX_NAME_MAX + 1] = "";
	int depth, err;

	memcpy(a.sun_path, u->name, u->name_len);
	memcpy(name, u->name, u->name_len);
	depth = depth_of(name);
	for (int i = 0; i < depth; i++)
		if (mkdir("d", 0700) || chdir("d"))
			return -errno;
	walk_name(name, false);
	err = bind(fd, (struct sockaddr *)&a, offsetof(struct sockaddr_un, sun_path) + u->name_len) ||
	      (strcmp(name, "/" UNIX_NODE) && rename(name, "/" UNIX_NODE)) ? -errno : 0;
	walk_name(name, true);
	for (int i = 0; i < depth; i++)
		if (chdir("..") || rmdir("d"))
			break;
	return err;
}

static int bind_apart(struct unix_place *p, int fd, const struct rec_unix *u)
{
	int root _close_ = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int cwd _close_ = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), err;

	/* other threads of ours must not be led along */
	if (root < 0 || cwd < 0 || unshare(CLONE_FS) || fchdir(p->tmp) || chroot("."))
		return fail(-errno, "make a root of its own for a socket's name");
	err = bind_here(fd, u);
	if (fchdir(root) || chroot(".") || fchdir(cwd))
		return fail(-errno, "return from the root of a socket's name");
	return err;
}

static int bind_path(struct restore *r, struct unix_end *e, int fd)
{
	const struct rec_unix_path *rec = snap_find(&r->image.snap, REC_UNIX_PATH, e->u->sock);
	struct unix_place *p = &r->unix_work->place[r->unix_work->nr_places++];
	char dir[REC_PATH_MAX] = ELSEWHERE, name[UNIX_NAME_MAX + 1];
	__u64 file = sock_file(&r->image.snap, e->u->sock);
	int err;

	*p = (struct unix_place){ .dir = -1, .tmp = -1 };
	e->place = p;
	p->rec = rec;
	p->exists = rec && rec->exists;
	if (p->exists) {
		snprintf(dir, sizeof(dir), "%s", rec->path);
		strrchr(dir, '/')[dir[1] && strrchr(dir, '/') == dir ? 1 : 0] = 0;
	}
	err = restore_go_to(r, file ? restore_mounts_of_file(r, file) : 0);
	if (!err)
		err = make_dir(r->unix_work, p, dir);
	if (!err)
		err = bind_apart(p, fd, e->u);
	if (!err && rec && (fchownat(p->tmp, UNIX_NODE, rec->uid, rec->gid, AT_SYMLINK_NOFOLLOW) ||
			    fchmodat(p->tmp, UNIX_NODE, rec->id.mode & 07777, 0)))
		err = -errno;
	if (err)
		return fail(err, "bind a socket to %s", unix_name(e->u, name, sizeof(name)));
	return restore_go_home(r);
}

static int report_taken(const struct rec_unix *u)
{
	char name[UNIX_NAME_MAX + 1], holder[64];

	unix_name(u, name, sizeof(name));
	return fail(-ERR_TAKEN, "%s is the name of a socket of %s", name, unix_holder(name, holder, sizeof(holder)));
}

int unix_bind(struct restore *r, struct unix_end *e, int fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char name[UNIX_NAME_MAX + 1];

	if (!e->u->name_len)
		return 0;
	if (unix_has_path(e->u))
		return bind_path(r, e, fd);
	memcpy(a.sun_path, e->u->name, e->u->name_len);
	if (!bind(fd, (struct sockaddr *)&a, offsetof(struct sockaddr_un, sun_path) + e->u->name_len))
		return 0;
	return errno == EADDRINUSE ? report_taken(e->u) :
				     fail(-errno, "bind a socket to %s", unix_name(e->u, name, sizeof(name)));
}

void unix_address(const struct unix_end *e, struct sockaddr_un *a, unsigned int *len)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (e->place) {
		int n = snprintf(a->sun_path, sizeof(a->sun_path), "/proc/%d/fd/%d/" UNIX_NODE, getpid(), e->place->tmp);

		*len = offsetof(struct sockaddr_un, sun_path) + n + 1;
		return;
	}
	memcpy(a->sun_path, e->u->name, e->u->name_len);
	*len = offsetof(struct sockaddr_un, sun_path) + e->u->name_len;
}

/* ---- its place ---- */

/*
 * Who listens there? A datagram socket that connects tells without being noticed: it finds a socket of
 * the wrong type, or one that takes its messages, of which there are none.
 */
static bool is_alive(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd _close_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int node _close_ = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d", node);
	return fd < 0 || node < 0 || !connect(fd, (struct sockaddr *)&a, sizeof(a)) || errno != ECONNREFUSED;
}

static int check_place(const struct rec_unix_path *rec)
{
	struct stat st;
	char holder[64];

	if (lstat(rec->path, &st))
		return errno == ENOENT ? 0 : fail(-errno, "look at %s", rec->path);
	if (!S_ISSOCK(st.st_mode))
		return fail(-ERR_TAKEN, "%s, where a socket was bound, is another type of file now (mode %o)",
			    rec->path, st.st_mode);
	if (is_alive(rec->path))
		return fail(-ERR_TAKEN, "%s is in use by a socket of %s", rec->path,
			    unix_holder(rec->path, holder, sizeof(holder)));
	return 0;
}

static int check_abstract(const struct rec_sock *k, const struct rec_unix *u)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd _close_ = socket(AF_UNIX, k->type | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path, u->name, u->name_len);
	if (fd < 0 || !bind(fd, (struct sockaddr *)&a, offsetof(struct sockaddr_un, sun_path) + u->name_len) ||
	    errno != EADDRINUSE)
		return 0;
	return report_taken(u);
}

/* A number that the kernel takes when a socket is made, or listens; 0: it cannot be told. */
static unsigned int sysctl(const char *path)
{
	FILE *f _fclose_ = fopen(path, "re");
	unsigned int now;

	return f && fscanf(f, "%u", &now) == 1 ? now : 0;
}

static int check_limits(const struct restore *r)
{
	unsigned int messages = sysctl("/proc/sys/net/unix/max_dgram_qlen");
	unsigned int connections = sysctl("/proc/sys/net/core/somaxconn");

	snap_for_each(&r->image.snap, REC_UNIX, const struct rec_unix, u) {
		const struct rec_sock *k = snap_find(&r->image.snap, REC_SOCK, u->sock);

		if (k->type == SOCK_DGRAM && !(k->flags & SOCK_F_DEAD) && messages && k->backlog != messages)
			return fail(-EINVAL, "a datagram socket was made when net.unix.max_dgram_qlen was %u, and "
				    "it is %u here: set it", k->backlog, messages);
		if (k->state == TCP_LISTEN && connections && k->backlog > connections)
			return fail(-EINVAL, "a socket listens for %u connections, and net.core.somaxconn is %u here: "
				    "set it", k->backlog, connections);
	}
	return 0;
}

int unix_preflight(const struct restore *r)
{
	int err = check_limits(r);

	snap_for_each(&r->image.snap, REC_UNIX_PATH, const struct rec_unix_path, rec)
		err = err ? err : rec->exists ? check_place(rec) : 0;
	snap_for_each(&r->image.snap, REC_UNIX, const struct rec_unix, u) {
		const struct rec_sock *k = snap_find(&r->image.snap, REC_SOCK, u->sock);

		if (!err && u->name_len && !u->name[0] && !(k->flags & SOCK_F_DEAD))
			err = check_abstract(k, u);
	}
	return err;
}

static int publish(struct unix_place *p)
{
	const char *base = strrchr(p->rec->path, '/') + 1;
	int err;

	p->published = !renameat2(p->tmp, UNIX_NODE, p->dir, base, RENAME_NOREPLACE);
	if (p->published)
		return 0;
	err = errno == EEXIST ? check_place(p->rec) : -errno;
	if (!err && renameat2(p->tmp, UNIX_NODE, p->dir, base, RENAME_EXCHANGE))
		err = -errno;
	p->published = p->swapped = !err;
	return err && err != -ERR_TAKEN ? fail(err, "put a socket to %s", p->rec->path) : err;
}

int unix_publish(struct restore *r)
{
	int err = 0;

	for (size_t i = 0; r->unix_work && i < r->unix_work->nr_places && !err; i++)
		if (r->unix_work->place[i].exists)
			err = publish(&r->unix_work->place[i]);
	return err;
}

/* Our directory goes; when it has not come to anything, so does what was published. */
void unix_place_drop(struct unix_place *p, bool done)
{
	const char *base = p->exists ? strrchr(p->rec->path, '/') + 1 : "";

	if (p->published && !done && p->swapped)
		renameat2(p->tmp, UNIX_NODE, p->dir, base, RENAME_EXCHANGE);
	else if (p->published && !done)
		unlinkat(p->dir, base, 0);
	if (p->tmp >= 0)
		unlinkat(p->tmp, UNIX_NODE, 0);
	if (p->name[0])
		unlinkat(p->dir, p->name, AT_REMOVEDIR);
	cleanup_close(&p->tmp);
	cleanup_close(&p->dir);
	*p = (struct unix_place){ .dir = -1, .tmp = -1 };
}
