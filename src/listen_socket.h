/* SPDX-License-Identifier: GPL-2.0-only */
/* listen_socket.h - a socket that listens where a user said. */
#ifndef BPF_CKPT_LISTEN_SOCKET_H
#define BPF_CKPT_LISTEN_SOCKET_H

#define LISTEN_CLIENTS 32 /* that wait to be accepted */

/*
 * "PORT" of 127.0.0.1, "ADDRESS:PORT", "[ADDRESS]:PORT" or "unix:PATH"; names are not looked up. A
 * non-blocking descriptor, or -errno without a word: -EINVAL when it is none of these.
 */
int listen_socket(const char *where);

#endif
