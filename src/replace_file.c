// SPDX-License-Identifier: GPL-2.0-only
/* replace_file.c - a text file that is there as a whole: readers see the old one or the new one. */
#include "replace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_temp(struct replace_file *f)
{
	const char *slash = strrchr(f->path, '/');
	unsigned long long r = 0;
	int fd, n;

	/* the name does not end in .prom: a collector that looks now must not take it for one */
	getrandom(&r, sizeof(r), 0);
	n = snprintf(f->temp, sizeof(f->temp), "%.*s.bpf-ckpt-%016llx.tmp",
		     slash ? (int)(slash + 1 - f->path) : 0, f->path, r);
	if (n >= (int)sizeof(f->temp))
		return -ENAMETOOLONG;
	fd = open(f->temp, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return -errno;
	f->out = fdopen(fd, "w");
	return f->out ? 0 : -ENOMEM;
}

static int open_as_it_is(struct replace_file *f)
{
	f->temp[0] = 0;
	f->out = fopen(f->path, "we");
	return f->out ? 0 : -errno;
}

int replace_begin(struct replace_file *f, const char *path)
{
	struct stat st;
	int err = 0;

	f->out = NULL;
	f->temp[0] = 0;
	f->path = path && strcmp(path, "-") ? path : NULL;
	if (!f->path)
		f->out = stdout;
	else if (!*f->path)
		return -ENOENT;
	else if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return open_as_it_is(f);
	else
		err = make_temp(f);
	if (err)
		replace_abort(f);
	return err;
}

static int finish(struct replace_file *f)
{
	bool bad = ferror(f->out);

	if (bad) { /* the stream forgot which error it was: it comes again */
		clearerr(f->out);
		fputc('\n', f->out);
	}
	errno = 0;
	if (fflush(f->out) || bad)
		return errno ? -errno : -EIO;
	if (!f->temp[0])
		return 0;
	if (fsync(fileno(f->out)))
		return -errno;
	return rename(f->temp, f->path) ? -errno : 0;
}

int replace_commit(struct replace_file *f)
{
	int err = finish(f);

	if (!err)
		f->temp[0] = 0;
	replace_abort(f);
	return err;
}

void replace_abort(struct replace_file *f)
{
	if (f->out && f->path)
		fclose(f->out);
	if (f->temp[0])
		unlink(f->temp);
	f->out = NULL;
	f->temp[0] = 0;
}
