// SPDX-License-Identifier: GPL-2.0-only
/* file.c - kind "file": an open file description: a file, directory or device by its path. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "check.h"
#include "dump.h"
#include "external.h"
#include "file_reopen.h"
#include "gone_dir.h"
#include "handle.h"
#include "huge.h"
#include "log.h"
#include "pages_read.h"
#include "place.h"
#include "proc_view.h"
#include "program.h"
#include "path.h"
#include "reach.h"
#include "rec_external.h"
#include "rec_gone.h"
#include "rec_ipc.h"
#include "rec_mem.h"
#include "rec_place.h"
#include "rec_ref.h"
#include "refused.h"
#include "rec_sock.h"
#include "rec_watch.h"
#include "rec_tty.h"
#include "res.h"
#include "shmem.h"
#include "shmfile.h"
#include "restore.h"

#define R struct rec_file
#define PIPEFS_MAGIC 0x50495045
#define SOCKFS_MAGIC 0x534f434b
#define FMODE_EXEC_FLAG 040 /* __FMODE_EXEC: execve() opened it */

/* Flags of open(2) that a restored file is opened with; the others act only once. */
#define OPEN_FLAGS                                                                                \
	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | O_DIRECT | O_LARGEFILE |           \
	 O_NOATIME | O_PATH | O_DIRECTORY | O_NOFOLLOW)

static const struct field fields[] = {
	FIELD_ID(R),
	FIELD_REF(R, inode, 0),
	FIELD(R, f_op, NEVER_SAVED, AS_HEX),
	FIELD_REF(R, object, REC_PIPE),
	FIELD(R, flags, MUST_MATCH, AS_OCTAL),
	FIELD(R, mode, MAY_DIFFER, AS_HEX),
	FIELD(R, pos, MUST_MATCH, AS_DEC),
	FIELD(R, count, MAY_DIFFER, AS_DEC),
	FIELD_REF(R, owner, REC_PID),
	FIELD(R, owner_type, MUST_MATCH, AS_DEC),
	FIELD(R, owner_signum, MUST_MATCH, AS_DEC),
	FIELD(R, owner_uid, MUST_MATCH, AS_DEC),
	FIELD(R, owner_euid, MUST_MATCH, AS_DEC),
	FIELD_INODE(R, id),
	FIELD(R, name, MAY_DIFFER, AS_TEXT),
	FIELD(R, path_len, MAY_DIFFER, AS_DEC),
	FIELD(R, inode_flags, MUST_MATCH, AS_HEX),
};

/* drivers/char/mem.c, random.c: null 1:3, zero 1:5, full 1:7, random 1:8, urandom 1:9 */
static bool is_memory_device(__u32 rdev)
{
	__u32 minor = rdev & 0xfffff;

	return rdev >> 20 == 1 && (minor == 3 || minor == 5 || (minor >= 7 && minor <= 9));
}

bool file_is_memfd(const struct rec_file *f)
{
	return (f->id.magic == TMPFS_MAGIC || f->id.magic == HUGETLBFS_MAGIC) && !f->id.nlink &&
	       !strncmp(f->name, MEMFD, strlen(MEMFD));
}

bool file_looks_like_shm(const struct rec_file *f)
{
	return (f->id.magic == TMPFS_MAGIC || f->id.magic == HUGETLBFS_MAGIC) && !f->id.nlink &&
	       !strncmp(f->name, "SYSV", 4) && strnlen(f->name, sizeof(f->name)) == 12;
}

static enum file_class regular_class(const struct snap *s, const struct rec_file *f)
{
	size_t segments;

	if (f->id.magic == TMPFS_MAGIC && !f->id.nlink && !strcmp(f->name, "dev/zero"))
		return FILE_SHMEM;
	if (huge_is_shared(f))
		return FILE_HUGE;
	if (file_looks_like_shm(f)) { /* its inode number is the id */
		snap_referring(s, REC_SHM, struct rec_shm, shmid, f->id.ino, &segments);
		if (segments)
			return FILE_SYSV;
	}
	if (f->id.magic == MQUEUE_MAGIC && snap_find(s, REC_MQUEUE, f->inode))
		return FILE_MQUEUE;
	if (!f->id.nlink)
		return FILE_NAMELESS;
	return f->path_len && path_deleted(f->path, &f->id) ? FILE_HANDLE : FILE_REGULAR;
}

