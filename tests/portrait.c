// SPDX-License-Identifier: GPL-2.0-only
/*
 * portrait.c - all that /proc and the kernel tell from outside about a tree of tasks and that a
 * checkpoint has to keep: portrait ROOT. One fact a line, in an order that does not depend on what
 * may change (numbers above the root's pid namespace, inode numbers of pipes). With -p: only the
 * pid and start time of each process, for those who wait for their end.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_TASKS 65536
#define MAX_PID (4 << 20) /* PID_MAX_LIMIT */

struct process {
	int pid, ppid;
	char state;
	unsigned long long start;
	char chain[512]; /* its numbers from the root's level on, joined by dots */
};

static struct process all[MAX_TASKS];
static struct process *by_pid[MAX_PID];
static int nr_all;
static struct process *tree[MAX_TASKS];
static int nr_tree;
static int root_level;
static const char *who; /* begins every line */

static void __attribute__((format(printf, 1, 2))) tell(const char *fmt, ...)
{
	va_list ap;

	printf("%s: ", who);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* The whole file, zero-terminated, in memory that is never freed: this program is short-lived. */
static char *slurp(const char *path, size_t *len)
{
	size_t size = 1 << 16, have = 0;
	char *buf = malloc(size);
	ssize_t n;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || !buf)
		return NULL;
	while ((n = read(fd, buf + have, size - 1 - have)) > 0) {
		have += n;
		if (size - 1 == have)
			buf = realloc(buf, size *= 2);
	}
	close(fd);
	buf[have] = 0;
	if (len)
		*len = have;
	return buf;
}

static char *slurp_of(int pid, const char *name, size_t *len)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return slurp(path, len);
}

/* Bytes as one line. */
static void tell_bytes(const char *key, const char *data, size_t len)
{
	printf("%s: %s ", who, key);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = data[i];

		if (c > ' ' && c < 127 && c != '\\')
			putchar(c);
		else
			printf("\\%02x", c);
	}
	putchar('\n');
}

/* ---- who is in the tree ---- */

static const char *status_value(const char *status, const char *key)
{
	const char *line = strstr(status, key);

	return line ? line + strlen(key) + 1 + strspn(line + strlen(key) + 1, " \t") : "";
}

/* Numbers separated by tabs -> joined by dots, without those above the root's level. */
static void cut_chain(const char *from, char *to, size_t size)
{
	int level = 0, number, used;
	size_t len = 0;

	to[0] = 0;
	while (sscanf(from, "%d%n", &number, &used) == 1) {
		if (level++ >= root_level)
			len += snprintf(to + len, size - len, "%s%d", len ? "." : "", number);
		from += used;
		if (*from != '\t')
			break;
	}
}

static bool read_process(int pid, struct process *p)
{
	char *stat = slurp_of(pid, "stat", NULL), *paren;

	paren = stat ? strrchr(stat, ')') : NULL;
	if (!paren)
		return false;
	p->pid = pid;
	return sscanf(paren + 2,
		      "%c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
		      "%*d %*d %llu",
		      &p->state, &p->ppid, &p->start) == 3;
}

static void read_all(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) && nr_all < MAX_TASKS) {
		int pid = atoi(entry->d_name);

		if (pid <= 0 || pid >= MAX_PID || !read_process(pid, &all[nr_all]))
			continue;
		by_pid[pid] = &all[nr_all++];
	}
	if (dir)
		closedir(dir);
}

static bool is_below(const struct process *p, int root)
{
	for (int guard = 0; p && guard < MAX_TASKS; guard++) {
		if (p->pid == root)
			return true;
		p = by_pid[p->ppid];
	}
	return false;
}

static int by_chain(const void *a, const void *b)
{
	const struct process *const *p = a, *const *q = b;

	return strcmp((*p)->chain, (*q)->chain);
}

static int levels_of(const char *status)
{
	const char *chain = status_value(status, "\nNSpid");
	int count = 1;

	for (; *chain && *chain != '\n'; chain++)
		count += *chain == '\t';
	return count;
}

static bool collect(int root)
{
	char *status = slurp_of(root, "status", NULL);

	if (!status)
		return false;
	root_level = levels_of(status) - 1;
	read_all();
	for (int i = 0; i < nr_all; i++) {
		if (!is_below(&all[i], root))
			continue;
		status = slurp_of(all[i].pid, "status", NULL);
		if (!status)
			continue;
		cut_chain(status_value(status, "\nNSpid"), all[i].chain, sizeof(all[i].chain));
		tree[nr_tree++] = &all[i];
	}
	qsort(tree, nr_tree, sizeof(tree[0]), by_chain);
	errno = ENOENT; /* it has ended since, or there are too many */
	return nr_tree;
}

