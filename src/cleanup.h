/* SPDX-License-Identifier: GPL-2.0-only */
/* cleanup.h - resources that end with their scope, and the two helpers to let one survive it. */
#ifndef BPF_CKPT_CLEANUP_H
#define BPF_CKPT_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define _close_ __attribute__((cleanup(cleanup_close), unused)) /* but for being closed */
#define _free_ __attribute__((cleanup(cleanup_free)))
#define _fclose_ __attribute__((cleanup(cleanup_fclose)))
#define _closedir_ __attribute__((cleanup(cleanup_closedir)))

/* Take a descriptor out of a _close_ variable: it survives the scope. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* The same for memory in a _free_ variable. */
#define take_ptr(p) ({ __typeof__(p) taken_ = (p); (p) = NULL; taken_; })

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define ALIGN_UP(x, a) (((x) + (a) - 1) & ~((__typeof__(x))(a) - 1))

#endif