static bool is_anon(const struct snap *s, const struct rec_file *f)
{
	return snap_find(s, REC_EVENTFD, f->addr) || snap_find(s, REC_EPOLL, f->addr) ||
	       snap_find(s, REC_TIMERFD, f->addr) || snap_find(s, REC_SIGNALFD, f->addr) ||
	       snap_find(s, REC_INOTIFY, f->addr) || snap_find(s, REC_FANOTIFY, f->addr);
}

/* Who made it, or connected it, is to be told: SO_PEERCRED. */
static bool is_unix(const struct snap *s, const struct rec_file *f)
{
	const struct rec_socket *socket = snap_find(s, REC_SOCKET, f->addr);

	return socket && snap_find(s, REC_UNIX, socket->sock);
}

static bool is_late(const struct snap *s, const struct rec_file *f)
{
	return snap_find(s, REC_PIDFD, f->addr) || snap_find(s, REC_PROCFS, f->addr) ||
	       snap_find(s, REC_NSFD, f->addr) || is_unix(s, f);
}

/* Neither a file nor a directory, on a file system that has names. */
static bool is_special(const struct rec_file *f)
{
	__u32 type = f->id.mode & S_IFMT;

	return f->path_len && type && type != S_IFREG && type != S_IFDIR && f->id.magic != PIPEFS_MAGIC &&
	       f->id.magic != SOCKFS_MAGIC;
}

enum file_class file_class(const struct snap *s, const struct rec_file *f)
{
	if (snap_find(s, REC_EXTERNAL, f->addr))
		return FILE_EXTERNAL;
	if (is_late(s, f))
		return FILE_LATE;
	if (f->flags & O_PATH && is_special(f) && f->path[0] == '/')
		return FILE_ANY_PATH;
	switch (f->id.mode & S_IFMT) {
	case S_IFREG:
		return regular_class(s, f);
	case S_IFDIR:
		return f->path_len && path_deleted(f->path, &f->id) ? FILE_GONE_DIR : FILE_DIR;
	case S_IFCHR:
		if (snap_find(s, REC_TTY_FILE, f->addr))
			return FILE_TTY;
		return is_memory_device(f->id.rdev) ? FILE_DEVICE : FILE_OTHER;
	case S_IFIFO:
		return f->id.magic == PIPEFS_MAGIC ? FILE_PIPE : FILE_FIFO;
	case S_IFSOCK:
		return snap_find(s, REC_SOCKET, f->addr) ? FILE_SOCKET : FILE_OTHER;
	default:
		return is_anon(s, f) ? FILE_ANON : FILE_OTHER;
	}
}

/* Nothing that is opened: a record of another kind tells how it is made. */
static bool made_by_kind(enum file_class class)
{
	return class == FILE_PIPE || class == FILE_ANON || class == FILE_SOCKET || class == FILE_SHMEM ||
	       class == FILE_TTY || class == FILE_EXTERNAL || class == FILE_LATE || class == FILE_SYSV ||
	       class == FILE_MQUEUE || class == FILE_HUGE;
}

static const char *other_refusal(const struct rec_file *f, char *buf, size_t len)
{
	switch (f->id.mode & S_IFMT) {
	case S_IFSOCK:
		return "the file of a socket, opened with O_PATH, is not supported yet";
	case S_IFCHR:
		if (f->id.rdev >> 20 == 136 || f->id.rdev == (5 << 20) || f->id.rdev == (5 << 20 | 2))
			return "terminals are not supported yet; redirect it, or start the program with "
			       "setsid(1) and files for its input and output";
		return refused_device(f->id.rdev, false, buf, len);
	case S_IFBLK:
		return refused_device(f->id.rdev, true, buf, len);
	default:
		return refused_fs(f->id.magic) ?: refused_anon(f->name, buf, len);
	}
}