/* ---- facts of a task ---- */

static void tell_status(const char *status, bool dead)
{
	static const char *const keys[] = {
		"Name",
		"Umask",
		"TracerPid",
		"Uid",
		"Gid",
		"Groups",
		"VmSize",
		"VmLck",
		"VmData",
		"VmStk",
		"VmExe",
		"VmLib",
		"Threads",
		"SigPnd",
		"ShdPnd",
		"SigBlk",
		"SigIgn",
		"SigCgt",
		"CapInh",
		"CapPrm",
		"CapEff",
		"CapBnd",
		"CapAmb",
		"NoNewPrivs",
		"Seccomp",
		"Seccomp_filters",
		"Speculation_Store_Bypass",
		"Cpus_allowed",
		"Mems_allowed",
		"THP_enabled",
	};
	static const char *const chains[] = {"\nNStgid", "\nNSpid", "\nNSpgid", "\nNSsid"};
	char key[64], chain[512];
	const char *value;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		snprintf(key, sizeof(key), "%s%s:", i ? "\n" : "", keys[i]);
		value = strstr(status, key);
		if (!value)
			continue;
		value += strlen(key);
		if (!dead || i < 6)
			tell("%s%.*s", keys[i], (int)strcspn(value, "\n"), value);
	}
	for (size_t i = 0; i < 4; i++) {
		cut_chain(status_value(status, chains[i]), chain, sizeof(chain));
		tell("%s %s", chains[i] + 1, chain);
	}
}

struct sched_attr_small {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static void tell_sched(int tid)
{
	struct sched_attr_small a = {};

	if (!syscall(SYS_sched_getattr, tid, &a, sizeof(a), 0))
		tell("sched policy %u flags %lx nice %d priority %u", a.policy,
		     (unsigned long)a.flags, a.nice, a.priority);
	tell("io priority %ld", syscall(SYS_ioprio_get, 1, tid));
}

/* ---- facts of a process ---- */

static void tell_stat(const struct process *p)
{
	char *stat = slurp_of(p->pid, "stat", NULL), *at = stat ? strrchr(stat, ')') : NULL;
	const struct process *parent = by_pid[p->ppid];
	int field = 2;

	tell("parent %s", p != tree[0] && parent ? parent->chain : "outside");
	tell("state %c", strchr("ZTX", p->state) ? p->state : '-');
	for (at = at ? strtok(at + 1, " ") : NULL; at; at = strtok(NULL, " ")) {
		field++;
		if (field == 7)
			tell("tty %s", at);
		else if (field == 38)
			tell("exit signal %s", at);
		else if (field == 52)
			tell("exit code %.*s", (int)strcspn(at, "\n"), at);
	}
}

static void tell_files(int pid)
{
	static const char *const files[] = {"cmdline",	     "environ",		"auxv",
					    "oom_score_adj", "coredump_filter", "personality",
					    "timerslack_ns", "limits"};
	static const char *const links[] = {"exe", "cwd", "root"};
	char path[64], target[4096], *text;
	size_t len;
	ssize_t n;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		text = slurp_of(pid, files[i], &len);
		if (text)
			tell_bytes(files[i], text, len);
	}
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, links[i]);
		n = readlink(path, target, sizeof(target));
		if (n >= 0)
			tell_bytes(links[i], target, n);
	}
}

/* Ids and kinds of POSIX timers; whom they signal is told by number, which may change. */
static void tell_timers(int pid)
{
	char *text = slurp_of(pid, "timers", NULL), *at = text, signal[64], notify[64];
	int id, clock;

	/* In the order of their ids: the kernel's order is that of creation. */
	for (int want = 0; at && want < 64; want++) {
		for (at = text; (at = strstr(at, "ID: ")); at++) {
			if (at != text && at[-1] != '\n')
				continue;
			if (sscanf(at, "ID: %d signal: %63s notify: %63s ClockID: %d", &id, signal,
				   notify, &clock) == 4 &&
			    id == want)
				tell("timer %d signal %s notify %.*s clock %d", id, signal,
				     (int)strcspn(notify, "."), notify, clock);
		}
		at = text;
	}
}

