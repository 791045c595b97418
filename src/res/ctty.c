// SPDX-License-Identifier: GPL-2.0-only
/* ctty.c - kind "ctty": the controlling terminal of a process. */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "check.h"
#include "log.h"
#include "rec_external.h"
#include "rec_task.h"
#include "res.h"
#include "restore.h"
#include "restore_tty.h"
#include "tty.h"

#define R struct rec_ctty

static const struct field fields[] = {
	FIELD_OWNER(R, signal, REC_PROC),
	FIELD_REF(R, tty, REC_TTY),
};

static bool has_external(const struct snap *s, const struct rec_tty *t)
{
	size_t nr;
	void **file = tty_files(s, t, &nr);

	for (size_t i = 0; i < nr; i++)
		if (snap_find(s, REC_EXTERNAL, rec_key(file[i])))
			return true;
	return false;
}

/* A session of the tree on a terminal of somebody else: another one has to be handed over for it. */
static int check(struct check *c, const void *rec)
{
	const R *k = rec;
	const struct rec_proc *p = snap_find(c->snap, REC_PROC, k->signal);
	const struct rec_tty *t = snap_find(c->snap, REC_TTY, k->tty);
	bool own = p && tree_find(c->tree, p->sid);

	if (!p || !t || !tty_is_outside(c->snap, t))
		return 0;
	if (own && !has_external(c->snap, t))
		check_refuse(c, p->addr, "tty", "has controlling terminal %.16s, which is not the tree's own; provide "
			     "another one: --external '/dev/%s%s' here, and there --inherit-fd FD:KEY", t->name,
			     t->side == TTY_IS_SLAVE ? "pts/" : "", t->name + (t->side == TTY_IS_SLAVE ? 3 : 0));
	else if (!own && !c->shell_job)
		check_refuse(c, p->addr, "tty", "has the controlling terminal of the shell that it was started from, %.16s; "
			     "start it with setsid(1), or give it the restorer's with --shell-job", t->name);
	return 0;
}

static int read_ctty(const struct image *img, const void *rec)
{
	const R *k = rec;

	if (!k->tty)
		return fail(-ERR_IMAGE, "image: the controlling terminal of process %llu is impossible", k->signal);
	return 0;
}

const struct res_type res_ctty = {
	.name = "ctty", .tag = REC_CTTY, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.check = check, .read = read_ctty,
};
