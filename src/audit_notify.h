/* SPDX-License-Identifier: GPL-2.0-only */
/* audit_notify.h - tell a service manager that the audit is ready and alive: sd_notify(3). */
#ifndef BPF_CKPT_AUDIT_NOTIFY_H
#define BPF_CKPT_AUDIT_NOTIFY_H

#include "audit.h"

struct audit_notify {
	struct audit_sink sink;
	int socket;       /* -1: nobody asked */
	__u64 watchdog_ns; /* 0: no watchdog */
	__u64 last_ns;
};

void audit_notify_open(struct audit_notify *n); /* by $NOTIFY_SOCKET and $WATCHDOG_USEC */
void audit_notify_close(struct audit_notify *n);

#endif
