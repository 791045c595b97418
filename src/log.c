// SPDX-License-Identifier: GPL-2.0-only
/* log.c - one line a failure, on stderr. */
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "markup.h"

/* systemd.exec(5): the descriptor is the journal's when device and inode are those of $JOURNAL_STREAM. */
bool log_is_journal(int fd)
{
	const char *told = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return told && sscanf(told, "%llu:%llu", &dev, &ino) == 2 && !fstat(fd, &st) && st.st_dev == dev &&
	       st.st_ino == ino;
}

/* sd-daemon(3): the journal takes the priority from the head of a line. */
static void say(int priority, const char *what, const char *why, const char *fmt, va_list ap)
{
	char head[8] = "", text[1024], clean[CLEAN_SIZE(sizeof(text))];

	vsnprintf(text, sizeof(text), fmt, ap);
	clean_text(text, sizeof(text), clean, sizeof(clean));
	if (log_is_journal(STDERR_FILENO))
		snprintf(head, sizeof(head), "<%d>", priority);
	fprintf(stderr, "%sbpf-ckpt: %s%s%s%s\n", head, what, clean, why ? ": " : "", why ?: "");
}

int (fail)(int err, const char *fmt, ...)
{
	va_list ap;

	if (err >= 0)
		err = -EIO;
	va_start(ap, fmt);
	say(LOG_ERR, "", err > -4096 ? strerror(-err) : NULL, fmt, ap);
	va_end(ap);
	return err == -ENOMEM ? -ERR_TOLD : err;
}

void warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LOG_WARNING, "warning: ", NULL, fmt, ap);
	va_end(ap);
}

void inform(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LOG_NOTICE, "", NULL, fmt, ap);
	va_end(ap);
}

enum exit_status exit_status(int err)
{
	if (err == -ENOMEM)
		fail(-ERR_TOLD, "%s", strerror(ENOMEM));
	if (err <= -5000 && err != -ERR_TOLD)
		return (enum exit_status)(-err - 5000);
	return err < 0 ? STATUS_FAILED : STATUS_DONE;
}
