/* SPDX-License-Identifier: GPL-2.0-only */
/* inet.h - addresses of sockets, of the fixtures that are about either version of IP. */
#ifndef INET_FIXTURE_H
#define INET_FIXTURE_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "../fixture.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static const union address loopback4 = {.v4 = {AF_INET, 0, {0x0100007f}}};
static const union address loopback6 = {.v6 = {AF_INET6, 0, 0, IN6ADDR_LOOPBACK_INIT}};

static inline socklen_t size_of(const union address *a)
{
	return a->any.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
}

static inline union address name_of(int fd)
{
	union address a = {};
	socklen_t len = sizeof(a);

	must(getsockname(fd, &a.any, &len));
	return a;
}

#endif
