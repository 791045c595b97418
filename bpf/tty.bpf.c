// SPDX-License-Identifier: GPL-2.0-only
/* tty.bpf.c - terminals of the members: those that they have open, and their controlling ones. */
#include "res/tty.bpf.h"

#define S_IFMT 0170000
#define S_IFCHR 0020000
#define TTY_MAJOR 4     /* virtual consoles, serial ports */
#define TTYAUX_MAJOR 5  /* tty, console, ptmx */

static __always_inline bool is_terminal(struct file *file)
{
	__u32 rdev = BPF_CORE_READ(file, f_inode, i_rdev), major = rdev >> 20;

	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFCHR)
		return false;
	return major == TTY_MAJOR || major == TTYAUX_MAJOR ||
	       major - UNIX98_PTY_SLAVE_MAJOR < UNIX98_PTY_MAJOR_COUNT;
}

/* What is unread, of both sides. */
static __always_inline int emit_blocks(struct frame *f, struct file *file, struct tty_struct *tty)
{
	struct raw_walk w = { .f = f };

	list_begin(&w.out, (__u64)file);
	add_blocks(&w, tty);
	if (tty_side(tty) != TTY_IS_OTHER)
		add_blocks(&w, BPF_CORE_READ(tty, link));
	return list_end(&w.out, f, (__u64)file);
}

static __always_inline void emit_pair(struct frame *f, struct tty_struct *tty)
{
	emit_tty(f, tty);
	if (tty_side(tty) != TTY_IS_OTHER)
		emit_tty(f, BPF_CORE_READ(tty, link));
}

SEC("iter/task_file")
int walk_tty_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *t = ctx->task;
	struct file *file = ctx->file;
	struct tty_file_private *priv;
	struct tty_struct *tty;
	struct rec_tty_file *r;
	struct frame *f;

	if (!t || !file || !is_member(t) || !is_terminal(file))
		return 0;
	priv = BPF_CORE_READ(file, private_data);
	tty = BPF_CORE_READ(priv, tty);
	f = frame_get();
	if (!f || !tty)
		return 0;
	if (emit_blocks(f, file, tty))
		return 1;
	r = frame_add(f, REC_TTY_FILE, sizeof(*r));
	if (!r)
		return 0;
	r->file = (__u64)file;
	r->tty = (__u64)tty;
	r->current = BPF_CORE_READ(file, f_inode, i_rdev) == TTYAUX_MAJOR << 20;
	emit_pair(f, tty);
	if (frame_send(f))
		return 1;
	list_done();
	return 0;
}

SEC("iter/task")
int walk_ctty(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	struct tty_struct *tty;
	struct rec_ctty *r;
	struct frame *f;

	if (!t || t->pid != t->tgid || !is_member(t))
		return 0;
	tty = BPF_CORE_READ(t, signal, tty);
	f = frame_get();
	if (!f || !tty)
		return 0;
	r = frame_add(f, REC_CTTY, sizeof(*r));
	if (!r)
		return 0;
	r->signal = (__u64)BPF_CORE_READ(t, signal);
	r->tty = (__u64)tty;
	emit_pair(f, tty);
	return frame_send(f);
}

char LICENSE[] SEC("license") = "GPL";
