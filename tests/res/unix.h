/* SPDX-License-Identifier: GPL-2.0-only */
/* unix.h - what the fixtures of unix sockets share. */
#ifndef UNIX_FIXTURE_H
#define UNIX_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../fixture.h"

/* name as bind(2) wants it: "@x" is abstract, "" leaves it to the kernel. */
socklen_t un_address(struct sockaddr_un *a, const char *name);
int un_bound(int type, const char *name);
int un_connected(int type, const char *name);
int un_option(int fd, int name);

/* getsockname(2) or getpeername(2) gives this; "" for none. */
void un_expect_name(const char *what, int fd, bool peer, const char *name);
/* The next of what can be read is text; taken in the last round only. n of it: 0 for all. */
void un_expect_text(const char *what, int fd, const char *text);
void un_expect_nothing(const char *what, int fd);

#endif
