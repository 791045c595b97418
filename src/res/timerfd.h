/* SPDX-License-Identifier: GPL-2.0-only */
/* timerfd.h - setting a timerfd to what its record says. */
#ifndef BPF_CKPT_TIMERFD_H
#define BPF_CKPT_TIMERFD_H

struct rec_timerfd;
struct restore;

/* 0 or -errno; not reported. */
int timerfd_arm(const struct restore *r, const struct rec_timerfd *t, int fd);

#endif
