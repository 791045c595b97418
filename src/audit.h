/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * audit.h - who lives in which pid namespace, at any moment: a table kept right by events.
 *
 * The table holds every process of the system (and every thread when asked), with parents and
 * children, and every pid namespace that has or had members. Records of the kernel change it
 * (audit_apply.c), and what changes is told to sinks as struct audit_event. A replay builds the same
 * table from the events of a recording (audit_replay.c), so whoever draws reads one model.
 */
#ifndef BPF_CKPT_AUDIT_H
#define BPF_CKPT_AUDIT_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "audit_event.h"
#include "rec_audit.h"

struct audit_ns {
	__u64 key;            /* address in the kernel */
	struct audit_ns *next, *prev; /* of all: audit.namespaces */
	struct audit_ns *hash_next;
	struct audit_ns *parent; /* NULL for the initial one */
	struct audit_where where;
	__u32 owner, owner_level;
	__u32 tasks, zombies; /* its own members, not those of namespaces below */
	__u32 threads;        /* --threads: beside the first ones of each */
	__u32 inside;         /* all of them, and those of namespaces below */
	__u32 below;          /* namespaces right below that are still known */
	__u32 used, pid_max;  /* numbers in use at its last event; pid_max 0: not known */
	__u64 births, exits, alerts; /* processes, and what was told of them, since the start */
	__u64 init, maker;    /* keys: its init; who made it by unshare(2) */
	__u64 died_ns;        /* when its init died, 0: it lives */
	bool wanted;          /* of the tree or namespace that is asked for */
	bool near_limit;      /* alerted; until there is room again */
	bool gone;            /* destroyed: forgotten with its last member */
	bool reused;          /* its memory is another's: it has a key of its own */
	__u64 ask_ns, ask_step; /* audit_ns.c: when the kernel is asked again whether it is there */
};

enum {
	TASK_SIGN_FOREIGN = 1, TASK_SIGN_MNT = 2, TASK_SIGN_CGROUP = 4, TASK_SIGN_ROOT = 8,
	TASK_SIGN_USER = 16, TASK_SIGN_ABOVE = 32, TASK_SIGN_DEEP = 64, TASK_SIGN_ZOMBIE = 128,
};

struct audit_task {
	__u64 key, start_ns;
	struct audit_task *hash_next, *pid_next; /* chains by key and by level-0 number */
	struct audit_task *parent;    /* NULL: not in the table (hidden, or the kernel's own) */
	struct audit_task *child, *sibling, **at; /* children, and where the parent points to it */
	struct audit_task *older, *newer; /* dead ones in the order of their ends: audit.zombies */
	struct audit_ns *ns;
	__u64 children_ns;    /* key: where its children go, when that is elsewhere; else 0 */
	const char *exe;      /* shared with others of the same, NULL: not known */
	__u64 ask_ns;         /* a zombie: when it is asked for */
	__u64 since_ns;       /* when the audit learnt of it */
	__u64 exit_ns;        /* 0: it lives */
	__u64 heir;           /* key of who got its children */
	__u64 parent_key, parent_start; /* of a walk: linked when all are there */
	__u64 cgroup;
	__u32 walk, uid;
	__s32 ppid;           /* of a parent that is not in the table */
	__s32 exit_code;
	__u16 signs;          /* TASK_SIGN_*: told already */
	__u16 found;          /* the same, of a walk: to be told when families are linked */
	struct rec_audit_place *found_in; /* and what the reason needs; NULL: no memory, or no need */
	__u8 level;
	bool thread, kthread, dead;
	bool exe_asked;       /* of /proc */
	bool touched;         /* a walk: to be told */
	bool exit_untold;     /* a walk saw it dead before its end was told */
	bool wanted;          /* of the tree that is asked for, also when its parent has ended */
	char comm[16];
	__s32 numbers[];      /* level + 1 */
};

