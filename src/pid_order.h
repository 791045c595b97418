/* SPDX-License-Identifier: GPL-2.0-only */
/* pid_order.h - pid objects of a snapshot by their outermost number. */
#ifndef BPF_CKPT_PID_ORDER_H
#define BPF_CKPT_PID_ORDER_H

#include "rec_task.h"
#include "snap.h"

/* All of them in that order, *nr many; the array is the caller's to free. NULL: no memory. */
const struct rec_pid **pid_order(const struct snap *s, size_t *nr);

/* The one with that number, or NULL. */
const struct rec_pid *pid_order_find(const struct rec_pid *const *v, size_t nr, __s32 number);

#endif
