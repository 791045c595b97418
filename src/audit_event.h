/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * audit_event.h - one event of an audit, and the one list of its fields.
 *
 * An event is whole in itself: what it tells of tasks and namespaces is copied into it, so that the
 * same renderers serve a live audit and a recording. Lines for people, JSON, recordings and what is
 * read back from them are all made by audit_fields[].
 */
#ifndef BPF_CKPT_AUDIT_EVENT_H
#define BPF_CKPT_AUDIT_EVENT_H

#include <stdbool.h>
#include <stddef.h>

#include "rec_task.h"

#define AUDIT_SCHEMA 1

enum audit_type {
	AE_START,       /* what is seen, and what this kernel cannot show */
	AE_PIDNS,       /* there at the start */
	AE_TASK,        /* there at the start */
	AE_READY,       /* all that was there has been told; from here on it is live */
	AE_BORN,
	AE_EXEC,
	AE_RENAMED,     /* by itself: an exec tells its new name */
	AE_EXIT,
	AE_REAPED,
	AE_CREATED,     /* a pid namespace got its init */
	AE_INIT_DIED,
	AE_DESTROYED,
	AE_UNSHARED,    /* by unshare(2): told by the call, or by the first fork after it */
	AE_ENTERED,     /* by setns(2): the same */
	AE_REFUSED,     /* a setns, unshare or clone that failed */
	AE_FOREIGN,
	AE_ESCAPE,
	AE_ZOMBIE,
	AE_NEAR_LIMIT,
	AE_TOO_DEEP,
	AE_LOST,        /* events were dropped: the table is in doubt for an interval */
	AE_RESYNC,      /* it was made right by a walk */
	AE_CLOCK,       /* the clock of the time stamps was set */
	AE_END,
	AE_TYPES,
};

/* Those that ask for a person. */
#define AUDIT_ALERTS \
	(1u << AE_REFUSED | 1u << AE_FOREIGN | 1u << AE_ESCAPE | 1u << AE_ZOMBIE | \
	 1u << AE_NEAR_LIMIT | 1u << AE_TOO_DEEP)

/* A process or thread: {boot, start_ns, numbers[0]} is its id, never given to another. */
struct audit_who {
	__u64 start_ns;    /* CLOCK_BOOTTIME; 0: this is nobody, or nothing but its number is known */
	__u32 level;
	__u32 uid;
	__s32 numbers[PID_NUMBERS_MAX]; /* outermost first; [0] == 0: nobody */
	char comm[16];
	const char *exe;    /* NULL: not known */
	const char *cgroup; /* path, NULL: not known */
};

/* A pid namespace: {boot, inum, born_ns} is its id: inode numbers alone are used again. */
struct audit_where {
	__u64 born_ns; /* when its init was born; 0 for the initial one, or when that is not known */
	__u64 ns_id;   /* the kernel's own id that is not used again, 0 before 6.18 */
	__u32 inum;    /* 0: none */
	__u32 level;
};

struct audit_event {
	enum audit_type type;
	__u32 cpu;
	bool hidden;       /* outside of what was asked for: counted, not told */
	__u64 seq;         /* of this stream, from 1 without a gap */
	__u64 boot_ns;     /* CLOCK_BOOTTIME: never set, goes on in suspend */
	__s64 real_ns;     /* the same moment in CLOCK_REALTIME */

	struct audit_who task, parent, by, init;
	struct audit_who heir; /* AE_EXIT: who gets its children */
	struct audit_where pidns, pidns_parent, from, to;
	__s32 ppid_seen;   /* the parent's number in the task's namespace; 0: it is outside */
	__u32 thread, kthread;
	__u32 zombie;      /* AE_TASK */
	__u32 owner, owner_level; /* user namespace of pidns */
	__s32 exit_code, exit_signal; /* one of them is -1 */
	__u64 age_ns;      /* AE_EXIT: it lived; AE_REAPED, AE_ZOMBIE: since its exit */
	__u64 used, max;   /* AE_NEAR_LIMIT, AE_TOO_DEEP; used: members of pidns for AE_PIDNS */
	__u32 at_level;
	const char *how;   /* the call, the limit, the sign: a word for programs */
	const char *error; /* AE_REFUSED: name of the errno */
	char reason[256];  /* a sentence for people */

	/* AE_START */
	char boot_id[40];
	const char *version, *kernel, *hooks, *missing;
	/* AE_LOST, AE_RESYNC, AE_END */
	__u64 lost[AE_TYPES]; /* by type, since the start for AE_END; AE_CREATED: of another kind */
	__u64 lost_all;
	__u64 from_ns, to_ns; /* the interval in doubt */
	__u64 added, removed, changed, events;
	__u32 healed;
	__s64 jump_ns; /* AE_CLOCK */
};

/* How the value of a field lies in an event, and how it is shown. */
enum audit_form {
	AF_TYPE, AF_TIME, AF_U32, AF_U64, AF_S32, AF_S64, AF_FLAG,
	AF_DURATION,
	AF_STRING,     /* const char *; null when NULL */
	AF_TEXT,       /* char array */
	AF_WHO,        /* id of an audit_who */
	AF_CHAIN,      /* its numbers */
	AF_COMM, AF_EXE, AF_CGROUP, AF_UID,
	AF_WHERE,      /* id of an audit_where */
	AF_INUM, AF_LEVEL, AF_NS_ID,
	AF_OR_NULL,    /* __s32, null when negative */
};

struct audit_field {
	const char *name;  /* in JSON */
	const char *label; /* in lines for people; NULL: not there; "": without a name */
	enum audit_form form;
	__u32 offset;
	__u32 types;       /* bits of enum audit_type: where it is */
	const char *about; /* for the man page and --help fields */
};

extern const struct audit_field audit_fields[]; /* ends with a NULL name */
extern const char *const audit_type_names[AE_TYPES];

/* -1 when there is none of that name. */
int audit_type_by_name(const char *name, size_t len);

static inline bool audit_field_in(const struct audit_field *f, const struct audit_event *e)
{
	return f->types >> e->type & 1;
}

static inline bool audit_is_alert(enum audit_type type)
{
	return AUDIT_ALERTS >> type & 1;
}

#endif
