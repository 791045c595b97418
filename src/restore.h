/* SPDX-License-Identifier: GPL-2.0-only */
/* restore.h - one restore in the making: the coordinator, its stubs, and what kinds ask of it. */
#ifndef BPF_CKPT_RESTORE_H
#define BPF_CKPT_RESTORE_H

#include <pthread.h>
#include <sys/resource.h>
#include <stdbool.h>
#include <sys/types.h>

#include "cleanup.h"
#include "external.h"
#include "freeze.h"
#include "ids.h"
#include "image.h"
#include "machine.h"
#include "plan.h"
#include "rec_cpu.h"
#include "res.h"
#include "res/tcp.h"
#include "tree.h"
#include "walk.h"

struct restore_opts {
	const char *path;     /* of the image; "-": standard input */
	bool detach;          /* leave once the tree runs */
	const char *pidfile;  /* gets the root task's number here */
	bool changed_warn;    /* what is executed or mapped may have changed since the dump */
	bool verify;          /* compare with the image before anything runs */
	bool new_pidns;       /* a namespace around a tree that has none of its own */
	bool host_pids;       /* a container's tasks get their numbers in our namespace back as well */
	struct externals inherit; /* descriptors that take the place of the outside's */
	enum tcp_how tcp;     /* what becomes of connections */
	bool verbose;
	unsigned int timeout_ms; /* for each stage that waits */
};

/* A task under construction: slot number in the machine, and what is known of it here. */
struct unit {
	const struct plan_task *plan;  /* NULL for a thread that is no leader */
	const struct proc *proc;       /* NULL for a ghost or helper */
	const struct rec_task *task;   /* NULL for a ghost or helper */
	const struct rec_task *body;   /* that of the process or thread; NULL for who is to be dead */
	struct batch batch;
	bool shares_files;             /* a process whose descriptor table others have too */
	pid_t tid;                     /* here, once it exists */
	pid_t *number;                 /* of a helper, as who makes it sees it: known once it exists */
	__u32 slept;                   /* RESTART_*: which sleep was over before its end; 0: none was */
	__u64 mounts;                  /* mount namespace that it is in while it makes children; 0: ours */
};

/* A descriptor of the coordinator that stubs inherit, by the object it stands for. */
struct kept {
	int fd, fd2;  /* -1: not ours */
	bool loose;   /* on whatever number it came, and no stub's */
	unsigned int keeper; /* who has it, counted from 1; 0: nobody but us */
	int there;    /* its number there */
};

struct restore {
	const struct restore_opts *opts;
	struct image image;
	const struct rec_tree *info;
	struct rec_cpu cpu;  /* of this system; preflight() reads it */
	struct tree tree;
	struct plan plan;
	struct machine machine;
	struct unit *units;  /* processes in plan order, then threads; behind them, an usher */
	unsigned int nr_units, nr_procs;
	struct unit_of { __u64 id; unsigned int unit; } *index; /* object -> unit, sorted */
	size_t nr_index;
	struct kept *kept;   /* by the order that kept_ids gives */
	size_t nr_kept, cap_kept;
	struct ids kept_ids;
	bool many;           /* open files: more than one process may have */
	size_t nr_loose;
	struct keeper *keepers;
	unsigned int nr_keepers;
	struct dir { __u64 mntns; const char *path; __u64 ino; int fd; } *dirs; /* paths are the image's */
	size_t nr_dirs;
	struct unix_work *unix_work; /* while unix sockets are made */
	int high;            /* first descriptor above those of the image */
	int image_fd;        /* the image, at a high descriptor */
	int self_pidfd;      /* of this process, at a high descriptor: tasks fetch by it what is made late */
	int hand[2];         /* and a line, at high ones as well, for who may not do that; [0] is ours */
	struct handing *handing; /* in the arena: what comes by the line */
	struct vdso_part { char name[24]; __u64 start, len, parked; } vdso[4];
	unsigned int nr_vdso;
	int vdso_fd;         /* another kernel's, made to lead to ours, at a high descriptor; -1: it is the same */
	struct freeze freeze;
	struct walk *walk;   /* by restore_walk() only */
	pthread_t walk_loader;
	bool walk_loading;
	int walk_err;
	unsigned int live_level; /* of the restored root namespace, once compare.c has walked it */
	pid_t root_pid;      /* here; in a new namespace, once restore_find_tids() has seen it */
	pid_t init_pid;      /* of restore --new-pidns, else 0 */
	int init_line;       /* a socket to it */
	int root_pidfd;      /* of the root task, or of that init */
	struct ids pids;     /* of all threads, for restore_has_pid() */
	__u64 *programs;     /* ids of files that are executed or privately mapped, sorted */
	size_t nr_programs;
	struct rlimit rlimit[REC_RLIMITS]; /* what stubs inherit */
	struct { int mntns, cwd; } home; /* of the coordinator, once it has been elsewhere; else -1 */
	__u64 mounts_now;    /* the mount namespace of the image that it is in; 0: its own */
	struct sysv_made { __u32 tag; int id; } *sysv; /* System V objects that did not exist before */
	size_t nr_sysv;
	const char **mqueues; /* and names of message queues */
	size_t nr_mqueues;
	const char **shmfiles; /* paths of those that did not exist before */
	size_t nr_shmfiles;
	int own_tty;         /* the terminal of our session, at a high descriptor; -1: it has none */
	__u64 tcp_left;            /* names what the dump has left to keep them quiet */
	struct tcp_lock *tcp_lock; /* keeps connections quiet until all are complete */
	int last_pid_fd;     /* ns_last_pid, at a high descriptor; -1 */
};

