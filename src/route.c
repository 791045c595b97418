// SPDX-License-Identifier: GPL-2.0-only
/* route.c - where a packet of this host would go: rtnetlink(7), RTM_GETROUTE. */
#include "route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_BYTES 4096

static struct nlmsghdr *put_question(const struct route *to, char *buf)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	size_t len = to->version == 4 ? 4 : 16;

	h->nlmsg_type = RTM_GETROUTE;
	h->nlmsg_flags = NLM_F_REQUEST;
	m->rtm_family = to->version == 4 ? AF_INET : AF_INET6;
	m->rtm_dst_len = len * 8;
	m->rtm_flags = RTM_F_FIB_MATCH; /* the entry, which has the interface of the address: the way is by "lo" */
	mnl_attr_put(h, RTA_DST, len, to->to);
	if (to->scope)
		mnl_attr_put_u32(h, RTA_OIF, to->scope);
	if (to->mark)
		mnl_attr_put_u32(h, RTA_MARK, to->mark);
	return h;
}

static int take_answer(const struct nlmsghdr *h, void *arg)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *attr;
	struct routes *r = arg;

	if (h->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_STOP;
	r->local = m->rtm_type == RTN_LOCAL;
	mnl_attr_for_each(attr, h, sizeof(*m))
		if (mnl_attr_get_type(attr) == RTA_OIF)
			r->ifindex = mnl_attr_get_u32(attr);
	return MNL_CB_STOP;
}

static int ask(struct routes *r, const struct route *to)
{
	char buf[ANSWER_BYTES] __attribute__((aligned(8)));
	const struct nlmsghdr *question = put_question(to, buf);
	ssize_t n;

	if (!r->nl)
		r->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!r->nl || mnl_socket_sendto(r->nl, question, question->nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(r->nl, buf, sizeof(buf));
	if (n < 0)
		return -errno;
	r->last = *to;
	r->local = false;
	r->ifindex = 0;
	mnl_cb_run(buf, n, 0, 0, take_answer, r); /* an error: there is no way to it */
	return 0;
}

int route_is_local(struct routes *r, const struct route *to, __u32 *ifindex)
{
	int err = 0;

	if (memcmp(&r->last, to, sizeof(*to)))
		err = ask(r, to);
	if (err)
		return err;
	if (ifindex)
		*ifindex = r->ifindex;
	return r->local;
}

void route_close(struct routes *r)
{
	if (r->nl)
		mnl_socket_close(r->nl);
	r->nl = NULL;
}
