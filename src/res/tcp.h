/* SPDX-License-Identifier: GPL-2.0-only */
/* tcp.h - connections of TCP: what becomes of them, for commands and recipes. */
#ifndef BPF_CKPT_TCP_H
#define BPF_CKPT_TCP_H

#include <stdbool.h>

#include "rec_inet.h"

struct dump;
struct rec_sock;
struct restore;
struct snap;

/* --tcp-established, --tcp-close */
enum tcp_how { TCP_REFUSED, TCP_KEPT, TCP_ENDED };

/* Can a connection in that state be saved? Others are on their way to or from one. */
bool tcp_state_kept(unsigned int state);

/* Bytes of the stream that a FIN stands for: did we get the peer's, is ours not acknowledged? */
bool tcp_got_fin(const struct rec_tcp *t);
bool tcp_owes_fin(const struct rec_tcp *t);

/* Dump: keep the connections quiet, if the tree is to be killed, and read all queues. */
int queue_collect(struct dump *d);

/* The tree is being killed: its connections shall end without a word to their peers. */
void tcp_leave_quietly(struct dump *d);

/* The socket of a connection has ended: what is left of it. */
struct rec_inet;
void tcp_end_record(struct rec_sock *k, struct rec_inet *i);

/* Restore: may this image be restored as asked for? Turns connections into ended ones with --tcp-close. */
int tcp_prepare(struct restore *r);
/* All tasks are complete: let the connections go on. */
int tcp_go_on(struct restore *r);

#endif