const char *file_refusal(const struct snap *s, const struct rec_file *f, bool mapped, char *buf,
			 size_t len)
{
	enum file_class class = file_class(s, f);

	if (class == FILE_OTHER)
		return other_refusal(f, buf, len);
	if (class == FILE_LATE && mapped)
		return "files of proc and pidfds cannot be mapped";
	if ((class == FILE_LATE || class == FILE_REGULAR) && proc_view_refusal(s, f->addr))
		return proc_view_refusal(s, f->addr);
	if (class == FILE_LATE)
		return NULL;
	if (made_by_kind(class))
		return NULL; /* that kind has its own reasons */
	if (!f->path_len)
		return "its path is longer than this program can carry";
	if (class == FILE_GONE_DIR || class == FILE_HANDLE)
		return refused_fs(f->id.magic); /* more in check(), which can try */
	if (class == FILE_FIFO && path_deleted(f->path, &f->id))
		return "a fifo that was deleted or renamed over cannot be had again; close it, or use a pipe";
	if (class != FILE_NAMELESS)
		return path_refusal(f->path, &f->id);
	if (refused_fs(f->id.magic))
		return refused_fs(f->id.magic);
	if (path_pseudo_fs(f->id.magic) && !file_is_memfd(f)) {
		snprintf(buf, len, "a file of %s without a name is not supported yet", path_pseudo_fs(f->id.magic));
		return buf;
	}
	if (f->inode_flags & INODE_F_LINKABLE && f->flags & O_NOFOLLOW)
		return "it was made with O_TMPFILE and O_NOFOLLOW, which cannot be had again";
	if (mapped && f->flags & FMODE_EXEC_FLAG)
		return "the executable was deleted or replaced since it was started";
	return NULL;
}

bool file_is_open(const struct snap *s, __u64 file)
{
	size_t nr;

	snap_referring(s, REC_FD, struct rec_fd, file, file, &nr);
	return nr;
}

bool file_path_matters(const struct snap *s, const struct rec_file *f)
{
	enum file_class class = file_class(s, f);

	return class == FILE_REGULAR || class == FILE_DIR || class == FILE_DEVICE || class == FILE_FIFO ||
	       class == FILE_ANY_PATH;
}

bool file_is_shared(const struct snap *s, const struct rec_file *f)
{
	size_t slots, areas, programs, messages;

	snap_referring(s, REC_FD, struct rec_fd, file, f->addr, &slots);
	if (f->count <= slots)
		return false; /* the usual case, without a look at all areas */
	snap_referring(s, REC_UNIX_FILE, struct rec_unix_file, file, f->addr, &messages);
	slots += messages;
	snap_referring(s, REC_VMA, struct rec_vma, file, f->addr, &areas);
	snap_referring(s, REC_MM, struct rec_mm, exe, f->addr, &programs);
	return f->count > slots + areas + programs;
}

static const char *name_of(const struct rec_file *f)
{
	return f->path_len ? f->path : f->name;
}

/* What it counts or watches would be two things after a restore. */
static void refuse_shared(struct check *c, const struct rec_file *f)
{
	const struct rec_holder *h = snap_find(c->snap, REC_HOLDER, f->addr);

	if (c->live && !h) /* the tree itself may have opened or closed one since */
		return;
	if (h)
		check_leak(c, "file", "%s is also held by pid %u (%.16s), descriptor %u, outside of the tree"
			   EXTERNAL_REMEDY, name_of(f), h->pid, h->comm, h->fd, name_of(f), name_of(f));
	else
		check_leak(c, "file", "%s is also held by somebody outside of the tree" EXTERNAL_REMEDY,
			   name_of(f), name_of(f), name_of(f));
}

/* One position for the tree and for somebody else; without meaning when all write at the end. */
static void check_position(struct check *c, const struct rec_file *f)
{
	size_t slots;

	snap_referring(c->snap, REC_FD, struct rec_fd, file, f->addr, &slots);
	if (slots && !(f->flags & (O_APPEND | O_PATH)) && file_is_shared(c->snap, f))
		check_warn(c, "file", "%s is open outside of the tree as well, with one position for both; "
			   "a restored tree has its own", name_of(f));
}

/* The area of a task that maps f: how to reach a file that nobody has open any more. */
static int open_mapped(const struct snap *s, const struct users *users, const struct rec_file *f)
{
	size_t nr;
	void **area = snap_referring(s, REC_VMA, struct rec_vma, file, f->addr, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_vma *v = area[i];
		const struct shared_by *u = users_find(users, v->mm);
		const struct rec_pid *pid = u ? snap_find(s, REC_PID, u->task->pid) : NULL;
		char path[96];
		int fd;

		if (!pid)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", pid->numbers[0], v->start, v->end);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		return fd < 0 ? fail(-errno, "open %s", path) : fd;
	}
	return fail(-ENOENT, "nobody has %s open", f->name);
}

