// SPDX-License-Identifier: GPL-2.0-only
/* audit_rules.c - which alerts are expected and not told: a small file of "allow" lines. */
#include "audit_rules.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"

enum { BY_COMM, BY_EXE, BY_CGROUP, BY_PARENT, BY_HOW, NR_GLOBS };

static const char *const glob_names[NR_GLOBS] = { "comm", "exe", "cgroup", "parent", "how" };

struct audit_rule {
	struct audit_rule *next;
	__u32 alerts; /* bits of enum audit_type */
	char *glob[NR_GLOBS];
	bool has_uid;
	__u32 uid_from, uid_to;
};

struct audit_rules {
	struct audit_rule *first;
};

/* Where a line is read, for its report. */
struct place {
	const char *file;
	unsigned int line;
};

static int wrong(const struct place *at, const char *fmt, const char *word)
{
	char text[256];

	snprintf(text, sizeof(text), fmt, word);
	return fail(-ERR_USAGE, "%s:%u: %s", at->file, at->line, text);
}

static int read_alerts(struct audit_rule *r, char *list, const struct place *at)
{
	char *save, *word;

	if (!strcmp(list, "*")) {
		r->alerts = AUDIT_ALERTS;
		return 0;
	}
	for (word = strtok_r(list, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		int type = audit_type_by_name(word, strlen(word));

		if (type < 0 || !audit_is_alert(type))
			return wrong(at, "no alert \"%s\": there are refused, foreign, escape, zombie, "
				     "near_limit, too_deep and *", word);
		r->alerts |= 1u << type;
	}
	return r->alerts ? 0 : wrong(at, "%s: which alerts?", "allow");
}

static int read_uid(struct audit_rule *r, const char *text, const struct place *at)
{
	unsigned long long from, to;
	char *end;

	errno = 0;
	from = to = strtoull(text, &end, 10);
	if (end != text && *end == '-')
		to = strtoull(end + 1, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || from > to || to > ~0u)
		return wrong(at, "\"%s\" is no user id, nor a range as 1000-1999", text);
	r->has_uid = true;
	r->uid_from = from;
	r->uid_to = to;
	return 0;
}

static int read_condition(struct audit_rule *r, char *word, const struct place *at)
{
	char *value = strchr(word, '=');

	if (!value || !value[1])
		return wrong(at, "\"%s\" is no KEY=VALUE", word);
	*value++ = 0;
	if (!strcmp(word, "uid"))
		return r->has_uid ? wrong(at, "%s is given twice", word) : read_uid(r, value, at);
	for (int i = 0; i < NR_GLOBS; i++) {
		if (strcmp(word, glob_names[i]))
			continue;
		if (r->glob[i])
			return wrong(at, "%s is given twice", word);
		r->glob[i] = strdup(value);
		return r->glob[i] ? 0 : -ENOMEM;
	}
	return wrong(at, "no key \"%s\": there are comm, exe, cgroup, uid, parent and how", word);
}

static void free_rule(struct audit_rule *r)
{
	for (int i = 0; i < NR_GLOBS; i++)
		free(r->glob[i]);
	free(r);
}

/* One line: nothing, a comment, or a rule. */
static int read_line(struct audit_rules *all, char *line, const struct place *at)
{
	char *save, *word = strtok_r(line, " \t\n", &save);
	struct audit_rule *r;
	int err;

	if (!word || *word == '#')
		return 0;
	if (strcmp(word, "allow"))
		return wrong(at, "\"%s\": a line begins with allow, or with # for a comment", word);
	r = calloc(1, sizeof(*r));
	if (!r)
		return fail(-ENOMEM, "rules");
	word = strtok_r(NULL, " \t\n", &save);
	err = word ? read_alerts(r, word, at) : wrong(at, "%s: which alerts?", "allow");
	while (!err && (word = strtok_r(NULL, " \t\n", &save)) && *word != '#')
		err = read_condition(r, word, at);
	if (err) {
		free_rule(r);
		return err;
	}
	r->next = all->first;
	all->first = r;
	return 0;
}

int audit_rules_read(struct audit_rules **out, const char *file)
{
	FILE *f _fclose_ = fopen(file, "re");
	struct place at = { file, 0 };
	struct audit_rules *all;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int err = 0;

	if (!f)
		return fail(-errno, "open %s", file);
	all = calloc(1, sizeof(*all));
	if (!all)
		return fail(-ENOMEM, "rules");
	while (!err && (n = getline(&line, &room, f)) > 0) {
		at.line++;
		err = strlen(line) != (size_t)n ? wrong(&at, "%s", "a NUL byte") : read_line(all, line, &at);
	}
	free(line);
	if (!err && ferror(f))
		err = fail(-EIO, "read %s", file);
	if (err)
		audit_rules_free(all);
	else
		*out = all;
	return err;
}

void audit_rules_free(struct audit_rules *all)
{
	while (all && all->first) {
		struct audit_rule *r = all->first;

		all->first = r->next;
		free_rule(r);
	}
	free(all);
}

static bool fits(const struct audit_rule *r, const struct audit_event *e)
{
	const char *value[NR_GLOBS] = { e->task.comm, e->task.exe, e->task.cgroup,
					e->parent.numbers[0] ? e->parent.comm : NULL, e->how };

	if (!(r->alerts >> e->type & 1))
		return false;
	if (r->has_uid && (e->task.uid < r->uid_from || e->task.uid > r->uid_to))
		return false;
	for (int i = 0; i < NR_GLOBS; i++)
		if (r->glob[i] && (!value[i] || fnmatch(r->glob[i], value[i], 0)))
			return false;
	return true;
}

bool audit_rules_allow(const struct audit_rules *all, const struct audit_event *e)
{
	for (const struct audit_rule *r = all->first; r; r = r->next)
		if (fits(r, e))
			return true;
	return false;
}