struct audit_opts {
	bool threads, kthreads, calls, strict, verbose;
	bool paths;            /* somebody wants to know executables and cgroups */
	bool nsfree, ns_ask;   /* how the end of a namespace is learnt: told, or asked for */
	pid_t root;            /* only this tree, 0: all */
	bool pidns;            /* root's whole pid namespace and those below */
	__u64 zombie_ns;       /* alert when a zombie is older; 0: never */
	__u32 near_percent;    /* alert when a limit of numbers is that full; 0: never */
	__u32 max_level;       /* alert when born deeper */
	size_t ring;           /* bytes */
	struct audit_rules *rules;
};

#define AUDIT_FULL_CGROUPS 64

/* What a walk has put right. */
struct audit_walk_result {
	__u64 added, removed, changed;
};

struct audit_totals {
	__u64 events[AE_TYPES]; /* told or filtered */
	__u64 allowed[AE_TYPES]; /* alerts kept back by a rule */
	__u64 received, lost, resyncs, failed_resyncs;
	__u64 created, destroyed;
	__u64 last_boot_ns;
};

struct audit;

/* Where events go. A function may be NULL; a negative value ends the audit with it. */
struct audit_sink {
	struct audit_sink *next;
	int (*event)(struct audit_sink *s, const struct audit *a, const struct audit_event *e);
	int (*tick)(struct audit_sink *s, const struct audit *a); /* about once a second, and at the end */
	int (*flush)(struct audit_sink *s); /* a batch has ended: let it be seen */
	int (*ready)(struct audit_sink *s, const struct audit *a); /* fd can be read */
	int fd;                /* when there is a function for it */
	__u32 types;           /* bits of enum audit_type: which it wants */
};

struct audit {
	struct audit_opts opts;
	const struct audit_probe *probe; /* NULL: a replay */
	struct audit_sink *sinks;
	struct audit_totals totals;
	char boot_id[40];
	__s64 real_offset;     /* CLOCK_REALTIME - CLOCK_BOOTTIME */
	__u64 now_ns;          /* CLOCK_BOOTTIME of the last event or tick */
	/* the table */
	struct audit_task **by_key, **by_pid; /* hash tables of 1 << bits */
	unsigned int bits;
	size_t nr_tasks, nr_zombies, nr_foreign, nr_namespaces;
	struct audit_ns **ns_by_key;
	unsigned int ns_bits;
	struct audit_ns *namespaces; /* by birth, newest first */
	struct audit_task *oldest, *newest; /* zombies */
	struct audit_task *unasked; /* the oldest zombie whose age was not alerted yet */
	struct audit_full_cgroup { __u64 id; } full[AUDIT_FULL_CGROUPS]; /* alerted: near pids.max */
	struct audit_name **names;   /* paths that tasks share */
	struct audit_cgroups *cgroups;
	__u32 walk;            /* number of the last one */
	__u64 walk_ns;         /* when it began */
	__u64 first_ns;        /* when the first one began: what came before is in it */
	struct audit_walk_result walk_result;
	bool settle;           /* some parents were on the move: walk once more, soon */
	__u64 seq, first_seq;  /* first_seq: of the end of the snapshot */
	bool replay;           /* of a recording: /proc tells of others */
	bool live;             /* the snapshot is complete */
	__u32 host_mnt, host_cgroup; /* namespaces of the host, by a kernel thread; 0: not known */
};

/* ---- audit_table.c: finding and changing. 0 or -ENOMEM, unreported ---- */
int audit_table_init(struct audit *a);
void audit_table_free(struct audit *a);
struct audit_task *audit_task_find(const struct audit *a, __u64 key);
struct audit_task *audit_task_by_pid(const struct audit *a, pid_t pid); /* level 0; the newest */
struct audit_task *audit_task_add(struct audit *a, __u64 key, const __s32 *numbers, __u32 level);
void audit_task_remove(struct audit *a, struct audit_task *t); /* its children lose their parent */
void audit_task_set_parent(struct audit_task *t, struct audit_task *parent);
void audit_task_set_ns(struct audit_task *t, struct audit_ns *ns);
/*
 * It has ended and can be waited for. An init that has ended cannot yet, as long as somebody is inside:
 * kernel/pid_namespace.c, zap_pid_ns_processes().
 */