static void check_handle(struct check *c, const struct rec_file *f)
{
	int fd _close_ = file_class(c->snap, f) == FILE_HANDLE ? reach_file(c->snap, c->users, f->addr) : -1;
	struct rec_handle h;

	if (fd >= 0 && handle_of(fd, &h))
		check_refuse(c, 0, "file", "%s: it was deleted or renamed over, has other names, and its file system has no "
			     "handles to find it by (open_by_handle_at)", f->path);
}

/* What is told of besides the path. */
static void check_place(struct check *c, const struct rec_file *f)
{
	enum file_class class = file_class(c->snap, f);
	bool by_path = file_path_matters(c->snap, f) || class == FILE_NAMELESS || class == FILE_GONE_DIR;
	const char *why = by_path ? place_refusal(c, f->addr) : NULL;

	if (why)
		check_refuse(c, 0, "file", "%s: %s", name_of(f), why);
}

static int check(struct check *c, const void *rec)
{
	const struct rec_file *f = rec;
	enum file_class class;

	if (f->owner && !snap_find(c->snap, REC_PID, f->owner))
		check_refuse(c, 0, "file", "%s: its owner (F_SETOWN) is outside of the tree", name_of(f));
	check_handle(c, f);
	check_place(c, f);
	class = file_class(c->snap, f);
	if ((class == FILE_ANON || snap_find(c->snap, REC_SOCKET, f->addr) || file_is_memfd(f)) && file_is_shared(c->snap, f))
		refuse_shared(c, f);
	else if (!c->live && (class == FILE_REGULAR || class == FILE_NAMELESS))
		check_position(c, f);
	return 0;
}

int file_open_held(struct dump *d, const struct rec_file *f)
{
	int held _close_ = dump_reach(d, f->addr), fd;

	if (held == -ENOENT)
		return open_mapped(&d->snap, &d->users, f);
	fd = held < 0 ? held : file_reopen(held, O_RDONLY);
	return fd < 0 ? fail(fd, "open %s", f->path) : fd;
}

static int collect_gone(struct dump *d, const struct rec_file *f)
{
	int fd _close_ = dump_reach(d, f->addr), err = 0;
	struct rec_handle *h, found = {};

	if (fd == -ENOENT)
		fd = open_mapped(&d->snap, &d->users, f);
	if (fd < 0)
		return fd;
	if (file_class(&d->snap, f) == FILE_GONE_DIR)
		return gone_dir_add(d, f->addr, &f->id, fd);
	err = handle_of(fd, &found);
	if (err)
		return fail(err, "get the handle of %s", f->path);
	h = snap_new(&d->snap, REC_HANDLE, sizeof(*h));
	if (!h)
		return fail(-ENOMEM, "dump");
	found.h = h->h;
	found.file = f->addr;
	*h = found;
	return 0;
}

int file_add_source(struct dump *d, __u32 tag, const struct rec_file *f)
{
	struct page_source src = { .tag = tag, .id = ids_get(&d->ids, f->inode) };
	int err;

	src.fd = file_open_held(d, f);
	if (src.fd < 0)
		return src.fd;
	if (f->id.magic == HUGETLBFS_MAGIC) /* which does not tell holes */
		err = f->id.size ? ranges_add(&src.ranges, 0, f->id.size) : 0;
	else
		err = file_ranges(src.fd, &src.ranges);
	return dump_add_pages(d, &src) ?: err;
}

static int collect(struct dump *d, void *rec)
{
	struct rec_file *f = rec;
	struct rec_ghost *g;
	struct stat st = {};
	int err;

	if (file_class(&d->snap, f) == FILE_REGULAR)
		return program_collect(d, f);
	if (file_class(&d->snap, f) == FILE_HANDLE || file_class(&d->snap, f) == FILE_GONE_DIR)
		return collect_gone(d, f);
	if (file_class(&d->snap, f) != FILE_NAMELESS || snap_find(&d->snap, REC_GHOST, f->inode))
		return 0;
	err = file_add_source(d, REC_GHOST, f);
	if (err)
		return err;
	fstat(d->sources[d->nr_sources - 1].fd, &st);
	g = snap_new(&d->snap, REC_GHOST, sizeof(*g));
	if (!g)
		return fail(-ENOMEM, "dump");
	g->addr = f->inode;
	g->size = f->id.size;
	g->mode = st.st_mode & 07777;
	g->uid = st.st_uid;
	g->gid = st.st_gid;
	g->memfd = file_is_memfd(f);
	if (g->memfd && f->id.magic == HUGETLBFS_MAGIC)
		g->huge_shift = __builtin_ctzl(st.st_blksize);
	if (g->memfd)
		g->seals = fcntl(d->sources[d->nr_sources - 1].fd, F_GET_SEALS);
	return 0;
}

