// SPDX-License-Identifier: GPL-2.0-only
/* audit_field.c - the one list of what events tell: names, places and meanings. */
#include <string.h>

#include "audit_event.h"

const char *const audit_type_names[AE_TYPES] = {
	[AE_START] = "start",		[AE_PIDNS] = "pidns",
	[AE_TASK] = "task",		[AE_READY] = "ready",
	[AE_BORN] = "born",		[AE_EXEC] = "exec",
	[AE_RENAMED] = "renamed",	[AE_EXIT] = "exit",
	[AE_REAPED] = "reaped",
	[AE_CREATED] = "pidns_created", [AE_INIT_DIED] = "pidns_init_died",
	[AE_DESTROYED] = "pidns_destroyed", [AE_UNSHARED] = "unshared",
	[AE_ENTERED] = "entered",	[AE_REFUSED] = "refused",
	[AE_FOREIGN] = "foreign",	[AE_ESCAPE] = "escape",
	[AE_ZOMBIE] = "zombie",		[AE_NEAR_LIMIT] = "near_limit",
	[AE_TOO_DEEP] = "too_deep",	[AE_LOST] = "lost",
	[AE_RESYNC] = "resync",		[AE_CLOCK] = "clock",
	[AE_END] = "end",
};

int audit_type_by_name(const char *name, size_t len)
{
	for (int i = 0; i < AE_TYPES; i++)
		if (strlen(audit_type_names[i]) == len && !memcmp(audit_type_names[i], name, len))
			return i;
	return -1;
}

#define IN(type) (1u << AE_##type)
#define ALL (IN(TYPES) - 1)
#define NS_LIFE (IN(PIDNS) | IN(CREATED) | IN(INIT_DIED) | IN(DESTROYED))
#define MOVES (IN(UNSHARED) | IN(ENTERED) | IN(REFUSED))
#define TASKS (IN(TASK) | IN(BORN) | IN(EXEC) | IN(RENAMED) | IN(EXIT) | IN(REAPED) | MOVES | AUDIT_ALERTS)
#define HOW (MOVES | IN(CREATED) | IN(DESTROYED) | AUDIT_ALERTS)
#define COUNTS (IN(LOST) | IN(END))

#define F(name, label, form, member, types, about) \
	{ name, label, form, offsetof(struct audit_event, member), types, about }
#define LOST(name, type, about) F("lost_" name, "lost_" name, AF_U64, lost[type], COUNTS, about)