/* Is this file executed or mapped? It must be the very same then. */
bool restore_is_program(const struct restore *r, __u64 file);

/* Is this pid object a thread's of the tree? */
bool restore_has_pid(const struct restore *r, __u64 pid);

/* The batch of every unit into its slot, all set going, all awaited. 0 or a reported error. */
int restore_run_batches(struct restore *r);
/* The same while there are no threads yet: theirs are left for later. */
int restore_run_processes(struct restore *r);
/* Wait for the batch that a unit was given. */
int restore_await(struct restore *r, struct unit *u);
/* The same for one unit. */
int restore_run_unit(struct restore *r, struct unit *u);

/* A function of a kind for each record of it; NULL: none. */
int restore_each(struct restore *r, const struct res_type *type,
		 int (*call)(struct restore *, const void *));

/* What late() of all kinds makes, and its way into the tasks that have it. */
int restore_late(struct restore *r);

/*
 * Append what puts descriptor fd of the process behind holder, a pidfd, on number at. Descriptors of the
 * image that come that way have holder on their number until then.
 */
void restore_fetch(struct batch *b, int holder, int fd, int at, bool cloexec);

/*
 * The same from this process to a unit. Who is in a user namespace has no rights over us, and is sent it: its
 * batch is run for that. way is the number that the unit has what restore_way() says on. 0 or a reported error.
 */
int restore_hand(struct restore *r, struct unit *u, int way, int fd, int at, bool cloexec);
int restore_way(const struct restore *r, const struct unit *u);

/* May it fetch descriptors by itself? Not in a user namespace of its own: it has no right to ours. */
bool restore_may_fetch(const struct restore *r, const struct unit *u);

/* A living process of the image in that pid namespace, or NULL. */
const struct unit *restore_in_pidns(const struct restore *r, __u64 pidns);

/* Somebody who is of no tree and ends soon. */
struct passer {
	pid_t pid;   /* here */
	pid_t own;   /* as its own namespace numbers it */
	int line;    /* -1 when it has ended */
};

/* Makes one, beside member (NULL: here), with that number there if it is free. 0 or a reported error. */
int restore_passer(struct restore *r, struct passer *p, const struct unit *member, pid_t number);
/* It ends, as wait(2) shall say it did. */
void restore_passer_end(struct passer *p, int status);

/* join() of all kinds of a phase, then finish(). */
int restore_join(struct restore *r, enum res_phase phase);

/* The stages, in order; each in a file of that name. */
int restore_prepare(struct restore *r); /* units, descriptors, a hole for the machine */
int restore_create(struct restore *r);  /* every process with its numbers, session and group */
int restore_fill(struct restore *r);    /* memory, descriptors, threads, and all else a task has */
int restore_exit_leaders(struct restore *r); /* first threads that did not outlive the others */
int restore_last(struct restore *r);    /* registers; from here every task is complete and stopped */

/*
 * Where the coordinator opens paths: back in its own mount namespace; in one of the image, if that
 * has been made; the one that a file or directories belong to.
 */
int restore_go_home(struct restore *r);
int restore_go_to(struct restore *r, __u64 mntns);
__u64 restore_mounts_of_file(struct restore *r, __u64 file);
__u64 restore_mounts_of_fs(struct restore *r, __u64 fs);

/* Where each task is while the tree is made; a stub goes there before it makes children. */
void restore_plan_mounts(struct restore *r);
int restore_enter_mounts(struct restore *r, unsigned int task);
/* The one that an usher must be in, as whom it makes cannot enter it any more; or 0. */
__u64 restore_birth_mounts(const struct restore *r, unsigned int task);