/* ---- memory: areas that differ in nothing may be one or two ---- */

struct area {
	unsigned long start, end, offset, inode;
	char perms[8], dev[16], name[4096], flags[256];
};

static bool follows(const struct area *a, const struct area *b)
{
	return a->end == b->start && !strcmp(a->perms, b->perms) && !strcmp(a->flags, b->flags) &&
	       !strcmp(a->name, b->name) && a->inode == b->inode && !strcmp(a->dev, b->dev) &&
	       (!a->inode || a->offset + (a->end - a->start) == b->offset);
}

static void tell_area(const struct area *a)
{
	if (a->end)
		tell("area %lx-%lx %s %lx %s:%lu %s; %s", a->start, a->end, a->perms, a->offset,
		     a->dev, a->inode, a->name, a->flags);
}

/* Memory without a file of a name is known by what it is, not by an inode number. */
static void normalize(struct area *a)
{
	bool anonymous = strstr(a->name, "/dev/zero (deleted)") || strstr(a->name, "/memfd:") ||
			 strstr(a->name, "/SYSV");

	if (anonymous)
		strcpy(a->name, "(shared memory)");
	if (anonymous || strstr(a->name, " (deleted)")) {
		a->inode = 1;
		strcpy(a->dev, "-");
	}
	if (!a->name[0] || a->name[0] == '[')
		a->offset = 0;
}

static void take_flags(struct area *a, const char *line)
{
	char flags[256], *flag;

	snprintf(flags, sizeof(flags), "%s", line);
	a->flags[0] = 0;
	for (flag = strtok(flags, " \n"); flag; flag = strtok(NULL, " \n"))
		if (strcmp(flag, "sd") && strcmp(flag, "gu")) /* properties of pages */
			strcat(strcat(a->flags, flag), " ");
}

static void tell_areas(int pid)
{
	struct area *last = calloc(1, sizeof(*last)), *a = calloc(1, sizeof(*a));
	char *text = slurp_of(pid, "smaps", NULL), *line, *next;
	unsigned long start, end;
	int name;

	for (line = text; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (sscanf(line, "%lx-%lx %7s %lx %15s %lu %n", &start, &end, a->perms, &a->offset,
			   a->dev, &a->inode, &name) == 6) {
			a->start = start;
			a->end = end;
			snprintf(a->name, sizeof(a->name), "%s", line + name);
			normalize(a);
		} else if (!strncmp(line, "VmFlags: ", 9)) {
			take_flags(a, line + 9);
			if (follows(last, a)) {
				last->end = a->end;
				continue;
			}
			tell_area(last);
			*last = *a;
		}
	}
	tell_area(last);
}

/* ---- descriptors ---- */

/* pipe:[123] is known by the order of its first appearance in the tree. */
static void name_nameless(char *link, size_t size)
{
	static char seen[1024][64];
	static int nr_seen;
	char *bracket = strchr(link, ':');
	int i;

	if (link[0] == '/' || !bracket || bracket[1] != '[')
		return;
	for (i = 0; i < nr_seen && strcmp(seen[i], link); i++)
		;
	if (i == nr_seen && nr_seen < 1024)
		snprintf(seen[nr_seen++], sizeof(seen[0]), "%.60s", link);
	snprintf(bracket, size - (bracket - link), " number %d", i);
}

/* Our proc's numbers of tasks below, and its inodes, are not the tree's. */
static bool name_of_proc(char *link, size_t size)
{
	char rest[4000];
	size_t digits;

	if (strncmp(link, "/proc/", 6))
		return false;
	digits = strspn(link + 6, "0123456789");
	if (digits && (!link[6 + digits] || strchr("/ ", link[6 + digits]))) {
		snprintf(rest, sizeof(rest), "%.3999s", link + 6 + digits);
		if (!strncmp(rest, "/task/", 6))
			memmove(rest + 6, rest + 6 + strspn(rest + 6, "0123456789"),
				strlen(rest + 6 + strspn(rest + 6, "0123456789")) + 1);
		snprintf(link, size, "/proc/(task)%s", rest);
	}
	return true;
}

