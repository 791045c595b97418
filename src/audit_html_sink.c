// SPDX-License-Identifier: GPL-2.0-only
/* audit_html_sink.c - collect the events of a recording, and write the page when it has ended. */
#include "audit_html.h"
#include "log.h"
#include "replace_file.h"

static int on_event(struct audit_sink *s, const struct audit *a, const struct audit_event *e)
{
	struct audit_page *p = (struct audit_page *)s;
	int err = story_event(&p->story, e);

	return err ? fail(err, "remember what the recording tells") : 0;
}

void audit_page_init(struct audit_page *p)
{
	story_init(&p->story);
	p->sink = (struct audit_sink){ .event = on_event, .types = (1u << AE_TYPES) - 1 };
}

int audit_page_write(struct audit_page *p, const char *path)
{
	struct replace_file f;
	int err = replace_begin(&f, path);

	if (!err)
		err = audit_html_put(&p->story, f.out);
	if (!err)
		err = replace_commit(&f);
	replace_abort(&f);
	return err ? fail(err, "write %s", path) : 0;
}

void audit_page_free(struct audit_page *p)
{
	story_free(&p->story);
}