struct clone_args;

/* Nobody else's numbers are in the way: the tree is, or will be, in a pid namespace of its own. */
static inline bool restore_in_own_pidns(const struct restore *r)
{
	return r->tree.container || r->opts->new_pidns;
}

/* The init of restore --new-pidns: makes it, and the root task below it as asked for; lets it serve
 * once all is complete (without that, its end is that of all); how the root task ended. */
int restore_make_init(struct restore *r, const struct clone_args *root);
int restore_init_go(const struct restore *r);
int restore_root_status(const struct restore *r, int *status);

/* Have the next children of a stub born in the pid namespace of that member, as the stub numbers it. */
void restore_enter_pidns(struct batch *b, pid_t member);

/* Ask clone3() for the numbers of pid in every namespace from the tree's root inwards but the first
 * few, which its maker may not choose. */
void restore_set_tid(struct restore *r, struct clone_args *a, const struct rec_pid *pid, unsigned int blind);

/* Have a stub make that task of the plan. */
void restore_add_clone(struct restore *r, struct batch *b, unsigned int child);

/*
 * The walk: begin to load it in a thread, have it (loads it when nobody began), be done with it.
 */
void restore_walk_begin(struct restore *r);
int restore_walk(struct restore *r);
void restore_walk_end(struct restore *r);

/* Learn the numbers that tasks have here, by the chains that they were made with. */
int restore_find_tids(struct restore *r);

/* What restore_try() found out. */
struct restore_trial {
	bool whole;    /* the image is complete and undamaged; only then: */
	bool possible; /* it could be restored here and now */
	__u64 processes, threads, zombies;
	char **wanted; /* keys that --inherit-fd is to provide for, NULL behind the last */
};

/*
 * Everything but tasks: is the image whole, could it be restored here and now? 0 when it could; reported else.
 * restore_trial_free() in any case.
 */
int restore_try(const struct restore_opts *opts, struct restore_trial *t);
void restore_trial_free(struct restore_trial *t);

/* The whole restore, up to the exit status of the command. */
int restore_run(const struct restore_opts *opts);

/*
 * The batch of the stub that builds an object: a task's own, the leader's for an mm, files, fs,
 * sighand or signal. Never NULL for what image_validate() let pass.
 */
struct batch *restore_batch(struct restore *r, __u64 id);
struct unit *restore_unit(struct restore *r, __u64 id);

/*
 * Hand a descriptor to the stubs: moves it out of the way of the image's own numbers and remembers
 * it by the object's id (second for kinds that need two, else -1). Takes fd over in any case. 0 or
 * a reported error.
 */
int restore_keep(struct restore *r, __u64 id, int fd, int second);

/* Are they more than this process may hold? Called once the image's numbers are known. */
void restore_keep_begin(struct restore *r);
/* What no stub shall inherit goes to a process that keeps it. */
int restore_keep_away(struct restore *r);
/* Everybody has what is his: such processes end. */
void restore_keep_end(struct restore *r);

/* A duplicate of what was kept, or -errno; changes nothing. */
int restore_borrow(const struct restore *r, __u64 id);

/* Append what puts a kept file on a number of the task that builds with this batch. 0 or -ENOENT. */
int restore_give(struct restore *r, struct batch *b, __u64 id, int at, bool cloexec);

/* What restore_keep() noted: number, or -1. second may be NULL. */
int restore_kept(const struct restore *r, __u64 id, int *fd, int *second);

/*
 * A directory of the image, O_PATH, as that mount namespace has it; opened once, whoever needs it, as
 * every stub inherits every descriptor. Belongs to r. Descriptor or a reported error.
 */
int restore_dir(struct restore *r, __u64 mntns, const char *path, const struct rec_inode *id);

/* CLOCK_MONOTONIC now, and when a stage that begins now is given up. */
__u64 restore_now_ns(void);
__u64 restore_deadline(const struct restore *r);

/* Which thread of a living process can be asked about it: the leader, unless that has exited. */
static inline pid_t restore_speaker(struct restore *r, const struct unit *u)
{
	return restore_unit(r, u->body->addr)->tid;
}

/* Does this living process stand for its address space, which others may share? */
static inline bool restore_owns_memory(struct restore *r, const struct unit *u)
{
	return u->body && restore_unit(r, u->body->mm) == u;
}

/* The number of a pid object as a unit's own namespace sees it; 0 when it cannot. */
pid_t restore_nr(const struct restore *r, const struct unit *u, __u64 pid);

#endif
