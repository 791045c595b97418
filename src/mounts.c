// SPDX-License-Identifier: GPL-2.0-only
/* mounts.c - how the mounts that a task sees differ from ours: proc_pid_mountinfo(5). */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "record.h"

struct mount {
	char *line;
	char *dev, *root, *point, *options, *type, *source, *super; /* into line */
	bool shared, slave, taken;
};

struct mounts {
	struct mount *v;
	size_t nr;
};

static void mounts_free(struct mounts *m)
{
	for (size_t i = 0; i < m->nr; i++)
		free(m->v[i].line);
	free(m->v);
}

/* "ID PARENT DEV ROOT POINT OPTIONS [OPTIONAL]... - TYPE SOURCE SUPER" */
static bool parse(struct mount *m)
{
	char **field[] = { NULL, NULL, &m->dev, &m->root, &m->point, &m->options };
	char **rest[] = { &m->type, &m->source, &m->super };
	char *save, *word = strtok_r(m->line, " \n", &save);

	for (size_t i = 0; i < ARRAY_SIZE(field); i++, word = strtok_r(NULL, " \n", &save)) {
		if (!word)
			return false;
		if (field[i])
			*field[i] = word;
	}
	for (; word && strcmp(word, "-"); word = strtok_r(NULL, " \n", &save)) {
		m->shared |= !strncmp(word, "shared:", 7);
		m->slave |= !strncmp(word, "master:", 7);
	}
	for (size_t i = 0; i < ARRAY_SIZE(rest); i++) {
		*rest[i] = strtok_r(NULL, " \n", &save);
		if (!*rest[i])
			return false;
	}
	return true;
}

static int read_mounts(struct mounts *m, const char *path)
{
	FILE *f _fclose_ = fopen(path, "re");
	char *line _free_ = NULL;
	size_t len = 0;

	if (!f)
		return -errno;
	while (getline(&line, &len, f) > 0) {
		struct mount *v = realloc(m->v, (m->nr + 1) * sizeof(*v));

		if (!v)
			return -ENOMEM;
		m->v = v;
		v[m->nr] = (struct mount){ .line = strdup(line) };
		if (!v[m->nr].line)
			return -ENOMEM;
		if (!parse(&v[m->nr++]))
			return -EPROTO;
	}
	return 0;
}

static bool same(const struct mount *a, const struct mount *b)
{
	return !strcmp(a->dev, b->dev) && !strcmp(a->root, b->root) && !strcmp(a->point, b->point) &&
	       !strcmp(a->options, b->options) && !strcmp(a->type, b->type) &&
	       !strcmp(a->source, b->source) && !strcmp(a->super, b->super);
}

static struct mount *find(struct mounts *in, const struct mount *m)
{
	for (size_t i = 0; i < in->nr; i++)
		if (!in->v[i].taken && same(&in->v[i], m))
			return &in->v[i];
	return NULL;
}

/* Blanks and backslashes are written as \ooo. */
static char *unescape(const char *text)
{
	char *out = malloc(strlen(text) + 1), *at = out;

	for (; out && *text; at++) {
		unsigned int c;

		if (*text == '\\' && sscanf(text + 1, "%3o", &c) == 1) {
			*at = c;
			text += 4;
		} else {
			*at = *text++;
		}
	}
	if (out)
		*at = 0;
	return out;
}

static unsigned long mount_flags(const char *options)
{
	static const struct { const char *name; unsigned long flag; } known[] = {
		{ "ro", MS_RDONLY },	     { "nosuid", MS_NOSUID },	{ "nodev", MS_NODEV },
		{ "noexec", MS_NOEXEC },     { "noatime", MS_NOATIME }, { "nodiratime", MS_NODIRATIME },
		{ "relatime", MS_RELATIME }, { "nosymfollow", 256 },
	};
	char *copy _free_ = strdup(options), *save = NULL;
	unsigned long flags = 0;

	for (char *w = copy ? strtok_r(copy, ",", &save) : NULL; w; w = strtok_r(NULL, ",", &save))
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			if (!strcmp(w, known[i].name))
				flags |= known[i].flag;
	return flags;
}

/* A proc: its first process is the init of the namespace that it shows. */
static unsigned int pidns_of(const char *proc)
{
	char path[4300], text[64] = "";
	unsigned int inum = 0;

	snprintf(path, sizeof(path), "%s/1/ns/pid", proc);
	if (readlink(path, text, sizeof(text) - 1) < 0 || sscanf(text, "pid:[%u]", &inum) != 1)
		return 0;
	return inum;
}

