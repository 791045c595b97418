// SPDX-License-Identifier: GPL-2.0-only
/* path.c - which files can be found again by their path, and whether they are still the same. */
#include "path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "res/refused.h"

#define PROC_MAGIC 0x9fa0
#define HUGETLBFS_MAGIC 0x958458f6

/* Where a path does not lead to what is open, or not before the tree is there. */
static const struct { __u64 magic; const char *name; } pseudo[] = {
	{ PROC_MAGIC, "proc" }, { 0x6e736673, "nsfs" }, { 0x50494446, "pidfs" }, { 0x1cd1, "devpts" },
	{ HUGETLBFS_MAGIC, "hugetlbfs" },
};

const char *path_pseudo_fs(__u64 magic)
{
	for (size_t i = 0; i < ARRAY_SIZE(pseudo); i++)
		if (pseudo[i].magic == magic)
			return pseudo[i].name;
	return NULL;
}

bool path_deleted(const char *path, const struct rec_inode *id)
{
	size_t len = strlen(path), tail = strlen(DELETED);

	return len > tail && !strcmp(path + len - tail, DELETED);
}

/* A component that is one: in proc, what belongs to a task. */
static bool has_number(const char *path)
{
	for (const char *at = path; (at = strchr(at, '/'));) {
		size_t digits = strspn(++at, "0123456789");

		if (digits && (!at[digits] || at[digits] == '/'))
			return true;
	}
	return false;
}

const char *path_refusal(const char *path, const struct rec_inode *id)
{
	if (path[0] != '/')
		return "it cannot be reached from this mount namespace and root";
	if (refused_fs(id->magic))
		return refused_fs(id->magic);
	if (id->magic == PROC_MAGIC && !has_number(path))
		return NULL;
	if (id->magic == PROC_MAGIC)
		return "it is the directory of a task in proc; change to another one";
	if (path_pseudo_fs(id->magic) && id->magic != HUGETLBFS_MAGIC)
		return "files of the kernel's own file systems (namespaces, devpts) are not supported yet";
	if (path_deleted(path, id))
		return "it was deleted or renamed over";
	return NULL;
}

bool path_ok(const char *path, size_t room, size_t len)
{
	return len >= 2 && len <= room && path[0] == '/' && strnlen(path, len) == len - 1;
}

__u64 path_kernel_dev(dev_t dev)
{
	return (__u64)major(dev) << 20 | minor(dev);
}

bool path_same(int fd, const struct rec_inode *id, bool content, char *buf, size_t len)
{
	struct stat st;

	if (fstat(fd, &st)) {
		snprintf(buf, len, "it cannot be examined: %s", strerror(errno));
		return false;
	}
	if ((st.st_mode & S_IFMT) != (id->mode & S_IFMT)) {
		snprintf(buf, len, "it is another type of file now (mode %o instead of %o)",
			 st.st_mode, id->mode);
		return false;
	}
	if ((S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) && path_kernel_dev(st.st_rdev) != id->rdev) {
		snprintf(buf, len, "it is device %u:%u now", major(st.st_rdev), minor(st.st_rdev));
		return false;
	}
	if (!content)
		return true;
	if ((__u64)st.st_size != id->size) {
		snprintf(buf, len, "its size is %lld now, %llu in the image", (long long)st.st_size,
			 id->size);
		return false;
	}
	if (st.st_mtim.tv_sec != id->mtime_sec || (__u32)st.st_mtim.tv_nsec != id->mtime_nsec) {
		snprintf(buf, len, "it was modified since the dump (mtime %lld.%09ld, %lld.%09u in the image)",
			 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, id->mtime_sec,
			 id->mtime_nsec);
		return false;
	}
	return true;
}
