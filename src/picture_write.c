// SPDX-License-Identifier: GPL-2.0-only
/* picture_write.c - a picture to a file or to standard output. */
#include <errno.h>

#include "cleanup.h"
#include "log.h"
#include "picture.h"

int picture_label(const struct picture_box *b, char *buf, size_t len)
{
	int n;

	if (!b->ns)
		return snprintf(buf, len, "outside of what is shown");
	n = snprintf(buf, len, "level %u, pidns %u: %u process%s", b->ns->level, b->ns->inum, b->tasks,
		     b->tasks == 1 ? "" : "es");
	if (b->zombies)
		n += snprintf(buf + n, len - n, ", %u zombie%s", b->zombies, b->zombies == 1 ? "" : "s");
	return n;
}

static int write_out(struct picture *p, enum picture_form form, const char *path)
{
	FILE *own _fclose_ = path ? fopen(path, "we") : NULL, *out = path ? own : stdout;

	if (!out)
		return fail(-errno, "write %s", path);
	if (form == PICTURE_SVG) {
		picture_place(p);
		picture_svg(p, out);
	} else {
		picture_dot(p, out);
	}
	if (fflush(out) || ferror(out))
		return fail(errno ? -errno : -EIO, "write %s", path ? path : "to standard output");
	return 0;
}

int picture_write(const struct tree *t, unsigned int from,
		  bool (*shown)(const struct proc *p, const void *arg), const void *arg,
		  enum picture_form form, const char *path)
{
	struct picture p;
	int err = picture_build(&p, t, from, shown, arg);

	if (err)
		return fail(err, "picture");
	err = write_out(&p, form, path);
	picture_free(&p);
	return err;
}
