/* SPDX-License-Identifier: GPL-2.0-only */
/* tty.bpf.h - struct tty_struct, its line discipline N_TTY, and what is in its buffers. */
#ifndef BPF_CKPT_TTY_BPF_H
#define BPF_CKPT_TTY_BPF_H

#include "compat.bpf.h"
#include "list.bpf.h"
#include "rec_tty.h"

/* Bits of tty_struct.flags: those of an enum since 6.8, of which TTY_PTY_LOCK was 16 before. */
static __always_inline bool tty_is_locked(__u64 flags)
{
	__u32 bit = 16;

	if (bpf_core_enum_value_exists(enum tty_struct_flags, TTY_PTY_LOCK))
		bit = bpf_core_enum_value(enum tty_struct_flags, TTY_PTY_LOCK);
	return flags >> bit & 1;
}

/* include/uapi/linux/major.h; they are the ABI of these devices */
#define UNIX98_PTY_MASTER_MAJOR 128
#define UNIX98_PTY_SLAVE_MAJOR 136
#define UNIX98_PTY_MAJOR_COUNT 8
#define N_TTY_BUF_SIZE 4096
#define READ_BLOCKS (N_TTY_BUF_SIZE / RAW_BLOCK)
#define FLIP_STEPS 512u /* a pty's limit is 8 KiB; each write may have a buffer of its own */

/* Who is walked through: the blocks of a tty and of its other side, as one sequence of steps. */
struct raw_walk {
	struct frame *f;
	struct list_out out;
	struct tty_struct *tty;
	struct n_tty_data *disc;
	struct tty_buffer *buf;
	__u32 off;         /* in buf */
	__u32 index;
};

static __always_inline __u32 tty_side(struct tty_struct *tty)
{
	__u32 major = BPF_CORE_READ(tty, driver, major);

	if (major - UNIX98_PTY_MASTER_MAJOR < UNIX98_PTY_MAJOR_COUNT)
		return TTY_IS_MASTER;
	return major - UNIX98_PTY_SLAVE_MAJOR < UNIX98_PTY_MAJOR_COUNT ? TTY_IS_SLAVE : TTY_IS_OTHER;
}

static long add_flip(__u64 i, void *arg)
{
	struct raw_walk *w = arg;
	struct tty_buffer *b = w->buf;

	if (!b)
		return 1;
	w->off += BPF_CORE_READ(b, commit) - BPF_CORE_READ(b, read);
	w->buf = BPF_CORE_READ(b, next);
	return 0;
}

static __always_inline __u32 flip_bytes(struct tty_struct *tty)
{
	struct raw_walk w = { .buf = BPF_CORE_READ(tty, port, buf.head) };

	bpf_loop(FLIP_STEPS, add_flip, &w, 0);
	return w.off;
}

static __always_inline void fill_ntty(struct rec_tty *r, struct tty_struct *tty)
{
	struct n_tty_data *n = BPF_CORE_READ(tty, disc_data);
	__u64 tail;

	if (r->ldisc || !n) /* N_TTY is 0 */
		return;
	tail = BPF_CORE_READ(n, read_tail);
	r->tail = tail & (N_TTY_BUF_SIZE - 1);
	r->unread = BPF_CORE_READ(n, read_head) - tail;
	r->echo_tail = BPF_CORE_READ(n, echo_tail) & (N_TTY_BUF_SIZE - 1);
	r->echo = BPF_CORE_READ(n, echo_head) - BPF_CORE_READ(n, echo_tail);
	r->column = BPF_CORE_READ(n, column);
	r->canon_column = BPF_CORE_READ(n, canon_column);
	if (BPF_CORE_READ_BITFIELD_PROBED(n, icanon)) {
		r->flags |= TTY_F_ICANON;
		r->canon = BPF_CORE_READ(n, canon_head) - tail;
	}
	if (BPF_CORE_READ_BITFIELD_PROBED(n, lnext))
		r->flags |= TTY_F_LNEXT;
	if (BPF_CORE_READ_BITFIELD_PROBED(n, erasing))
		r->flags |= TTY_F_ERASING;
	if (BPF_CORE_READ_BITFIELD_PROBED(n, push))
		r->flags |= TTY_F_PUSH;
}

/* The name of a slave: devpts keeps its dentry here until the master is closed. */
static __always_inline void fill_name(struct rec_tty *r, struct tty_struct *tty)
{
	struct dentry *d = BPF_CORE_READ(tty, driver_data);
	struct inode *inode;

	if (r->side != TTY_IS_SLAVE || r->flags & TTY_F_OTHER_CLOSED)
		return;
	inode = BPF_CORE_READ(d, d_inode);
	r->devpts = BPF_CORE_READ(inode, i_sb, s_dev);
	r->uid = BPF_CORE_READ(inode, i_uid.val);
	r->gid = BPF_CORE_READ(inode, i_gid.val);
	r->mode = BPF_CORE_READ(inode, i_mode) & 07777;
}

