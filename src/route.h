/* SPDX-License-Identifier: GPL-2.0-only */
/* route.h - where a packet of this host would go: to itself, or out. */
#ifndef BPF_CKPT_ROUTE_H
#define BPF_CKPT_ROUTE_H

#include <stdbool.h>
#include <linux/types.h>

struct mnl_socket;

/* Who asks, and the last answer. A zeroed one is good to begin with. */
struct routes {
	struct mnl_socket *nl;
	struct route {
		__u32 version; /* of IP; 0: nothing was asked yet */
		__u32 scope;   /* interface of a link-local address, else 0 */
		__u32 mark;    /* of the packet: SO_MARK */
		__u8 to[16];
	} last;
	bool local;
	__u32 ifindex;
};

/*
 * 1: to is an address of this host's own, with the interface that has it; 0: it is another's, a group's, or that
 * of all; or -errno. ifindex may be NULL.
 */
int route_is_local(struct routes *r, const struct route *to, __u32 *ifindex);
void route_close(struct routes *r);

#endif