static int read_file(const struct image *img, const void *rec)
{
	const struct rec_file *f = rec;
	enum file_class class;

	if (f->path_len > f->h.len - sizeof(*f) || strnlen(f->name, sizeof(f->name)) == sizeof(f->name))
		return fail(-ERR_IMAGE, "image: file %llu: its path is out of bounds", f->addr);
	if (f->path_len && strnlen(f->path, f->path_len) != f->path_len - 1u)
		return fail(-ERR_IMAGE, "image: file %llu: its path has no end", f->addr);
	class = file_class(&img->snap, f); /* which reads the path */
	if (!made_by_kind(class) && !path_ok(f->path, f->h.len - sizeof(*f), f->path_len))
		return fail(-ERR_IMAGE, "image: file %llu: its path is malformed", f->addr);
	if (class == FILE_OTHER || f->owner_type > 2 || f->owner_signum > 64 ||
	    (class == FILE_SHMEM && !snap_find(&img->snap, REC_SHMEM, f->inode)) ||
	    (class == FILE_HUGE && !snap_find(&img->snap, REC_HUGE, f->inode)) ||
	    (class == FILE_HANDLE && !snap_find(&img->snap, REC_HANDLE, f->addr)) ||
	    (class == FILE_GONE_DIR && !snap_find(&img->snap, REC_GONE_DIR, f->addr)) ||
	    (class == FILE_NAMELESS && !snap_find(&img->snap, REC_GHOST, f->inode)))
		return fail(-ERR_IMAGE, "image: file %llu (%s) is of an impossible type", f->addr, f->path);
	return 0;
}

int file_seek(int fd, const struct rec_file *f)
{
	if (f->pos && !(f->flags & O_PATH) && lseek(fd, f->pos, SEEK_SET) < 0 && errno != ESPIPE)
		return fail(-errno, "seek to %llu in %s", f->pos, f->path);
	return 0;
}

int file_open(const struct rec_file *f, const char *path)
{
	int fd _close_ = open(path, (f->flags & OPEN_FLAGS) | O_CLOEXEC | O_NOCTTY), err;

	if (fd < 0)
		return fail(-errno, "open %s", path);
	err = file_seek(fd, f);
	return err ? err : take_fd(&fd);
}

/* Whoever reads on behind the end finds nothing, and whoever writes there leaves a hole. */
static void warn_if_shorter(const struct rec_file *f, int fd)
{
	struct stat st;

	if (!S_ISREG(f->id.mode) || f->flags & (O_APPEND | O_PATH) || fstat(fd, &st) || f->pos > f->id.size)
		return;
	if (f->pos > (__u64)st.st_size)
		warn("%s has %lld bytes now, and the tree is at %llu in it", f->path, (long long)st.st_size, f->pos);
}

static int open_by_path(struct restore *r, const struct rec_file *f)
{
	/* others may have grown; what code or memory was loaded from may not */
	bool program = S_ISREG(f->id.mode) && restore_is_program(r, f->addr) && !shmfile_has(&r->image.snap, f);
	char differs[200];
	int fd _close_ = open(f->path, (f->flags & OPEN_FLAGS) | O_CLOEXEC | O_NOCTTY), err = 0;

	if (fd < 0)
		return fail(-errno, "open %s%s", f->path, program ? ", which the tree runs or maps" : "");
	if (program)
		err = program_check(r, f, fd);
	else if (!path_same(fd, &f->id, false, differs, sizeof(differs)))
		err = fail(-ESTALE, "%s is not what it was: %s", f->path, differs);
	else
		warn_if_shorter(f, fd);
	if (err)
		return err;
	err = file_seek(fd, f);
	return err ? err : take_fd(&fd);
}

static int open_gone_dir(struct restore *r, const struct rec_file *f)
{
	int origin = restore_dir(r, restore_mounts_of_file(r, f->addr), f->path, &f->id), fd;

	if (origin < 0)
		return origin;
	fd = file_reopen(origin, f->flags);
	return fd < 0 ? fail(fd, "open the removed directory %s anew", f->path) : fd;
}