static __always_inline void emit_tty(struct frame *f, struct tty_struct *tty)
{
	struct rec_tty *r = frame_add(f, REC_TTY, sizeof(*r));
	__u64 flags;

	if (!r || !tty)
		return;
	flags = BPF_CORE_READ(tty, flags);
	r->addr = (__u64)tty;
	r->side = tty_side(tty);
	r->link = r->side == TTY_IS_OTHER ? 0 : (__u64)BPF_CORE_READ(tty, link);
	r->session = (__u64)BPF_CORE_READ(tty, ctrl.session);
	r->pgrp = (__u64)BPF_CORE_READ(tty, ctrl.pgrp);
	r->index = BPF_CORE_READ(tty, index);
	BPF_CORE_READ_STR_INTO(&r->name, tty, name);
	r->count = BPF_CORE_READ(tty, count);
	r->flags = (flags >> TTY_EXCLUSIVE & 1 ? TTY_F_EXCLUSIVE : 0) |
		   (tty_is_locked(flags) ? TTY_F_LOCKED : 0) |
		   (flags >> TTY_OTHER_CLOSED & 1 ? TTY_F_OTHER_CLOSED : 0) |
		   (BPF_CORE_READ(tty, flow.stopped) ? TTY_F_STOPPED : 0) |
		   (BPF_CORE_READ(tty, flow.tco_stopped) ? TTY_F_TCO_STOPPED : 0) |
		   (BPF_CORE_READ(tty, ctrl.packet) ? TTY_F_PACKET : 0);
	r->pktstatus = BPF_CORE_READ(tty, ctrl.pktstatus);
	r->ldisc = BPF_CORE_READ(tty, ldisc, ops, num);
	r->rows = BPF_CORE_READ(tty, winsize.ws_row);
	r->cols = BPF_CORE_READ(tty, winsize.ws_col);
	r->xpixel = BPF_CORE_READ(tty, winsize.ws_xpixel);
	r->ypixel = BPF_CORE_READ(tty, winsize.ws_ypixel);
	bpf_probe_read_kernel(&r->termios, sizeof(r->termios), &tty->termios);
	bpf_probe_read_kernel(&r->locked, sizeof(r->locked), &tty->termios_locked);
	r->flip = flip_bytes(tty);
	fill_ntty(r, tty);
	fill_name(r, tty);
}

/* Room for one more block, sending what is full. NULL: it is out already, or the ring is full. */
static __always_inline struct rec_tty_raw *next_block(struct raw_walk *w, __u32 kind)
{
	struct rec_tty_raw *r;

	if (w->out.failed || !list_room(&w->out, w->f, sizeof(*r)) || !list_next(&w->out))
		return NULL;
	r = frame_add(w->f, REC_TTY_RAW, sizeof(*r));
	if (!r)
		return NULL;
	r->tty = (__u64)w->tty;
	r->kind = kind;
	r->index = w->index;
	return r;
}

static long add_read_block(__u64 i, void *arg)
{
	struct raw_walk *w = arg;
	struct rec_tty_raw *r;

	w->index = i;
	r = next_block(w, RAW_READ);
	if (!r)
		return w->out.failed != 0;
	r->bytes = RAW_BLOCK;
	i &= READ_BLOCKS - 1;
	bpf_probe_read_kernel(r->data, RAW_BLOCK, (char *)w->disc +
			      bpf_core_field_offset(struct n_tty_data, read_buf) + i * RAW_BLOCK);
	bpf_probe_read_kernel(r->mark, sizeof(r->mark), (char *)w->disc +
			      bpf_core_field_offset(struct n_tty_data, read_flags) + i * (RAW_BLOCK / 8));
	return 0;
}

static long add_echo_block(__u64 i, void *arg)
{
	struct raw_walk *w = arg;
	struct rec_tty_raw *r;

	w->index = i;
	r = next_block(w, RAW_ECHO);
	if (!r)
		return w->out.failed != 0;
	r->bytes = RAW_BLOCK;
	i &= READ_BLOCKS - 1;
	bpf_probe_read_kernel(r->data, RAW_BLOCK, (char *)w->disc +
			      bpf_core_field_offset(struct n_tty_data, echo_buf) + i * RAW_BLOCK);
	return 0;
}

static long add_flip_block(__u64 i, void *arg)
{
	struct raw_walk *w = arg;
	struct tty_buffer *b = w->buf;
	struct rec_tty_raw *r;
	__u32 from, left;

	if (!b)
		return 1;
	from = BPF_CORE_READ(b, read) + w->off;
	left = BPF_CORE_READ(b, commit) - from;
	if (!left || left > 1u << 20) {
		w->buf = BPF_CORE_READ(b, next);
		w->off = 0;
		return 0;
	}
	if (left > RAW_BLOCK)
		left = RAW_BLOCK;
	r = next_block(w, RAW_FLIP);
	if (r && !w->off)
		r->room = BPF_CORE_READ(b, size);
	w->off += left;
	w->index += left;
	if (!r)
		return w->out.failed != 0;
	r->bytes = left;
	bpf_probe_read_kernel(r->data, left & (2 * RAW_BLOCK - 1), (char *)b +
			      bpf_core_field_offset(struct tty_buffer, data) + from);
	return 0;
}

static __always_inline void add_blocks(struct raw_walk *w, struct tty_struct *tty)
{
	struct n_tty_data *n = BPF_CORE_READ(tty, disc_data);

	w->tty = tty;
	w->disc = n;
	if (n && !BPF_CORE_READ(tty, ldisc, ops, num)) {
		if (BPF_CORE_READ(n, read_head) != BPF_CORE_READ(n, read_tail))
			bpf_loop(READ_BLOCKS, add_read_block, w, 0);
		if (BPF_CORE_READ(n, echo_head) != BPF_CORE_READ(n, echo_tail))
			bpf_loop(READ_BLOCKS, add_echo_block, w, 0);
	}
	w->buf = BPF_CORE_READ(tty, port, buf.head);
	w->off = w->index = 0;
	bpf_loop(FLIP_STEPS, add_flip_block, w, 0);
}

#endif
