/* SPDX-License-Identifier: GPL-2.0-only */
/* port_holder.h - who has a port that a restore needs. */
#ifndef BPF_CKPT_PORT_HOLDER_H
#define BPF_CKPT_PORT_HOLDER_H

#include <stdbool.h>
#include <stddef.h>

struct rec_inet;
struct rec_sock;

/* "pid 123 (nginx), descriptor 5", into buf; false: could not be told. Slow: only to say why. */
bool port_holder(const struct rec_sock *k, const struct rec_inet *i, char *buf, size_t len);

#endif