static void tell_fd(int pid, int fd)
{
	char path[64], link[4096], *info, *line, *hash;
	struct stat st;
	bool of_proc;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return;
	link[n] = 0;
	hash = strstr(link, "/#");
	if (hash)
		strcpy(hash, "/(no name)");
	name_nameless(link, sizeof(link));
	of_proc = name_of_proc(link, sizeof(link));
	printf("%s: fd %d ", who, fd);
	if (link[0] == '/' && !of_proc && !stat(path, &st) && st.st_nlink)
		printf("inode %lx:%lu ", (long)st.st_dev, st.st_ino);
	snprintf(path, sizeof(path), "fdinfo/%d", fd);
	info = slurp_of(pid, path, NULL);
	for (line = info ? strtok(info, "\n") : NULL; line; line = strtok(NULL, "\n"))
		if (!strncmp(line, "flags:", 6))
			printf("flags: %lo ", strtoul(line + 6, NULL, 8) & ~__O_TMPFILE);
		else if (!strncmp(line, "pos:", 4) || !strncmp(line, "eventfd-count:", 14))
			printf("%s ", line);
	for (char *c = link; *c; c++)
		putchar(*c == '\n' ? '?' : *c);
	putchar('\n');
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int list_numbers(int pid, const char *name, int *numbers, int max)
{
	char path[64];
	DIR *dir;
	struct dirent *entry;
	int count = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)) && count < max)
		if (entry->d_name[0] != '.')
			numbers[count++] = atoi(entry->d_name);
	if (dir)
		closedir(dir);
	qsort(numbers, count, sizeof(int), by_number);
	return count;
}

/* ---- all of it ---- */

static void tell_threads(const struct process *p)
{
	static int tids[MAX_TASKS];
	int count = list_numbers(p->pid, "task", tids, MAX_TASKS);
	char name[1100], path[64], chain[512], *status;

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "task/%d/status", tids[i]);
		status = slurp_of(p->pid, path, NULL);
		if (!status)
			continue;
		cut_chain(status_value(status, "\nNSpid"), chain, sizeof(chain));
		snprintf(name, sizeof(name), "%s thread %s", p->chain, chain);
		who = name;
		tell_status(status, p->state == 'Z');
		tell_sched(tids[i]);
	}
	who = p->chain;
}

/* ---- user namespaces ---- */

/* How many are above it, and whose it is: ioctl_ns(2). The initial one is nobody's. */
static void tell_owner(const char *what, int fd, bool is_user)
{
	int user = is_user ? fd : ioctl(fd, NS_GET_USERNS), up;
	char text[512] = "";
	uid_t uid = 0;

	while (user >= 0 && strlen(text) < sizeof(text) - 32) {
		if (!ioctl(user, NS_GET_OWNER_UID, &uid))
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %u", uid);
		up = ioctl(user, NS_GET_PARENT);
		close(user);
		user = up;
	}
	tell("%s belongs to users%s", what, text);
}

static void tell_lines(int pid, const char *name)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		tell("%s %s", name, line);
	}
	if (f)
		fclose(f);
}

static void tell_namespaces(int pid)
{
	static const char *const kinds[] = { "user", "pid", "pid_for_children", "mnt" };
	char path[64];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kinds[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		tell_owner(kinds[i], i ? fd : dup(fd), !i);
		close(fd);
	}
	tell_lines(pid, "uid_map");
	tell_lines(pid, "gid_map");
	tell_lines(pid, "projid_map");
	tell_lines(pid, "setgroups");
}

static void tell_process(const struct process *p)
{
	static int fds[MAX_TASKS];
	int count;

	who = p->chain;
	tell_stat(p);
	tell_threads(p);
	if (p->state == 'Z')
		return;
	tell_files(p->pid);
	tell_namespaces(p->pid);
	tell_timers(p->pid);
	tell_areas(p->pid);
	count = list_numbers(p->pid, "fd", fds, MAX_TASKS);
	for (int i = 0; i < count; i++)
		tell_fd(p->pid, fds[i]);
}

int main(int argc, char **argv)
{
	bool only_pids = argc == 3 && !strcmp(argv[1], "-p");
	int root = argc == 2 ? atoi(argv[1]) : only_pids ? atoi(argv[2]) : 0;

	if (root <= 0) {
		fprintf(stderr, "Usage: portrait [-p] ROOT\n");
		return 2;
	}
	if (!collect(root)) {
		fprintf(stderr, "portrait: process %d: %s\n", root, strerror(errno));
		return 1;
	}
	for (int i = 0; i < nr_tree; i++) {
		if (only_pids)
			printf("%d %llu\n", tree[i]->pid, tree[i]->start);
		else
			tell_process(tree[i]);
	}
	return 0;
}
