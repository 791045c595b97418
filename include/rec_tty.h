/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_tty.h - records of terminals: both sides of a pty pair, who has them open, what is unread. */
#ifndef BPF_CKPT_REC_TTY_H
#define BPF_CKPT_REC_TTY_H

#include "record.h"

enum {
	REC_TTY = 0x0802,
	REC_TTY_FILE = 0x0803,
	REC_TTY_RAW = 0x0804,
	REC_TTY_DATA = 0x0805,
	REC_CTTY = 0x0806,
	REC_TTY_ECHO = 0x0807,
};

/* struct ktermios, which is laid out as struct termios2 of ioctl(2) TCGETS2 */
struct rec_termios {
	__u32 iflag, oflag, cflag, lflag;
	__u8 line;
	__u8 cc[19];
	__u32 ispeed, ospeed;
};

enum { TTY_IS_OTHER = 0, TTY_IS_MASTER = 1, TTY_IS_SLAVE = 2 };

/* flags of rec_tty */
enum {
	TTY_F_EXCLUSIVE = 1u << 0,    /* TIOCEXCL */
	TTY_F_LOCKED = 1u << 1,       /* a master: TIOCSPTLCK */
	TTY_F_OTHER_CLOSED = 1u << 2, /* the other side was open once, and is not */
	TTY_F_STOPPED = 1u << 3,      /* its output waits: ^S, TCOOFF */
	TTY_F_TCO_STOPPED = 1u << 4,  /* by TCOOFF, so that ^Q does not let it go on */
	TTY_F_PACKET = 1u << 5,       /* a master: TIOCPKT */
	TTY_F_ICANON = 1u << 6,       /* what follows is of the line discipline: lines, not bytes */
	TTY_F_LNEXT = 1u << 7,        /* ^V was typed: the next character is itself */
	TTY_F_ERASING = 1u << 8,      /* amid an erasure of ECHOPRT */
	TTY_F_PUSH = 1u << 9,         /* what was read as bytes became a line */
};

/* struct tty_struct with its struct n_tty_data */
struct rec_tty {
	struct rec_hdr h;
	__u64 addr;    /* identity */
	__u64 link;    /* reference to rec_tty: the other side of a pair; 0 for what is none */
	__u64 session; /* reference to rec_pid: whose controlling terminal it is */
	__u64 pgrp;    /* reference to rec_pid: its foreground process group */
	__u64 devpts;  /* kernel dev_t of the instance that a slave's name is in; 0 without a name */
	__u32 side;    /* TTY_IS_* */
	__u32 index;   /* the N of /dev/pts/N */
	char name[16]; /* "pts3" */
	__u32 count;   /* opens; a slave's has one more while its master is open */
	__u32 flags;   /* TTY_F_* */
	__u32 pktstatus; /* TIOCPKT_* that the master is yet to read */
	__u32 ldisc;     /* N_* */
	__u32 uid, gid, mode; /* of the slave's name */
	__u16 rows, cols, xpixel, ypixel;
	struct rec_termios termios;
	struct rec_termios locked; /* TIOCSLCKTRMIOS */
	/* line discipline */
	__u32 unread; /* bytes it holds */
	__u32 canon;  /* of these, in lines that are complete */
	__u32 tail;   /* where in its ring they begin; means nothing in an image */
	__u32 flip;   /* bytes that it has not taken in yet */
	__u32 echo;   /* of echoes that could not be written yet; in an image: of REC_TTY_ECHO */
	__u32 column, canon_column; /* of output; what a tab and its erasure go by */
	__u32 echo_tail; /* as tail */
};

/* an open file of a terminal */
struct rec_tty_file {
	struct rec_hdr h;
	__u64 file; /* reference to rec_file */
	__u64 tty;  /* reference to rec_tty */
	__u32 current; /* opened as /dev/tty */
	__u32 hung_up; /* vhangup(2), or the master was closed */
};

/* A block of a buffer as it lies in the kernel. Never in an image. */
enum { RAW_READ = 0, RAW_FLIP = 1, RAW_ECHO = 2 };
#define RAW_BLOCK 256u

struct rec_tty_raw {
	struct rec_hdr h;
	__u64 tty;
	__u32 kind;  /* RAW_* */
	__u32 index; /* RAW_READ, RAW_ECHO: of the block in the ring. RAW_FLIP: bytes before it */
	__u32 bytes;
	__u32 room;  /* RAW_FLIP, the first block of a buffer: the buffer's size */
	__u8 mark[RAW_BLOCK / 8]; /* RAW_READ: bit i is set when byte i ends a line */
	__u8 data[RAW_BLOCK];
};

/* A pty may have 8 KiB of such buffers and one more, none smaller than 256 bytes. */
#define TTY_PIECES 40u

/*
 * What a terminal was sent and nobody has read: first what its line discipline holds, then what it has
 * not looked at. A bitmap follows data, with a bit for each byte, which tells what ends a line.
 */
struct rec_tty_data {
	struct rec_hdr h;
	__u64 tty;   /* reference to rec_tty */
	__u32 bytes; /* all */
	__u32 taken; /* by the line discipline: the others come last */
	__u16 pieces[TTY_PIECES]; /* of these: sizes of the kernel's buffers, in which they all find room */
	__u8 data[];
};

/*
 * What was typed and is to be echoed, but finds no way out: characters; 0xff before one that is shown as
 * ^X, and before itself (drivers/tty/n_tty.c: ECHO_OP_START).
 */
#define ECHO_START 0xffu

struct rec_tty_echo {
	struct rec_hdr h;
	__u64 tty;   /* reference to rec_tty */
	__u32 bytes;
	__u32 erases; /* 1: an erasure is among them, which cannot be typed again */
	__u8 data[];
};

/* signal_struct.tty: the controlling terminal of a process */
struct rec_ctty {
	struct rec_hdr h;
	__u64 signal; /* reference to rec_proc */
	__u64 tty;    /* reference to rec_tty */
};

#endif
