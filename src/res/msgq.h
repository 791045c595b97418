/* SPDX-License-Identifier: GPL-2.0-only */
/* msgq.h - who sent to and received from a System V message queue last. */
#ifndef BPF_CKPT_MSGQ_H
#define BPF_CKPT_MSGQ_H

struct restore;

/* In the last batch: what is missing is sent by who sent last, what is too much is taken. */
void msgq_join_last(struct restore *r);
/* Whatever a queue's last users could not do is done by us. 0 or a reported error. */
int msgq_release(struct restore *r);

#endif
