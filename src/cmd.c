// SPDX-License-Identifier: GPL-2.0-only
/* cmd.c - what all commands need to read their arguments. */
#include "cmd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

pid_t cmd_parse_pid(const char *text)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	return errno || *end || end == text || n <= 0 || n > 1 << 22 ? -1 : (pid_t)n;
}

int cmd_usage_error(const char *command, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fail(-ERR_USAGE, "%s: %s (bpf-ckpt %s --help tells more)", command, text, command);
	return STATUS_USAGE;
}
