/* SPDX-License-Identifier: GPL-2.0-only */
/* datagram.h - datagrams of UDP that wait to be read, at a dump and before a restore. */
#ifndef BPF_CKPT_DATAGRAM_H
#define BPF_CKPT_DATAGRAM_H

struct dump;
struct restore;
struct snap;

/* What the walk has found of them becomes records. 0, -EAGAIN when something is missing, or a reported error. */
int datagram_take_all(struct dump *d, struct snap *from, struct snap *to);

/* Warn of what a restored tree will not be told of them any more. Once the tree runs again, or not. */
void datagram_tell_losses(struct dump *d);

/* Restore: those to an address that this host does not have are left out, with a warning. */
int datagram_prepare(struct restore *r);

#endif