static int open_by_handle(struct restore *r, const struct rec_file *f)
{
	int fd _close_ = handle_open(r, f), err = fd < 0 ? fd : file_seek(fd, f);

	return err ? err : take_fd(&fd);
}

/* Another description of an inode that we hold: pipes, files without a name, shared memory. */
int file_reopen(int fd, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (flags & __O_TMPFILE)
		flags &= ~O_DIRECTORY; /* that was of O_TMPFILE */
	fd = open(path, (flags & OPEN_FLAGS & ~O_NOFOLLOW) | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

static int open_nameless(struct restore *r, const struct rec_file *f)
{
	int origin, fd _close_ = -1, err;

	if (restore_kept(r, f->inode, &origin, NULL))
		return fail(-ERR_IMAGE, "image: file %llu has no contents", f->addr);
	fd = file_reopen(origin, f->flags);
	if (fd < 0)
		return fail(fd, "open %s anew", f->path);
	err = file_seek(fd, f);
	return err ? err : take_fd(&fd);
}

static int restore_file(struct restore *r, const void *rec)
{
	const struct rec_file *f = rec;
	int fd;

	switch (file_class(&r->image.snap, f)) {
	case FILE_PIPE:
	case FILE_FIFO:
	case FILE_ANON:
	case FILE_SOCKET:
	case FILE_TTY:
	case FILE_EXTERNAL:
	case FILE_LATE:
	case FILE_SYSV:
	case FILE_MQUEUE:
		return 0; /* by their own kinds */
	case FILE_NAMELESS:
		if (f->flags & O_NOFOLLOW)
			return 0; /* kind "ghost" opened it, while there was a name */
		fd = open_nameless(r, f);
		break;
	case FILE_SHMEM:
		if (shmem_is_own(&r->image.snap, f))
			return 0; /* with its only area */
		/* fallthrough */
	case FILE_HUGE:
		fd = open_nameless(r, f);
		break;
	case FILE_GONE_DIR:
		fd = open_gone_dir(r, f);
		break;
	case FILE_HANDLE:
		fd = open_by_handle(r, f);
		break;
	default:
		fd = restore_go_to(r, restore_mounts_of_file(r, f->addr)) ?: open_by_path(r, f);
	}
	return fd < 0 ? fd : restore_keep(r, f->addr, fd, -1);
}

/*
 * The kernel keeps who said it, for whether that one may signal the owner: f_setown() in fs/fcntl.c.
 * The stub has not given up root yet, and keeps the way back.
 */
static void set_owner(struct restore *r, struct batch *b, const struct rec_file *f, int fd, pid_t pid)
{
	struct f_owner_ex owner = { f->owner_type, pid };
	bool other = f->owner_uid || f->owner_euid;

	if (other)
		batch_op(b, SYS_setresuid, f->owner_uid, f->owner_euid, 0);
	batch_op(b, SYS_fcntl, fd, F_SETOWN_EX, machine_dup(&r->machine, &owner, sizeof(owner)));
	if (other)
		batch_op(b, SYS_setresuid, 0, 0, 0);
}

/* F_SETOWN names a pid, which exists only now; O_ASYNC must follow it. */
static int join(struct restore *r, const void *rec)
{
	const struct rec_file *f = rec;
	const struct rec_fd *slot;
	struct unit *u;
	size_t nr;
	void **slots;

	if (!f->owner && !(f->flags & O_ASYNC))
		return 0;
	slots = snap_referring(&r->image.snap, REC_FD, struct rec_fd, file, f->addr, &nr);
	if (!nr)
		return 0;
	slot = slots[0];
	u = restore_unit(r, slot->files);
	if (f->owner)
		set_owner(r, &u->batch, f, slot->fd, restore_nr(r, u, f->owner));
	if (f->owner_signum)
		batch_op(&u->batch, SYS_fcntl, slot->fd, F_SETSIG, f->owner_signum);
	if (f->flags & O_ASYNC)
		batch_op(&u->batch, SYS_fcntl, slot->fd, F_SETFL, f->flags & (OPEN_FLAGS | O_ASYNC));
	return 0;
}

const struct res_type res_file = {
	.name = "file", .tag = REC_FILE, .size = sizeof(R),
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.tail = MAY_DIFFER, .tail_form = AS_TEXT, /* compare.c: the paths of named files must match */
	.phase = PHASE_THREAD, .check = check, .collect = collect, .read = read_file,
	.restore = restore_file, .join = join,
};
