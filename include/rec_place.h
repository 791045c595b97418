/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* rec_place.h - records of what a file or directory has besides its path. */
#ifndef BPF_CKPT_REC_PLACE_H
#define BPF_CKPT_REC_PLACE_H

#include "record.h"

enum {
	REC_EPOLL_PARAMS = 0x0909,
	REC_PLACE = 0x090a,
	/* 0x090b was that of a record that never was in an image */
};

/* EPIOCSPARAMS of ioctl_eventpoll(2), where they are not all zero. */
struct rec_epoll_params {
	struct rec_hdr h;
	__u64 file; /* reference to rec_file of the instance */
	__u32 usecs;
	__u16 budget;
	__u8 prefer;
	__u8 reserved;
};

/* Somebody reached it through a mount of another namespace than he is in. Never in an image. */
struct rec_place {
	struct rec_hdr h;
	__u64 user;  /* rec_file or rec_fs */
	__u64 mntns; /* identity; 0: it was unmounted */
};

#endif