bool audit_task_is_zombie(const struct audit_task *t);
void audit_task_set_dead(struct audit *a, struct audit_task *t, __u64 when);
struct audit_task *audit_task_next(const struct audit *a, const struct audit_task *t); /* all; NULL: first */
struct audit_ns *audit_ns_find(const struct audit *a, __u64 key);
struct audit_ns *audit_ns_add(struct audit *a, __u64 key);
void audit_ns_set_parent(struct audit_ns *ns, struct audit_ns *parent);
void audit_ns_remove(struct audit *a, struct audit_ns *ns);
void audit_ns_hash(struct audit *a, struct audit_ns *ns);
void audit_ns_unhash(struct audit *a, struct audit_ns *ns);
const char *audit_name_get(struct audit *a, const char *text); /* shared; NULL: no memory */
void audit_name_put(struct audit *a, const char *text);
void audit_names_free(struct audit *a);

/* ---- audit_emit.c: events out of the table ---- */
struct audit_who audit_who(struct audit *a, struct audit_task *t); /* NULL: nobody */
struct audit_where audit_where(const struct audit_ns *ns);
void audit_event_init(struct audit *a, struct audit_event *e, enum audit_type type, __u64 boot_ns);
void audit_event_task(struct audit *a, struct audit_event *e, struct audit_task *t);
void audit_event_ns(struct audit *a, struct audit_event *e, const struct audit_ns *ns);
/* Nobody wants to know that of the task: it is counted and numbered, and need not be made. */
bool audit_only_counts(struct audit *a, enum audit_type type, const struct audit_task *t, __u64 boot_ns);
int audit_emit(struct audit *a, struct audit_event *e); /* numbers it, counts it, tells the sinks */
int audit_flush(struct audit *a);
int audit_clock(struct audit *a, __s64 real_offset, __u64 now); /* tells when it was set */

/* ---- audit_apply.c: records of the kernel into table and events ---- */
int audit_apply(struct audit *a, const struct rec_audit *r);

/* ---- audit_walk.c: all tasks at once into the table ---- */
void audit_walk_begin(struct audit *a, __u64 boot_ns);
int audit_walk_seen(struct audit *a, const struct rec_audit_born *r);
/* Drops who was not seen and links families. -ESRCH: the task that is asked for is not there. */
int audit_walk_end(struct audit *a);
/* Marks who is asked for: opts.root and those below it. -ESRCH: it is not there. */
int audit_choose(struct audit *a);
/* Tells all that the walk has found or changed, and the signs it saw. */
int audit_walk_tell(struct audit *a);
int audit_tell_all(struct audit *a); /* what is in the table */

/* ---- audit_alert.c: what asks for a person ---- */
int audit_alert_born(struct audit *a, struct audit_task *t, const struct rec_audit_born *r);
int audit_alert_place(struct audit *a, struct audit_task *t, const struct rec_audit_place *p, __u64 when);
int audit_alert_tick(struct audit *a, __u64 now);
int audit_ask_zombies(struct audit *a, __u64 now, bool all); /* those that are gone are told */
unsigned int audit_signs(const struct audit *a, const struct audit_task *t, const struct rec_audit_born *r);
int audit_alert_signs(struct audit *a, struct audit_task *t, unsigned int signs,
		      const struct rec_audit_place *p, __u64 when);
int audit_alert(struct audit *a, struct audit_task *t, struct audit_event *e); /* unless a rule allows it */

/* ---- audit_ns.c: the end of namespaces ---- */
bool audit_ns_can_ask(void);
int audit_ns_freed(struct audit *a, __u64 key, __u64 when);
void audit_ns_rekey(struct audit *a, struct audit_ns *ns);
int audit_ns_tick(struct audit *a, __u64 now);

#endif