/*
 * A copy of its mounts, without those that cover what is wanted. It must belong to the same user namespace: in
 * that of another one all mounts are locked (mount_namespaces(7)).
 */
static void __attribute__((noreturn)) uncover(int ns, const char *point, unsigned int covers)
{
	int user = ioctl(ns, NS_GET_USERNS);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (setns(ns, CLONE_NEWNS) || user < 0 || (setns(user, CLONE_NEWUSER) && errno != EINVAL) ||
	    unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		_exit(1);
	while (covers--)
		if (umount2(point, MNT_DETACH))
			_exit(1);
	raise(SIGSTOP);
	_exit(0);
}

static unsigned int covered_pidns(pid_t pid, const char *point, unsigned int covers)
{
	unsigned int inum = 0;
	char path[4200];
	pid_t child;
	int status, ns;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return 0;
	child = fork();
	if (!child)
		uncover(ns, point, covers);
	close(ns);
	if (child < 0 || waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/root%s", child, point);
	inum = pidns_of(path);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return inum;
}

static int add_proc(struct mount_diff *d, pid_t pid, const struct mounts *all, const struct mount *m)
{
	struct proc_mount *v = realloc(d->proc, (d->nr + 1) * sizeof(*v)), *p;
	const char *data = strchr(m->super, ',');
	unsigned int covers = 0;
	char path[4200];

	if (!v)
		return -ENOMEM;
	d->proc = v;
	p = &v[d->nr++];
	p->point = unescape(m->point);
	p->data = strdup(data ? data + 1 : "");
	p->flags = mount_flags(m->options) | (strncmp(m->super, "ro", 2) ? 0 : MS_RDONLY);
	if (!p->point || !p->data)
		return -ENOMEM;
	for (const struct mount *o = m + 1; o < all->v + all->nr; o++)
		covers += !strcmp(o->point, m->point);
	snprintf(path, sizeof(path), "/proc/%d/root%s", pid, p->point);
	p->pidns = covers ? covered_pidns(pid, p->point, covers) : pidns_of(path);
	if (!p->pidns)
		snprintf(d->why, sizeof(d->why), covers ? "the proc on %s is covered by "
			 "another mount, and cannot be looked at" : "the proc on %s shows no process 1", p->point);
	if (strcmp(m->root, "/"))
		snprintf(d->why, sizeof(d->why), "a part of proc is mounted on %s", p->point);
	return 0;
}

static int compare(struct mount_diff *d, pid_t pid, struct mounts *theirs, struct mounts *ours)
{
	int err = 0;

	for (size_t i = 0; i < theirs->nr && !err; i++) {
		const struct mount *m = &theirs->v[i];
		struct mount *own = find(ours, m);

		d->slave |= m->slave;
		if (m->shared)
			snprintf(d->why, sizeof(d->why), "%s is shared with other mount namespaces (not "
				 "private or slave)", m->point);
		if (own)
			own->taken = true;
		else if (!strcmp(m->type, "proc"))
			err = add_proc(d, pid, theirs, m);
		else
			snprintf(d->why, sizeof(d->why), "%s (%s) is mounted on %s there and not here",
				 m->source, m->type, m->point);
	}
	for (size_t i = 0; i < ours->nr && !err; i++)
		if (!ours->v[i].taken)
			snprintf(d->why, sizeof(d->why), "%s (%s) is mounted on %s here and not there",
				 ours->v[i].source, ours->v[i].type, ours->v[i].point);
	return err;
}

int mounts_diff(struct mount_diff *d, pid_t pid)
{
	struct mounts theirs = {}, ours = {};
	char path[48];
	int err;

	*d = (struct mount_diff){};
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	err = read_mounts(&theirs, path);
	if (!err)
		err = read_mounts(&ours, "/proc/self/mountinfo");
	if (!err)
		err = compare(d, pid, &theirs, &ours);
	mounts_free(&theirs);
	mounts_free(&ours);
	return err;
}

void mounts_diff_free(struct mount_diff *d)
{
	for (size_t i = 0; i < d->nr; i++) {
		free(d->proc[i].point);
		free(d->proc[i].data);
	}
	free(d->proc);
	*d = (struct mount_diff){};
}
