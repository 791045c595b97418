/* SPDX-License-Identifier: GPL-2.0-only */
/* file.h - what an open file is, for the kinds that refer to one. */
#ifndef BPF_CKPT_FILE_H
#define BPF_CKPT_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "rec_file.h"

struct dump;
struct snap;

#define TMPFS_MAGIC 0x01021994
#define HUGETLBFS_MAGIC 0x958458f6
#define MQUEUE_MAGIC 0x19800202

enum file_class {
	FILE_OTHER,   /* not supported */
	FILE_REGULAR,
	FILE_NAMELESS, /* regular, without a link, and memfds: REC_GHOST */
	FILE_DIR,
	FILE_GONE_DIR, /* removed: REC_GONE_DIR */
	FILE_HANDLE,  /* regular, with other names than the one it was opened by: REC_HANDLE */
	FILE_ANY_PATH, /* whatever O_PATH was used on, without opening it */
	FILE_DEVICE,  /* null, zero, full, random, urandom */
	FILE_PIPE,
	FILE_FIFO,
	FILE_ANON,    /* eventfd, epoll, inotify and the like: made by the kind that has a record for it */
	FILE_SOCKET,  /* REC_SOCKET, and a record of its family */
	FILE_MQUEUE,  /* POSIX message queue: REC_MQUEUE */
	FILE_SYSV,    /* System V shared memory: REC_SHM */
	FILE_HUGE,    /* shared memory in huge pages: REC_HUGE */
	FILE_SHMEM,   /* shared anonymous memory: REC_SHMEM */
	FILE_TTY,     /* terminals: REC_TTY_FILE */
	FILE_EXTERNAL, /* the outside's: REC_EXTERNAL */
	FILE_LATE,    /* pidfd, file of proc, namespace: made once the tasks exist, by their kinds */
};

/* Made by memfd_create(2). */
bool file_is_memfd(const struct rec_file *f);

enum file_class file_class(const struct snap *s, const struct rec_file *f);

/*
 * Why a file cannot be saved, or NULL. mapped: it is asked for a mapping or an executable, not for a
 * descriptor. buf is for texts that need one.
 */
const char *file_refusal(const struct snap *s, const struct rec_file *f, bool mapped, char *buf,
			 size_t len);

/* Does a task have a descriptor for it? */
bool file_is_open(const struct snap *s, __u64 file);

/* The path is the file's own: not of a pipe, not of what has no name. */
bool file_path_matters(const struct snap *s, const struct rec_file *f);

/* Has a file more references than the tree's descriptors for it? Frozen trees only. */
bool file_is_shared(const struct snap *s, const struct rec_file *f);

/* Named as the kernel names the files of System V shared memory; only REC_SHM tells that it is one. */
bool file_looks_like_shm(const struct rec_file *f);

/* A descriptor of what f refers to, through a task that has it; or a reported error. */
int file_open_held(struct dump *d, const struct rec_file *f);

/* Save the contents of the inode behind f as object tag: opens it through a task that has it. */
int file_add_source(struct dump *d, __u32 tag, const struct rec_file *f);

/*
 * Opens what path names in the way the description f was opened, at its position. Returns a
 * descriptor, or -errno.
 */
int file_open(const struct rec_file *f, const char *path);

/* To the position of f, where there are any. 0 or a reported error. */
int file_seek(int fd, const struct rec_file *f);

#endif
