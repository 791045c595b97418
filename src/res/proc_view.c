// SPDX-License-Identifier: GPL-2.0-only
/*
 * proc_view.c - kind "proc_view": what a file of proc took hold of when it was opened. It is opened anew
 * by its path, and then has what the task has now: memory from before an execve(2) is nobody's to give.
 */
#include "proc_view.h"

#include "image.h"
#include "log.h"
#include "rec_file.h"
#include "rec_ref.h"
#include "res.h"

#define R struct rec_proc_view

static const struct field fields[] = {
	FIELD_OWNER(R, file, REC_FILE),
	FIELD(R, what, IS_KEY, AS_DEC),
	FIELD(R, state, MUST_MATCH, AS_DEC),
};

/* Memory that nobody has is right only of who is gone: the others are there by then, or cannot be opened. */
static bool is_right(const struct snap *s, const R *v)
{
	const struct rec_procfs *p = snap_find(s, REC_PROCFS, v->file);

	return v->state == VIEW_CURRENT || (v->state == VIEW_EMPTY && v->what == VIEW_MEMORY && p && p->gone);
}

static const char *text_of(__u32 what)
{
	switch (what) {
	case VIEW_MEMORY:
		return "it shows memory that its task had when it was opened, and has left since (execve(2), or its "
		       "end); close it, or open it again";
	case VIEW_MOUNTS:
		return "it shows the mounts and root directory that its task had when it was opened, and has left "
		       "since; close it, or open it again";
	case VIEW_USERNS:
		return "it shows the user namespace that its task had when it was opened, and has left since; close "
		       "it, or open it again";
	case VIEW_PIDNS:
		return "it shows numbers of the pid namespace that it was opened in, which is not this command's; "
		       "close it";
	case VIEW_HIDDEN:
		return "who opened it had no right to see frames and addresses in it (CAP_SYS_ADMIN, CAP_SYSLOG), and "
		       "root would open it anew; close it";
	case VIEW_NUMBERS:
		return "it shows users as the user namespace numbers them that it was opened in, and would be opened "
		       "in this command's; close it";
	default:
		return "it was opened for writing by somebody else than root, or in a user namespace, and what is "
		       "written is judged by that; close it";
	}
}

const char *proc_view_refusal(const struct snap *s, __u64 file)
{
	size_t nr;
	void **view = snap_range(s, REC_PROC_VIEW, file, &nr);

	for (size_t i = 0; i < nr; i++) {
		const R *v = view[i];

		if (!is_right(s, v))
			return text_of(v->what);
	}
	return NULL;
}

static int read_view(const struct image *img, const void *rec)
{
	const R *v = rec;

	if (v->what < VIEW_MEMORY || v->what > VIEW_PIDNS || !snap_find(&img->snap, REC_PROCFS, v->file) ||
	    !is_right(&img->snap, v))
		return fail(-ERR_IMAGE, "image: what file %llu of proc shows is impossible", v->file);
	return 0;
}

const struct res_type res_proc_view = {
	.name = "proc_view", .tag = REC_PROC_VIEW, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.read = read_view,
};
