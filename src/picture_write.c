// SPDX-License-Identifier: GPL-2.0-only
/* picture_write.c - a picture to a file or to standard output. */
#include "log.h"
#include "picture.h"
#include "replace_file.h"

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
	struct replace_file f;
	int err = replace_begin(&f, path);

	if (!err && form == PICTURE_SVG) {
		picture_place(p);
		picture_svg(p, f.out);
	} else if (!err) {
		picture_dot(p, f.out);
	}
	if (!err)
		err = replace_commit(&f);
	return err ? fail(err, "write %s", path ? path : "to standard output") : 0;
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