const struct audit_field audit_fields[] = {
	F("type", "", AF_TYPE, type, ALL, "what happened: one of the types above"),
	F("seq", NULL, AF_U64, seq, ALL, "number in this stream, from 1, without a gap"),
	F("ts", NULL, AF_TIME, real_ns, ALL, "time of day, UTC, RFC 3339 with nanoseconds"),
	F("boot_ns", NULL, AF_U64, boot_ns, ALL, "CLOCK_BOOTTIME: nobody can set it"),
	F("cpu", NULL, AF_U32, cpu, ALL & ~(IN(START) | IN(READY) | IN(CLOCK) | IN(END)), "where it happened"),
	F("boot_id", NULL, AF_TEXT, boot_id, IN(START), "of this boot: the first eight digits begin every id"),
	F("version", NULL, AF_STRING, version, IN(START), "of bpf-ckpt"),
	F("kernel", "kernel", AF_STRING, kernel, IN(START), "release"),
	F("hooks", "sees", AF_STRING, hooks, IN(START), "what is in force, by comma"),
	F("missing", "cannot see", AF_STRING, missing, IN(START), "what this kernel does not show, by comma"),

	F("task", NULL, AF_WHO, task, TASKS, "id: boot, start, number; never given to another"),
	F("pid", "", AF_CHAIN, task, TASKS, "numbers, outermost (the host's) first"),
	F("comm", "", AF_COMM, task, TASKS, "name; of a birth, the parent's still"),
	F("exe", NULL, AF_EXE, task, TASKS, "as execve was told, or null"),
	F("cgroup", NULL, AF_CGROUP, task, TASKS, "path, or null"),
	F("uid", "uid", AF_UID, task, TASKS, "as the initial user namespace sees it"),
	F("thread", NULL, AF_FLAG, thread, TASKS, "not the first of its process"),
	F("kthread", NULL, AF_FLAG, kthread, TASKS, "of the kernel"),
	F("zombie", NULL, AF_FLAG, zombie, IN(TASK), "it has ended and was not waited for"),
	F("parent", NULL, AF_WHO, parent, TASKS, "id of the parent, or null when that cannot be seen"),
	F("ppid", "parent", AF_CHAIN, parent, TASKS, "numbers of the parent"),
	F("parent_comm", "", AF_COMM, parent, TASKS, "name of the parent"),
	F("ppid_seen", NULL, AF_S32, ppid_seen, TASKS, "what getppid() gives in the task: 0 when the parent is outside of its namespace"),
	F("by", NULL, AF_WHO, by, IN(BORN) | IN(CREATED) | MOVES, "id of the process that made the call"),
	F("by_pid", "by", AF_CHAIN, by, IN(BORN) | IN(CREATED) | MOVES, "its numbers"),
	F("by_comm", "", AF_COMM, by, IN(BORN) | IN(CREATED) | MOVES, "its name"),

	F("heir", NULL, AF_WHO, heir, IN(EXIT), "id of the process that gets its children"),
	F("heir_pid", NULL, AF_CHAIN, heir, IN(EXIT), "its numbers; empty when the children are killed"),

	F("pidns", "pidns", AF_WHERE, pidns, TASKS | NS_LIFE | IN(NEAR_LIMIT), "id: boot, inode number, birth"),
	F("pidns_inum", NULL, AF_INUM, pidns, TASKS | NS_LIFE, "inode number, as /proc/PID/ns/pid has it; used again after the end"),
	F("level", "level", AF_LEVEL, pidns, TASKS | NS_LIFE, "distance from the initial pid namespace"),
	F("ns_id", NULL, AF_NS_ID, pidns, NS_LIFE, "the kernel's own id, or null before 6.18"),
	F("pidns_parent", "in", AF_WHERE, pidns_parent, NS_LIFE, "id of the namespace around it"),
	F("owner", "owner", AF_U32, owner, NS_LIFE, "inode number of the user namespace that owns it"),
	F("owner_level", NULL, AF_U32, owner_level, NS_LIFE, "and its level"),
	F("init", NULL, AF_WHO, init, NS_LIFE, "id of its init"),
	F("init_pid", "init", AF_CHAIN, init, NS_LIFE, "numbers of its init"),
	F("members", "members", AF_U64, used, IN(PIDNS) | IN(INIT_DIED) | IN(DESTROYED), "processes in it"),

	F("how", "how", AF_STRING, how, HOW, "a word for programs: the call, the limit or the sign"),
	F("error", NULL, AF_STRING, error, IN(REFUSED), "name of the errno"),
	F("from", "from", AF_WHERE, from, MOVES, "id of the namespace of the caller"),
	F("from_level", NULL, AF_LEVEL, from, MOVES, "its level"),
	F("to", "to", AF_WHERE, to, MOVES, "id of the namespace where its children go, or null"),
	F("to_level", NULL, AF_LEVEL, to, MOVES, "its level"),

	F("exit_code", "code", AF_OR_NULL, exit_code, IN(EXIT) | IN(ZOMBIE), "status of exit(), or null"),
	F("exit_signal", "signal", AF_OR_NULL, exit_signal, IN(EXIT) | IN(ZOMBIE), "the signal that ended it, or null"),
	F("age_ns", "age", AF_DURATION, age_ns, IN(EXIT) | IN(REAPED) | IN(ZOMBIE), "exit: how long it lived; else how long it has been a zombie"),
	F("used", "used", AF_U64, used, IN(NEAR_LIMIT), "numbers in use"),
	F("max", "max", AF_U64, max, IN(NEAR_LIMIT) | IN(TOO_DEEP), "the limit"),
	F("at_level", NULL, AF_U32, at_level, IN(NEAR_LIMIT), "level of the namespace that is full"),

	F("lost", "lost", AF_U64, lost_all, COUNTS, "events that found no room; end: since the start"),
	LOST("born", AE_BORN, "births among them"),
	LOST("exec", AE_EXEC, "execs among them"),
	LOST("exit", AE_EXIT, "exits among them"),
	LOST("reaped", AE_REAPED, "reaped ones among them"),
	LOST("other", AE_CREATED, "others"),
	F("from_ns", NULL, AF_U64, from_ns, IN(LOST) | IN(RESYNC), "the table was right until then (CLOCK_BOOTTIME)"),
	F("to_ns", NULL, AF_U64, to_ns, IN(LOST) | IN(RESYNC), "and in doubt until then"),
	F("doubt_ns", "in doubt for", AF_DURATION, age_ns, IN(LOST) | IN(RESYNC), "length of that interval"),
	F("added", "added", AF_U64, added, IN(RESYNC), "tasks that were missing"),
	F("removed", "removed", AF_U64, removed, IN(RESYNC), "tasks that were gone"),
	F("changed", "changed", AF_U64, changed, IN(RESYNC), "tasks that had another parent, name or state"),
	F("healed", "healed", AF_FLAG, healed, IN(RESYNC) | IN(END), "1: the table is right again; end: it is right"),
	F("tasks", "tasks", AF_U64, used, IN(READY) | IN(END), "in the table"),
	F("events", "events", AF_U64, events, IN(END), "that this stream told"),
	F("jump_ns", "jump", AF_S64, jump_ns, IN(CLOCK), "how far the clock was set, forward or (negative) back"),
	F("reason", "", AF_TEXT, reason, AUDIT_ALERTS | IN(LOST) | IN(CLOCK) | IN(DESTROYED), "a sentence for people"),
	{},
};
