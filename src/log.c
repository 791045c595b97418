// SPDX-License-Identifier: GPL-2.0-only
/* log.c - one line a failure, on stderr. */
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int fail(int err, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (err < 0 && err > -4096)
		fprintf(stderr, "bpf-ckpt: %s: %s\n", text, strerror(-err));
	else
		fprintf(stderr, "bpf-ckpt: %s\n", text);
	return err == -ENOMEM ? -ERR_TOLD : err;
}

void warn(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "bpf-ckpt: warning: %s\n", text);
}

enum exit_status exit_status(int err)
{
	if (err == -ENOMEM)
		fprintf(stderr, "bpf-ckpt: %s\n", strerror(ENOMEM));
	if (err <= -5000 && err != -ERR_TOLD)
		return (enum exit_status)(-err - 5000);
	return err < 0 ? STATUS_FAILED : STATUS_DONE;
}
