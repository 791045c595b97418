/* SPDX-License-Identifier: GPL-2.0-only */
/* epoll.h - what instances watch, added once every file exists. */
#ifndef BPF_CKPT_EPOLL_H
#define BPF_CKPT_EPOLL_H

#include <stdbool.h>
#include <sys/epoll.h>

#include "rec_file.h"

struct restore;
struct snap;

/* fs/eventpoll.c: EP_PRIVATE_BITS; nothing else is left of a one-shot item that has fired */
#define EPOLL_PRIVATE (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
/* whatever a file can be ready for */
#define EPOLL_READY                                                                               \
	(EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDNORM | EPOLLRDBAND | EPOLLWRNORM | EPOLLWRBAND |   \
	 EPOLLMSG | EPOLLRDHUP)

/* Was it told, with EPOLLONESHOT, and not armed again? */
static inline bool epoll_has_fired(const struct rec_epoll_item *item)
{
	return !(item->events & ~EPOLL_PRIVATE);
}

/* Can epoll_watch_all() make such a file ready for a moment, without a trace of it? */
bool epoll_can_wake(const struct snap *s, const struct rec_file *f);

/* All items of all instances. 0 or a reported error. */
int epoll_watch_all(struct restore *r);

#endif
