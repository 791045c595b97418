// SPDX-License-Identifier: GPL-2.0-only
/* file.bpf.c - iter/task_file: descriptors of the members, what they refer to, who else holds it. */
#include "res/file.bpf.h"
#include "res/pipe.bpf.h"
#include "res/eventfd.bpf.h"
#include "res/epoll.bpf.h"
#include "res/timerfd.bpf.h"
#include "res/signalfd.bpf.h"
#include "res/lock.bpf.h"
#include "res/sock.bpf.h"
#include "res/unix.bpf.h"
#include "res/ref.bpf.h"
#include "res/place.bpf.h"
#include "res/dnotify.bpf.h"
#include "res/marks.bpf.h"
#include "res/inet.bpf.h"
#include "res/link.bpf.h"

/* f_op of each kind, learned by the loader from exemplars of its own. */
volatile __u64 anon_fops[ANON_KINDS];
/* The loader itself, whose exemplars are shown although it is no member. */
volatile __u32 self_tgid;
volatile __u32 show_self; /* enum show_self */

/* files of the members, for walk_holders */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u8);
} held_files SEC(".maps");

static __always_inline void emit_fd(struct frame *f, struct task_struct *t, struct file *file, __u32 fd)
{
	struct rec_fd *r = frame_add(f, REC_FD, sizeof(*r));
	struct files_struct *files = BPF_CORE_READ(t, files);
	unsigned long *bits, word = 0;

	if (!r)
		return;
	r->files = (__u64)files;
	r->file = (__u64)file;
	r->fd = fd;
	bits = BPF_CORE_READ(files, fdt, close_on_exec);
	bpf_probe_read_kernel(&word, sizeof(word), bits + fd / 64);
	r->cloexec = word >> (fd & 63) & 1;
}

static __always_inline bool is_anon(struct file *file, enum anon_kind kind)
{
	return anon_fops[kind] && (__u64)file->f_op == anon_fops[kind];
}

static __always_inline void emit_anon(struct frame *f, struct file *file)
{
	if (is_anon(file, ANON_EVENTFD))
		emit_eventfd(f, file);
	else if (is_anon(file, ANON_EPOLL))
		emit_epoll(f, file);
	else if (is_anon(file, ANON_TIMERFD))
		emit_timerfd(f, file);
	else if (is_anon(file, ANON_SIGNALFD))
		emit_signalfd(f, file);
}

static __always_inline void emit_sockets(struct frame *f, struct file *file)
{
	struct sock *sk = emit_socket(f, file);
	__u32 family;

	if (!sk)
		return;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family == AF_UNIX) {
		emit_unix(f, sk);
		emit_unix_peer(f, sk);
		return;
	}
	emit_sock(f, sk);
	if (family == AF_INET || family == AF_INET6)
		emit_inet(f, sk);
	else if (family == AF_NETLINK)
		emit_netlink(f, sk);
	else if (family == AF_PACKET)
		emit_packet(f, sk);
}

/* Who has more to tell than a frame can hold. 1: the ring is full. */
static __always_inline int emit_queues(struct frame *f, struct file *file)
{
	struct sock *sk = file_sock(file);

	if (sk && BPF_CORE_READ(sk, __sk_common.skc_family) == AF_UNIX)
		return emit_unix_queue(f, file, sk);
	return 0;
}

static __always_inline bool is_shown(struct task_struct *t, struct file *file)
{
	__u64 key = (__u64)file;

	if (show_self == SELF_ALONE)
		return t->tgid == self_tgid;
	if (show_self == SELF_HELD)
		return t->tgid == self_tgid && bpf_map_lookup_elem(&held_files, &key);
	return t->tgid == self_tgid ? show_self == SELF_ALL : is_member(t);
}

SEC("iter/task_file")
int walk_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *t = ctx->task;
	struct file *file = ctx->file;
	struct rec_file *r;
	struct frame *f;
	bool inotify, fanotify;
	__u32 mode;

	if (!t || !file)
		return 0;
	if (!is_shown(t, file))
		return 0;
	f = frame_get();
	if (!f)
		return 0;
	if (is_anon(file, ANON_EPOLL) && emit_epoll_items(f, file))
		return 1;
	inotify = is_inotify(file);
	fanotify = is_fanotify(file);
	if ((inotify || fanotify) && emit_marks(f, file, fanotify))
		return 1;
	if (fanotify && emit_fanotify(f, file))
		return 1;
	mode = BPF_CORE_READ(file, f_inode, i_mode);
	if ((mode & S_IFMT) == S_IFSOCK && emit_queues(f, file))
		return 1;
	if ((mode & S_IFMT) == S_IFDIR && emit_dnotify(f, file))
		return 1;
	emit_fd(f, t, file, ctx->fd);
	if ((mode & S_IFMT) == S_IFIFO && !(file->f_flags & O_PATH))
		emit_pipe(f, file);
	if ((mode & S_IFMT) == S_IFSOCK)
		emit_sockets(f, file);
	emit_anon(f, file);
	if (inotify)
		emit_inotify(f, file);
	emit_ref(f, file);
	emit_place(f, t, (__u64)file, BPF_CORE_READ(file, f_path.mnt));
	emit_locks(f, file, BPF_CORE_READ(t, files));
	r = emit_file(f, file); /* last: its path takes what room is left */
	if (r)
		r->count--; /* the iterator holds one itself while we look */
	if (frame_send(f))
		return 1;
	list_done();
	return 0;
}

SEC("iter/task_file")
int walk_holders(struct bpf_iter__task_file *ctx)
{
	struct task_struct *t = ctx->task;
	struct file *file = ctx->file;
	struct rec_holder *r;
	struct frame *f;
	__u64 held = (__u64)file;

	if (!t || !file || t->tgid == self_tgid || is_member(t))
		return 0;
	if (!bpf_map_lookup_elem(&held_files, &held)) {
		held = (__u64)file->f_inode; /* another end of a pipe */
		if (!bpf_map_lookup_elem(&held_files, &held))
			return 0;
	}
	f = frame_get();
	if (!f)
		return 0;
	r = frame_add(f, REC_HOLDER, sizeof(*r));
	if (!r)
		return 0;
	r->file = held;
	r->pid = t->tgid;
	r->fd = ctx->fd;
	bpf_probe_read_kernel(r->comm, sizeof(r->comm), t->comm);
	return frame_send(f);
}

char LICENSE[] SEC("license") = "GPL";
