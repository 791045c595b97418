// SPDX-License-Identifier: GPL-2.0-only
/* audit_cgroup.c - paths of cgroups by their ids, asked of /proc once for each. */
#include "audit_cgroup.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"

#define SLOTS 1024
#define KEPT_MAX 4096 /* then all are asked for again: ids are not used twice, so they only pile up */

struct cgroup_name {
	struct cgroup_name *next;
	__u64 id;
	char path[];
};

struct audit_cgroups {
	struct cgroup_name *slot[SLOTS];
	unsigned int nr;
};

static void forget_all(struct audit_cgroups *c)
{
	for (size_t i = 0; i < SLOTS; i++) {
		while (c->slot[i]) {
			struct cgroup_name *n = c->slot[i];

			c->slot[i] = n->next;
			free(n);
		}
	}
	c->nr = 0;
}

void audit_cgroups_free(struct audit_cgroups *c)
{
	if (c)
		forget_all(c);
	free(c);
}

/* "11:pids:/a/b" or "0::/a/b" */
static char *path_of_line(char *line, bool v1)
{
	char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;

	if (!path)
		return NULL;
	*path++ = 0;
	list++;
	path[strcspn(path, "\n")] = 0;
	if (v1 ? !strcmp(list, "pids") || !strncmp(list, "pids,", 5) || strstr(list, ",pids") : !*list)
		return path;
	return NULL;
}

/* Does the path lead to that id? Not known when the hierarchy is not mounted where it usually is. */
static bool denied(const char *path, __u64 id)
{
	char full[4200];
	struct stat st;

	snprintf(full, sizeof(full), "/sys/fs/cgroup%s%s", id & AUDIT_CGROUP_V1 ? "/pids" : "", path);
	return !stat(full, &st) && st.st_ino != (ino_t)(id & ~AUDIT_CGROUP_V1);
}

static char *ask(__u64 id, pid_t pid)
{
	char name[40], *line = NULL, *found = NULL;
	FILE *f _fclose_ = NULL;
	size_t room = 0;

	snprintf(name, sizeof(name), "/proc/%d/cgroup", pid);
	f = fopen(name, "re");
	while (f && !found && getline(&line, &room, f) > 0) {
		char *path = path_of_line(line, id & AUDIT_CGROUP_V1);

		if (path && !denied(path, id))
			found = strdup(path);
	}
	free(line);
	return found;
}

const char *audit_cgroup_path(struct audit_cgroups **all, __u64 id, pid_t pid)
{
	struct cgroup_name *n;
	char *path _free_ = NULL;

	if (!*all)
		*all = calloc(1, sizeof(**all));
	if (!*all || !id)
		return NULL;
	for (n = (*all)->slot[id % SLOTS]; n; n = n->next)
		if (n->id == id)
			return n->path;
	path = ask(id, pid);
	n = path ? malloc(sizeof(*n) + strlen(path) + 1) : NULL;
	if (!n)
		return NULL;
	if ((*all)->nr++ >= KEPT_MAX)
		forget_all(*all);
	n->id = id;
	strcpy(n->path, path);
	n->next = (*all)->slot[id % SLOTS];
	(*all)->slot[id % SLOTS] = n;
	return n->path;
}
